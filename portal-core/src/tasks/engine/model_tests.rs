//! Random interleavings of all operations on tasks, executed on the real queue.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::json;
use uuid::Uuid;

use super::claim::{self, ClaimRequest, QueueSpec};
use super::due::Rotation;
use super::finish::{self, FinishedAttempt};
use super::insert::{self, NewTask};
use super::lease::{self, OrphanScope};
use super::queue;
use crate::store::{Store, now};
use crate::tasks::error::TaskError;
use crate::tasks::record::TaskRecord;
use crate::tasks::table_columns::TABLE;

const STEPS: usize = 250;

/// A worker and the attempts that it considers its own. Like a process that was frozen or
/// disconnected, it may be wrong about them.
struct Worker {
    id: Uuid,
    attempts: Vec<TaskRecord>,
}

fn task_types() -> Vec<QueueSpec> {
    let task_type = |name, concurrency, only_once| QueueSpec {
        finish_notification: None,
        group: "probe".to_owned(),
        name,
        concurrency,
        at_most_once: only_once,
    };
    vec![
        task_type("work", None, false),
        task_type("two", Some(2), false),
        task_type("once", None, true),
    ]
}

/// Observed state of a task; later states are checked against it.
#[derive(Default)]
struct Observed {
    attempt: u32,
    version: i64,
    ended: Option<TaskRecord>,
}

/// Checks the invariants after each step.
async fn check(store: &Store, seen: &mut HashMap<Uuid, Observed>) {
    let mut running = 0;
    for (id, seen) in seen {
        let record = queue::get(store, *id).await.unwrap().unwrap();
        if let Some(ended) = &seen.ended {
            assert_eq!(record, *ended, "a final state changed");
            continue;
        }
        assert!(
            record.attempt >= seen.attempt,
            "the attempt number decreased"
        );
        assert!(record.version >= seen.version, "the version decreased");
        (seen.attempt, seen.version) = (record.attempt, record.version);
        if record.status.is_final() {
            seen.ended = Some(record);
        } else if record.name == "two" && record.status.as_str() == "PROCESSING" {
            running += 1;
        }
    }
    assert!(
        running <= 2,
        "{running} tasks of a type run at once, more than its limit of two"
    );
}

async fn step(store: &Store, workers: &mut [Worker], seen: &mut HashMap<Uuid, Observed>) {
    let count = workers.len();
    let worker = &mut workers[fastrand::usize(..count)];
    let chosen = (!worker.attempts.is_empty()).then(|| fastrand::usize(..worker.attempts.len()));
    match (fastrand::u8(..10), chosen) {
        (0 | 1, _) => {
            let name = ["work", "two", "once"][fastrand::usize(..3)];
            let mut task = NewTask::new("probe", name, json!({}));
            task.max_attempts = fastrand::i32(1..4);
            seen.insert(task.id, Observed::default());
            for stored in insert::insert_all(store, vec![task]).await {
                stored.unwrap();
            }
        }
        (2 | 3, _) => {
            let claimer = ClaimRequest {
                owner: worker.id,
                lease: TimeDelta::seconds(30),
                task_types: &task_types(),
                global_concurrency: None,
                rotation: &Rotation::default(),
            };
            for claimed in claim::claim(store, claimer, fastrand::u64(1..4))
                .await
                .unwrap()
            {
                let record = claimed.record;
                let before = &seen[&record.id];
                assert!(
                    record.attempt > before.attempt,
                    "two claims have the same attempt number"
                );
                worker.attempts.push(record);
            }
        }
        (4, _) => {
            // Leases expire whether or not the process is alive.
            let expire = Query::update()
                .table(TABLE)
                .value("lease_until", now() - TimeDelta::seconds(1))
                .and_where(Expr::col("lease_owner").eq(worker.id))
                .take();
            store.execute(&expire).await.unwrap();
            lease::rescue(store, OrphanScope::Expired, &task_types())
                .await
                .unwrap();
        }
        (5, _) => {
            let ids: Vec<_> = seen.keys().copied().collect();
            if !ids.is_empty() {
                let id = ids[fastrand::usize(..ids.len())];
                queue::cancel(store, id).await.unwrap();
            }
        }
        (6, Some(chosen)) => {
            let mut record = worker.attempts[chosen].clone();
            record.progress = fastrand::u8(..=100);
            record.version += 1;
            worker.attempts[chosen] = record.clone();
            finish::save_progress(store, &[Arc::new(record)])
                .await
                .unwrap();
        }
        (7, Some(_)) => {
            let ids = worker.attempts.iter().map(|record| record.id);
            lease::heartbeat(store, worker.id, TimeDelta::seconds(30), ids)
                .await
                .unwrap();
        }
        (_, Some(chosen)) => {
            let last = Arc::new(worker.attempts.swap_remove(chosen));
            let fails = fastrand::bool();
            let ending = FinishedAttempt {
                notification: None,
                retry_at: (fails && last.attempt < last.max_attempts).then(now),
                outcome: if fails {
                    Err(TaskError::new("no"))
                } else {
                    Ok(json!(last.attempt))
                },
                last: Arc::clone(&last),
            };
            let ended = finish::finish_all(store, vec![ending]).await.pop().unwrap();
            if ended.unwrap().is_some() {
                let record = queue::get(store, last.id).await.unwrap().unwrap();
                assert_eq!(
                    record.attempt, last.attempt,
                    "a write of a superseded attempt took effect"
                );
            }
        }
        (_, None) => {}
    }
}

async fn interleave(store: Store) {
    let seed = std::env::var("PORTAL_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("PORTAL_TEST_SEED={seed}");
    fastrand::seed(seed);
    let mut workers: Vec<_> = (0..3)
        .map(|_| Worker {
            id: Uuid::new_v4(),
            attempts: Vec::new(),
        })
        .collect();
    let mut seen = HashMap::new();
    for _ in 0..STEPS {
        step(&store, &mut workers, &mut seen).await;
        check(&store, &mut seen).await;
    }
    // All processes die, and a new one finishes all tasks.
    let owner = Uuid::new_v4();
    for _ in 0..seen.len() * 8 {
        lease::rescue(&store, OrphanScope::All, &task_types())
            .await
            .unwrap();
        let claimer = ClaimRequest {
            owner,
            lease: TimeDelta::seconds(30),
            task_types: &task_types(),
            global_concurrency: None,
            rotation: &Rotation::default(),
        };
        let claimed = claim::claim(&store, claimer, 9).await.unwrap();
        if claimed.is_empty() {
            break;
        }
        let endings = claimed
            .into_iter()
            .map(|claimed| FinishedAttempt::last(Arc::new(claimed.record), Ok(json!(1))))
            .collect();
        finish::finish_all(&store, endings).await;
        check(&store, &mut seen).await;
    }
    check(&store, &mut seen).await;
    let lost: Vec<_> = seen
        .iter()
        .filter(|(_, seen)| seen.ended.is_none())
        .collect();
    assert!(lost.is_empty(), "{} tasks never finished", lost.len());
}

#[tokio::test]
async fn random_interleavings_keep_the_invariants_on_sqlite() {
    interleave(super::tests::sqlite().await).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn random_interleavings_keep_the_invariants_on_postgres() {
    interleave(super::tests::postgres().await).await;
}
