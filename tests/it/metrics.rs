//! `GET /metrics`: counters, gauges and their labels.

use portal_core::Store;
use serde_json::json;

use crate::app;
use crate::support::{Client, Database, TaskClient, TestServer, eventually, on_both};

on_both!(
    metrics_count_task_events,
    waiting_task_is_counted_as_queued,
    labels_contain_no_external_values,
    metrics_can_be_disabled,
    scrape_succeeds_while_the_database_is_unavailable,
);

async fn scrape(client: &Client) -> String {
    let response = client.get("/metrics").await;
    assert_eq!(response.status, 200, "{}", response.text);
    assert!(
        response
            .header("content-type")
            .starts_with("text/plain; version=0.0.4"),
        "{}",
        response.header("content-type")
    );
    response.text
}

/// Returns the value of a series, or `None` if it is missing. Labels may be in any order.
fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    text.lines().find_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (found, rest) = series.split_once('{')?;
        let given: Vec<_> = rest.trim_end_matches('}').split(',').collect();
        let has = |(label, value): &(&str, &str)| {
            given.contains(&format!("{label}=\"{value}\"").as_str())
        };
        (found == name && labels.iter().all(has))
            .then(|| value.parse().expect("the line ends with a number"))
    })
}

/// Waits until a series has a value; a task's result is visible before the task is counted.
async fn until(client: &Client, name: &str, labels: &[(&str, &str)], expected: f64) {
    eventually(&format!("{name} {labels:?} is {expected}"), async || {
        let text = scrape(client).await;
        (value(&text, name, labels) == Some(expected)).then_some(())
    })
    .await;
}

async fn metrics_count_task_events(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let guest = server.guest();
    let kind = |name: &'static str| [("state", "probe"), ("name", name)];
    let text = scrape(&guest).await;
    for series in ["portal_tasks_started_total", "portal_tasks_running"] {
        assert_eq!(value(&text, series, &kind("echo")), Some(0.0), "{series}");
    }

    for age in 1..=2 {
        let args = json!({"name": "bob", "age": age});
        client
            .ended(&client.start_in("probe", "echo", &args).await)
            .await;
    }
    client.ended(&client.start("fails_task").await).await;
    client.ended(&client.start("panics_task").await).await;
    client.ended(&client.start("slow").await).await;
    let waits = client.start("waits").await;
    client.until(&waits, "PROCESSING").await;

    until(&guest, "portal_tasks_started_total", &kind("echo"), 2.0).await;
    let finished = "portal_tasks_finished_total";
    let done = [
        ("state", "probe"),
        ("name", "echo"),
        ("outcome", "completed"),
    ];
    until(&guest, finished, &done, 2.0).await;
    for (name, code) in [
        // Error codes defined by the application share one label.
        ("fails_task", "task_failed"),
        ("panics_task", "internal"),
        ("slow", "timeout"),
    ] {
        let labels = [
            ("state", "probe"),
            ("name", name),
            ("outcome", "error"),
            ("code", code),
        ];
        until(&guest, finished, &labels, 1.0).await;
    }
    until(&guest, "portal_tasks_running", &kind("waits"), 1.0).await;
    until(
        &guest,
        "portal_tasks_wait_seconds_count",
        &kind("echo"),
        2.0,
    )
    .await;
    until(&guest, "portal_tasks_run_seconds_count", &kind("echo"), 2.0).await;
    let text = scrape(&guest).await;
    let run_time = value(&text, "portal_tasks_run_seconds_sum", &kind("slow"));
    assert!(
        run_time >= Some(0.1),
        "{run_time:?}: the task times out after 100 ms"
    );
    let run_time = value(&text, "portal_tasks_run_seconds_count", &kind("waits"));
    assert_eq!(run_time, Some(0.0), "the task is still running");

    client.cancel(&waits).await;
    client.ended(&waits).await;
    until(&guest, "portal_tasks_running", &kind("waits"), 0.0).await;
    let labels = [
        ("name", "waits"),
        ("outcome", "error"),
        ("code", "cancelled"),
    ];
    until(&guest, finished, &labels, 1.0).await;
    assert!(scrape(&guest).await.ends_with("# EOF\n"));
}

async fn waiting_task_is_counted_as_queued(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let args = json!({"name": "bob", "age": 6});
    client
        .ended(&client.start_in("probe", "echo", &args).await)
        .await;
    let changed = server
        .sql(
            "UPDATE portal_tasks SET status = 'PENDING', run_at = '2099-01-01T00:00:00+00:00'"
                .to_owned(),
        )
        .await;
    assert_eq!(changed, 1);
    let text = scrape(&server.guest()).await;
    for (name, queued) in [("echo", 1.0), ("waits", 0.0)] {
        let labels = [("state", "probe"), ("name", name)];
        assert_eq!(value(&text, "portal_tasks_queued", &labels), Some(queued));
        let lag = value(&text, "portal_tasks_oldest_due_seconds", &labels);
        assert_eq!(lag, Some(0.0), "the task is not due yet");
    }
}

async fn scrape_succeeds_while_the_database_is_unavailable(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    client.ended(&client.start("fails_task").await).await;
    let store = server.state.get::<Store>().expect("the service exists");
    store.close().await;
    let text = scrape(&server.guest()).await;
    let labels = [("state", "probe"), ("name", "fails_task")];
    let started = value(&text, "portal_tasks_started_total", &labels);
    assert_eq!(started, Some(1.0), "in-process counters are reported");
    assert_eq!(value(&text, "portal_tasks_queued", &labels), None);
    assert_eq!(
        value(&text, "portal_tasks_oldest_due_seconds", &labels),
        None
    );
}

async fn labels_contain_no_external_values(database: Database) {
    let server = TestServer::start(database).await;
    let client = TaskClient::of(&server.user().await).await;
    client.ended(&client.start("fails_task").await).await;
    server
        .sql("UPDATE portal_tasks SET status = 'PENDING', name = 'of_another_program'".to_owned())
        .await;
    let asked = client.ask("probe", "no_such_task", &json!({})).await;
    asked.problem(404, "task_unknown");
    let text = scrape(&server.guest()).await;
    for word in ["of_another_program", "no_such_task", "never_works"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

async fn metrics_can_be_disabled(database: Database) {
    let server =
        TestServer::start_with(database, &[], |portal| app::build(portal).metrics(false)).await;
    assert_eq!(server.guest().get("/metrics").await.status, 404);
}
