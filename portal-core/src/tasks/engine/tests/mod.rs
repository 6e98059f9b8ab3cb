//! Guarantees of the queue, tested one by one: claim order, fencing, rescue, final states.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use super::claim::{self, ClaimRequest, ClaimedTask, QueueSpec};
use super::due::Rotation;
use super::finish::{self, FinishedAttempt};
use super::insert::{self, InsertOutcome, NewTask};
use super::lease::{self, OrphanScope};
use super::queue::{self, CancelOutcome};
use crate::store::{Store, StoreError, now};
use crate::tasks::error::TaskError;
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::table_columns::TABLE;

/// Runs each test on SQLite and on PostgreSQL, with a separate database.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::sqlite().await).await;
            })*
        }

        #[cfg(feature = "postgres")]
        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::postgres().await).await;
            })*
        }
    };
}

mod batches;
mod notifications;
mod order;
mod plans;

on_both!(
    due_tasks_are_claimed_by_priority_and_then_by_age,
    superseded_attempt_writes_neither_progress_nor_outcome,
    finished_task_never_changes,
    only_tasks_with_an_expired_lease_are_rescued,
    rescued_task_restarts_above_every_published_version,
    task_fails_after_repeated_crashes,
    stopping_process_releases_its_tasks_without_a_crash,
    cancelled_task_stays_cancelled_whatever_its_outcome,
    cancelled_pending_task_is_never_claimed,
    retried_task_waits_and_stores_its_error,
    cancelled_task_is_not_retried,
    type_limit_counts_the_tasks_of_all_processes,
    global_limit_counts_the_tasks_of_all_types,
    tasks_of_a_paused_type_wait,
    checkpoint_reaches_the_next_attempt_and_is_fenced,
    at_most_once_task_is_never_requeued,
    concurrent_claims_never_return_the_same_task,
);

pub(in crate::tasks) async fn sqlite() -> Store {
    let directory = tempfile::tempdir().unwrap().keep();
    let uri = format!("sqlite://{}", directory.join("queue.db").display());
    migrated(&uri).await
}

#[cfg(feature = "postgres")]
pub(in crate::tasks) async fn postgres() -> Store {
    use sqlx::Connection;

    let server = std::env::var("PORTAL_TEST_POSTGRES")
        .expect("PORTAL_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a server");
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let name = format!("test_{}", Uuid::new_v4().simple());
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create)
        .execute(&mut connection)
        .await
        .unwrap();
    let (root, _) = server.rsplit_once('/').unwrap();
    migrated(&format!("{root}/{name}")).await
}

async fn migrated(uri: &str) -> Store {
    let store = Store::connect(uri).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn new(name: &'static str) -> NewTask {
    NewTask::new("probe", name, json!({}))
}

async fn store_one(store: &Store, task: NewTask) -> InsertOutcome {
    insert::insert_all(store, vec![task])
        .await
        .pop()
        .unwrap()
        .unwrap()
}

async fn insert(store: &Store, name: &'static str) -> Uuid {
    let task = new(name);
    let id = task.id;
    assert!(matches!(
        store_one(store, task).await,
        InsertOutcome::Inserted
    ));
    id
}

fn task_types() -> Vec<QueueSpec> {
    ["work", "once", "two"]
        .map(|name| QueueSpec {
            finish_notification: None,
            group: "probe".to_owned(),
            name,
            concurrency: (name == "two").then_some(2),
            at_most_once: name == "once",
        })
        .into()
}

async fn claim_with(
    store: &Store,
    owner: Uuid,
    total: Option<u32>,
    limit: u64,
) -> Vec<ClaimedTask> {
    let claimer = ClaimRequest {
        owner,
        lease: TimeDelta::seconds(30),
        task_types: &task_types(),
        global_concurrency: total,
        rotation: &Rotation::default(),
    };
    claim::claim(store, claimer, limit).await.unwrap()
}

async fn claim(store: &Store, owner: Uuid, limit: u64) -> Vec<TaskRecord> {
    let claimed = claim_with(store, owner, None, limit).await;
    claimed.into_iter().map(|claimed| claimed.record).collect()
}

async fn heartbeat(
    store: &Store,
    owner: Uuid,
    ids: impl IntoIterator<Item = Uuid>,
) -> lease::Heartbeat {
    lease::heartbeat(store, owner, TimeDelta::seconds(30), ids)
        .await
        .unwrap()
}

async fn finish(
    store: &Store,
    record: &TaskRecord,
    outcome: &Result<Value, TaskError>,
) -> Option<TaskRecord> {
    let ending = FinishedAttempt::last(Arc::new(record.clone()), outcome.clone());
    let alone = finish::finish_all(store, vec![ending]).await.pop();
    alone.unwrap().unwrap()
}

async fn claim_one(store: &Store, owner: Uuid) -> TaskRecord {
    claim(store, owner, 1).await.pop().unwrap()
}

async fn get(store: &Store, id: Uuid) -> TaskRecord {
    queue::get(store, id).await.unwrap().unwrap()
}

async fn rescue(store: &Store, lost: OrphanScope) -> Vec<TaskRecord> {
    lease::rescue(store, lost, &task_types()).await.unwrap()
}

async fn set(store: &Store, id: Uuid, column: &'static str, value: impl Into<Expr>) {
    let update = Query::update()
        .table(TABLE)
        .value(column, value)
        .and_where(Expr::col("id").eq(id))
        .take();
    assert_eq!(store.execute(&update).await.unwrap(), 1);
}

async fn expire(store: &Store, id: Uuid) {
    set(store, id, "lease_until", now() - TimeDelta::seconds(1)).await;
}

fn stepped(record: &TaskRecord, progress: u8) -> TaskRecord {
    let mut record = record.clone();
    record.progress = progress;
    record.version += 1;
    record
}

async fn due_tasks_are_claimed_by_priority_and_then_by_age(store: Store) {
    let (first, second, urgent) = (
        insert(&store, "work").await,
        insert(&store, "work").await,
        insert(&store, "work").await,
    );
    let later = insert(&store, "work").await;
    let unknown = insert(&store, "unknown").await;
    set(&store, urgent, "priority", 1).await;
    set(&store, later, "run_at", now() + TimeDelta::hours(1)).await;
    let owner = Uuid::new_v4();
    for expected in [urgent, first, second] {
        assert_eq!(claim_one(&store, owner).await.id, expected);
    }
    assert_eq!(claim(&store, owner, 10).await, []);
    for id in [later, unknown] {
        assert_eq!(get(&store, id).await.status, TaskStatus::Pending);
    }
}

async fn concurrent_claims_never_return_the_same_task(store: Store) {
    for _ in 0..60 {
        insert(&store, "work").await;
    }
    let claimers = (0..2).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let (owner, mut claimed) = (Uuid::new_v4(), Vec::new());
            loop {
                let more = claim(&store, owner, 3).await;
                if more.is_empty() {
                    return claimed;
                }
                claimed.extend(more.into_iter().map(|record| record.id));
            }
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!(all.len(), 60);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 60);
}

async fn superseded_attempt_writes_neither_progress_nor_outcome(store: Store) {
    let id = insert(&store, "work").await;
    let old = claim_one(&store, Uuid::new_v4()).await;
    expire(&store, id).await;
    assert_eq!(rescue(&store, OrphanScope::Expired).await.len(), 1);
    let new = claim_one(&store, Uuid::new_v4()).await;
    assert_eq!((old.attempt, new.attempt), (1, 2));

    let late = [Arc::new(stepped(&old, 90))];
    let superseded = finish::save_progress(&store, &late).await.unwrap();
    assert_eq!(superseded, [id]);
    for outcome in [Ok(json!("late")), Err(TaskError::new("late"))] {
        assert_eq!(finish(&store, &late[0], &outcome).await, None);
    }
    assert_eq!(get(&store, id).await, new);

    let step = [Arc::new(stepped(&new, 40))];
    assert_eq!(
        finish::save_progress(&store, &step).await.unwrap(),
        [] as [Uuid; 0]
    );
    assert_eq!(get(&store, id).await.progress, 40);
}

async fn finished_task_never_changes(store: Store) {
    let (done, failed) = (insert(&store, "work").await, insert(&store, "work").await);
    let owner = Uuid::new_v4();
    for (record, outcome) in claim(&store, owner, 2)
        .await
        .iter()
        .zip([Ok(json!(7)), Err(TaskError::new("no"))])
    {
        let ended = finish(&store, record, &outcome).await;
        assert_eq!(get(&store, record.id).await, ended.unwrap());
    }
    for id in [done, failed] {
        let before = get(&store, id).await;
        assert!(matches!(
            queue::cancel(&store, id).await.unwrap(),
            CancelOutcome::AlreadyFinished
        ));
        let late = [Arc::new(stepped(&before, 1))];
        finish::save_progress(&store, &late).await.unwrap();
        assert_eq!(finish(&store, &late[0], &Ok(Value::Null)).await, None);
        assert_eq!(rescue(&store, OrphanScope::All).await, []);
        assert_eq!(claim(&store, owner, 9).await, []);
        assert_eq!(get(&store, id).await, before);
    }
}

async fn only_tasks_with_an_expired_lease_are_rescued(store: Store) {
    let (dead, alive) = (insert(&store, "work").await, insert(&store, "work").await);
    let (gone, here) = (Uuid::new_v4(), Uuid::new_v4());
    let lost = claim_one(&store, gone).await;
    let kept = claim_one(&store, here).await;
    assert_eq!(rescue(&store, OrphanScope::Expired).await, []);
    expire(&store, dead).await;
    expire(&store, alive).await;
    // The heartbeat preserves the other task.
    assert_eq!(
        heartbeat(&store, here, [alive, dead]).await.kept,
        [alive].into()
    );
    let rescued = rescue(&store, OrphanScope::Expired).await;
    assert_eq!(rescued.len(), 1);
    assert_eq!(
        (rescued[0].id, rescued[0].status),
        (dead, TaskStatus::Pending)
    );
    assert!(rescued[0].version > lost.version);
    assert_eq!(get(&store, alive).await, kept);
}

async fn rescued_task_restarts_above_every_published_version(store: Store) {
    let id = insert(&store, "work").await;
    let mut seen = claim_one(&store, Uuid::new_v4()).await;
    seen.message = Some("half-way".to_owned());
    seen = stepped(&seen, 50);
    finish::save_progress(&store, &[Arc::new(seen.clone())])
        .await
        .unwrap();
    // Subscribers have seen more changes than the process saved.
    let unsaved = seen.version + 5000;
    rescue(&store, OrphanScope::All).await;
    let again = claim_one(&store, Uuid::new_v4()).await;
    assert!(again.version > unsaved);
    assert_eq!((again.id, again.attempt, again.progress), (id, 2, 0));
    assert_eq!(again.message, None);
    assert_eq!(again.started_at, seen.started_at);
}

async fn task_fails_after_repeated_crashes(store: Store) {
    let id = insert(&store, "work").await;
    for crash in 1..=5 {
        let record = claim_one(&store, Uuid::new_v4()).await;
        assert_eq!(record.attempt, crash);
        rescue(&store, OrphanScope::All).await;
    }
    let record = get(&store, id).await;
    assert_eq!(record.status, TaskStatus::Error);
    assert_eq!(record.code.as_deref(), Some("crashed"));
    assert!(record.finished_at.is_some());
}

async fn at_most_once_task_is_never_requeued(store: Store) {
    for stopped in [false, true] {
        let id = insert(&store, "once").await;
        let owner = Uuid::new_v4();
        claim_one(&store, owner).await;
        let lost = if stopped {
            OrphanScope::Released(owner)
        } else {
            OrphanScope::All
        };
        assert_eq!(rescue(&store, lost).await.len(), 1);
        let record = get(&store, id).await;
        assert_eq!(record.status, TaskStatus::Error);
        assert_eq!(record.code.as_deref(), Some("crashed"));
        assert_eq!(claim(&store, owner, 1).await, []);
    }
}

async fn stopping_process_releases_its_tasks_without_a_crash(store: Store) {
    let (mine, theirs) = (insert(&store, "work").await, insert(&store, "work").await);
    let (stopping, other) = (Uuid::new_v4(), Uuid::new_v4());
    assert_eq!(claim_one(&store, stopping).await.id, mine);
    let kept = claim_one(&store, other).await;
    for stop in 2..10 {
        let back = rescue(&store, OrphanScope::Released(stopping)).await;
        assert_eq!(back.len(), 1);
        assert_eq!((back[0].id, back[0].status), (mine, TaskStatus::Pending));
        assert_eq!(claim_one(&store, stopping).await.attempt, stop);
    }
    assert_eq!(get(&store, theirs).await, kept);
}

async fn cancelled_task_stays_cancelled_whatever_its_outcome(store: Store) {
    let ids = [insert(&store, "work").await, insert(&store, "work").await];
    let owner = Uuid::new_v4();
    let running = claim(&store, owner, 2).await;
    for id in ids {
        assert!(matches!(
            queue::cancel(&store, id).await.unwrap(),
            CancelOutcome::Requested(_)
        ));
    }
    let mut cancelled = heartbeat(&store, owner, ids).await.cancelled;
    cancelled.sort();
    assert_eq!(cancelled, ids);
    // One of the tasks completes at the same time, and the process running the other one dies.
    let ended = finish(&store, &running[0], &Ok(json!("done"))).await;
    assert_eq!(ended.unwrap(), get(&store, ids[0]).await);
    rescue(&store, OrphanScope::All).await;
    for id in ids {
        let record = get(&store, id).await;
        assert_eq!(record.status, TaskStatus::Error);
        assert_eq!(record.error.as_deref(), Some("cancelled"));
        assert_eq!(record.code.as_deref(), Some("cancelled"));
        assert_eq!(record.result, None);
    }
}

async fn cancelled_pending_task_is_never_claimed(store: Store) {
    let id = insert(&store, "work").await;
    let CancelOutcome::Finished(record) = queue::cancel(&store, id).await.unwrap() else {
        panic!("pending task was not finished")
    };
    assert_eq!(record.status, TaskStatus::Error);
    assert_eq!(claim(&store, Uuid::new_v4(), 1).await, []);
    assert!(matches!(
        queue::cancel(&store, Uuid::new_v4()).await.unwrap(),
        CancelOutcome::Unknown
    ));
}

fn retried(record: &TaskRecord, error: &str) -> FinishedAttempt {
    FinishedAttempt {
        notification: None,
        last: Arc::new(record.clone()),
        outcome: Err(TaskError::new(error)),
        retry_at: Some(now() + TimeDelta::hours(1)),
    }
}

async fn retried_task_waits_and_stores_its_error(store: Store) {
    let id = insert(&store, "work").await;
    let record = claim_one(&store, Uuid::new_v4()).await;
    let ended = finish::finish_all(&store, vec![retried(&record, "no mail")]).await;
    let waiting = ended.into_iter().next().unwrap().unwrap().unwrap();
    assert_eq!(get(&store, id).await, waiting);
    assert_eq!(waiting.status, TaskStatus::Pending);
    assert_eq!(waiting.error.as_deref(), Some("no mail"));
    assert_eq!(waiting.finished_at, None);
    assert_eq!(claim(&store, Uuid::new_v4(), 1).await, [], "not due yet");
    set(&store, id, "run_at", now()).await;
    let again = claim_one(&store, Uuid::new_v4()).await;
    assert_eq!((again.attempt, again.error, again.code), (2, None, None));
}

async fn cancelled_task_is_not_retried(store: Store) {
    let id = insert(&store, "work").await;
    let record = claim_one(&store, Uuid::new_v4()).await;
    queue::cancel(&store, id).await.unwrap();
    finish::finish_all(&store, vec![retried(&record, "no")]).await;
    let record = get(&store, id).await;
    assert_eq!(record.status, TaskStatus::Error);
    assert_eq!(record.code.as_deref(), Some("cancelled"));
}

async fn type_limit_counts_the_tasks_of_all_processes(store: Store) {
    for _ in 0..5 {
        insert(&store, "two").await;
    }
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let first = claim(&store, one, 1).await;
    assert_eq!(first.len(), 1);
    assert_eq!(claim(&store, other, 9).await.len(), 1);
    assert_eq!(claim(&store, one, 9).await, []);
    finish(&store, &first[0], &Ok(Value::Null)).await;
    assert_eq!(claim(&store, one, 9).await.len(), 1);
}

async fn global_limit_counts_the_tasks_of_all_types(store: Store) {
    for name in ["work", "two", "once", "work"] {
        insert(&store, name).await;
    }
    let owner = Uuid::new_v4();
    assert_eq!(claim_with(&store, owner, Some(3), 9).await.len(), 3);
    assert_eq!(claim_with(&store, owner, Some(3), 9).await.len(), 0);
    assert_eq!(claim_with(&store, owner, None, 9).await.len(), 1);
}

async fn tasks_of_a_paused_type_wait(store: Store) {
    let (work, once) = (insert(&store, "work").await, insert(&store, "once").await);
    let pause = Query::insert()
        .into_table(claim::QUEUES)
        .columns(["state", "name", "paused"])
        .values_panic(["probe".into(), "work".into(), true.into()])
        .take();
    store.execute(&pause).await.unwrap();
    let owner = Uuid::new_v4();
    assert_eq!(claim(&store, owner, 9).await[0].id, once);
    assert_eq!(claim(&store, owner, 9).await, []);
    let resume = Query::update()
        .table(claim::QUEUES)
        .value("paused", false)
        .take();
    store.execute(&resume).await.unwrap();
    assert_eq!(claim_one(&store, owner).await.id, work);
}

async fn checkpoint_reaches_the_next_attempt_and_is_fenced(store: Store) {
    insert(&store, "work").await;
    let owner = Uuid::new_v4();
    let old = claim_with(&store, owner, None, 1).await.pop().unwrap();
    assert_eq!(old.checkpoint, None);
    let save = async |record: &TaskRecord, value: Value| {
        finish::save_checkpoint(&store, record, &value)
            .await
            .unwrap()
    };
    assert!(save(&old.record, json!({"row": 7})).await);
    rescue(&store, OrphanScope::All).await;
    let new = claim_with(&store, owner, None, 1).await.pop().unwrap();
    assert_eq!(new.checkpoint, Some(json!({"row": 7})));
    assert!(!save(&old.record, json!({"row": 99})).await);
    assert!(save(&new.record, json!(null)).await);
}
