//! Task rules: cancellation at the next step, ownership, internal tasks, hidden causes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use garde::Validate;
use parking_lot::Mutex;
use portal_core::auth::Users;
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::tasks::Initiator;
use portal_core::{Task, TaskSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::app;
use crate::support::{
    Client, CookieClient, Database, ReferencePortal, Socket, TaskClient, TestServer, attributes,
    eventually, on_both,
};

on_both!(
    cancelled_import_stops_at_its_next_step,
    transactional_task_belongs_to_the_user_of_the_request,
    internal_task_starts_only_from_code,
    cause_of_a_failure_is_hidden_from_the_owner,
    oversized_frame_closes_the_monitor_with_a_reason,
);

/// The number of lines that an import may read so far, and the number of imported lines.
struct Import {
    lines: Semaphore,
    imported: Mutex<u32>,
}

static IMPORTS: Mutex<Option<HashMap<Uuid, Arc<Import>>>> = Mutex::new(None);

fn import_of(task: Uuid) -> Arc<Import> {
    let mut imports = IMPORTS.lock();
    let imports = imports.get_or_insert_default();
    Arc::clone(imports.entry(task).or_insert_with(|| {
        Arc::new(Import {
            lines: Semaphore::new(0),
            imported: Mutex::default(),
        })
    }))
}

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct Step {
    #[garde(skip)]
    checkpoint: bool,
}

/// Import lines
#[monitored_background_task(group = "rules")]
async fn imports(task: TaskContext, task_args: Step) -> Result<(), TaskError> {
    let import = import_of(task.id());
    for line in 1..=8_u32 {
        let permit = import.lines.acquire().await?;
        permit.forget();
        if task_args.checkpoint {
            task.checkpoint(&line).await?;
        } else {
            task.update().message(format!("line {line}")).await?;
        }
        *import.imported.lock() = line;
    }
    Ok(())
}

/// Send a receipt
#[monitored_background_task(group = "rules", internal)]
async fn sends_receipt(_task: TaskContext) -> Result<(), TaskError> {
    Err(TaskError::permanent("the printer is on fire"))
}

/// Order
#[page("/orders", method = post, requires_auth)]
async fn order(starter: Initiator, store: Data<Store>, tasks: Data<Tasks>) -> Result<Markup> {
    let mut transaction = store.begin().await?;
    let task = tasks
        .enqueue(sends_receipt, NoArgs {})
        .initiator(starter)
        .within(&mut transaction)
        .await?;
    transaction.commit().await?;
    Ok(html! { p data-task=(task.id()) { "Ordered" } })
}

/// Reads a file that is missing
#[monitored_background_task(group = "rules")]
async fn reads_secret_file(_task: TaskContext) -> Result<u32, TaskError> {
    let text = std::fs::read_to_string("/nowhere/secret-of-the-house.txt")?;
    Ok(text.parse::<u32>()?)
}

async fn cancelled_import_stops_at_its_next_step(database: Database) {
    // The grace period exceeds the time limit of the test, so the task must stop before it ends.
    let server = TestServer::start_with(database, &[], |portal| {
        app::build(portal)
            .task_settings(TaskSettings::default().cancel_grace_period(Duration::from_secs(3600)))
    })
    .await;
    let client = TaskClient::of(&server.user().await).await;
    for checkpoint in [false, true] {
        let args = json!({ "checkpoint": checkpoint });
        let id = client.start_in("rules", "imports", &args).await;
        let import = import_of(id.parse().expect("id is a UUID"));
        let imported = || *import.imported.lock();
        import.lines.add_permits(2);
        eventually("two lines are imported", async || {
            (imported() == 2).then_some(())
        })
        .await;
        let path = client.path("rules", &format!("cancel/{id}"));
        assert_eq!(client.http.post(&path, &json!({})).await.status, 202);
        import.lines.add_permits(6);
        let task = client.ended_in("rules", &id).await;
        assert_eq!(
            (&task["status"], &task["code"], &task["error"]),
            (&json!("ERROR"), &json!("cancelled"), &json!("cancelled"))
        );
        assert_eq!(imported(), 2, "checkpoint: {checkpoint}");
    }
}

async fn transactional_task_belongs_to_the_user_of_the_request(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let ordered = user.post("/orders", &json!({})).await;
    assert_eq!(ordered.status, 200, "{}", ordered.text);
    let (_, rest) = ordered
        .text
        .split_once("data-task=\"")
        .expect("page contains an id");
    let id: Uuid = rest[..36].parse().expect("id is a UUID");
    let me = user.get("/api/auth/me").await.json();
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let record = tasks
        .get(id)
        .await
        .expect("the database responds")
        .expect("task exists");
    let owner = record
        .owner_user_id
        .expect("the task has an owner")
        .to_string();
    assert_eq!(json!(owner), me["id"]);
    eventually("the owner is notified", async || {
        let list = user.get("/api/notifications").await.text;
        list.contains("Send a receipt").then_some(())
    })
    .await;

    let users = server.state.get::<Users>().expect("the service exists");
    let owner = owner.parse().expect("id is a UUID");
    let owner = users
        .get(owner)
        .await
        .expect("the database responds")
        .expect("user exists");
    let store = server.state.get::<Store>().expect("the service exists");
    let mut transaction = store.begin().await.expect("transaction starts");
    let start = tasks.enqueue(sends_receipt, NoArgs {}).initiator(&owner);
    let kept = start
        .within(&mut transaction)
        .await
        .expect("the task is enqueued");
    transaction.commit().await.expect("the transaction commits");
    let record = tasks
        .get(kept.id())
        .await
        .expect("the database responds")
        .expect("task exists");
    assert_eq!(record.owner_user_id, Some(owner.id));
}

async fn internal_task_starts_only_from_code(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let listed = admin.get("/api/tasks").await;
    assert!(listed.text.contains("reads_secret_file"));
    assert!(!listed.text.contains("sends_receipt"), "{}", listed.text);
    client
        .ask("rules", "sends_receipt", &json!({}))
        .await
        .problem(404, "task_unknown");
    let declared = server.routes.iter();
    let declared: Vec<_> = declared
        .filter(|route| route.path.contains("sends_receipt"))
        .collect();
    assert!(declared.is_empty(), "{declared:?}");

    let mut browser = CookieClient::of(&server.url, &admin);
    let page = browser.page("/admin/tasks?state=rules").await;
    let document = scraper::Html::parse_document(&page.text);
    let offered = scraper::Selector::parse("select[name=task] option").expect("selector is valid");
    let offered: Vec<_> = document
        .select(&offered)
        .filter_map(|option| option.attr("value"))
        .collect();
    assert!(offered.contains(&"reads_secret_file"), "{offered:?}");
    assert!(!offered.contains(&"sends_receipt"), "{offered:?}");
    for path in ["/admin/tasks/all", "/admin/tasks/statistics", "/tasks"] {
        let page = browser.page(path).await;
        let offered = attributes(&page.text, "select[name=kind] option", "value");
        let has = |task: &str| offered.iter().any(|it| it == task);
        assert!(has("rules/reads_secret_file"), "{path}: {offered:?}");
        assert!(!has("rules/sends_receipt"), "{path}: {offered:?}");
    }
    let found = browser.page("/palette?q=receipt").await.text;
    assert!(!found.contains("receipt</"), "{found}");
    let chosen = "?kind=rules%2Fsends_receipt";
    for path in ["/admin/tasks/all", "/admin/tasks/statistics"] {
        let page = browser.page(&format!("{path}{chosen}")).await;
        let links = attributes(&page.text, "main a", "href");
        let kept = links.iter().any(|link| link.contains("sends_receipt"));
        assert!(!kept, "{path}: {links:?}");
    }
    let fields = [("state", "rules"), ("task", "sends_receipt")];
    browser.submit("/admin/tasks/start", &fields).await;

    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let none = tasks
        .list(&of_receipts())
        .await
        .expect("the tasks can be listed");
    assert!(none.is_empty(), "{none:?}");
    let handle = tasks.enqueue(sends_receipt, NoArgs {}).await;
    let ended = handle.expect("the task is enqueued").result().await;
    let error = ended.expect_err("the task fails");
    assert_eq!(error.message(), "the printer is on fire");
    let by_hand = Task::<NoArgs, ()>::new(
        portal_core::source!(by_hand),
        "rules",
        "by_hand",
        |_, _, _| Box::pin(async { Ok(()) }),
    );
    let _ = by_hand.internal().into_definition();
}

fn of_receipts() -> portal_core::tasks::TaskFilter {
    portal_core::tasks::TaskFilter {
        name: Some("sends_receipt".to_owned()),
        ..Default::default()
    }
}

async fn cause_of_a_failure_is_hidden_from_the_owner(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let id = client
        .start_in("rules", "reads_secret_file", &json!({}))
        .await;
    let task = client.ended_in("rules", &id).await;
    assert_eq!(task["code"], "task_failed");
    let error = task["error"].as_str().expect("value is a string");
    assert!(!error.contains("No such file"), "{error}");
    let history = client.get("rules", &format!("history/{id}")).await;
    assert_eq!(history.status, 200);
    assert!(!history.text.contains("No such file"), "{}", history.text);
}

async fn oversized_frame_closes_the_monitor_with_a_reason(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let path = format!("/api/tasks/{}/monitor", client.token);
    for size in [4097, 70_000, 4 * 1024 * 1024] {
        let socket = Socket::open(&server.url, &path).await;
        let code = socket.send_until_closed("x".repeat(size)).await;
        assert_eq!(code, 1009, "{size} bytes");
    }
    let mut socket = Socket::open(&server.url, &path).await;
    socket.send_text("x".repeat(4096)).await;
    let id = client.start("steps").await;
    let message = socket.update().await;
    assert_eq!(
        message["data"]["task_id"],
        id.as_str(),
        "the monitor stays open"
    );
}

async fn of_reference(portal: &ReferencePortal, email: &str) -> TaskClient {
    let body = json!({ "email": email });
    let token = portal.guest().post("/dev/token", &body).await.json();
    let token = token["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    TaskClient::of(&Client::new(&portal.url, Some(token))).await
}

#[tokio::test]
async fn seed_tasks_accept_seed_arguments_and_protect_config() {
    let settings = [
        ("RUST_LOG", "info"),
        ("ADMIN_USER_EMAILS", "root@example.com"),
    ];
    let portal = ReferencePortal::start(&settings).await;
    let user = of_reference(&portal, "ann@example.com").await;
    let admin = of_reference(&portal, "root@example.com").await;
    let config = ("example_task", "task2_show_db_config");
    let refused = user.ask(config.0, config.1, &json!({})).await;
    refused.problem(403, "forbidden");
    let id = admin.start_in(config.0, config.1, &json!({})).await;
    assert_eq!(admin.ended_in(config.0, &id).await["status"], "COMPLETED");

    for args in [
        json!({"name": "", "age": -1}),
        json!({"name": "x".repeat(5000), "age": 9_007_199_254_740_993_i64}),
    ] {
        let id = user
            .start_in("example_task2", "task2_with_args", &args)
            .await;
        assert_eq!(user.ended_in("example_task2", &id).await["result"], args);
        let started = user.ask("example_task2", "loaded_task", &args).await;
        assert_eq!(started.status, 202, "{}", started.text);
    }
    for wrong in [
        json!({"name": 1, "age": 6}),
        json!({"name": "bob", "age": 1.5}),
    ] {
        let refused = user.ask("example_task2", "task2_with_args", &wrong).await;
        refused.problem(422, "invalid_parameters");
    }
    // Another task type is used to test validation.
    let report = json!({"title": "x", "from": "2026-01-01", "sections": [], "delivery": {"kind": "email", "to": "nobody"}});
    let refused = user.ask("reports", "write_report", &report).await;
    let problem = refused.problem(422, "invalid_parameters");
    let errors = problem["errors"]
        .as_array()
        .expect("the problem has a list of errors");
    let pointers: Vec<&Value> = errors.iter().map(|error| &error["pointer"]).collect();
    assert!(pointers.contains(&&json!("/title")), "{pointers:?}");

    let log = portal.log();
    let line = log
        .lines()
        .find(|line| line.contains("anyone with a client token may start them"))
        .expect("the log contains a warning");
    assert!(line.contains("example_task2/loaded_task"), "{line}");
    assert!(!line.contains("task2_show_db_config"), "{line}");
}
