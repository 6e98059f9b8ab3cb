//! Task lists and idempotent starts.

use serde_json::{Value, json};

use crate::support::{Database, TaskClient, TestServer, on_both};

on_both!(
    list_shows_newest_tasks_first,
    list_is_paginated,
    limit_out_of_range_is_an_error,
    list_shows_only_its_group,
    repeated_start_creates_one_task,
    concurrent_starts_with_one_key_create_one_task,
    idempotency_key_belongs_to_one_client,
    key_reused_for_another_start_is_a_conflict,
    invalid_idempotency_key_is_rejected,
);

async fn setup(database: Database) -> (TestServer, TaskClient) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    (server, client)
}

/// Returns the task ids in a list, in the order in which they appear in the text.
fn ids(list: &str) -> Vec<String> {
    list.split("\"task_id\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect()
}

async fn list_shows_newest_tasks_first(database: Database) {
    let (_server, client) = setup(database).await;
    let mut started = Vec::new();
    for _ in 0..4 {
        started.push(client.start("steps").await);
    }
    started.reverse();
    for path in ["status", ""] {
        let path = client.path("probe", path);
        let response = client.http.get(path.trim_end_matches('/')).await;
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(ids(&response.text), started);
        let list = response.json();
        assert_eq!(list.get("next_cursor"), None);
        for id in &started {
            assert_eq!(list["all_tasks"][id]["task_id"], id.as_str());
        }
    }
}

async fn list_is_paginated(database: Database) {
    let (_server, client) = setup(database).await;
    let mut started = Vec::new();
    for _ in 0..5 {
        started.push(client.start("steps").await);
    }
    started.reverse();
    let mut seen = Vec::new();
    let mut path = "status?limit=2".to_owned();
    loop {
        let response = client.get("probe", &path).await;
        let page = ids(&response.text);
        assert!(page.len() <= 2);
        seen.extend(page);
        // Tasks that are started between two page requests do not shift the pages.
        client.start("steps").await;
        match &response.json()["next_cursor"] {
            Value::String(cursor) => path = format!("status?limit=2&cursor={cursor}"),
            Value::Null => break,
            other => panic!("{other} is not a cursor"),
        }
    }
    assert_eq!(seen, started);
}

async fn limit_out_of_range_is_an_error(database: Database) {
    let (_server, client) = setup(database).await;
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=ten", "/limit"),
        ("cursor=nonsense", "/cursor"),
    ] {
        let response = client.get("probe", &format!("status?{query}")).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    for query in ["limit=1", "limit=1000"] {
        let response = client.get("probe", &format!("status?{query}")).await;
        assert_eq!(response.status, 200);
    }
}

async fn list_shows_only_its_group(database: Database) {
    let (_server, client) = setup(database).await;
    let probe = client.start("steps").await;
    let other = client.start_in("other", "other", &json!({})).await;
    assert_eq!(ids(&client.get("probe", "status").await.text), [probe]);
    assert_eq!(ids(&client.get("other", "status").await.text), [other]);
}

async fn repeated_start_creates_one_task(database: Database) {
    let (_server, client) = setup(database).await;
    let body = json!({"name": "bob", "age": 6});
    let first = client.ask_once("key-1", "probe", "echo", &body).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let id = first.json()["task_id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    client.ended(&id).await;
    let same = json!({"age": 6, "name": "bob"});
    let second = client.ask_once("key-1", "probe", "echo", &same).await;
    assert_eq!(second.status, 202, "{}", second.text);
    assert_eq!(second.json(), first.json());
    assert_eq!(second.location(), first.location());
    assert_eq!(ids(&client.get("probe", "status").await.text), [id]);
}

async fn concurrent_starts_with_one_key_create_one_task(database: Database) {
    let (_server, client) = setup(database).await;
    let asked = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.ask_once("k", "probe", "steps", &json!({})).await })
    });
    let mut responses = Vec::new();
    for response in asked.collect::<Vec<_>>() {
        let response = response.await.expect("the task does not panic");
        assert_eq!(response.status, 202, "{}", response.text);
        responses.push(response.json()["task_id"].clone());
    }
    responses.dedup();
    assert_eq!(responses.len(), 1, "{responses:?}");
    assert_eq!(ids(&client.get("probe", "status").await.text).len(), 1);
}

async fn idempotency_key_belongs_to_one_client(database: Database) {
    let (server, client) = setup(database).await;
    let other = TaskClient::of(&server.user().await).await;
    let body = json!({});
    let mine = client.ask_once("k", "probe", "steps", &body).await.json();
    let theirs = other.ask_once("k", "probe", "steps", &body).await.json();
    assert_ne!(mine, theirs);
}

async fn key_reused_for_another_start_is_a_conflict(database: Database) {
    let (_server, client) = setup(database).await;
    let bob = json!({"name": "bob", "age": 6});
    let first = client.ask_once("k", "probe", "echo", &bob).await;
    assert_eq!(first.status, 202);
    for (task, body) in [("echo", json!({"name": "bob", "age": 7})), ("steps", bob)] {
        let response = client.ask_once("k", "probe", task, &body).await;
        response.problem(409, "idempotency_key_reused");
    }
    assert_eq!(ids(&client.get("probe", "status").await.text).len(), 1);
}

async fn invalid_idempotency_key_is_rejected(database: Database) {
    let (_server, client) = setup(database).await;
    for key in ["", &"x".repeat(256)] {
        let response = client.ask_once(key, "probe", "steps", &json!({})).await;
        response.problem(400, "invalid_idempotency_key");
    }
}
