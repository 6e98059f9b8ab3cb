//! The pages show what users enter.

use axum::http::StatusCode;
use portal_core::prelude::*;
use portal_core::store::now;
use serde_json::json;

use super::{Client, start};
use crate::models::Activity;

#[tokio::test]
async fn reports_include_a_new_deal() {
    let portal = start().await;
    let maria = Client::sign_in_to_sales(&portal, "maria@example.com").await;
    assert!(maria.page("/").await.contains("No companies yet"));
    let today = now().date_naive().to_string();
    let company_id = maria
        .create("company", json!({ "name": "Kraus Logistik" }))
        .await;
    let deal = json!({
        "name": "Lagerverwaltung", "company_id": company_id, "stage": "proposal",
        "amount": 12_500, "closes_on": today,
    });
    maria.create("deal", deal.clone()).await;

    let pipeline = maria.page("/sales/pipeline").await;
    for part in ["Lagerverwaltung", "Kraus Logistik", "€12,500", "€6,250"] {
        assert!(pipeline.contains(part), "{part} is not in {pipeline}");
    }
    assert!(maria.page("/").await.contains("Lagerverwaltung"));
    assert!(!maria.page("/sales/won").await.contains("€12,500"));

    let mut won = deal;
    won["stage"] = json!("won");
    won["amount"] = json!(7_000);
    maria.create("deal", won).await;
    let page = maria.page("/sales/won").await;
    assert!(
        page.contains("€7,000") && page.contains("Kraus Logistik"),
        "{page}"
    );
    assert!(!maria.page("/sales/pipeline").await.contains("€7,000"));
    portal.shutdown().await;
}

#[tokio::test]
async fn activities_can_be_taken_and_finished_by_their_owner() {
    let portal = start().await;
    let maria = Client::sign_in_to_sales(&portal, "maria@example.com").await;
    let jonas = Client::sign_in_to_sales(&portal, "jonas@example.com").await;
    let activity = json!({ "subject": "Rückruf", "due_on": "2026-01-05" });
    let id = maria.create("activity", activity).await;
    let page = maria.page("/sales/activities").await;
    assert!(
        page.contains("Without an owner") && page.contains("Overdue"),
        "{page}"
    );

    let path = format!("/sales/activities/{id}");
    assert_eq!(
        maria.post(&format!("{path}/take")).await,
        StatusCode::SEE_OTHER
    );
    assert!(!jonas.page("/sales/activities").await.contains("Rückruf"));
    assert_eq!(
        jonas.post(&format!("{path}/done")).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        maria.post(&format!("{path}/done")).await,
        StatusCode::SEE_OTHER
    );
    let models = portal.state().get::<Models>().unwrap();
    let activity = models.get::<Activity>(id).await.unwrap().unwrap();
    assert!(activity.done);
    assert_eq!(activity.owner.as_deref(), Some("maria@example.com"));
    portal.shutdown().await;
}

#[tokio::test]
async fn sales_pages_require_the_role() {
    let portal = start().await;
    let guest = Client::sign_in(&portal, "guest@example.com").await;
    assert!(
        guest
            .page("/")
            .await
            .contains("You don’t have access to sales yet")
    );
    for path in [
        "/sales/pipeline",
        "/sales/won",
        "/sales/activities",
        "/api/admin/models/deal",
    ] {
        assert_eq!(guest.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    portal.shutdown().await;
}
