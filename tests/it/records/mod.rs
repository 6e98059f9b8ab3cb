//! Records: their page, the rows that refer to them, and their history.

mod browser;
mod page;

use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, TestResponse, form};

/// Parts of the world
#[admin_model(list(name, code), search(name), order_by = name)]
struct Region {
    #[admin(primary_key)]
    code: String,
    name: String,
}

/// Places of work
#[admin_model(list(name, region, backup, size), order_by = name)]
struct Office {
    id: i64,
    name: String,
    #[admin(references = Region)]
    region: String,
    #[admin(references = Region)]
    backup: Option<String>,
    #[admin(choices("small", "large"), default = "small")]
    size: String,
}

/// Adds a row and returns its key.
async fn add(admin: &Client, model: &str, row: Value) -> String {
    let path = format!("/api/admin/models/{model}");
    let response = admin.post(&path, &row).await;
    assert_eq!(response.status, 201, "{}", response.text);
    let row = response.json();
    match row.get("id").unwrap_or(&row["code"]) {
        Value::String(key) => key.clone(),
        key => key.to_string(),
    }
}

async fn add_region(admin: &Client, code: &str, name: &str) {
    add(admin, "region", json!({"code": code, "name": name})).await;
}

async fn add_office(admin: &Client, name: &str, region: &str) -> String {
    add(admin, "office", json!({"name": name, "region": region})).await
}

/// Submits a form of a page.
async fn submit(client: &Client, path: &str, fields: &[(&str, &str)]) -> TestResponse {
    let request = client.request(Method::POST, path);
    let request = request
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    TestResponse::of(request.body(form(fields))).await
}
