//! Closing deals: the action that marks them as won, and the date on which they are closed.

use axum::http::{Request, StatusCode, header};
use chrono::NaiveDate;
use portal_core::prelude::*;
use portal_core::store::now;
use serde_json::{Value, json};

use super::{Client, send, start};
use crate::models::{Amount, Company, Deal, Stage};

impl Client<'_> {
    async fn mark_won(&self, body: Value) -> (StatusCode, Value) {
        let request = Request::post("/api/admin/models/deal/actions/mark_won")
            .header(header::AUTHORIZATION, &self.bearer)
            .header(header::CONTENT_TYPE, "application/json");
        let (status, text) = send(self.portal, request, body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap())
    }
}

#[tokio::test]
async fn open_deals_are_marked_as_won() {
    let portal = start().await;
    let client = Client::sign_in_to_sales(&portal, "maria@example.com").await;
    let company = json!({"name": "Aurora", "industry": "retail", "country": "FI", "city": "Oulu"});
    let company = client.create("company", company).await;
    let mut ids = Vec::new();
    for stage in ["proposal", "won", "lost"] {
        let deal = json!({
            "name": stage, "company_id": company, "stage": stage, "amount": 500,
            "closes_on": "2026-01-31",
        });
        ids.push(client.create("deal", deal).await);
    }
    let body = json!({"ids": ids, "args": {"closed_on": "2026-02-01"}});
    let (status, report) = client.mark_won(body).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!(
        (&report["changed"], &report["unchanged"], &report["failed"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(report["failures"][0]["code"], "deal_lost");
    let (_, text) = client
        .get(&format!("/api/admin/models/deal/{}", ids[0]))
        .await;
    let deal: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&deal["stage"], &deal["closes_on"]),
        (&json!("won"), &json!("2026-02-01"))
    );

    let body = json!({"ids": ids, "args": {"closed_on": "2999-01-01"}});
    let (status, problem) = client.mark_won(body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/args/closed_on");
}

#[tokio::test]
async fn closed_deal_is_not_dated_in_the_future() {
    let portal = start().await;
    let models = portal.state().get::<Models>().unwrap();
    let company = Company {
        name: "Aurora".to_owned(),
        ..Company::default()
    };
    let company = models.insert(&company).await.unwrap();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let deal = Deal {
        id: 0,
        name: "Scanner".to_owned(),
        company_id: company.id,
        contact_id: None,
        stage: Stage::Lead,
        amount: Amount::euros(500),
        closes_on: day("2099-12-31"),
        owner: None,
        notes: None,
    };
    let mut deal = models.insert(&deal).await.unwrap();
    assert_eq!(deal.closes_on, day("2099-12-31"));
    deal.stage = Stage::Lost;
    let mut deal = models.update(&deal).await.unwrap();
    assert_eq!(deal.closes_on, now().date_naive());
    deal.stage = Stage::Lead;
    let mut deal = models.update(&deal).await.unwrap();
    // An earlier date remains.
    deal.stage = Stage::Won;
    deal.closes_on = day("2026-01-15");
    let deal = models.update(&deal).await.unwrap();
    assert_eq!(deal.closes_on, day("2026-01-15"));
}
