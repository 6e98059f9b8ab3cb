//! The leases of claimed tasks: heartbeats, and the rescue of tasks that have lost their process.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Expr, ExprTrait, Query, UpdateStatement};
use uuid::Uuid;

use super::claim::{Kind, any_of, is_processing};
use super::queue::TABLE;
use super::record::{COLUMNS, TaskRecord, TaskStatus};
use crate::notifications::send_in;
use crate::store::{Store, StoreError, now};

/// Watchers of the process that died may have seen versions that it had not saved: the next one
/// has to be greater than those, else they take it for old.
const UNSAVED_VERSIONS: i64 = 1_000_000;

/// Maximum number of crashes before a task is given up.
const CRASH_LIMIT: i32 = 5;

/// Result of a heartbeat.
#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    /// Tasks whose lease this process still holds.
    pub(super) kept: HashSet<Uuid>,
    /// Tasks whose cancellation was requested.
    pub(super) cancelled: Vec<Uuid>,
}

/// Keeps the claims of a process alive.
///
/// Only what really runs is kept alive: a row that was left behind is rescued when its lease is over.
pub(super) async fn heartbeat(
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

/// Claims whose process is gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    /// Those whose lease has run out.
    Expired,
    /// All of them: no other process uses this database, and this one has just started.
    All,
    /// Those that this process still holds as it stops; that is no crash.
    HandedBack(Uuid),
}

/// Puts tasks whose process died or stopped back into the queue, or ends those that must not run twice.
pub(super) async fn rescue(
    store: &Store,
    lost: Lost,
    kinds: &[Kind],
) -> Result<Vec<TaskRecord>, StoreError> {
    let now = now();
    let is_lost = || match lost {
        Lost::All => is_processing(),
        Lost::Expired => is_processing().and(Expr::col("lease_until").lt(now)),
        Lost::HandedBack(owner) => is_processing().and(Expr::col("lease_owner").eq(owner)),
    };
    let crashes = match lost {
        Lost::All | Lost::Expired => 1,
        Lost::HandedBack(_) => 0,
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
            .returning(Query::returning().columns(COLUMNS))
            .take()
    };
    let mut cancelled = end("cancelled", "cancelled");
    cancelled.and_where(Expr::col("cancel_requested").eq(true));

    let final_crash = any_of(kinds.iter().filter(|kind| kind.only_once))
        .add(Expr::col("crash_count").add(crashes).gte(CRASH_LIMIT));
    let mut crashed = end("the process that ran the task died", "crashed");
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
            // The attempt has not failed, so it is not counted as one.
            ("max_attempts", Expr::col("max_attempts").add(1)),
            ("version", Expr::col("version").add(UNSAVED_VERSIONS)),
        ])
        .and_where(is_lost())
        .returning(Query::returning().columns(COLUMNS))
        .take();

    let mut changed = fetch(store, &cancelled).await?;
    changed.extend(end_crashed(store, &crashed, kinds).await?);
    changed.extend(fetch(store, &again).await?);
    Ok(changed)
}

/// Ends what has crashed for good, and tells those for whom it was started.
async fn end_crashed(
    store: &Store,
    update: &UpdateStatement,
    kinds: &[Kind],
) -> Result<Vec<TaskRecord>, StoreError> {
    let mut transaction = store.begin().await?;
    let rows = transaction.fetch_all(update).await?;
    let records: Vec<TaskRecord> = rows
        .iter()
        .map(TaskRecord::from_row)
        .collect::<Result<_, _>>()?;
    let messages = records.iter().filter_map(|record| {
        let is_of = |kind: &&Kind| kind.state == record.state && kind.name == record.name;
        let kind = kinds.iter().find(is_of)?;
        kind.told.as_ref()?.message(record)
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
