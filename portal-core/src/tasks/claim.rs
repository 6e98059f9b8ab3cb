//! The queue in the database, as workers see it: claim, keep, hand back, rescue.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{
    CommonTableExpression, Cond, Expr, ExprTrait, Func, LockBehavior, LockType, OnConflict, Order,
    Query, UpdateStatement, WithClause,
};
use serde_json::Value;
use uuid::Uuid;

use super::end_message::EndMessage;
use super::queue::TABLE;
use super::record::{COLUMNS, TaskRecord, TaskStatus};
use crate::notifications::send_in;
use crate::store::{Row, Store, StoreError, Transaction, now};

/// A row per kind of task that is paused or has a limit.
pub(super) const QUEUES: &str = "portal_task_queues";

/// Watchers of the process that died may have seen versions that it had not saved: the next one
/// has to be greater than those, else they take it for old.
const UNSAVED_VERSIONS: i64 = 1_000_000;

/// How often a task may crash its process before it is given up.
const CRASH_LIMIT: i32 = 5;

fn is_processing() -> Expr {
    Expr::col("status").eq(TaskStatus::Processing.as_str())
}

/// A kind of task, as the queue tells them apart.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) state: String,
    pub(super) name: &'static str,
    /// How many run at once, over all replicas.
    pub(super) concurrency: Option<u32>,
    /// Whether it must not run again after a crash.
    pub(super) only_once: bool,
    /// What is told of its ends.
    pub(super) told: Option<EndMessage>,
}

impl Kind {
    fn is(&self) -> Expr {
        Expr::col("state")
            .eq(self.state.as_str())
            .and(Expr::col("name").eq(self.name))
    }
}

fn any_of<'a>(kinds: impl IntoIterator<Item = &'a Kind>) -> Cond {
    kinds
        .into_iter()
        .fold(Cond::any(), |any, kind| any.add(kind.is()))
}

/// Who claims, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimer<'a> {
    /// The process.
    pub(super) owner: Uuid,
    pub(super) lease: TimeDelta,
    /// The kinds that it knows; others are left for those who do.
    pub(super) kinds: &'a [Kind],
    /// How many tasks all replicas together run at once.
    pub(super) total_concurrency: Option<u32>,
}

/// A task that was claimed, and what the attempt before it has left.
#[derive(Debug, PartialEq)]
pub(super) struct Claimed {
    pub(super) record: TaskRecord,
    pub(super) checkpoint: Option<Value>,
}

/// Claims up to `limit` tasks.
///
/// `attempt` is the fencing token: whoever claims the task next gets a greater one, and only
/// the greatest may write.
pub(super) async fn claim(
    store: &Store,
    claimer: Claimer<'_>,
    limit: u64,
) -> Result<Vec<Claimed>, StoreError> {
    let (limited, free): (Vec<&Kind>, Vec<&Kind>) = claimer
        .kinds
        .iter()
        .partition(|kind| claimer.total_concurrency.is_some() || kind.concurrency.is_some());
    let mut claimed = Vec::new();
    if !free.is_empty() {
        let rows = store
            .fetch_all(&claim_statement(&claimer, any_of(free), limit))
            .await?;
        claimed = read(&rows)?;
    }
    for kind in due(store, &limited).await? {
        let room = limit.saturating_sub(claimed.len() as u64);
        if room == 0 {
            break;
        }
        claimed.extend(claim_limited(store, &claimer, kind, room).await?);
    }
    claimed.sort_by_key(|claimed| claimed.record.id);
    Ok(claimed)
}

/// Claims of a kind with a limit take turns: each counts what all replicas run.
async fn claim_limited(
    store: &Store,
    claimer: &Claimer<'_>,
    kind: &Kind,
    room: u64,
) -> Result<Vec<Claimed>, StoreError> {
    let mut room = room;
    let mut transaction = store.begin().await?;
    if let Some(total) = claimer.total_concurrency {
        // The empty name stands for all kinds.
        lock(&mut transaction, "", "").await?;
        let running = count_running(&mut transaction, None).await?;
        room = Ord::min(room, u64::from(total).saturating_sub(running));
    }
    if let Some(concurrency) = kind.concurrency {
        lock(&mut transaction, &kind.state, kind.name).await?;
        let running = count_running(&mut transaction, Some(kind)).await?;
        room = Ord::min(room, u64::from(concurrency).saturating_sub(running));
    }
    if room == 0 {
        return Ok(Vec::new());
    }
    let rows = transaction
        .fetch_all(&claim_statement(claimer, any_of([kind]), room))
        .await?;
    transaction.commit().await?;
    read(&rows)
}

/// Takes the row of a queue, made if it is not there yet, until the transaction ends.
async fn lock(transaction: &mut Transaction, state: &str, name: &str) -> Result<(), StoreError> {
    let take = Query::insert()
        .into_table(QUEUES)
        .columns(["state", "name"])
        .values_panic([state.into(), name.into()])
        .on_conflict(
            OnConflict::columns(["state", "name"])
                .value("name", name)
                .to_owned(),
        )
        .take();
    transaction.execute(&take).await.map(drop)
}

async fn count_running(
    transaction: &mut Transaction,
    kind: Option<&Kind>,
) -> Result<u64, StoreError> {
    let mut count = Query::select()
        .expr_as(Func::count(Expr::col("id")), "running")
        .from(TABLE)
        .and_where(is_processing())
        .take();
    if let Some(kind) = kind {
        count.and_where(kind.is());
    }
    match transaction.fetch_optional(&count).await? {
        Some(row) => Ok(row.get::<i64>("running")?.unsigned_abs()),
        None => Ok(0),
    }
}

/// Those of the kinds that have something to do.
async fn due<'a>(store: &Store, kinds: &[&'a Kind]) -> Result<Vec<&'a Kind>, StoreError> {
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    let select = Query::select()
        .distinct()
        .columns(["state", "name"])
        .from(TABLE)
        .cond_where(is_due(any_of(kinds.iter().copied())))
        .take();
    let mut due = Vec::new();
    for row in store.fetch_all(&select).await? {
        let (state, name): (String, String) = (row.get("state")?, row.get("name")?);
        due.extend(
            kinds
                .iter()
                .find(|kind| kind.state == state && kind.name == name),
        );
    }
    Ok(due)
}

/// What waits, may begin, and is not paused.
fn is_due(kinds: Cond) -> Cond {
    let paused = Query::select()
        .expr(Expr::val(1))
        .from(QUEUES)
        .and_where(Expr::col((QUEUES, "state")).equals((TABLE, "state")))
        .and_where(Expr::col((QUEUES, "name")).equals((TABLE, "name")))
        .and_where(Expr::col((QUEUES, "paused")).eq(true))
        .take();
    Cond::all()
        .add(Expr::col("status").eq(TaskStatus::Pending.as_str()))
        .add(Expr::col("run_at").lte(now()))
        .add(kinds)
        .add(Expr::exists(paused).not())
}

fn claim_statement(claimer: &Claimer<'_>, kinds: Cond, limit: u64) -> UpdateStatement {
    let now = now();
    let next = Query::select()
        .column("id")
        .from(TABLE)
        .cond_where(is_due(kinds))
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
    Query::update()
        .with_cte(WithClause::new().cte(next).to_owned())
        .table(TABLE)
        .values([
            ("status", TaskStatus::Processing.as_str().into()),
            ("progress", 0.into()),
            ("message", Option::<String>::None.into()),
            ("error", Option::<String>::None.into()),
            ("code", Option::<String>::None.into()),
            ("attempt", Expr::col("attempt").add(1)),
            ("lease_owner", claimer.owner.into()),
            ("lease_until", (now + claimer.lease).into()),
            (
                "started_at",
                Func::coalesce([Expr::col("started_at"), now.into()]).into(),
            ),
            ("updated_at", now.into()),
            ("version", Expr::col("version").add(1)),
        ])
        .and_where(Expr::col("id").in_subquery(claimed))
        .returning(Query::returning().columns(COLUMNS.into_iter().chain(["checkpoint"])))
        .take()
}

fn read(rows: &[Row]) -> Result<Vec<Claimed>, StoreError> {
    rows.iter()
        .map(|row| {
            Ok(Claimed {
                record: TaskRecord::from_row(row)?,
                checkpoint: row.document("checkpoint")?,
            })
        })
        .collect()
}

/// What a sign of life has found out.
#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    /// What is still this process's own.
    pub(super) kept: HashSet<Uuid>,
    /// What somebody wants stopped.
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
