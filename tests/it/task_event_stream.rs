//! Monitoring tasks from other replicas, over server-sent events, and from code.

use std::sync::Arc;

use portal_core::prelude::*;
use serde_json::{Value, json};

use crate::support::{Database, EventStream, Socket, TaskClient, TestServer, on_both};

on_both!(
    task_is_monitored_from_code,
    unknown_task_cannot_be_monitored,
    task_stream_shows_every_change_until_the_task_finishes,
    resumed_stream_shows_tasks_finished_while_disconnected,
    stream_ends_when_its_token_is_deleted_or_the_portal_stops,
    stream_is_rejected_like_a_socket,
    history_has_updates_log_lines_and_statuses,
    history_is_bounded_and_marked_as_truncated,
    history_is_visible_only_to_its_client,
    history_separates_attempts,
);

async fn setup(database: Database) -> (TestServer, TaskClient) {
    keep_task_logs();
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

async fn task_is_monitored_from_code(database: Database) {
    let (server, client) = setup(database).await;
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let id = client.start("steps").await;
    let mut updates = tasks
        .subscribe(id.parse().expect("id is a UUID"))
        .await
        .expect("task exists");
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
    let last = seen.last().expect("the client received a message");
    assert_eq!(last.result, Some(json!("done")));

    let mut late = tasks.subscribe(last.id).await.expect("task exists");
    assert_eq!(late.next().await.as_ref(), Some(&Arc::clone(last)));
    assert_eq!(late.next().await, None);
}

async fn unknown_task_cannot_be_monitored(database: Database) {
    let server = TestServer::start(database).await;
    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let refused = tasks.subscribe(uuid::Uuid::nil()).await;
    assert_eq!(
        refused.expect_err("the task is unknown").code(),
        "task_not_found"
    );
}

/// Starts two portals on one database.
async fn replicas() -> (TestServer, TestServer, TaskClient) {
    let first = TestServer::start(Database::Postgres).await;
    let second = first.replica().await;
    let client = TaskClient::of(&first.user().await).await;
    (first, second, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_is_visible_on_another_replica() {
    let (first, second, client) = replicas().await;
    // Each task is monitored on both replicas, but runs on only one of them.
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
    let last = data.last().expect("the client received a message");
    assert_eq!(
        (&last["status"], &last["result"]),
        (&json!("COMPLETED"), &json!("done"))
    );
}

async fn task_stream_shows_every_change_until_the_task_finishes(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("steps").await;
    for path in [
        one(&client, &id),
        format!("/ws/probe/tasks/{}/{id}", client.token),
    ] {
        let mut events = EventStream::open(&server.guest(), &path).await;
        let mut messages = Vec::new();
        while let Some(message) = events.next().await {
            messages.push(message);
        }
        assert!(events.retry.is_some(), "the stream sends a retry delay");
        let last = messages.last().expect("the client received a message");
        assert_eq!(last["data"], client.ended(&id).await);
        assert_rising(&messages);

        // A browser reconnects whenever a stream ends, until it receives a 204 response.
        let last_id = [("last-event-id", events.last_id.as_str())];
        let again = EventStream::ask(&server.guest(), &path, &last_id).await;
        assert_eq!(
            again.err().map(|response| response.status.as_u16()),
            Some(204)
        );
    }
}

async fn resumed_stream_shows_tasks_finished_while_disconnected(database: Database) {
    let (server, client) = setup(database).await;
    let guest = server.guest();
    let seen = client.start("steps").await;
    let mut events = EventStream::open(&guest, &one(&client, &seen)).await;
    let first = events
        .next()
        .await
        .expect("the stream sends the current state");
    assert_eq!(first["data"]["active"], true);
    let cursor_of_one = events.last_id.clone();
    drop(events);

    // A stream that has sent no changes also has a cursor from which to resume.
    let mut quiet = EventStream::open(&guest, &all(&client)).await;
    quiet
        .until(|message| message["data"]["active"] == true)
        .await;
    let cursor_of_all = quiet.last_id.clone();
    drop(quiet);
    let unseen = client.start("fails_task").await;
    for id in [&seen, &unseen] {
        client.ended(id).await;
    }

    let mut resumed = EventStream::resume(&guest, &one(&client, &seen), &cursor_of_one).await;
    let last = resumed.until(is_end).await;
    assert_eq!(last["data"], client.status(&seen).await);
    assert!(resumed.next().await.is_none());

    let mut resumed = EventStream::resume(&guest, &all(&client), &cursor_of_all).await;
    let mut ended = Vec::new();
    while ended.len() < 2 {
        let message = resumed.until(is_end).await;
        ended.push(
            message["data"]["task_id"]
                .as_str()
                .expect("response has an id")
                .to_owned(),
        );
    }
    ended.sort();
    let mut expected = [seen, unseen];
    expected.sort();
    assert_eq!(ended, expected);

    // An invalid cursor is ignored: the stream starts with the current state, which contains no
    // finished tasks.
    for garbage in ["", "nonsense", "1-2-3", "ffffffffffffffffffff-1"] {
        let mut events = EventStream::resume(&guest, &all(&client), garbage).await;
        let new = client.start("steps").await;
        let message = events.next().await.expect("an event arrives");
        assert_eq!(message["data"]["task_id"], new.as_str(), "{garbage:?}");
        client.ended(&new).await;
    }
}

async fn stream_ends_when_its_token_is_deleted_or_the_portal_stops(database: Database) {
    let (mut server, client) = setup(database).await;
    let user = server.user().await;
    let id = client.start("waits").await;
    let guest = server.guest();
    let streams = [
        EventStream::open(&guest, &one(&client, &id)).await,
        EventStream::open(&guest, &all(&client)).await,
    ];
    let other = TaskClient::of(&user).await;
    let untouched = EventStream::open(&guest, &all(&other)).await;
    let path = format!("/api/client-tokens/{}", client.token);
    assert_eq!(user.delete(&path).await.status, 204);
    for stream in streams {
        let messages = stream.rest().await;
        assert!(!messages.iter().any(is_end), "{messages:?}");
    }
    let (rest, ()) = tokio::join!(untouched.rest(), server.stop());
    assert_eq!(rest, [] as [Value; 0]);
}

async fn stream_is_rejected_like_a_socket(database: Database) {
    let (server, client) = setup(database).await;
    let (guest, nobody) = (server.guest(), uuid::Uuid::nil());
    for (path, code) in [
        (
            format!("/api/tasks/{nobody}/monitor"),
            "client_token_unknown",
        ),
        (
            format!("/ws/nonsense/tasks/{}", client.token),
            "state_unknown",
        ),
        (one(&client, &nobody.to_string()), "task_not_found"),
    ] {
        let refused = EventStream::ask(&guest, &path, &[]).await;
        refused
            .err()
            .expect("the request is rejected")
            .problem(404, code);
    }
    for foreign in ["https://evil.example", "null"] {
        let refused = EventStream::ask(&guest, &all(&client), &[("origin", foreign)]).await;
        refused
            .err()
            .expect("the request is rejected")
            .problem(403, "foreign_origin");
    }
    let own = EventStream::ask(&guest, &all(&client), &[("origin", &server.url)]).await;
    assert!(own.is_ok(), "the portal's own pages are allowed");
    let response = guest.get(&all(&client)).await;
    response.problem(426, "websocket_required");
}

async fn history_has_updates_log_lines_and_statuses(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("talks").await;
    client.ended(&id).await;
    let response = client.get("probe", &format!("history/{id}")).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let history = response.json();
    assert_eq!(history["task_id"], id.as_str());
    assert_eq!(history["truncated"], false);
    let events = history["events"].as_array().expect("value is a list");
    let times: Vec<_> = events
        .iter()
        .map(|event| event["at"].as_str().expect("value is a time"))
        .map(|text| {
            chrono::DateTime::parse_from_rfc3339(text).expect("the time is in RFC 3339 format")
        })
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let of = |kind: &str| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["kind"] == kind)
            .collect()
    };
    let statuses: Vec<_> = of("status")
        .iter()
        .map(|event| (event["attempt"].as_u64(), event["status"].as_str()))
        .collect();
    assert_eq!(
        statuses,
        [
            (Some(0), Some("PENDING")),
            (Some(1), Some("PROCESSING")),
            (Some(1), Some("ERROR")),
        ]
    );
    let updates = of("update");
    let messages: Vec<_> = updates.iter().map(|event| &event["message"]).collect();
    assert_eq!(messages, ["first", "last"]);
    assert_eq!(
        updates[1]["progress"], 90,
        "including updates just before the end"
    );
    let lines = of("log");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        (
            &lines[0]["level"],
            &lines[0]["message"],
            &lines[0]["fields"]
        ),
        (
            &json!("INFO"),
            &json!("hello from inside"),
            &json!({"count": 42})
        )
    );
    assert!(
        lines[0]["target"]
            .as_str()
            .is_some_and(|target| target.ends_with("app"))
    );
    assert_eq!(lines[1]["level"], "WARN");
    assert!(!response.text.contains("too small to keep"));

    let tasks = server.state.get::<Tasks>().expect("the service exists");
    let same = tasks
        .history(id.parse().expect("id is a UUID"))
        .await
        .expect("the database responds");
    assert_eq!(
        serde_json::to_value(same).expect("the value can be serialized"),
        history
    );
    assert_eq!(tasks.history(uuid::Uuid::nil()).await.ok(), Some(None));
}

async fn history_is_bounded_and_marked_as_truncated(database: Database) {
    let (_server, client) = setup(database).await;
    let id = client.start("babbles").await;
    client.ended(&id).await;
    let history = client.get("probe", &format!("history/{id}")).await.json();
    assert_eq!(history["truncated"], true);
    let events = history["events"].as_array().expect("value is a list");
    let lines: Vec<_> = events
        .iter()
        .filter(|event| event["kind"] == "log")
        .collect();
    assert!(lines.len() <= 1000, "{}", lines.len());
    let last = lines.last().expect("the log has lines");
    assert_eq!(last["message"], "line 4999");
    let long = events.iter().all(|event| event.to_string().len() < 6000);
    assert!(long, "long lines are truncated");
}

async fn history_is_visible_only_to_its_client(database: Database) {
    let (server, client) = setup(database).await;
    let other = TaskClient::of(&server.user().await).await;
    let id = client.start("talks").await;
    client.ended(&id).await;
    let theirs = other.get("probe", &format!("history/{id}")).await;
    theirs.problem(404, "task_not_found");
    let wrong = client.get("other", &format!("history/{id}")).await;
    wrong.problem(404, "task_not_found");
}

async fn history_separates_attempts(database: Database) {
    let (server, client) = setup(database).await;
    let id = client.start("second_attempt").await;
    client.until(&id, "PROCESSING").await;
    let server = server.start_again().await;
    let client = TaskClient {
        http: server.guest(),
        token: client.token,
    };
    let task = client.ended(&id).await;
    assert_eq!(task["attempt"], 2);
    let history = client.get("probe", &format!("history/{id}")).await.json();
    let events = history["events"]
        .as_array()
        .expect("value is a list")
        .iter();
    let statuses: Vec<_> = events
        .filter(|event| event["kind"] == "status")
        .map(|event| (event["attempt"].as_u64(), event["status"].as_str()))
        .collect();
    assert_eq!(
        statuses,
        [
            (Some(0), Some("PENDING")),
            (Some(1), Some("PROCESSING")),
            (Some(1), Some("PENDING")),
            (Some(2), Some("PROCESSING")),
            (Some(2), Some("COMPLETED")),
        ]
    );
}

/// Installs the same log layer as `run()`, once for all tests in this process.
fn keep_task_logs() {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::prelude::*;
    let _ = tracing_subscriber::registry()
        .with(portal_core::telemetry::task_logs(LevelFilter::INFO))
        .try_init();
}

#[track_caller]
fn assert_rising(messages: &[Value]) {
    let numbers: Vec<_> = messages
        .iter()
        .map(|message| message["seq"].as_i64())
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missed_events_are_read_after_reconnecting() {
    let (first, second, client) = replicas().await;
    let user = first.user().await;
    let other = TaskClient::of(&user).await;
    let id = client.start("waits").await;
    client.until(&id, "PROCESSING").await;
    let mut sockets = Vec::new();
    for server in [&first, &second] {
        sockets.push(Socket::open(&server.url, &one(&client, &id)).await);
        sockets.push(Socket::open(&server.url, &all(&client)).await);
    }
    let withdrawn = Socket::open(&second.url, &all(&other)).await;
    let deaf = first
        .sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND query ILIKE 'LISTEN%'"
                .to_owned(),
        )
        .await;
    assert_eq!(deaf, 2, "both replicas were listening");
    let path = format!("/api/client-tokens/{}", other.token);
    assert_eq!(user.delete(&path).await.status, 204);
    assert_eq!(client.cancel(&id).await.status, 202);
    for mut socket in sockets {
        let end = socket.until(is_end).await;
        assert_eq!(end["data"]["code"], "cancelled");
    }
    assert_eq!(withdrawn.rest().await.1, 4401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitors_survive_a_database_outage() {
    let (server, client) = setup(Database::Postgres).await;
    let id = client.start("counts").await;
    client.until(&id, "PROCESSING").await;
    let mut socket = Socket::open(&server.url, &one(&client, &id)).await;
    let mut events = EventStream::open(&server.guest(), &all(&client)).await;
    let count = |message: &Value| -> u64 {
        let text = message["data"]["message"].as_str();
        text.map_or(0, |text| text.parse().expect("value is a number"))
    };
    server.cut_off(true).await;
    let response = client.get("probe", &format!("status/{id}")).await;
    assert!(response.status.is_server_error(), "{response:?}");
    let at_least = count(&socket.update().await) + 50;
    socket.until(|message| count(message) > at_least).await;
    events.until(|message| count(message) > at_least).await;
    server.cut_off(false).await;
    crate::support::eventually("the task can be cancelled", async || {
        (client.cancel(&id).await.status == 202).then_some(())
    })
    .await;
    let end = socket.until(is_end).await;
    assert_eq!(end["data"]["code"], "cancelled");
    events.until(is_end).await;
}
