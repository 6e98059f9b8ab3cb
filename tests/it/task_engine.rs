//! Task execution: retries, delays, limits, uniqueness and transactions.

use std::time::Duration;

use garde::Validate;
use portal_core::prelude::*;
use portal_core::store::{Executor, Store};
use portal_core::tasks::{TaskHandle, TaskStatus};
use portal_core::{TaskSettings, Tasks};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Connection;

use crate::app;
use crate::support::{Database, TaskClient, TestServer, eventually, on_both};

on_both!(
    failed_attempt_is_retried_until_success,
    last_failure_becomes_the_error_of_the_task,
    permanent_error_is_not_retried,
    panic_and_timeout_are_retried,
    task_continues_from_its_checkpoint,
    checkpoint_survives_a_restart,
    delayed_task_waits,
    higher_priority_starts_first,
    task_type_respects_its_concurrency,
    all_task_types_respect_the_global_concurrency,
    only_one_instance_of_a_unique_task_is_active,
    oversized_result_is_an_error,
    blocking_work_returns_its_value_or_reports_a_panic,
    task_is_stored_only_if_its_transaction_commits,
    task_is_stored_only_if_an_sqlx_transaction_commits,
    incompatible_stored_arguments_fail_the_task,
    task_of_an_unregistered_type_is_skipped,
);

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema, Validate)]
struct Number {
    #[garde(skip)]
    number: u32,
}

/// Succeeds on the third attempt
#[monitored_background_task(group = "engine", retries = 4, backoff = "1ms")]
async fn third_time(task: TaskContext) -> Result<u32, TaskError> {
    match task.attempt() {
        3 => Ok(3),
        attempt => Err(TaskError::retryable(format!("attempt {attempt}"))),
    }
}

/// Always fails
#[monitored_background_task(group = "engine", retries = 1, backoff = "1ms")]
async fn never(task: TaskContext) -> Result<(), TaskError> {
    Err(TaskError::new(format!("attempt {}", task.attempt())).with_code("no_luck"))
}

/// Fails permanently
#[monitored_background_task(group = "engine", retries = 5, backoff = "1ms")]
async fn hopeless(_task: TaskContext) -> Result<(), TaskError> {
    Err(TaskError::permanent("there is no such address"))
}

/// Panics, times out, then succeeds
#[monitored_background_task(group = "engine", retries = 2, backoff = "1ms", timeout = "100ms")]
async fn clumsy(task: TaskContext) -> Result<u32, TaskError> {
    match task.attempt() {
        1 => panic!("the first time"),
        2 => std::future::pending().await,
        attempt => Ok(attempt),
    }
}

/// Counts from its checkpoint
#[monitored_background_task(group = "engine", retries = 5, backoff = "1ms")]
async fn resumes(task: TaskContext) -> Result<Vec<u32>, TaskError> {
    let mut seen: Vec<u32> = task.restore()?.unwrap_or_default();
    seen.push(task.attempt());
    task.checkpoint(&seen).await?;
    if seen.len() < 3 {
        return Err(TaskError::new("not yet"));
    }
    Ok(seen)
}

/// Waits on its first attempt
#[monitored_background_task(group = "engine")]
async fn resumes_after_stop(task: TaskContext) -> Result<String, TaskError> {
    if let Some(left) = task.restore::<String>()? {
        return Ok(left);
    }
    task.checkpoint(&"half-way").await?;
    task.update().progress(50).await?;
    std::future::pending().await
}

/// Returns its argument
#[monitored_background_task(group = "engine")]
async fn number(_task: TaskContext, task_args: Number) -> u32 {
    task_args.number
}

/// One at a time
#[monitored_background_task(group = "engine", concurrency = 1)]
async fn one_at_a_time(task: TaskContext) -> Result<(), TaskError> {
    task.cancelled().await;
    Ok(())
}

/// Once for each number
#[monitored_background_task(group = "engine", unique)]
async fn unique_number(task: TaskContext, task_args: Number) -> Result<u32, TaskError> {
    task.cancelled().await;
    Ok(task_args.number)
}

/// Returns too much
#[monitored_background_task(group = "engine")]
async fn too_much(_task: TaskContext) -> String {
    "x".repeat(5000)
}

/// Blocks
#[monitored_background_task(group = "engine")]
async fn blocks(task: TaskContext, task_args: Number) -> Result<u32, TaskError> {
    let number = task_args.number;
    let doubled = task.clone();
    task.blocking(move || {
        assert_ne!(number, 0, "nothing to do");
        doubled.update().progress(50).send().map(|()| number * 2)
    })
    .await?
}

fn tasks(server: &TestServer) -> Tasks {
    Tasks::clone(&server.state.get::<Tasks>().expect("the service exists"))
}

async fn setup(database: Database) -> (TestServer, Tasks) {
    let server = TestServer::start(database).await;
    let tasks = tasks(&server);
    (server, tasks)
}

async fn record<R: serde::de::DeserializeOwned>(
    tasks: &Tasks,
    handle: &TaskHandle<R>,
) -> portal_core::tasks::TaskRecord {
    let record = tasks.get(handle.id()).await.expect("the database responds");
    record.expect("task exists")
}

async fn until_running<R: serde::de::DeserializeOwned>(tasks: &Tasks, handle: &TaskHandle<R>) {
    eventually("the task runs", async || {
        (record(tasks, handle).await.status == TaskStatus::Processing).then_some(())
    })
    .await;
}

async fn failed_attempt_is_retried_until_success(database: Database) {
    let (_server, tasks) = setup(database).await;
    let handle = tasks
        .enqueue(third_time, NoArgs {})
        .await
        .expect("the task is enqueued");
    assert_eq!(handle.result().await, Ok(3));
    let record = record(&tasks, &handle).await;
    assert_eq!((record.attempt, record.max_attempts), (3, 5));
    assert_eq!((record.error, record.code), (None, None));
}

async fn last_failure_becomes_the_error_of_the_task(database: Database) {
    let (_server, tasks) = setup(database).await;
    let handle = tasks
        .enqueue(never, NoArgs {})
        .await
        .expect("the task is enqueued");
    let error = handle.result().await.expect_err("the task fails");
    assert_eq!((error.message(), error.code()), ("attempt 2", "no_luck"));
    assert_eq!(record(&tasks, &handle).await.attempt, 2);
}

async fn permanent_error_is_not_retried(database: Database) {
    let (_server, tasks) = setup(database).await;
    let handle = tasks
        .enqueue(hopeless, NoArgs {})
        .await
        .expect("the task is enqueued");
    handle.result().await.expect_err("the task fails");
    assert_eq!(record(&tasks, &handle).await.attempt, 1);
}

async fn panic_and_timeout_are_retried(database: Database) {
    let (_server, tasks) = setup(database).await;
    let handle = tasks
        .enqueue(clumsy, NoArgs {})
        .await
        .expect("the task is enqueued");
    assert_eq!(handle.result().await, Ok(3));
}

async fn task_continues_from_its_checkpoint(database: Database) {
    let (_server, tasks) = setup(database).await;
    let handle = tasks
        .enqueue(resumes, NoArgs {})
        .await
        .expect("the task is enqueued");
    assert_eq!(handle.result().await, Ok(vec![1, 2, 3]));
}

async fn checkpoint_survives_a_restart(database: Database) {
    let server = TestServer::start_with(database, &[], |portal| {
        app::build(portal)
            .task_settings(TaskSettings::default().shutdown_grace_period(Duration::from_millis(50)))
    })
    .await;
    let client = TaskClient::of(&server.user().await).await;
    let id = client
        .start_in("engine", "resumes_after_stop", &json!({}))
        .await;
    eventually("the task is half-way", async || {
        let task = client.status_in("engine", &id).await;
        (task["progress"] == 50).then_some(())
    })
    .await;
    let server = server.start_again().await;
    let client = TaskClient {
        http: server.guest(),
        token: client.token,
    };
    let task = client.ended_in("engine", &id).await;
    assert_eq!(
        (&task["result"], &task["attempt"]),
        (&json!("half-way"), &json!(2))
    );
}

async fn delayed_task_waits(database: Database) {
    let (server, tasks) = setup(database).await;
    let hour = Duration::from_secs(3600);
    let later = tasks
        .enqueue(number, Number { number: 1 })
        .delay(hour)
        .await;
    let later = later.expect("the task is enqueued");
    let soon = tasks
        .enqueue(number, Number { number: 2 })
        .await
        .expect("the task is enqueued");
    assert_eq!(soon.result().await, Ok(2));
    let waiting = record(&tasks, &later).await;
    assert_eq!((waiting.status, waiting.attempt), (TaskStatus::Pending, 0));
    assert!(waiting.run_at > waiting.created_at + chrono::TimeDelta::minutes(59));
    // Make the delayed task due.
    let now = if server.uri.starts_with("sqlite:") {
        "'2020-01-01T00:00:00+00:00'"
    } else {
        "now()"
    };
    let changed = server.sql(format!(
        "UPDATE portal_tasks SET run_at = {now} WHERE status = 'PENDING'"
    ));
    assert_eq!(changed.await, 1);
    assert_eq!(later.result().await, Ok(1));
}

async fn higher_priority_starts_first(database: Database) {
    let server = TestServer::start_with(database, &[], |portal| {
        app::build(portal).task_settings(TaskSettings::default().concurrency(1))
    })
    .await;
    let tasks = tasks(&server);
    // This task occupies the only slot until all others are queued.
    let first = tasks
        .enqueue(one_at_a_time, NoArgs {})
        .await
        .expect("the task is enqueued");
    until_running(&tasks, &first).await;
    let mut waiting = Vec::new();
    for priority in [0, 5, -5, 9] {
        let start = tasks
            .enqueue(number, Number { number: 1 })
            .priority(priority);
        waiting.push((priority, start.await.expect("the task is enqueued")));
    }
    tasks
        .cancel(first.id())
        .await
        .expect("the task is cancelled");
    let mut begun = Vec::new();
    for (priority, handle) in &waiting {
        handle.result().await.expect("the task completes");
        begun.push((record(&tasks, handle).await.started_at, *priority));
    }
    begun.sort();
    let order: Vec<_> = begun.iter().map(|(_, priority)| *priority).collect();
    assert_eq!(order, [9, 5, 0, -5]);
}

async fn task_type_respects_its_concurrency(database: Database) {
    let (_server, tasks) = setup(database).await;
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(
            tasks
                .enqueue(one_at_a_time, NoArgs {})
                .await
                .expect("the task is enqueued"),
        );
    }
    for left in (1..=3).rev() {
        let running = eventually("one of them runs", async || {
            for handle in &handles {
                if record(&tasks, handle).await.status == TaskStatus::Processing {
                    return Some(handle.id());
                }
            }
            None
        })
        .await;
        // The limit does not block another task type.
        let other = tasks
            .enqueue(number, Number { number: 7 })
            .await
            .expect("the task is enqueued");
        assert_eq!(other.result().await, Ok(7));
        let mut waiting = 0;
        for handle in &handles {
            waiting += u32::from(record(&tasks, handle).await.status == TaskStatus::Pending);
        }
        assert_eq!(waiting, left - 1);
        tasks.cancel(running).await.expect("the task is cancelled");
        handles.retain(|handle| handle.id() != running);
    }
}

async fn all_task_types_respect_the_global_concurrency(database: Database) {
    let server = TestServer::start_with(database, &[], |portal| {
        app::build(portal).task_settings(TaskSettings::default().global_concurrency(1))
    })
    .await;
    let tasks = tasks(&server);
    let first = tasks
        .enqueue(one_at_a_time, NoArgs {})
        .await
        .expect("the task is enqueued");
    until_running(&tasks, &first).await;
    let second = tasks
        .enqueue(number, Number { number: 1 })
        .await
        .expect("the task is enqueued");
    tasks
        .cancel(first.id())
        .await
        .expect("the task is cancelled");
    assert_eq!(second.result().await, Ok(1));
    let (first, second) = (record(&tasks, &first).await, record(&tasks, &second).await);
    assert!(second.started_at >= first.finished_at);
}

async fn only_one_instance_of_a_unique_task_is_active(database: Database) {
    let (server, tasks) = setup(database).await;
    let client = TaskClient::of(&server.user().await).await;
    let body = json!({"number": 1});
    let id = client.start_in("engine", "unique_number", &body).await;
    let again = client.start_in("engine", "unique_number", &body).await;
    assert_eq!(id, again, "the same arguments return the same task");
    let other = client
        .start_in("engine", "unique_number", &json!({"number": 2}))
        .await;
    assert_ne!(id, other);
    let stranger = TaskClient::of(&server.user().await).await;
    let path = stranger.path("engine", "start/unique_number");
    let refused = stranger.http.post(&path, &body).await;
    refused.problem(409, "task_already_active");
    assert!(
        !refused.text.contains(&id),
        "the other task is not revealed"
    );
    for id in [&id, &other] {
        tasks
            .cancel(id.parse().expect("id is a UUID"))
            .await
            .expect("the task is cancelled");
        client.ended_in("engine", id).await;
    }
    let later = client.start_in("engine", "unique_number", &body).await;
    assert_ne!(id, later, "the first task has finished");
}

async fn oversized_result_is_an_error(database: Database) {
    let server = TestServer::start_with(database, &[], |portal| {
        app::build(portal).task_settings(TaskSettings::default().max_result_bytes(1000))
    })
    .await;
    let tasks = tasks(&server);
    let handle = tasks
        .enqueue(too_much, NoArgs {})
        .await
        .expect("the task is enqueued");
    let error = handle.result().await.expect_err("the value is too large");
    assert_eq!(error.code(), "result_too_large");
    assert!(error.message().contains("5002 bytes"), "{error}");
    let small = tasks
        .enqueue(number, Number { number: 3 })
        .await
        .expect("the task is enqueued");
    assert_eq!(small.result().await, Ok(3));
}

async fn blocking_work_returns_its_value_or_reports_a_panic(database: Database) {
    let (_server, tasks) = setup(database).await;
    let good = tasks
        .enqueue(blocks, Number { number: 4 })
        .await
        .expect("the task is enqueued");
    assert_eq!(good.result().await, Ok(8));
    let bad = tasks
        .enqueue(blocks, Number { number: 0 })
        .await
        .expect("the task is enqueued");
    let error = bad.result().await.expect_err("the task panics");
    assert_eq!(error.code(), "internal");
    assert!(!error.message().contains("nothing to do"));
}

async fn is_there(tasks: &Tasks, id: uuid::Uuid) -> bool {
    let record = tasks.get(id).await.expect("the database responds");
    record.is_some()
}

async fn task_is_stored_only_if_its_transaction_commits(database: Database) {
    let (server, tasks) = setup(database).await;
    let store = server.state.get::<Store>().expect("the service exists");
    let mut transaction = store.begin().await.expect("transaction starts");
    let dropped = tasks.enqueue_in(&mut transaction, number, Number { number: 1 });
    let dropped = dropped.await.expect("the task is enqueued").id();
    drop(transaction);
    assert!(!is_there(&tasks, dropped).await);

    let mut transaction = store.begin().await.expect("transaction starts");
    let kept = tasks.enqueue_in(&mut transaction, number, Number { number: 2 });
    let kept = kept.await.expect("the task is enqueued");
    transaction.commit().await.expect("the transaction commits");
    assert_eq!(kept.result().await, Ok(2));
}

async fn rolled_back_and_kept(
    tasks: &Tasks,
    executor: &mut impl Executor,
    value: u32,
) -> TaskHandle<u32> {
    let start = tasks.enqueue_in(executor, number, Number { number: value });
    start.await.expect("the task is enqueued")
}

async fn task_is_stored_only_if_an_sqlx_transaction_commits(database: Database) {
    let (server, tasks) = setup(database).await;
    let handles = match database {
        Database::Sqlite => {
            let mut connection = sqlx::SqliteConnection::connect(&server.uri)
                .await
                .expect("the database accepts connections");
            let mut dropped = connection.begin().await.expect("transaction starts");
            let first = rolled_back_and_kept(&tasks, &mut *dropped, 1).await;
            dropped
                .rollback()
                .await
                .expect("the transaction is rolled back");
            let mut kept = connection.begin().await.expect("transaction starts");
            let second = rolled_back_and_kept(&tasks, &mut *kept, 2).await;
            kept.commit().await.expect("the transaction commits");
            (first, second)
        }
        Database::Postgres => {
            let mut connection = sqlx::PgConnection::connect(&server.uri)
                .await
                .expect("the database accepts connections");
            let mut dropped = connection.begin().await.expect("transaction starts");
            let first = rolled_back_and_kept(&tasks, &mut *dropped, 1).await;
            dropped
                .rollback()
                .await
                .expect("the transaction is rolled back");
            let mut kept = connection.begin().await.expect("transaction starts");
            let second = rolled_back_and_kept(&tasks, &mut *kept, 2).await;
            kept.commit().await.expect("the transaction commits");
            (first, second)
        }
    };
    assert!(!is_there(&tasks, handles.0.id()).await);
    assert_eq!(handles.1.result().await, Ok(2));
}

/// Enqueues a task as a different version of the application would have.
async fn stored_by_another_version(tasks: &Tasks, server: &TestServer, change: &str) -> uuid::Uuid {
    let hour = Duration::from_secs(3600);
    let start = tasks.enqueue(number, Number { number: 1 }).delay(hour);
    let id = start.await.expect("the task is enqueued").id();
    let now = if server.uri.starts_with("sqlite:") {
        "'2020-01-01T00:00:00+00:00'"
    } else {
        "now()"
    };
    let changed = server.sql(format!(
        "UPDATE portal_tasks SET {change}, run_at = {now} WHERE status = 'PENDING'"
    ));
    assert_eq!(changed.await, 1);
    id
}

async fn incompatible_stored_arguments_fail_the_task(database: Database) {
    let (server, tasks) = setup(database).await;
    let id = stored_by_another_version(&tasks, &server, r#"args = '{"count": 1}'"#).await;
    let task = eventually("the task finishes", async || {
        let record = tasks.get(id).await.expect("the database responds");
        record.filter(|record| record.status.is_final())
    })
    .await;
    assert_eq!(task.code.as_deref(), Some("invalid_parameters"));
    let error = task.error.expect("the task has an error");
    assert!(error.contains("no longer match"), "{error}");
    assert_eq!(
        serde_json::to_value(&task.result).expect("the value can be serialized"),
        Value::Null
    );
}

async fn task_of_an_unregistered_type_is_skipped(database: Database) {
    let (server, tasks) = setup(database).await;
    let id = stored_by_another_version(&tasks, &server, "name = 'of_a_newer_version'").await;
    // The next task in the queue still runs.
    let next = tasks
        .enqueue(number, Number { number: 5 })
        .await
        .expect("the task is enqueued");
    assert_eq!(next.result().await, Ok(5));
    let record = tasks.get(id).await.expect("the database responds");
    let record = record.expect("task exists");
    assert_eq!((record.status, record.attempt), (TaskStatus::Pending, 0));
}

#[tokio::test]
async fn task_is_cancelled_from_another_replica() {
    let first = TestServer::start(Database::Postgres).await;
    let second = first.replica().await;
    let client = TaskClient::of(&first.user().await).await;
    let ids = [client.start("waits").await, client.start("waits").await];
    for id in &ids {
        client.until(id, "PROCESSING").await;
    }
    // Each replica cancels one of the tasks, regardless of where they run.
    for (id, replica) in ids.iter().zip([&first, &second]) {
        let stopped = tasks(replica)
            .cancel(id.parse().expect("id is a UUID"))
            .await;
        assert!(stopped.expect("the database responds"));
    }
    for id in &ids {
        let task = client.ended(id).await;
        assert_eq!(
            (&task["status"], &task["code"]),
            (&json!("ERROR"), &json!("cancelled"))
        );
    }
}
