//! Operation with a single database connection.
//!
//! An in-memory database has only one connection, so code that requests a second one while holding
//! the first waits forever. With a server, the same happens once all connections in the pool are in
//! use.

use reqwest::Method;
use serde_json::json;

use crate::app;
use crate::support::{ADMIN, Client, CookieClient, Database, TaskClient, TestResponse, TestServer};

async fn start() -> (TestServer, Client, CookieClient) {
    let settings = [("DB_LOCAL_URI", "sqlite::memory:")];
    let server = TestServer::start_with(Database::Sqlite, &settings, app::build).await;
    let admin = server.admin().await;
    let browser = CookieClient::of(&server.url, &admin);
    (server, admin, browser)
}

#[tokio::test]
async fn tasks_are_operated_with_one_connection() {
    let (server, admin, mut browser) = start().await;
    let client = TaskClient::of(&admin).await;
    let ended = client.start("fails_task").await;
    client.ended(&ended).await;
    let waiting = client.start("waits").await;
    let kind = [("state", "probe"), ("task", "echo")];
    let again = format!("/admin/tasks/{ended}/again");
    let cancel = format!("/admin/tasks/{waiting}/cancel");
    for (path, fields) in [
        (again.as_str(), &[][..]),
        (&cancel, &[]),
        ("/admin/tasks/kinds/pause", &kind),
        ("/admin/tasks/kinds/resume", &kind),
        ("/admin/tasks/prune", &[("days", "1")]),
    ] {
        let response = browser.submit(path, fields).await;
        assert_eq!(response.status, 303, "{path}: {}", response.text);
    }
    // This is the only page that shows the new token.
    let token = browser.submit("/admin/tasks/tokens/new", &[]).await;
    assert_eq!(token.status, 200, "{}", token.text);
    let listed = browser.page("/admin/tasks/all").await.text;
    assert_eq!(listed.matches("data-part=\"name\">fails_task").count(), 2);
    let tasks = server.state.get::<portal_core::prelude::Tasks>();
    let tasks = tasks.expect("the service exists");
    let id = ended.parse().expect("id is a UUID");
    let again = tasks
        .run_again(id)
        .await
        .expect("the task has finished")
        .to_string();
    assert_eq!(client.ended(&again).await["code"], "never_works");
}

#[tokio::test]
async fn records_and_settings_are_changed_with_one_connection() {
    let (server, admin, mut browser) = start().await;
    let ann = server.user().await.get("/api/auth/me").await.json();
    let ann = ann["id"].as_str().expect("response has an id").to_owned();
    let plans = "/api/admin/models/plan";
    let added = admin.post(plans, &json!({"name": "Max"})).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let plan = format!("{plans}/{}", added.json()["id"]);
    let change = admin.request(Method::PATCH, &plan);
    let change = change.header("if-match", added.header("etag"));
    let changed = TestResponse::of(change.json(&json!({"price": 3}))).await;
    let delete = admin.request(Method::DELETE, &plan);
    let delete = delete.header("if-match", changed.header("etag"));
    let ann = format!("/api/users/{ann}");
    for (response, status) in [
        (changed, 200),
        (TestResponse::of(delete).await, 204),
        (admin.post("/api/admin/defaults", &json!({})).await, 200),
        (admin.patch(&ann, &json!({"is_active": false})).await, 200),
    ] {
        assert_eq!(response.status, status, "{}", response.text);
    }
    let message = [
        ("audience", "user"),
        ("email", ADMIN),
        ("title", "Hello"),
        ("confirmed", "1"),
    ];
    for (path, fields) in [
        ("/theme", &[("accent", "ruby")][..]),
        ("/theme/portal", &[("accent", "jade"), ("version", "0")]),
        ("/admin/notifications/send", &message),
        ("/admin/maintenance", &[("maintenance", "on")]),
        ("/sign-out", &[]),
    ] {
        let response = browser.submit(path, fields).await;
        assert_eq!(response.status, 303, "{path}: {}", response.text);
    }
}
