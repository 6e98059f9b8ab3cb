//! Limits on the resources used by one user: arguments, pending tasks, memory, streams.

use futures_util::future::join_all;
use garde::Validate;
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::tasks::Initiator;
use portal_core::{TaskSettings, Tasks};
use schemars::JsonSchema;
use sea_query::{Expr, ExprTrait, Func, Order, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app;
use crate::support::{
    Client, Database, ReferencePortal, TaskClient, TestResponse, TestServer, eventually, on_both,
};

on_both!(
    arguments_are_stored_as_deserialized,
    unknown_members_are_rejected_if_the_type_denies_them,
    arguments_have_their_own_limit,
    pending_tasks_of_a_user_are_limited,
    stored_bytes_of_a_user_are_limited,
    tasks_without_an_owner_are_not_limited,
    large_result_ends_a_page_of_the_list,
    first_task_of_a_user_gets_the_next_free_slot,
    open_monitors_count_as_streams,
);

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Parcel {
    #[garde(skip)]
    text: String,
    #[serde(default)]
    #[garde(skip)]
    copies: u32,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[garde(skip)]
    text: String,
}

/// Repeats the text
#[monitored_background_task(group = "quota")]
async fn repeat(_task: TaskContext, task_args: Parcel) -> String {
    task_args.text.repeat(task_args.copies as usize)
}

/// Rejects unknown members
#[monitored_background_task(group = "quota")]
async fn strict(_task: TaskContext, task_args: Strict) -> String {
    task_args.text
}

/// Accepts small arguments
#[monitored_background_task(group = "quota", max_args = "100B")]
async fn little(_task: TaskContext, task_args: Parcel) -> usize {
    task_args.text.len()
}

/// Accepts large arguments
#[monitored_background_task(group = "quota", max_args = "2MiB")]
async fn much(_task: TaskContext, task_args: Parcel) -> usize {
    task_args.text.len()
}

/// Waits until it is cancelled
#[monitored_background_task(group = "quota")]
async fn held(task: TaskContext) -> Result<(), TaskError> {
    task.cancelled().await;
    Ok(())
}

/// Finishes at once
#[monitored_background_task(group = "quota")]
async fn quick(_task: TaskContext) -> u8 {
    1
}

fn build(portal: portal_core::PortalBuilder) -> portal_core::PortalBuilder {
    app::build(portal)
}

async fn server(database: Database, settings: TaskSettings) -> TestServer {
    TestServer::start_with(database, &[], |portal| {
        build(portal).task_settings(settings)
    })
    .await
}

fn tasks(server: &TestServer) -> std::sync::Arc<Tasks> {
    server.state.get::<Tasks>().expect("the service exists")
}

async fn number(server: &TestServer, expression: impl Into<Expr>) -> i64 {
    let store = server.state.get::<Store>().expect("the service exists");
    let select = Query::select()
        .expr(expression)
        .from("portal_tasks")
        .and_where(Expr::col("state").eq("quota"))
        .take();
    store
        .fetch_count(&select)
        .await
        .expect("the database responds")
}

async fn count(server: &TestServer) -> i64 {
    number(server, Func::count(Expr::col("id"))).await
}

async fn arguments_are_stored_as_deserialized(database: Database) {
    let server = TestServer::start_with(database, &[], build).await;
    let client = TaskClient::of(&server.user().await).await;
    let body = json!({"text": "a", "more": "x".repeat(50_000)});
    let id = client.start_in("quota", "repeat", &body).await;
    let id: Uuid = id.parse().expect("id is a UUID");
    let stored = tasks(&server)
        .args(id)
        .await
        .expect("the database responds");
    assert_eq!(stored, Some(json!({"text": "a", "copies": 0})));
    let listed = client.get("quota", "status").await;
    assert!(!listed.text.contains("xxx"));

    // The same key and body count as the same start request, even though the stored arguments
    // differ.
    let first = client.ask_once("key", "quota", "repeat", &body).await;
    let again = client.ask_once("key", "quota", "repeat", &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (202, 202));
    assert_eq!(first.json()["task_id"], again.json()["task_id"]);
    let other = client
        .ask_once("key", "quota", "repeat", &json!({"text": "b"}))
        .await;
    other.problem(409, "idempotency_key_reused");
}

async fn unknown_members_are_rejected_if_the_type_denies_them(database: Database) {
    let server = TestServer::start_with(database, &[], build).await;
    let client = TaskClient::of(&server.user().await).await;
    let body = json!({"text": "a", "more": 1});
    let response = client.ask("quota", "strict", &body).await;
    response.problem(422, "invalid_parameters");
    assert_eq!(count(&server).await, 0);
}

async fn arguments_have_their_own_limit(database: Database) {
    let server = TestServer::start_with(database, &[], build).await;
    let client = TaskClient::of(&server.user().await).await;
    let of_length = |length: usize| json!({"text": "x".repeat(length)});
    for (task, accepted, rejected) in [
        ("repeat", 60_000, 70_000),
        ("little", 60, 120),
        ("much", 1_500_000, 2_200_000),
    ] {
        let response = client.ask("quota", task, &of_length(rejected)).await;
        response.problem(413, "args_too_large");
        client.start_in("quota", task, &of_length(accepted)).await;
    }
    assert_eq!(count(&server).await, 3);

    // The size of the body is also limited, even if the arguments in it are short.
    let padded = format!("{}{}", " ".repeat(500), of_length(10));
    let path = client.path("quota", "start/little");
    let request = client.http.request(reqwest::Method::POST, &path);
    let request = request.header("content-type", "application/json");
    let response = TestResponse::of(request.body(padded)).await;
    response.problem(413, "args_too_large");

    // The limit applies to the stored form, even if no request body was read.
    let args = Parcel {
        text: "x".repeat(200),
        copies: 0,
    };
    let started = tasks(&server).enqueue(little, args).await;
    let error = started.expect_err("the call is rejected");
    assert_eq!(
        (error.status().as_u16(), error.code()),
        (413, "args_too_large")
    );
}

async fn pending_tasks_of_a_user_are_limited(database: Database) {
    let settings = TaskSettings::default()
        .concurrency(0)
        .max_pending_per_owner(5);
    let server = server(database, settings).await;
    let ann = TaskClient::of(&server.user().await).await;
    let first = ann.ask_once("first", "quota", "quick", &json!({})).await;
    assert_eq!(first.status, 202);
    // The limit holds across concurrent starts and client tokens, however many there are.
    let other = TaskClient::of(&server.user().await).await;
    let starts = (0..40).map(|number| {
        let client = if number % 2 == 0 { &ann } else { &other };
        async move {
            client
                .ask("quota", "quick", &json!({}))
                .await
                .status
                .as_u16()
        }
    });
    let mut statuses = join_all(starts).await;
    statuses.sort_unstable();
    assert_eq!(
        statuses.iter().filter(|status| **status == 202).count() as i64 + 1,
        count(&server).await
    );
    assert!(
        statuses.iter().all(|status| [202, 429].contains(status)),
        "{statuses:?}"
    );
    assert!(count(&server).await <= 5);
    while ann.ask("quota", "quick", &json!({})).await.status == 202 {}
    assert_eq!(count(&server).await, 5);
    let refused = ann.ask("quota", "quick", &json!({})).await;
    refused.problem(429, "too_many_pending_tasks");
    assert_eq!(refused.header("retry-after"), "5");
    // A repeated start does not need a free slot.
    let again = ann.ask_once("first", "quota", "quick", &json!({})).await;
    assert_eq!(again.json()["task_id"], first.json()["task_id"]);
    // Each user has a separate quota.
    let eve = TaskClient::of(&server.sign_in("eve@example.com").await).await;
    eve.start_in("quota", "quick", &json!({})).await;
    // A finished task frees a slot.
    let id = first.json()["task_id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    let path = ann.path("quota", &format!("cancel/{id}"));
    assert_eq!(ann.http.post(&path, &json!({})).await.status, 202);
    ann.start_in("quota", "quick", &json!({})).await;
    let refused = ann.ask("quota", "quick", &json!({})).await;
    refused.problem(429, "too_many_pending_tasks");
}

async fn stored_bytes_of_a_user_are_limited(database: Database) {
    let settings = TaskSettings::default().max_stored_bytes_per_owner(200_000);
    let server = server(database, settings).await;
    let ann = TaskClient::of(&server.user().await).await;
    let body = json!({"text": "x".repeat(40_000)});
    let starts = (0..60).map(|_| ann.ask("quota", "much", &body));
    let responses = join_all(starts).await;
    let accepted = responses.iter().filter(|response| response.status == 202);
    assert!((1..=4).contains(&accepted.count()), "{responses:?}");
    let refused = ann
        .ask("quota", "much", &json!({"text": "x".repeat(190_000)}))
        .await;
    refused.problem(429, "task_storage_full");
    assert_eq!(refused.header("retry-after"), "60");
    eventually("all tasks have finished", async || {
        let store = server.state.get::<Store>().expect("the service exists");
        let active = Query::select()
            .expr(Func::count(Expr::col("id")))
            .from("portal_tasks")
            .and_where(Expr::col("finished_at").is_null())
            .take();
        (store
            .fetch_count(&active)
            .await
            .expect("the database responds")
            == 0)
            .then_some(())
    })
    .await;
    // Results also count toward the limit.
    let eve = TaskClient::of(&server.sign_in("eve@example.com").await).await;
    let large = json!({"text": "x".repeat(1_000), "copies": 250});
    let id = eve.start_in("quota", "repeat", &large).await;
    eve.ended_in("quota", &id).await;
    let eve_stored = number(&server, Func::max(Expr::col("stored_bytes"))).await;
    assert!(eve_stored > 250_000, "{eve_stored}");
    eventually("the result is counted", async || {
        let response = eve
            .ask("quota", "much", &json!({"text": "x".repeat(20_000)}))
            .await;
        (response.status == 429).then(|| response.problem(429, "task_storage_full"))
    })
    .await;
}

async fn tasks_without_an_owner_are_not_limited(database: Database) {
    let settings = TaskSettings::default()
        .concurrency(0)
        .max_pending_per_owner(2);
    let server = server(database, settings).await;
    let tasks = tasks(&server);
    for _ in 0..5 {
        tasks
            .enqueue(quick, NoArgs {})
            .await
            .expect("the task is enqueued");
    }
    let ann = server.user().await;
    let me = ann.get("/api/auth/me").await.json();
    let id: Uuid = me["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("response has an id");
    let starter = || Initiator {
        owner_user_id: Some(id),
        ..Initiator::default()
    };
    for _ in 0..2 {
        let started = tasks.enqueue(quick, NoArgs {}).initiator(starter()).await;
        started.expect("the task is enqueued");
    }
    let refused = tasks.enqueue(quick, NoArgs {}).initiator(starter()).await;
    let error = refused.expect_err("the call is rejected");
    assert_eq!(
        (error.status().as_u16(), error.code()),
        (429, "too_many_pending_tasks")
    );
}

async fn large_result_ends_a_page_of_the_list(database: Database) {
    let server = TestServer::start_with(database, &[], build).await;
    let client = TaskClient::of(&server.user().await).await;
    let mut ids = Vec::new();
    for copies in [900, 1, 900, 900, 1] {
        let body = json!({"text": "x".repeat(1_000), "copies": copies});
        let id = client.start_in("quota", "repeat", &body).await;
        client.ended_in("quota", &id).await;
        ids.push(id);
    }
    let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = client
            .get("quota", &format!("status?limit=1000{cursor}"))
            .await;
        assert!(page.text.len() < 2_500_000, "{}", page.text.len());
        pages += 1;
        let page = page.json();
        let listed = page["all_tasks"].as_object().expect("value is an object");
        for (id, task) in listed {
            assert!(task["result"].is_string(), "{id}");
            seen.push(id.clone());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    assert_eq!(pages, 2);
}

async fn first_task_of_a_user_gets_the_next_free_slot(database: Database) {
    let server = server(database, TaskSettings::default().concurrency(1)).await;
    let ann = TaskClient::of(&server.user().await).await;
    let held = ann.start_in("quota", "held", &json!({})).await;
    ann.until_in("quota", &held, "PROCESSING").await;
    let nothing = json!({});
    let starts = (0..300).map(|_| ann.start_in("quota", "quick", &nothing));
    join_all(starts).await;
    let eve = TaskClient::of(&server.sign_in("eve@example.com").await).await;
    let of_eve = eve.start_in("quota", "quick", &json!({})).await;
    let path = ann.path("quota", &format!("cancel/{held}"));
    assert_eq!(ann.http.post(&path, &json!({})).await.status, 202);
    let task = eve.ended_in("quota", &of_eve).await;
    assert_eq!(task["status"], "COMPLETED");
    // The query returns the tasks in the order in which they were claimed.
    let store = server.state.get::<Store>().expect("the service exists");
    let select = Query::select()
        .column("id")
        .from("portal_tasks")
        .and_where(Expr::col("name").eq("quick"))
        .and_where(Expr::col("started_at").is_not_null())
        .order_by("started_at", Order::Asc)
        .limit(2)
        .take();
    let rows = store
        .fetch_all(&select)
        .await
        .expect("the database responds");
    let first: Vec<Uuid> = rows
        .iter()
        .map(|row| row.get("id").expect("row has an id"))
        .collect();
    assert!(first.iter().any(|id| id.to_string() == of_eve), "{first:?}");
}

async fn open_monitors_count_as_streams(database: Database) {
    let mut limits = portal_core::config::Limits::default();
    limits.live_streams = 2;
    let server = TestServer::start_with(database, &[("RATE_LIMITS", "on")], |portal| {
        build(portal).limits(limits)
    })
    .await;
    let admin = server.admin().await;
    let client = TaskClient::of(&admin).await;
    let held = client.start_in("quota", "held", &json!({})).await;
    let open = async |path: &str, http: &Client| {
        let request = http.request(reqwest::Method::GET, path);
        let request = request.header("accept", "text/event-stream");
        request.send().await.expect("the portal responds")
    };
    let monitor = format!("/api/tasks/{}/monitor", client.token);
    let events = format!("/api/admin/tasks/{held}/events");
    let first = open(&monitor, &client.http).await;
    assert_eq!(first.status(), 200);
    let second = open(&events, &admin).await;
    assert_eq!(second.status(), 200);
    for (path, http) in [(&monitor, &client.http), (&events, &admin)] {
        let refused = open(path, http).await;
        // The body of an open stream does not end, so read it only after this check.
        assert_eq!(refused.status(), 429, "{path}");
        let problem: Value = refused.json().await.expect("the body is JSON");
        assert_eq!(problem["code"], "too_many_streams", "{path}");
    }
    drop(first);
    eventually("the slot is free again", async || {
        (open(&monitor, &client.http).await.status() == 200).then_some(())
    })
    .await;
}

/// Lists many tasks with large arguments, as stored by a version without a limit.
#[tokio::test]
async fn large_arguments_do_not_fill_memory_when_listed() {
    const TASKS: usize = 200;

    let portal = ReferencePortal::start(&[]).await;
    let guest = portal.guest();
    let body = json!({"email": "ann@example.com"});
    let token = guest.post("/dev/token", &body).await.json()["token"].clone();
    let token = token.as_str().expect("response has a token").to_owned();
    let client = TaskClient::of(&Client::new(&portal.url, Some(token))).await;
    let args = |length: usize| json!({"name": "bob", "age": 1, "x": "A".repeat(length)});
    let refused = client
        .ask("example_task2", "task2_with_args", &args(1_000_000))
        .await;
    refused.problem(413, "args_too_large");
    let accepted = args(60_000);
    let before = portal.resident_bytes();
    for _ in 0..TASKS {
        client
            .start_in("example_task2", "task2_with_args", &accepted)
            .await;
    }
    let uri = format!(
        "sqlite://{}",
        portal.directory().join("portal.db").display()
    );
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect(&uri)
        .await
        .expect("the file opens");
    let longest: i64 = sqlx::query_scalar("SELECT max(length(args)) FROM portal_tasks")
        .fetch_one(&mut database)
        .await
        .expect("the database responds");
    assert!(longest < 100, "{longest}");
    sqlx::query("UPDATE portal_tasks SET args = json_object('x', hex(zeroblob(250000)))")
        .execute(&mut database)
        .await
        .expect("the data is written");

    let path = client.path("example_task2", "status?limit=1000");
    let lists = (0..10).map(|_| client.http.get(&path));
    for list in join_all(lists).await {
        let list: Value = list.json();
        assert_eq!(
            list["all_tasks"].as_object().map(serde_json::Map::len),
            Some(TASKS)
        );
    }
    let risen = portal.resident_bytes().saturating_sub(before);
    assert!(risen < 40 * 1024 * 1024, "{} MiB", risen / 1024 / 1024);
}
