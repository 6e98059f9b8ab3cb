//! Actions on rows: permissions, arguments, reports, audit entries, and their forms.

mod background;
mod browser;
mod pages;
mod rest;

use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use garde::Validate;
use portal_core::FieldError;
use portal_core::admin::{HookContext, ModelHooks, Scope};
use portal_core::prelude::*;
use reqwest::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Client, TestServer};

const INVOICES: &str = "/api/admin/models/invoice";

/// Invoices to customers
#[admin_model(
    list(number, state, amount),
    view("role:sales", "role:finance"),
    create = "role:sales",
    change = "role:sales",
    delete = requires_admin,
    scope = visible_invoices,
    hooks,
)]
struct Invoice {
    id: i64,
    #[admin(unique)]
    number: String,
    #[admin(default = "north")]
    region: String,
    #[admin(choices("open", "paid"), default = "open")]
    state: String,
    paid_on: Option<NaiveDate>,
    #[admin(default = 10)]
    amount: i64,
}

async fn visible_invoices(user: &User) -> Result<Scope<Invoice>> {
    if user.has_role(&Role::custom("sales")) {
        return Ok(Invoice::REGION.eq("north").into());
    }
    Ok(Scope::everything())
}

impl ModelHooks for Invoice {
    async fn before_save(&mut self, old: Option<&Self>, _: &mut HookContext<'_>) -> Result<()> {
        if old.is_some() && self.number.contains("locked") {
            let error = FieldError::new("/number", "locked", "is locked");
            return Err(Error::invalid(vec![error]));
        }
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
struct PayArgs {
    /// Day of the payment
    #[garde(skip)]
    paid_on: NaiveDate,
    #[garde(range(min = 1))]
    #[serde(default = "least")]
    least: i64,
}

fn least() -> i64 {
    1
}

/// Mark as paid
///
/// Credit notes cannot be paid.
#[admin_action(
    Invoice,
    on(one, many, all),
    confirm = "Mark {count} invoices as paid?"
)]
async fn mark_paid(rows: Rows<Invoice>, args: PayArgs) -> Result<ActionReport> {
    if args.paid_on.year() < 2000 {
        let error = FieldError::new("/paid_on", "too_early", "must be after 1999");
        return Err(Error::invalid(vec![error]));
    }
    rows.for_each(|invoice| {
        if invoice.amount < args.least {
            let detail = "the amount is too small";
            return Err(Error::conflict("too_small", detail));
        }
        "paid".clone_into(&mut invoice.state);
        invoice.paid_on = Some(args.paid_on);
        Ok(())
    })
    .await
}

/// Approve
#[admin_action(Invoice, on(one), requires_role = "finance")]
async fn approve(mut rows: Rows<Invoice>, models: Data<Models>) -> Result<ActionReport> {
    while let Some(mut invoice) = rows.next().await? {
        let open = models.query::<Invoice>().filter(Invoice::STATE.eq("open"));
        invoice.number = format!("{} approved with {}", invoice.number, open.count().await?);
        rows.save(invoice).await?;
    }
    Ok(rows.into_report())
}

/// Clean up
#[admin_action(Invoice, on(many, all), danger, requires_admin)]
async fn clean_up(mut rows: Rows<Invoice>) -> Result<ActionReport> {
    while let Some(invoice) = rows.next().await? {
        match invoice.number.as_str() {
            "broken" => return Err(Error::conflict("broken", "the action failed half-way")),
            "panics" => panic!("the action panicked"),
            "kept" => {}
            "protected" => rows.fail(invoice, "is protected"),
            _ => rows.delete(invoice).await?,
        }
    }
    Ok(rows.into_report())
}

#[derive(Deserialize, JsonSchema)]
struct SettleArgs {
    /// Delay before each row
    milliseconds: u64,
}

async fn settle_rows(mut rows: Rows<Invoice>, args: SettleArgs) -> Result<ActionReport> {
    while let Some(mut invoice) = rows.next().await? {
        tokio::time::sleep(Duration::from_millis(args.milliseconds)).await;
        if invoice.number == "broken" {
            return Err(Error::conflict("broken", "the action failed half-way"));
        }
        "paid".clone_into(&mut invoice.state);
        rows.save(invoice).await?;
    }
    Ok(rows.into_report())
}

/// Settle
#[admin_action(Invoice, on(many, all))]
async fn settle(rows: Rows<Invoice>, args: SettleArgs) -> Result<ActionReport> {
    settle_rows(rows, args).await
}

/// Settle in the background
#[admin_action(Invoice, on(one, many, all), background)]
async fn settle_later(rows: Rows<Invoice>, args: SettleArgs) -> Result<ActionReport> {
    settle_rows(rows, args).await
}

/// Adds an invoice and returns its id.
async fn invoice(admin: &Client, values: Value) -> i64 {
    let response = admin.post(INVOICES, &values).await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()["id"].as_i64().expect("the id is a number")
}

async fn numbered(admin: &Client, number: &str) -> i64 {
    invoice(admin, json!({ "number": number })).await
}

async fn stored(admin: &Client, id: i64) -> Value {
    admin.get(&format!("{INVOICES}/{id}")).await.json()
}

/// Signs in a user with a role.
async fn sign_in(server: &TestServer, admin: &Client, role: &str) -> Client {
    let client = server.sign_in(&format!("{role}@example.com")).await;
    let id = client.get("/api/auth/me").await.json()["id"].clone();
    let id = id.as_str().expect("the response has an id");
    let path = format!("/api/users/{id}");
    let request = admin.request(Method::PATCH, &path);
    let response = request.json(&json!({"user_type": role})).send().await;
    assert_eq!(response.expect("the portal responds").status(), 200);
    client
}

/// Returns the audit entries of actions on invoices, newest first.
async fn audit(admin: &Client, action: &str) -> Vec<Value> {
    let log = admin.get("/api/admin/audit?limit=100").await.json();
    let entries = log["items"].as_array().expect("the log is a list").iter();
    let name = format!("invoice.{action}");
    let entries = entries.filter(|entry| entry["action"] == name.as_str());
    entries.cloned().collect()
}
