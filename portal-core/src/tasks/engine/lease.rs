//! Leases of claimed tasks: heartbeats, and the rescue of orphaned tasks.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Expr, ExprTrait, Query, UpdateStatement};
use uuid::Uuid;

use super::claim::{QueueSpec, any_of, is_processing};
use crate::notifications::send_in;
use crate::store::{Store, StoreError, now};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::table_columns::{self as columns, TABLE};

/// Increment that makes a version greater than any that a dead process assigned but did not save.
///
/// Subscribers may have seen those versions, and would ignore a smaller one as outdated.
const UNSAVED_VERSIONS: i64 = 1_000_000;

/// Number of crashes at which a task fails.
const CRASH_LIMIT: i32 = 5;

/// Result of a heartbeat.
#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    /// Tasks whose lease this process still holds.
    pub(super) kept: HashSet<Uuid>,
    /// Tasks whose cancellation was requested.
    pub(super) cancelled: Vec<Uuid>,
}

/// Renews the leases of a process.
///
/// Only the leases of tasks that are actually running are renewed. An orphaned task is rescued when
/// its lease expires.
pub(in crate::tasks) async fn heartbeat(
    store: &Store,
    owner: Uuid,
    lease: TimeDelta,
    running: impl IntoIterator<Item = Uuid>,
) -> Result<Heartbeat, StoreError> {
    let update = Query::update()
        .table(TABLE)
        .value("lease_until", now() + lease)
        .and_where(Expr::col("id").is_in(running))
        .and_where(Expr::col("lease_owner").eq(owner))
        .and_where(is_processing())
        .returning(Query::returning().columns(["id", "cancel_requested"]))
        .take();
    let mut heartbeat = Heartbeat::default();
    for row in store.fetch_all(&update).await? {
        let id = row.get("id")?;
        heartbeat.kept.insert(id);
        if row.get("cancel_requested")? {
            heartbeat.cancelled.push(id);
        }
    }
    Ok(heartbeat)
}

/// Orphaned tasks to rescue.
#[derive(Debug, Clone, Copy)]
pub(super) enum OrphanScope {
    /// Tasks whose lease has expired.
    Expired,
    /// All claimed tasks, because no other process uses this database and this process has just
    /// started.
    All,
    /// Tasks that this process releases while shutting down; this does not count as a crash.
    Released(Uuid),
}

/// Requeues orphaned and released tasks, or finishes those that must not run twice.
pub(super) async fn rescue(
    store: &Store,
    lost: OrphanScope,
    task_types: &[QueueSpec],
) -> Result<Vec<TaskRecord>, StoreError> {
    let now = now();
    let is_lost = || match lost {
        OrphanScope::All => is_processing(),
        OrphanScope::Expired => is_processing().and(Expr::col("lease_until").lt(now)),
        OrphanScope::Released(owner) => is_processing().and(Expr::col("lease_owner").eq(owner)),
    };
    let crashes = match lost {
        OrphanScope::All | OrphanScope::Expired => 1,
        OrphanScope::Released(_) => 0,
    };
    let end = |error: &str, code: &str| {
        Query::update()
            .table(TABLE)
            .values([
                ("status", TaskStatus::Error.as_str().into()),
                ("error", error.into()),
                ("code", code.into()),
                ("finished_at", now.into()),
                ("updated_at", now.into()),
                ("lease_owner", Option::<Uuid>::None.into()),
                ("lease_until", Option::<DateTime<Utc>>::None.into()),
                ("version", Expr::col("version").add(UNSAVED_VERSIONS)),
            ])
            .and_where(is_lost())
            .returning(Query::returning().columns(columns::RECORD))
            .take()
    };
    let mut cancelled = end("cancelled", "cancelled");
    cancelled.and_where(Expr::col("cancel_requested").eq(true));

    let final_crash = any_of(task_types.iter().filter(|task_type| task_type.at_most_once))
        .add(Expr::col("crash_count").add(crashes).gte(CRASH_LIMIT));
    let mut crashed = end("the process running the task died", "crashed");
    crashed.cond_where(final_crash);

    let again = Query::update()
        .table(TABLE)
        .values([
            ("status", TaskStatus::Pending.as_str().into()),
            ("run_at", now.into()),
            ("updated_at", now.into()),
            ("lease_owner", Option::<Uuid>::None.into()),
            ("lease_until", Option::<DateTime<Utc>>::None.into()),
            ("crash_count", Expr::col("crash_count").add(crashes)),
            // The attempt has not failed, so it must not use up a retry.
            ("max_attempts", Expr::col("max_attempts").add(1)),
            ("version", Expr::col("version").add(UNSAVED_VERSIONS)),
        ])
        .and_where(is_lost())
        .returning(Query::returning().columns(columns::RECORD))
        .take();

    let mut changed = fetch(store, &cancelled).await?;
    changed.extend(finish_crashed(store, &crashed, task_types).await?);
    changed.extend(fetch(store, &again).await?);
    Ok(changed)
}

/// Finishes tasks that must not run again after a crash, and notifies their owners.
async fn finish_crashed(
    store: &Store,
    update: &UpdateStatement,
    task_types: &[QueueSpec],
) -> Result<Vec<TaskRecord>, StoreError> {
    let mut transaction = store.begin().await?;
    let rows = transaction.fetch_all(update).await?;
    let records: Vec<TaskRecord> = rows
        .iter()
        .map(TaskRecord::from_row)
        .collect::<Result<_, _>>()?;
    let messages = records.iter().filter_map(|record| {
        let is_of = |task_type: &&QueueSpec| {
            task_type.group == record.group && task_type.name == record.name
        };
        let task_type = task_types.iter().find(is_of)?;
        task_type.finish_notification.as_ref()?.message(record)
    });
    let messages: Vec<_> = messages.collect();
    send_in(&mut transaction, messages).await?;
    transaction.commit().await?;
    Ok(records)
}

async fn fetch(store: &Store, update: &UpdateStatement) -> Result<Vec<TaskRecord>, StoreError> {
    store
        .fetch_all(update)
        .await?
        .iter()
        .map(TaskRecord::from_row)
        .collect()
}
