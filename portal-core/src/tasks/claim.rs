//! The queue in the database, as workers see it: claim, keep, hand back, rescue.

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{
    CommonTableExpression, Cond, Expr, ExprTrait, Func, LockBehavior, LockType, Order, Query,
    SimpleExpr, UpdateStatement, WithClause,
};
use uuid::Uuid;

use super::queue::TABLE;
use super::record::{COLUMNS, TaskRecord, TaskStatus};
use crate::store::{Store, StoreError, now};

/// How long a claim lasts without a sign of life.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);

/// Watchers of the process that died may have seen versions that it had not saved: the next one
/// has to be greater than those, else they take it for old.
const UNSAVED_VERSIONS: i64 = 1_000_000;

/// How often a task may crash its process before it is given up.
const CRASH_LIMIT: i32 = 5;

fn is_processing() -> SimpleExpr {
    Expr::col("status").eq(TaskStatus::Processing.as_str())
}

/// Claims up to `limit` tasks of the kinds that this process knows.
///
/// `attempt` is the fencing token: whoever claims the task next gets a greater one, and only
/// the greatest may write.
pub(super) async fn claim(
    store: &Store,
    owner: Uuid,
    kinds: &[(String, &'static str)],
    limit: u64,
) -> Result<Vec<TaskRecord>, StoreError> {
    let now = now();
    let mut known = Cond::any();
    for (state, name) in kinds {
        known = known.add(
            Expr::col("state")
                .eq(state.as_str())
                .and(Expr::col("name").eq(*name)),
        );
    }
    let next = Query::select()
        .column("id")
        .from(TABLE)
        .and_where(Expr::col("status").eq(TaskStatus::Pending.as_str()))
        .and_where(Expr::col("run_at").lte(now))
        .cond_where(known)
        .order_by("priority", Order::Desc)
        .order_by("run_at", Order::Asc)
        .order_by("id", Order::Asc)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .take();
    // Evaluated once: within a nested loop PostgreSQL would lock `limit` rows again at each turn.
    let next = CommonTableExpression::new()
        .query(next)
        .table_name("next")
        .column("id")
        .materialized(true)
        .to_owned();
    let claimed = Query::select().column("id").from("next").take();
    let update = Query::update()
        .with_cte(WithClause::new().cte(next).to_owned())
        .table(TABLE)
        .values([
            ("status", TaskStatus::Processing.as_str().into()),
            ("progress", 0.into()),
            ("message", Option::<String>::None.into()),
            ("attempt", Expr::col("attempt").add(1)),
            ("lease_owner", owner.into()),
            ("lease_until", (now + LEASE).into()),
            (
                "started_at",
                Func::coalesce([Expr::col("started_at"), now.into()]).into(),
            ),
            ("updated_at", now.into()),
            ("version", Expr::col("version").add(1)),
        ])
        .and_where(Expr::col("id").in_subquery(claimed))
        .returning(Query::returning().columns(COLUMNS))
        .take();
    let mut claimed = fetch(store, &update).await?;
    claimed.sort_by_key(|record| record.id);
    Ok(claimed)
}

/// Keeps the claims of a process alive, and gives the tasks that somebody wants stopped.
///
/// Only what really runs is kept alive: a row that was left behind is rescued when its lease is over.
pub(super) async fn heartbeat(
    store: &Store,
    owner: Uuid,
    running: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Uuid>, StoreError> {
    let update = Query::update()
        .table(TABLE)
        .value("lease_until", now() + LEASE)
        .and_where(Expr::col("id").is_in(running))
        .and_where(Expr::col("lease_owner").eq(owner))
        .and_where(is_processing())
        .returning(Query::returning().columns(["id", "cancel_requested"]))
        .take();
    let mut cancelled = Vec::new();
    for row in store.fetch_all(&update).await? {
        if row.get("cancel_requested")? {
            cancelled.push(row.get("id")?);
        }
    }
    Ok(cancelled)
}

/// Which claims have lost their process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    /// Those whose lease has run out.
    Expired,
    /// All of them: nobody else works on this database, and this process has just begun.
    All,
    /// Those that this process still holds as it stops; that is no crash.
    HandedBack(Uuid),
}

/// Puts tasks whose process died or stopped back into the queue, or ends those that must not run twice.
pub(super) async fn rescue(
    store: &Store,
    lost: Lost,
    must_not_rerun: &[(String, &'static str)],
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

    let mut final_crash = Cond::any().add(Expr::col("crash_count").add(crashes).gte(CRASH_LIMIT));
    for (state, name) in must_not_rerun {
        final_crash = final_crash.add(
            Expr::col("state")
                .eq(state.as_str())
                .and(Expr::col("name").eq(*name)),
        );
    }
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
            ("version", Expr::col("version").add(UNSAVED_VERSIONS)),
        ])
        .and_where(is_lost())
        .returning(Query::returning().columns(COLUMNS))
        .take();

    let mut changed = fetch(store, &cancelled).await?;
    changed.extend(fetch(store, &crashed).await?);
    changed.extend(fetch(store, &again).await?);
    Ok(changed)
}

async fn fetch(store: &Store, update: &UpdateStatement) -> Result<Vec<TaskRecord>, StoreError> {
    store
        .fetch_all(update)
        .await?
        .iter()
        .map(TaskRecord::from_row)
        .collect()
}
