//! Actions that run as background tasks.

use std::time::Duration;

use portal_core::TaskSettings;
use portal_core::admin::AdminModel;
use portal_core::prelude::*;
use portal_core::tasks::{TaskRecord, TaskStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{INVOICES, Invoice, audit, invoice, numbered, sign_in, stored};
use crate::app;
use crate::support::{
    Client, CookieClient, Database, TestResponse, TestServer, eventually, on_both,
};

on_both!(
    background_action_runs_as_a_task_of_the_user,
    form_leads_to_the_task,
    background_action_continues_after_a_restart,
    lost_permission_prevents_a_waiting_action,
    failed_background_action_reports_what_was_done,
);

const ACTION: &str = "/api/admin/models/invoice/actions/settle_later";

fn task_id(response: &TestResponse) -> Uuid {
    assert_eq!(response.status, 202, "{}", response.text);
    let id = response.json()["task_id"].clone();
    id.as_str()
        .and_then(|id| id.parse().ok())
        .expect("the response has an id")
}

fn tasks(server: &TestServer) -> Tasks {
    Tasks::clone(&server.state.get::<Tasks>().expect("the service exists"))
}

/// Waits until a task is finished.
async fn finished(server: &TestServer, id: Uuid) -> TaskRecord {
    let tasks = tasks(server);
    eventually("the task is finished", async || {
        let record = tasks.get(id).await.ok().flatten()?;
        record.status.is_final().then_some(record)
    })
    .await
}

async fn fill(server: &TestServer, count: usize) {
    let models = server.state.get::<Models>().expect("the service exists");
    let mut transaction = models.begin().await.expect("the database is available");
    for number in 0..count {
        let row = Invoice {
            id: 0,
            number: format!("N{number}"),
            region: "north".to_owned(),
            state: "open".to_owned(),
            paid_on: None,
            amount: 10,
        };
        let mut rows = models.within(&mut transaction);
        rows.insert(&row).await.expect("the row is valid");
    }
    transaction.commit().await.expect("the rows are stored");
}

async fn open_rows(admin: &Client) -> Value {
    let rows = admin.get(&format!("{INVOICES}?filter[state]=open")).await;
    rows.json()["total"].clone()
}

async fn background_action_runs_as_a_task_of_the_user(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = sign_in(&server, &admin, "SALES").await;
    fill(&server, 120).await;
    let south = invoice(&admin, json!({"number": "N-south", "region": "south"})).await;
    let args = json!({"milliseconds": 0});
    let wrong = sales.post(ACTION, &json!({"ids": [1], "args": {}})).await;
    let problem = wrong.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/args/milliseconds");
    let filter = json!({"number": {"starts_with": "N"}, "state": "open"});
    let body = json!({"all": true, "filter": filter, "confirm": 120, "args": args});
    let response = sales.post(ACTION, &body).await;
    let task = finished(&server, task_id(&response)).await;
    assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
    assert_eq!((task.group.as_str(), task.progress), (Invoice::NAME, 100));
    let report = task.result.expect("the task has a result");
    assert_eq!(
        (&report["changed"], &report["failed"]),
        (&json!(120), &json!(0))
    );
    assert_eq!(stored(&admin, south).await["state"], "open");
    let entries = audit(&admin, "settle_later").await;
    for entry in [&entries[0], &entries[1]] {
        assert_eq!(entry["details"]["run"], task.id.to_string());
        assert_eq!(entry["actor"]["email"], "sales@example.com");
    }
    assert_eq!(entries[0]["target"], "model:invoice");

    let page = format!("/tasks/{}", task.id);
    assert_eq!(sales.page(&page).await.status, 200);
    assert!(
        sales
            .page("/tasks")
            .await
            .text
            .contains("Settle in the background")
    );
    let other = sign_in(&server, &admin, "FINANCE").await;
    assert_eq!(other.page(&page).await.status, 404);
    // The task type cannot be started directly.
    let choice = sales
        .page("/tasks?state=invoice&task=settle_later")
        .await
        .text;
    assert!(!choice.contains("value=\"settle_later\""));
    server.stop().await;
}

async fn form_leads_to_the_task(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let id = numbered(&admin, "1").await;
    let id_text = id.to_string();
    let mut browser = CookieClient::of(&server.url, &admin);
    let run = "/admin/settings/invoice/actions/settle_later";
    let fields = [("id", id_text.as_str()), ("args.milliseconds", "0")];
    let response = browser.submit(run, &fields).await;
    assert_eq!(
        response.location(),
        "/admin/settings/invoice",
        "{}",
        response.status
    );
    let page = browser.page("/admin/settings/invoice").await.text;
    assert!(page.contains("Settle in the background: started"));
    assert!(page.contains("href=\"/tasks/"));
    eventually("the row is changed", async || {
        (stored(&admin, id).await["state"] == "paid").then_some(())
    })
    .await;
    server.stop().await;
}

async fn background_action_continues_after_a_restart(database: Database) {
    let server = TestServer::start_with(database, &[], |portal| {
        let grace = Duration::from_millis(50);
        app::build(portal).task_settings(TaskSettings::default().shutdown_grace_period(grace))
    })
    .await;
    let admin = server.admin().await;
    fill(&server, 250).await;
    let body = json!({"all": true, "confirm": 250, "args": {"milliseconds": 5}});
    let id = task_id(&admin.post(ACTION, &body).await);
    let running = tasks(&server);
    eventually("a batch is finished", async || {
        let record = running.get(id).await.ok().flatten()?;
        (record.progress > 0).then_some(())
    })
    .await;
    let mut server = server.start_again().await;
    let task = finished(&server, id).await;
    assert_eq!(task.status, TaskStatus::Completed, "{:?}", task.error);
    assert_eq!(task.attempt, 2);
    let report = task.result.expect("the task has a result");
    let count = |name: &str| report[name].as_u64().unwrap_or_default();
    // Rows of the interrupted batch are processed again, where they need no change.
    assert_eq!(count("changed") + count("unchanged"), 250, "{report}");
    assert!(count("changed") > 100, "{report}");
    let admin = server.admin().await;
    assert_eq!(open_rows(&admin).await, 0);
    server.stop().await;
}

async fn lost_permission_prevents_a_waiting_action(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let sales = sign_in(&server, &admin, "SALES").await;
    let id = numbered(&admin, "1").await;
    let tasks = tasks(&server);
    let name = (Invoice::NAME, "settle_later");
    let paused = tasks.pause_type(name.0, name.1).await;
    paused.expect("the task type is paused");
    let body = json!({"ids": [id], "args": {"milliseconds": 0}});
    let waiting = task_id(&sales.post(ACTION, &body).await);
    let user = sales.get("/api/auth/me").await.json()["id"].clone();
    let path = format!("/api/users/{}", user.as_str().unwrap_or_default());
    let demoted = admin.patch(&path, &json!({"user_type": "FINANCE"})).await;
    assert_eq!(demoted.status, 200, "{}", demoted.text);
    let resumed = tasks.resume_type(name.0, name.1).await;
    resumed.expect("the task type is resumed");
    let task = finished(&server, waiting).await;
    assert_eq!(task.status, TaskStatus::Error);
    assert_eq!(task.code.as_deref(), Some("not_permitted"));
    assert_eq!(stored(&admin, id).await["state"], "open");
    server.stop().await;
}

async fn failed_background_action_reports_what_was_done(database: Database) {
    let mut server = TestServer::start(database).await;
    let admin = server.admin().await;
    let first = numbered(&admin, "1").await;
    let broken = numbered(&admin, "broken").await;
    let body = json!({"ids": [first, broken], "args": {"milliseconds": 0}});
    let id = task_id(&admin.post(ACTION, &body).await);
    let task = finished(&server, id).await;
    assert_eq!((task.status, task.attempt), (TaskStatus::Error, 1));
    assert_eq!(task.code.as_deref(), Some("broken"));
    let error = task.error.unwrap_or_default();
    assert!(
        error.contains("failed half-way; before, 1 row was changed"),
        "{error}"
    );
    assert_eq!(stored(&admin, first).await["state"], "paid");
    assert_eq!(
        audit(&admin, "settle_later").await[0]["details"]["error"],
        "broken"
    );

    // A cancelled action stops after the batch.
    fill(&server, 250).await;
    let filter = json!({"number": {"starts_with": "N"}});
    let body = json!({"all": true, "filter": filter, "args": {"milliseconds": 5}});
    let id = task_id(&admin.post(ACTION, &body).await);
    let tasks = tasks(&server);
    eventually("a batch is finished", async || {
        let record = tasks.get(id).await.ok().flatten()?;
        (record.progress > 0).then_some(())
    })
    .await;
    assert!(tasks.cancel(id).await.expect("the task can be cancelled"));
    let task = finished(&server, id).await;
    assert_eq!(task.code.as_deref(), Some("cancelled"));
    let run = audit(&admin, "settle_later").await[0]["details"].clone();
    assert_eq!(run["error"], "cancelled");
    let left = open_rows(&admin).await.as_u64().unwrap_or_default();
    assert_eq!(
        run["changed"].as_u64().unwrap_or_default() + left,
        251,
        "{run}"
    );
    server.stop().await;
}
