//! Hooks of models: every way to change rows, changed values, rejections and rollbacks.

use std::time::Duration;

use portal_core::FieldError;
use portal_core::admin::{HookContext, ModelHooks};
use portal_core::prelude::*;
use reqwest::Method;
use serde_json::json;

use crate::app;
use crate::support::{Client, CookieClient, Database, TestResponse, TestServer, on_both};

on_both!(
    hooks_run_for_rest_forms_actions_and_code,
    rejected_changes_report_field_errors_in_rest_and_forms,
    failed_hook_rolls_everything_back,
    hooks_run_for_default_rows_that_are_added,
    interrupted_change_prevents_the_commit,
);

/// Articles in stock
#[admin_model(hooks, title = "Stock item")]
pub(crate) struct StockItem {
    id: i64,
    #[admin(unique)]
    name: String,
    #[admin(default = 0)]
    quantity: i32,
}

/// Changes of the stock
#[admin_model]
pub(crate) struct StockChange {
    id: i64,
    text: String,
}

async fn log(context: &mut HookContext<'_>, text: String) -> Result<()> {
    let by = if context.actor().is_some() {
        "user"
    } else {
        "code"
    };
    let text = format!("{text} by {by}");
    context
        .models()
        .insert(&StockChange { id: 0, text })
        .await?;
    Ok(())
}

impl ModelHooks for StockItem {
    async fn before_save(
        &mut self,
        old: Option<&Self>,
        context: &mut HookContext<'_>,
    ) -> Result<()> {
        self.name = self.name.trim().to_owned();
        if self.quantity < 0 {
            let error = FieldError::new("/quantity", "invalid_value", "must not be negative");
            return Err(Error::invalid(vec![error]));
        }
        let before = old.map(|old| old.quantity);
        log(context, format!("save {} {before:?}", self.name)).await
    }

    async fn after_save(&self, old: Option<&Self>, context: &mut HookContext<'_>) -> Result<()> {
        let verb = if old.is_some() { "changed" } else { "added" };
        log(context, format!("{verb} {} {}", self.name, self.quantity)).await?;
        match self.name.as_str() {
            "fails" => Err(Error::conflict("hook_failed", "the hook failed")),
            "panics" => panic!("the hook panicked"),
            "hangs" => std::future::pending().await,
            _ => Ok(()),
        }
    }

    async fn before_delete(&self, context: &mut HookContext<'_>) -> Result<()> {
        if self.quantity > 0 {
            return Err(Error::conflict("in_stock", "the article is in stock"));
        }
        log(context, format!("delete {}", self.name)).await
    }

    async fn after_delete(&self, context: &mut HookContext<'_>) -> Result<()> {
        log(context, format!("deleted {}", self.name)).await
    }
}

const ITEMS: &str = "/api/admin/models/stock_item";

fn models(server: &TestServer) -> Models {
    Models::clone(&server.state.get::<Models>().expect("the service exists"))
}

/// Returns the logged changes and deletes them.
async fn take_log(models: &Models) -> Vec<String> {
    let rows = models.all::<StockChange>().await.expect("the query runs");
    for row in &rows {
        let deleted = models.delete::<StockChange>(row.id).await;
        assert!(deleted.expect("the row exists"));
    }
    rows.into_iter().map(|row| row.text).collect()
}

async fn change(client: &Client, id: i64, method: Method, body: serde_json::Value) -> TestResponse {
    let request = client
        .request(method, &format!("{ITEMS}/{id}"))
        .header("if-match", "*")
        .json(&body);
    TestResponse::of(request).await
}

async fn hooks_run_for_rest_forms_actions_and_code(database: Database) {
    let server = TestServer::start(database).await;
    let (models, admin) = (models(&server), server.admin().await);
    let mut browser = CookieClient::of(&server.url, &admin);

    let made = admin.post(ITEMS, &json!({"name": "  nut "})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["name"], "nut", "the hook changed the row");
    assert_eq!(made.json()["id"], 1);
    assert_eq!(
        take_log(&models).await,
        ["save nut None by user", "added nut 0 by user"]
    );
    let patched = change(&admin, 1, Method::PATCH, json!({"quantity": 2})).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(
        take_log(&models).await,
        ["save nut Some(0) by user", "changed nut 2 by user"]
    );

    let path = "/admin/settings/stock_item/create";
    let saved = browser
        .submit(path, &[("name", " bolt "), ("quantity", "0")])
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert_eq!(
        take_log(&models).await,
        ["save bolt None by user", "added bolt 0 by user"]
    );

    let kept = change(&admin, 1, Method::DELETE, json!({})).await;
    kept.problem(409, "in_stock");
    let delete = format!("{ITEMS}/actions/delete");
    let kept = admin.post(&delete, &json!({"ids": [2, 1]})).await;
    kept.problem(409, "in_stock");
    assert_eq!(take_log(&models).await, [""; 0], "no row was deleted");
    let deleted = admin.post(&delete, &json!({"ids": [2, 99]})).await;
    assert_eq!(deleted.json()["deleted"], 1);
    assert_eq!(
        take_log(&models).await,
        ["delete bolt by user", "deleted bolt by user"]
    );

    let item = StockItem {
        id: 0,
        name: " cog".to_owned(),
        quantity: 0,
    };
    let mut stored = models.insert(&item).await.expect("the row is valid");
    assert_eq!(stored.name, "cog");
    stored.quantity = 1;
    models.update(&stored).await.expect("the row exists");
    let error = models.delete::<StockItem>(stored.id).await;
    assert_eq!(error.expect_err("in stock").code(), "in_stock");
    stored.quantity = 0;
    models.update(&stored).await.expect("the row exists");
    let deleted = models.delete::<StockItem>(stored.id).await;
    assert!(deleted.expect("the row exists"));
    let log = take_log(&models).await;
    assert_eq!(log.len(), 8, "{log:?}");
    assert!(log.iter().all(|line| line.ends_with(" by code")), "{log:?}");

    // The log shows the changes that a hook made for the administrator.
    let audit = admin.get("/api/admin/audit?limit=100").await.json();
    let entries = audit["items"].as_array().expect("a list").iter();
    let made = entries.filter(|entry| entry["action"] == "stock_change.create");
    assert_eq!(made.count(), 8);
}

async fn rejected_changes_report_field_errors_in_rest_and_forms(database: Database) {
    let server = TestServer::start(database).await;
    let (models, admin) = (models(&server), server.admin().await);
    let made = admin
        .post(ITEMS, &json!({"name": "nut", "quantity": -1}))
        .await;
    let problem = made.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/quantity");
    let mut browser = CookieClient::of(&server.url, &admin);
    let fields = [("name", "nut"), ("quantity", "-1")];
    let page = browser
        .submit("/admin/settings/stock_item/create", &fields)
        .await;
    assert_eq!(page.status, 422, "{}", page.text);
    assert!(page.text.contains("ust not be negative"), "{}", page.text);
    let count = models.query::<StockItem>().count().await;
    assert_eq!(count.expect("the query runs"), 0);
}

async fn failed_hook_rolls_everything_back(database: Database) {
    let server = TestServer::start(database).await;
    let (models, admin) = (models(&server), server.admin().await);
    admin.post(ITEMS, &json!({"name": "nut"})).await;
    take_log(&models).await;
    let audit = async || {
        let log = admin.get("/api/admin/audit?limit=100").await.json();
        log["items"].as_array().expect("a list").len()
    };
    let before = audit().await;
    let failed = admin.post(ITEMS, &json!({"name": "fails"})).await;
    failed.problem(409, "hook_failed");
    let panicked = admin.post(ITEMS, &json!({"name": "panics"})).await;
    assert_eq!(panicked.status, 500, "{}", panicked.text);
    for name in ["fails", "panics"] {
        let renamed = change(&admin, 1, Method::PATCH, json!({"name": name})).await;
        assert!(!renamed.status.is_success(), "{}", renamed.text);
    }
    assert_eq!(audit().await, before, "nothing was recorded");
    assert_eq!(take_log(&models).await, [""; 0]);
    let rows = models.all::<StockItem>().await.expect("the query runs");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].name, "nut");

    // Within a transaction, the failed change is undone; the rest can be committed.
    let mut transaction = models.begin().await.expect("the transaction starts");
    let mut within = models.within(&mut transaction);
    let item = |name: &str| StockItem {
        id: 0,
        name: name.to_owned(),
        quantity: 0,
    };
    within.insert(&item("bolt")).await.expect("valid");
    let error = within.insert(&item("fails")).await;
    assert_eq!(error.err().expect("the hook fails").code(), "hook_failed");
    transaction.commit().await.expect("the transaction commits");
    assert_eq!(
        take_log(&models).await,
        ["save bolt None by code", "added bolt 0 by code"]
    );
}

async fn hooks_run_for_default_rows_that_are_added(database: Database) {
    let defaults = "stock_item:\n  - {name: ' nut ', quantity: 3}\n  - {name: bolt}\n";
    let build = |portal| app::build(portal).default_records(defaults);
    let server = TestServer::start_with(database, &[], build).await;
    let (models, admin) = (models(&server), server.admin().await);
    admin.post(ITEMS, &json!({"name": "bolt"})).await;
    take_log(&models).await;
    let added = admin.post("/api/admin/defaults", &json!({})).await;
    assert_eq!(added.json()["added"]["stock_item"], 1, "{}", added.text);
    assert_eq!(
        take_log(&models).await,
        ["save nut None by user", "added nut 3 by user"]
    );
}

async fn interrupted_change_prevents_the_commit(database: Database) {
    let server = TestServer::start(database).await;
    let models = models(&server);
    let mut transaction = models.begin().await.expect("the transaction starts");
    let mut within = models.within(&mut transaction);
    let item = |name: &str| StockItem {
        id: 0,
        name: name.to_owned(),
        quantity: 0,
    };
    within.insert(&item("nut")).await.expect("the row is valid");
    let hanging = item("hangs");
    let change = within.insert(&hanging);
    let change = tokio::time::timeout(Duration::from_millis(200), change).await;
    assert!(change.is_err(), "the hook does not finish");
    let error = transaction.commit().await;
    error.expect_err("half of a change must not be stored");
    let count = models.query::<StockItem>().count().await;
    assert_eq!(count.expect("the query runs"), 0);
}
