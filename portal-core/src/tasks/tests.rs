//! The queue's promises, one by one: order of claims, fencing, rescue, final states.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use super::claim::{self, Lost};
use super::error::TaskError;
use super::finish;
use super::queue::{self, Cancelled, NewTask, Stored, TABLE};
use super::record::{TaskRecord, TaskStatus};
use crate::store::{Store, now};

async fn store() -> Store {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn insert(store: &Store, name: &'static str) -> Uuid {
    let task = NewTask {
        state: "probe".to_owned(),
        name,
        client_token_id: None,
        owner_user_id: None,
        trace_parent: None,
        args: json!({}),
        idempotency_key: None,
    };
    match queue::insert(store, &task).await.unwrap() {
        Stored::New(id) => id,
        other => panic!("it is new: {other:?}"),
    }
}

fn kinds() -> Vec<(String, &'static str)> {
    ["work", "once"]
        .map(|name| ("probe".to_owned(), name))
        .into()
}

fn once() -> Vec<(String, &'static str)> {
    vec![("probe".to_owned(), "once")]
}

async fn claim(store: &Store, owner: Uuid, limit: u64) -> Vec<TaskRecord> {
    claim::claim(store, owner, &kinds(), limit).await.unwrap()
}

async fn claim_one(store: &Store, owner: Uuid) -> TaskRecord {
    claim(store, owner, 1).await.pop().unwrap()
}

async fn get(store: &Store, id: Uuid) -> TaskRecord {
    queue::get(store, id).await.unwrap().unwrap()
}

async fn rescue(store: &Store, lost: Lost) -> Vec<TaskRecord> {
    claim::rescue(store, lost, &once()).await.unwrap()
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

#[tokio::test]
async fn what_is_due_is_claimed_by_priority_and_then_by_age() {
    let store = store().await;
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

#[tokio::test]
async fn two_claimers_never_get_the_same_task() {
    let directory = tempfile::tempdir().unwrap();
    let uri = format!("sqlite://{}", directory.path().join("queue.db").display());
    let store = Store::connect(&uri).await.unwrap();
    store.migrate().await.unwrap();
    for _ in 0..60 {
        insert(&store, "work").await;
    }
    let claimers = (0..2).map(|_| {
        let uri = uri.clone();
        tokio::spawn(async move {
            let store = Store::connect(&uri).await.unwrap();
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

#[tokio::test]
async fn a_superseded_attempt_writes_neither_progress_nor_an_end() {
    let store = store().await;
    let id = insert(&store, "work").await;
    let old = claim_one(&store, Uuid::new_v4()).await;
    expire(&store, id).await;
    assert_eq!(rescue(&store, Lost::Expired).await.len(), 1);
    let new = claim_one(&store, Uuid::new_v4()).await;
    assert_eq!((old.attempt, new.attempt), (1, 2));

    let late = [Arc::new(stepped(&old, 90))];
    let superseded = finish::save_progress(&store, &late).await.unwrap();
    assert_eq!(superseded, [id]);
    for outcome in [Ok(json!("late")), Err(TaskError::new("late"))] {
        let ended = finish::finish(&store, &late[0], &outcome).await.unwrap();
        assert_eq!(ended, None);
    }
    assert_eq!(get(&store, id).await, new);

    let step = [Arc::new(stepped(&new, 40))];
    assert_eq!(
        finish::save_progress(&store, &step).await.unwrap(),
        [] as [Uuid; 0]
    );
    assert_eq!(get(&store, id).await.progress, 40);
}

#[tokio::test]
async fn nothing_changes_a_task_that_has_ended() {
    let store = store().await;
    let (done, failed) = (insert(&store, "work").await, insert(&store, "work").await);
    let owner = Uuid::new_v4();
    for (record, outcome) in claim(&store, owner, 2)
        .await
        .iter()
        .zip([Ok(json!(7)), Err(TaskError::new("no"))])
    {
        let ended = finish::finish(&store, record, &outcome).await.unwrap();
        assert_eq!(get(&store, record.id).await, ended.unwrap());
    }
    for id in [done, failed] {
        let before = get(&store, id).await;
        assert!(matches!(
            queue::cancel(&store, id).await.unwrap(),
            Cancelled::Over
        ));
        let late = [Arc::new(stepped(&before, 1))];
        finish::save_progress(&store, &late).await.unwrap();
        let ended = finish::finish(&store, &late[0], &Ok(Value::Null)).await;
        assert_eq!(ended.unwrap(), None);
        assert_eq!(rescue(&store, Lost::All).await, []);
        assert_eq!(claim(&store, owner, 9).await, []);
        assert_eq!(get(&store, id).await, before);
    }
}

#[tokio::test]
async fn only_a_lease_that_is_over_is_rescued() {
    let store = store().await;
    let (dead, alive) = (insert(&store, "work").await, insert(&store, "work").await);
    let (gone, here) = (Uuid::new_v4(), Uuid::new_v4());
    let lost = claim_one(&store, gone).await;
    let kept = claim_one(&store, here).await;
    assert_eq!(rescue(&store, Lost::Expired).await, []);
    expire(&store, dead).await;
    expire(&store, alive).await;
    // A sign of life keeps the other.
    claim::heartbeat(&store, here, [alive]).await.unwrap();
    let rescued = rescue(&store, Lost::Expired).await;
    assert_eq!(rescued.len(), 1);
    assert_eq!(
        (rescued[0].id, rescued[0].status),
        (dead, TaskStatus::Pending)
    );
    assert!(rescued[0].version > lost.version);
    assert_eq!(get(&store, alive).await, kept);
}

#[tokio::test]
async fn a_rescued_task_begins_anew_above_every_number_that_was_seen() {
    let store = store().await;
    let id = insert(&store, "work").await;
    let mut seen = claim_one(&store, Uuid::new_v4()).await;
    seen.message = Some("half-way".to_owned());
    seen = stepped(&seen, 50);
    finish::save_progress(&store, &[Arc::new(seen.clone())])
        .await
        .unwrap();
    // Watchers were shown more than the process came to save.
    let unsaved = seen.version + 5000;
    rescue(&store, Lost::All).await;
    let again = claim_one(&store, Uuid::new_v4()).await;
    assert!(again.version > unsaved);
    assert_eq!((again.id, again.attempt, again.progress), (id, 2, 0));
    assert_eq!(again.message, None);
    assert_eq!(again.started_at, seen.started_at);
}

#[tokio::test]
async fn a_task_that_kills_its_process_again_and_again_is_given_up() {
    let store = store().await;
    let id = insert(&store, "work").await;
    for crash in 1..=5 {
        let record = claim_one(&store, Uuid::new_v4()).await;
        assert_eq!(record.attempt, crash);
        rescue(&store, Lost::All).await;
    }
    let record = get(&store, id).await;
    assert_eq!(record.status, TaskStatus::Error);
    assert_eq!(record.code.as_deref(), Some("crashed"));
    assert!(record.finished_at.is_some());
}

#[tokio::test]
async fn what_must_not_run_twice_ends_with_its_process() {
    for stopped in [false, true] {
        let store = store().await;
        let id = insert(&store, "once").await;
        let owner = Uuid::new_v4();
        claim_one(&store, owner).await;
        let lost = if stopped {
            Lost::HandedBack(owner)
        } else {
            Lost::All
        };
        assert_eq!(rescue(&store, lost).await.len(), 1);
        let record = get(&store, id).await;
        assert_eq!(record.status, TaskStatus::Error);
        assert_eq!(record.code.as_deref(), Some("crashed"));
        assert_eq!(claim(&store, owner, 1).await, []);
    }
}

#[tokio::test]
async fn a_process_that_stops_hands_back_its_own_tasks_and_that_is_no_crash() {
    let store = store().await;
    let (mine, theirs) = (insert(&store, "work").await, insert(&store, "work").await);
    let (stopping, other) = (Uuid::new_v4(), Uuid::new_v4());
    assert_eq!(claim_one(&store, stopping).await.id, mine);
    let kept = claim_one(&store, other).await;
    for stop in 2..10 {
        let back = rescue(&store, Lost::HandedBack(stopping)).await;
        assert_eq!(back.len(), 1);
        assert_eq!((back[0].id, back[0].status), (mine, TaskStatus::Pending));
        assert_eq!(claim_one(&store, stopping).await.attempt, stop);
    }
    assert_eq!(get(&store, theirs).await, kept);
}

#[tokio::test]
async fn who_was_told_to_stop_is_cancelled_however_it_ends() {
    let store = store().await;
    let ids = [insert(&store, "work").await, insert(&store, "work").await];
    let owner = Uuid::new_v4();
    let running = claim(&store, owner, 2).await;
    for id in ids {
        assert!(matches!(
            queue::cancel(&store, id).await.unwrap(),
            Cancelled::Asked
        ));
    }
    let mut told = claim::heartbeat(&store, owner, ids).await.unwrap();
    told.sort();
    assert_eq!(told, ids);
    // One ends well in the same moment, the process of the other dies.
    let ended = finish::finish(&store, &running[0], &Ok(json!("done"))).await;
    assert_eq!(ended.unwrap().unwrap(), get(&store, ids[0]).await);
    rescue(&store, Lost::All).await;
    for id in ids {
        let record = get(&store, id).await;
        assert_eq!(record.status, TaskStatus::Error);
        assert_eq!(record.error.as_deref(), Some("cancelled"));
        assert_eq!(record.code.as_deref(), Some("cancelled"));
        assert_eq!(record.result, None);
    }
}

#[tokio::test]
async fn a_waiting_task_that_is_stopped_is_never_claimed() {
    let store = store().await;
    let id = insert(&store, "work").await;
    let Cancelled::Ended(record) = queue::cancel(&store, id).await.unwrap() else {
        panic!("it had not begun")
    };
    assert_eq!(record.status, TaskStatus::Error);
    assert_eq!(claim(&store, Uuid::new_v4(), 1).await, []);
    assert!(matches!(
        queue::cancel(&store, Uuid::new_v4()).await.unwrap(),
        Cancelled::Unknown
    ));
}
