//! Claims: a process takes due tasks from the queue in the database.
//!
//! Regardless of the length of the queue, a claim reads no more rows per type than it claims: it
//! first excludes types that are paused or at their limit, and then uses the index for each
//! remaining type.

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Cond, Expr, ExprTrait, OnConflict, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use super::due::{self, Candidate, READY, READY_ORDER, Rotation};
use super::finish_notification::FinishNotification;
use super::turn;
use crate::store::{Dialect, RawSql, Row, Store, StoreError, Transaction, now};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::table_columns as columns;

/// Table with a row for each task type that is paused or has a limit.
pub(super) const QUEUES: &str = "portal_task_queues";

pub(super) fn is_processing() -> Expr {
    Expr::col("status").eq(TaskStatus::Processing.as_str())
}

/// The properties of a task type that the queue needs.
#[derive(Debug, Clone)]
pub(super) struct QueueSpec {
    pub(super) group: String,
    pub(super) name: &'static str,
    /// Maximum number of concurrent tasks across all replicas.
    pub(super) concurrency: Option<u32>,
    /// `true` if a task must not run again after a crash.
    pub(super) at_most_once: bool,
    /// Notification sent when a task finishes, if any.
    pub(super) finish_notification: Option<FinishNotification>,
}

impl QueueSpec {
    fn is(&self) -> Expr {
        Expr::col("state")
            .eq(self.group.as_str())
            .and(Expr::col("name").eq(self.name))
    }
}

pub(super) fn any_of<'a>(task_types: impl IntoIterator<Item = &'a QueueSpec>) -> Cond {
    task_types
        .into_iter()
        .fold(Cond::any(), |any, task_type| any.add(task_type.is()))
}

/// Parameters of a claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimRequest<'a> {
    /// Id of the process.
    pub(super) owner: Uuid,
    pub(super) lease: TimeDelta,
    /// Task types that the process has registered; other processes claim tasks of other types.
    pub(super) task_types: &'a [QueueSpec],
    /// Maximum number of concurrent tasks across all replicas and types.
    pub(super) global_concurrency: Option<u32>,
    /// Order in which this process last served the types (round robin).
    pub(super) rotation: &'a Rotation,
}

/// A claimed task with the checkpoint from its previous attempts.
#[derive(Debug, PartialEq)]
pub(super) struct ClaimedTask {
    pub(super) record: TaskRecord,
    pub(super) args: Value,
    pub(super) checkpoint: Option<Value>,
}

/// Claims up to `limit` tasks.
///
/// `attempt` is the fencing token: each claim of the task gets a higher number, and only the
/// attempt with the highest number may write.
pub(in crate::tasks) async fn claim(
    store: &Store,
    claimer: ClaimRequest<'_>,
    limit: u64,
) -> Result<Vec<ClaimedTask>, StoreError> {
    let dialect = store.dialect();
    let mut transaction = store.begin_by_index().await?;
    let Some((candidates, room)) = candidates(&mut transaction, dialect, &claimer, limit).await?
    else {
        return Ok(Vec::new());
    };
    let mut found = due::find(&mut transaction, dialect, &candidates, now()).await?;
    let places = found.unplaced;
    if places {
        turn::place_due(&mut transaction, dialect, now()).await?;
        found = due::find(&mut transaction, dialect, &candidates, now()).await?;
    }
    let shares = claimer.rotation.share(candidates.len(), &found.due, room);
    let shares = candidates
        .iter()
        .zip(shares)
        .map(|(candidate, most)| Candidate {
            task_type: candidate.task_type,
            most,
        });
    let (limited, free): (Vec<_>, Vec<_>) = shares
        .filter(|share| share.most > 0)
        .partition(|share| claimer.is_limited(share.task_type));
    let mut claimed = take(&mut transaction, dialect, &claimer, &free).await?;
    if places || !free.is_empty() {
        transaction.commit().await?;
    } else {
        drop(transaction);
    }
    for share in limited {
        claimed.extend(claim_limited(store, &claimer, share).await?);
    }
    claimed.sort_by_key(|claimed| claimed.record.id);
    Ok(claimed)
}

impl ClaimRequest<'_> {
    fn is_limited(&self, task_type: &QueueSpec) -> bool {
        self.global_concurrency.is_some() || task_type.concurrency.is_some()
    }
}

/// Returns each type with the number of tasks still allowed by its limit, and the total.
///
/// Returns `None` if the total is zero.
async fn candidates<'a>(
    transaction: &mut Transaction,
    dialect: Dialect,
    claimer: &ClaimRequest<'a>,
    limit: u64,
) -> Result<Option<(Vec<Candidate<'a>>, u64)>, StoreError> {
    let has_limits = claimer
        .task_types
        .iter()
        .any(|task_type| claimer.is_limited(task_type));
    let running = if has_limits {
        count_running(transaction, dialect).await?
    } else {
        Vec::new()
    };
    let mut room = limit;
    if let Some(total) = claimer.global_concurrency {
        let all = running.iter().map(|running| running.tasks).sum();
        room = Ord::min(room, u64::from(total).saturating_sub(all));
    }
    let candidates = claimer.task_types.iter().map(|task_type| {
        let free = task_type.concurrency.map(|concurrency| {
            let running = running.iter().filter(|running| running.is_of(task_type));
            u64::from(concurrency).saturating_sub(running.map(|running| running.tasks).sum())
        });
        Candidate {
            task_type,
            most: free.map_or(room, |free| Ord::min(free, room)),
        }
    });
    // Each type keeps its index, which identifies it in the rotation.
    Ok((room > 0).then(|| (candidates.collect(), room)))
}

/// Claims tasks of a type that has a limit. Needs a lock, because claims first count running tasks.
async fn claim_limited(
    store: &Store,
    claimer: &ClaimRequest<'_>,
    share: Candidate<'_>,
) -> Result<Vec<ClaimedTask>, StoreError> {
    let (task_type, mut room) = (share.task_type, share.most);
    let dialect = store.dialect();
    let mut transaction = store.begin_by_index().await?;
    if claimer.global_concurrency.is_some() {
        // The empty name represents all types.
        lock_queue(&mut transaction, "", "").await?;
    }
    if task_type.concurrency.is_some() {
        lock_queue(&mut transaction, &task_type.group, task_type.name).await?;
    }
    let running = count_running(&mut transaction, dialect).await?;
    if let Some(total) = claimer.global_concurrency {
        let all = running.iter().map(|running| running.tasks).sum();
        room = Ord::min(room, u64::from(total).saturating_sub(all));
    }
    if let Some(concurrency) = task_type.concurrency {
        let of_it = running.iter().filter(|running| running.is_of(task_type));
        let of_it = of_it.map(|running| running.tasks).sum();
        room = Ord::min(room, u64::from(concurrency).saturating_sub(of_it));
    }
    if room == 0 {
        return Ok(Vec::new());
    }
    let share = Candidate {
        task_type,
        most: room,
    };
    let claimed = take(&mut transaction, dialect, claimer, &[share]).await?;
    transaction.commit().await?;
    Ok(claimed)
}

/// Locks the row of a queue until the transaction ends; creates the row if it is missing.
async fn lock_queue(
    transaction: &mut Transaction,
    group: &str,
    name: &str,
) -> Result<(), StoreError> {
    let take = Query::insert()
        .into_table(QUEUES)
        .columns(["state", "name"])
        .values_panic([group.into(), name.into()])
        .on_conflict(
            OnConflict::columns(["state", "name"])
                .value("name", name)
                .to_owned(),
        )
        .take();
    transaction.execute(&take).await.map(drop)
}

/// Running tasks of one type.
struct Running {
    group: String,
    name: String,
    tasks: u64,
}

impl Running {
    fn is_of(&self, task_type: &QueueSpec) -> bool {
        self.group == task_type.group && self.name == task_type.name
    }
}

async fn count_running(
    transaction: &mut Transaction,
    dialect: Dialect,
) -> Result<Vec<Running>, StoreError> {
    let rows = transaction.fetch_all(&running_by_type(dialect)).await?;
    let running = rows.iter().map(|row| {
        Ok(Running {
            group: row.get("state")?,
            name: row.get("name")?,
            tasks: row.get::<i64>("tasks")?.unsigned_abs(),
        })
    });
    running.collect()
}

/// Counts running tasks on all replicas by type; this is cheap, because few tasks run at a time.
pub(super) fn running_by_type(dialect: Dialect) -> RawSql<false> {
    let index = match dialect {
        Dialect::Sqlite => " INDEXED BY portal_tasks_lease",
        Dialect::Postgres => "",
    };
    let sql = format!(
        "SELECT state, name, count(*) AS tasks FROM portal_tasks{index} \
         WHERE status = 'PROCESSING' GROUP BY state, name"
    );
    RawSql {
        sql: sql.into(),
        values: Vec::new(),
    }
}

/// Takes the first due tasks of each type.
async fn take(
    transaction: &mut Transaction,
    dialect: Dialect,
    claimer: &ClaimRequest<'_>,
    shares: &[Candidate<'_>],
) -> Result<Vec<ClaimedTask>, StoreError> {
    let mut claimed = Vec::new();
    for statement in take_statements(dialect, claimer, shares, now()) {
        let rows = transaction.fetch_all(&statement).await?;
        claimed.extend(read(&rows)?);
    }
    Ok(claimed)
}

/// Returns the statements of [`take`]: one for all types on PostgreSQL, one per type on SQLite.
pub(super) fn take_statements(
    dialect: Dialect,
    claimer: &ClaimRequest<'_>,
    shares: &[Candidate<'_>],
    now: DateTime<Utc>,
) -> Vec<RawSql<true>> {
    let read = [&columns::RECORD[..], &[columns::ARGS, columns::CHECKPOINT]].concat();
    let read = columns::list(&read, str::to_owned);
    let update = |next: &str| {
        format!(
            "UPDATE portal_tasks SET status = 'PROCESSING', progress = 0, message = NULL, \
             error = NULL, code = NULL, attempt = attempt + 1, lease_owner = $2, \
             lease_until = $3, started_at = coalesce(started_at, $1), updated_at = $1, \
             version = version + 1 WHERE {next} RETURNING {read}"
        )
    };
    let values = |more: Vec<sea_query::Value>| {
        let owner = claimer.owner.into();
        let mut values = vec![now.into(), owner, (now + claimer.lease).into()];
        values.extend(more);
        values
    };
    match dialect {
        Dialect::Sqlite => {
            let next = format!(
                "id IN (SELECT task.id FROM portal_tasks AS task INDEXED BY portal_tasks_ready \
                 WHERE {READY} AND task.state = $4 AND task.name = $5 AND task.run_at <= $1 \
                 ORDER BY {READY_ORDER} LIMIT $6)"
            );
            let of_type = |share: &Candidate<'_>| RawSql {
                sql: update(&next).into(),
                values: values(vec![
                    share.task_type.group.as_str().into(),
                    share.task_type.name.into(),
                    i64::try_from(share.most).unwrap_or(i64::MAX).into(),
                ]),
            };
            shares.iter().map(of_type).collect()
        }
        Dialect::Postgres if shares.is_empty() => Vec::new(),
        Dialect::Postgres => {
            // An array is evaluated once; a join might lock different rows on each evaluation.
            let next = format!(
                "id = ANY (ARRAY(SELECT next.id \
                 FROM jsonb_to_recordset($4) AS kind(state text, name text, most bigint) \
                 CROSS JOIN LATERAL (SELECT task.id FROM portal_tasks AS task \
                 WHERE {READY} AND task.state = kind.state AND task.name = kind.name \
                 AND task.run_at <= $1 ORDER BY {READY_ORDER} LIMIT kind.most \
                 FOR UPDATE SKIP LOCKED) AS next))"
            );
            let task_types: Vec<_> = shares
                .iter()
                .map(|share| {
                    json!({
                        "state": share.task_type.group,
                        "name": share.task_type.name,
                        "most": share.most,
                    })
                })
                .collect();
            vec![RawSql {
                sql: update(&next).into(),
                values: values(vec![Value::Array(task_types).into()]),
            }]
        }
    }
}

fn read(rows: &[Row]) -> Result<Vec<ClaimedTask>, StoreError> {
    rows.iter()
        .map(|row| {
            Ok(ClaimedTask {
                record: TaskRecord::from_row(row)?,
                args: row.document("args")?.unwrap_or_default(),
                checkpoint: row.document("checkpoint")?,
            })
        })
        .collect()
}
