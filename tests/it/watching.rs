//! Watching tasks from other replicas, over server-sent events, and from code.

use std::sync::Arc;

use portal_core::prelude::*;
use serde_json::{Value, json};

use crate::support::{Database, EventStream, Socket, TaskClient, TestServer, on_both};

on_both!(
    a_task_is_watched_from_code,
    a_task_that_does_not_exist_cannot_be_watched,
);

async fn setup(database: Database) -> (TestServer, TaskClient) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    (server, client)
}

fn one(client: &TaskClient, id: &str) -> String {
    format!("/api/tasks/{}/{id}/monitor", client.token)
}

fn all(client: &TaskClient) -> String {
    format!("/api/tasks/{}/monitor", client.token)
}

fn is_end(message: &Value) -> bool {
    message["data"]["active"] == false
}

async fn a_task_is_watched_from_code(database: Database) {
    let (server, client) = setup(database).await;
    let tasks = server.state.get::<Tasks>().expect("every portal has it");
    let id = client.start("steps").await;
    let mut updates = tasks
        .subscribe(id.parse().expect("an id"))
        .await
        .expect("it exists");
    let mut seen = Vec::new();
    while let Some(record) = updates.next().await {
        seen.push(record);
    }
    assert!(
        updates.next().await.is_none(),
        "nothing comes after the end"
    );
    let versions: Vec<_> = seen.iter().map(|record| record.version).collect();
    assert!(
        versions.windows(2).all(|pair| pair[0] < pair[1]),
        "{versions:?}"
    );
    let messages: Vec<_> = seen
        .iter()
        .filter_map(|record| record.message.as_deref())
        .collect();
    assert!(messages.contains(&"step 3"), "{messages:?}");
    let last = seen.last().expect("at least one");
    assert_eq!(last.result, Some(json!("done")));

    let mut late = tasks.subscribe(last.id).await.expect("it exists");
    assert_eq!(late.next().await.as_ref(), Some(&Arc::clone(last)));
    assert_eq!(late.next().await, None);
}

async fn a_task_that_does_not_exist_cannot_be_watched(database: Database) {
    let server = TestServer::start(database).await;
    let tasks = server.state.get::<Tasks>().expect("every portal has it");
    let refused = tasks.subscribe(uuid::Uuid::nil()).await;
    assert_eq!(refused.expect_err("it is unknown").code(), "task_not_found");
}

/// Two portals on one database.
async fn replicas() -> (TestServer, TestServer, TaskClient) {
    let first = TestServer::start(Database::Postgres).await;
    let second = first.replica().await;
    let client = TaskClient::of(&first.user().await).await;
    (first, second, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_on_one_replica_is_seen_on_the_other() {
    let (first, second, client) = replicas().await;
    // Each is watched on both: one of them does not run it.
    for _ in 0..4 {
        let mut everything = EventStream::open(&second.guest(), &all(&client)).await;
        let id = client.start("steps").await;
        let path = one(&client, &id);
        let (here, there, events) = tokio::join!(
            async { Socket::open(&first.url, &path).await.rest().await },
            async { Socket::open(&second.url, &path).await.rest().await },
            async { EventStream::open(&second.guest(), &path).await.rest().await },
        );
        for (messages, code) in [here, there] {
            assert_eq!(code, 1000);
            assert_steps(&messages);
        }
        assert_steps(&events);
        let last = everything.until(is_end).await;
        assert_eq!(last["data"]["task_id"], id.as_str());
    }
}

#[track_caller]
fn assert_steps(messages: &[Value]) {
    let data: Vec<_> = messages.iter().map(|message| &message["data"]).collect();
    let words: Vec<_> = data
        .iter()
        .filter_map(|task| task["message"].as_str())
        .collect();
    for step in ["step 2", "step 3", "step 4"] {
        assert!(words.contains(&step), "{words:?}");
    }
    let last = data.last().expect("at least one");
    assert_eq!(
        (&last["status"], &last["result"]),
        (&json!("COMPLETED"), &json!("done"))
    );
}
