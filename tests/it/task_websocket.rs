//! Monitoring tasks over a WebSocket.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Database, Socket, TaskClient, TestServer, on_both};

on_both!(
    monitor_sends_state_and_changes_then_closes_at_the_end,
    monitor_of_a_finished_task_sends_its_final_state,
    monitor_of_all_tasks_sends_active_and_new_tasks,
    monitor_of_a_group_sends_tasks_of_that_group_only,
    monitor_sends_tasks_of_its_client_only,
    invalid_monitor_requests_are_rejected_before_upgrade,
    monitor_rejects_foreign_origins,
    revoked_client_token_closes_its_monitors,
    monitor_closes_with_1001_when_the_portal_stops,
    slow_client_receives_the_latest_state,
    slow_client_receives_the_close_code_of_its_revoked_token,
    all_monitors_send_the_same_sequence_numbers,
    monitor_sends_the_end_of_a_cancelled_task,
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

#[track_caller]
fn assert_rising(messages: &[Value]) {
    let numbers: Vec<_> = messages.iter().map(|message| &message["seq"]).collect();
    let numbers: Vec<_> = numbers
        .iter()
        .map(|seq| seq.as_i64().expect("value is a number"))
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );
}

async fn monitor_sends_state_and_changes_then_closes_at_the_end(database: Database) {
    let (server, client) = setup(database).await;
    for path in [
        "/api/tasks/{token}/{id}/monitor",
        "/ws/probe/tasks/{token}/{id}",
    ] {
        let id = client.start("steps").await;
        let path = path.replace("{token}", &client.token).replace("{id}", &id);
        let (messages, code) = Socket::open(&server.url, &path).await.rest().await;
        assert_eq!(code, 1000);
        assert_rising(&messages);
        let members = |message: &Value| -> Vec<String> {
            let members = message.as_object().expect("value is an object").keys();
            let mut members: Vec<_> = members.cloned().collect();
            members.sort();
            members
        };
        assert!(
            messages
                .iter()
                .all(|message| members(message) == ["data", "seq", "type"])
        );
        let data: Vec<_> = messages.iter().map(|message| &message["data"]).collect();
        assert!(data.iter().all(|task| task["task_id"] == id.as_str()));
        let progress: Vec<_> = data.iter().map(|task| task["progress"].as_u64()).collect();
        assert!(progress.is_sorted(), "{progress:?}");
        let words: Vec<_> = data
            .iter()
            .filter_map(|task| task["message"].as_str())
            .collect();
        assert!(words.contains(&"step 3"), "{words:?}");
        let last = data.last().expect("the client received a message");
        assert_eq!(
            (&last["status"], &last["result"]),
            (&json!("COMPLETED"), &json!("done"))
        );
        assert_eq!(
            **last,
            client.status(&id).await,
            "the last message equals the status response"
        );
    }
}

async fn monitor_of_a_finished_task_sends_its_final_state(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("fails_task").await;
    let task = client.ended(&id).await;
    let (messages, code) = Socket::open(&server.url, &one(&client, &id))
        .await
        .rest()
        .await;
    assert_eq!((messages.len(), code), (1, 1000));
    assert_eq!(messages[0]["data"], task);
}

async fn monitor_of_all_tasks_sends_active_and_new_tasks(database: Database) {
    let (server, client) = setup(database).await;
    let ended = client.start("steps").await;
    client.ended(&ended).await;
    let running = client.start("waits").await;
    client.until(&running, "PROCESSING").await;

    let mut socket = Socket::open(&server.url, &all(&client)).await;
    let present = socket.update().await;
    assert_eq!(present["data"]["task_id"], running.as_str());
    assert_eq!(present["data"]["status"], "PROCESSING");
    let new = client.start("steps").await;
    let mut seen = HashMap::<String, Vec<Value>>::new();
    let is_end = |message: &Value| {
        message["data"]["task_id"] == new.as_str() && message["data"]["active"] == false
    };
    loop {
        let message = socket.update().await;
        let id = message["data"]["task_id"]
            .as_str()
            .expect("response has an id");
        seen.entry(id.to_owned()).or_default().push(message.clone());
        if is_end(&message) {
            break;
        }
    }
    assert!(!seen.contains_key(&ended));
    assert_rising(&seen[&new]);

    client.cancel(&running).await;
    let last = socket
        .until(|message| message["data"]["active"] == false)
        .await;
    assert_eq!(last["data"]["task_id"], running.as_str());
    // This monitor stays open after a task has finished.
    let next = client.start("steps").await;
    socket
        .until(|message| message["data"]["task_id"] == next.as_str())
        .await;
    socket.leave().await;
}

async fn monitor_of_a_group_sends_tasks_of_that_group_only(database: Database) {
    let (server, client) = setup(database).await;
    let path = format!("/ws/other/tasks/{}", client.token);
    let mut socket = Socket::open(&server.url, &path).await;
    let hidden = client.start("steps").await;
    client.ended(&hidden).await;
    let shown = client.start_in("other", "other", &json!({})).await;
    loop {
        let message = socket.update().await;
        assert_eq!(message["data"]["task_id"], shown.as_str());
        if message["data"]["active"] == false {
            break;
        }
    }
    let path = format!("/ws/other/tasks/{}/{hidden}", client.token);
    let refusal = Socket::ask(&server.url, &path, None).await.err();
    let refusal = refusal.expect("the task belongs to another group");
    assert_eq!(
        (refusal.status, &refusal.problem["code"]),
        (404, &json!("task_not_found"))
    );
}

async fn monitor_sends_tasks_of_its_client_only(database: Database) {
    let (server, client) = setup(database).await;
    let other = TaskClient::of(&server.user().await).await;
    let mut socket = Socket::open(&server.url, &all(&client)).await;
    let theirs = other.start("steps").await;
    other.ended(&theirs).await;
    let mine = client.start("steps").await;
    assert_eq!(socket.update().await["data"]["task_id"], mine.as_str());
    let refusal = Socket::ask(&server.url, &one(&client, &theirs), None).await;
    assert_eq!(refusal.err().map(|refusal| refusal.status), Some(404));
}

async fn invalid_monitor_requests_are_rejected_before_upgrade(database: Database) {
    let (server, client) = setup(database).await;
    let (mine, nobody) = (
        client.token.as_str(),
        "00000000-0000-4000-8000-000000000000",
    );
    for (path, code) in [
        (
            format!("/api/tasks/{nobody}/monitor"),
            "client_token_unknown",
        ),
        (
            "/api/tasks/nonsense/monitor".to_owned(),
            "client_token_unknown",
        ),
        (
            format!("/ws/nonsense/tasks/{nobody}"),
            "client_token_unknown",
        ),
        (format!("/ws/nonsense/tasks/{mine}"), "state_unknown"),
        (
            format!("/ws/nonsense/tasks/{mine}/{nobody}"),
            "state_unknown",
        ),
        (format!("/ws/probe/tasks/{mine}/{nobody}"), "task_not_found"),
        (
            format!("/api/tasks/{mine}/{nobody}/monitor"),
            "task_not_found",
        ),
        (
            format!("/api/tasks/{mine}/nonsense/monitor"),
            "task_not_found",
        ),
    ] {
        let refusal = Socket::ask(&server.url, &path, None).await.err();
        let refusal = refusal.unwrap_or_else(|| panic!("{path} is not rejected"));
        assert_eq!(
            (refusal.status, &refusal.problem["code"]),
            (404, &json!(code)),
            "{path}"
        );
    }
}

async fn monitor_rejects_foreign_origins(database: Database) {
    let (server, client) = setup(database).await;
    let path = all(&client);
    for foreign in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let refusal = Socket::ask(&server.url, &path, Some(foreign)).await.err();
        let refusal = refusal.unwrap_or_else(|| panic!("{foreign} is not rejected"));
        assert_eq!(refusal.status, 403, "{foreign}");
    }
    let own = Socket::ask(&server.url, &path, Some(&server.url)).await;
    let own =
        own.unwrap_or_else(|refusal| panic!("the portal's own pages are rejected: {refusal:?}"));
    own.leave().await;
    Socket::open(&server.url, &path).await.leave().await;
}

async fn revoked_client_token_closes_its_monitors(database: Database) {
    let (server, client) = setup(database).await;
    let user = server.user().await;
    let other = TaskClient::of(&user).await;
    let id = client.start("waits").await;
    let mut sockets = vec![
        Socket::open(&server.url, &all(&client)).await,
        Socket::open(&server.url, &one(&client, &id)).await,
        Socket::open(&server.url, &format!("/ws/probe/tasks/{}", client.token)).await,
    ];
    let mut untouched = Socket::open(&server.url, &all(&other)).await;
    for socket in &mut sockets {
        socket.update().await;
    }
    let path = format!("/api/client-tokens/{}", client.token);
    assert_eq!(user.delete(&path).await.status, 204);
    for socket in sockets {
        assert_eq!(socket.rest().await.1, 4401);
    }
    let theirs = other.start("steps").await;
    let message = untouched.update().await;
    assert_eq!(message["data"]["task_id"], theirs.as_str());
}

async fn monitor_closes_with_1001_when_the_portal_stops(database: Database) {
    let (mut server, client) = setup(database).await;
    let id = client.start("steps").await;
    client.ended(&id).await;
    let socket = Socket::open(&server.url, &all(&client)).await;
    let (closed, ()) = tokio::join!(socket.rest(), server.stop());
    assert_eq!(closed.1, 1001);
}

async fn slow_client_receives_the_latest_state(database: Database) {
    let (server, client) = setup(database).await;
    let mut lazy = Socket::open(&server.url, &all(&client)).await;
    let id = client.start("floods").await;
    let task = client.ended(&id).await;
    assert_eq!(task["result"], 20_000);
    let mut messages = Vec::new();
    loop {
        let message = lazy.update().await;
        let is_end = message["data"]["active"] == false;
        messages.push(message);
        if is_end {
            break;
        }
    }
    assert_rising(&messages);
    assert!(
        messages.len() < 15_000,
        "{} of 20,000 steps were buffered for a client that did not read",
        messages.len()
    );
    assert_eq!(messages.last().map(|last| &last["data"]), Some(&task));
}

async fn slow_client_receives_the_close_code_of_its_revoked_token(database: Database) {
    let (server, client) = setup(database).await;
    let user = server.user().await;
    let lazy = Socket::open(&server.url, &all(&client)).await;
    let id = client.start("floods").await;
    client.ended(&id).await;
    let path = format!("/api/client-tokens/{}", client.token);
    assert_eq!(user.delete(&path).await.status, 204);
    assert_eq!(lazy.rest().await.1, 4401);
}

async fn all_monitors_send_the_same_sequence_numbers(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("steps").await;
    let path = one(&client, &id);
    let (first, second) = tokio::join!(
        async { Socket::open(&server.url, &path).await.rest().await.0 },
        async { Socket::open(&server.url, &path).await.rest().await.0 },
    );
    let by_number = |messages: Vec<Value>| -> HashMap<i64, Value> {
        let pairs = messages
            .into_iter()
            .map(|message| (message["seq"].as_i64().expect("value is a number"), message));
        pairs.collect()
    };
    let (first, second) = (by_number(first), by_number(second));
    let shared: Vec<_> = first
        .keys()
        .filter(|seq| second.contains_key(seq))
        .collect();
    assert!(shared.len() > 3, "{shared:?}");
    for seq in shared {
        assert_eq!(first[seq], second[seq]);
    }
}

async fn monitor_sends_the_end_of_a_cancelled_task(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("waits").await;
    client.until(&id, "PROCESSING").await;
    let socket = Socket::open(&server.url, &one(&client, &id)).await;
    client.cancel(&id).await;
    let (messages, code) = socket.rest().await;
    assert_eq!(code, 1000);
    let last = &messages.last().expect("the client received a message")["data"];
    assert_eq!(
        (&last["status"], &last["code"]),
        (&json!("ERROR"), &json!("cancelled"))
    );
}
