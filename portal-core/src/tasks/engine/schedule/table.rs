//! `portal_task_schedules`: the state of each schedule, shared by all replicas.

use chrono::{DateTime, Utc};
use sea_query::{CaseStatement, Cond, Expr, ExprTrait, OnConflict, Order, Query};
use serde_json::json;
use uuid::Uuid;

use super::ScheduledTask;
use crate::store::{Row, Store, StoreError, Transaction};
use crate::tasks::definition::args::AcceptedArgs;
use crate::tasks::engine::insert;
use crate::tasks::record::TaskRecord;

const TABLE: &str = "portal_task_schedules";

/// A stored schedule.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredSchedule {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) task: String,
    pub(super) cron: String,
    pub(super) time_zone: String,
    pub(super) last_fired_for: DateTime<Utc>,
    pub(super) last_task_id: Option<Uuid>,
    pub(super) paused: bool,
}

impl StoredSchedule {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get("name")?,
            group: row.get("state")?,
            task: row.get("task")?,
            cron: row.get("cron")?,
            time_zone: row.get("time_zone")?,
            last_fired_for: row.get("last_fired_for")?,
            last_task_id: row.get("last_task_id")?,
            paused: row.get("paused")?,
        })
    }
}

/// Returns all schedules, including those that are no longer in the code.
pub(super) async fn all(store: &Store) -> Result<Vec<StoredSchedule>, StoreError> {
    let select = Query::select()
        .columns([
            "name",
            "state",
            "task",
            "cron",
            "time_zone",
            "last_fired_for",
            "last_task_id",
            "paused",
        ])
        .from(TABLE)
        .order_by("name", Order::Asc)
        .take();
    store
        .fetch_all(&select)
        .await?
        .iter()
        .map(StoredSchedule::from_row)
        .collect()
}

/// Stores a new or changed schedule, which fires only at times from now on.
pub(super) async fn register(
    store: &Store,
    scheduled: &ScheduledTask,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let text = &scheduled.definition.schedule;
    let (cron, time_zone) = (text.cron.as_deref().unwrap_or_default(), text.time_zone());
    let insert = Query::insert()
        .into_table(TABLE)
        .columns([
            "name",
            "state",
            "task",
            "cron",
            "time_zone",
            "last_fired_for",
        ])
        .values_panic([
            scheduled.name.as_str().into(),
            scheduled.definition.group.as_str().into(),
            scheduled.definition.name.into(),
            cron.into(),
            time_zone.into(),
            now.into(),
        ])
        .on_conflict(OnConflict::column("name").do_nothing().to_owned())
        .take();
    if store.execute(&insert).await? > 0 {
        return Ok(());
    }
    let change = Query::update()
        .table(TABLE)
        .value("cron", cron)
        .value("time_zone", time_zone)
        .value("last_fired_for", later_of(now))
        .and_where(Expr::col("name").eq(scheduled.name.as_str()))
        .cond_where(
            Cond::any()
                .add(Expr::col("cron").ne(cron))
                .add(Expr::col("time_zone").ne(time_zone)),
        )
        .take();
    store.execute(&change).await.map(drop)
}

/// Outcome of firing a schedule for one of its times.
#[derive(Debug, PartialEq)]
pub(super) enum FireOutcome {
    /// The task is stored.
    Started(Box<TaskRecord>),
    /// The time counts as fired, but no task was stored.
    ///
    /// A task for the same time already exists, or the type is `unique` and a task is active.
    Refused,
    /// Another replica fired first, or the schedule was paused.
    Skipped,
}

/// Fires a schedule for one of its times, unless it has already fired for this or a later time.
///
/// The schedule's row is locked until the commit, so only one replica fires the schedule. The task
/// is stored if and only if the time counts as fired.
pub(super) async fn fire(
    store: &Store,
    scheduled: &ScheduledTask,
    time: DateTime<Utc>,
) -> Result<FireOutcome, StoreError> {
    let text = &scheduled.definition.schedule;
    let mut transaction = store.begin().await?;
    let advance = Query::update()
        .table(TABLE)
        .value("last_fired_for", time)
        // While an older version of the portal runs alongside a newer one, the table shows
        // whichever fired last.
        .value("cron", text.cron.as_deref().unwrap_or_default())
        .value("time_zone", text.time_zone())
        .and_where(Expr::col("name").eq(scheduled.name.as_str()))
        .and_where(Expr::col("last_fired_for").lt(time))
        .and_where(Expr::col("paused").eq(false))
        .take();
    if transaction.execute(&advance).await? == 0 {
        return Ok(FireOutcome::Skipped);
    }
    // The portal checks during start-up that `{}` is accepted.
    let args = (scheduled.definition.check(&json!({}))).unwrap_or_else(|_| AcceptedArgs::none());
    let mut task = scheduled.definition.new_task(args);
    task.run_at = time;
    task.schedule = Some(scheduled.name.clone());
    task.scheduled_for = Some(time);
    let fired = if insert::insert_unless_clash(&mut transaction, &task).await? {
        let remember = Query::update()
            .table(TABLE)
            .value("last_task_id", task.id)
            .and_where(Expr::col("name").eq(scheduled.name.as_str()))
            .take();
        transaction.execute(&remember).await?;
        FireOutcome::Started(Box::new(task.record()))
    } else {
        FireOutcome::Refused
    };
    transaction.commit().await?;
    Ok(fired)
}

/// Pauses a schedule; returns `false` if there is no such schedule.
pub(super) async fn pause(transaction: &mut Transaction, name: &str) -> Result<bool, StoreError> {
    let update = Query::update()
        .table(TABLE)
        .value("paused", true)
        .and_where(Expr::col("name").eq(name))
        .take();
    Ok(transaction.execute(&update).await? > 0)
}

/// Resumes a schedule from now on; returns `false` if there is no such schedule.
pub(super) async fn resume(
    transaction: &mut Transaction,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let resume = Query::update()
        .table(TABLE)
        .value("paused", false)
        .value("last_fired_for", later_of(now))
        .and_where(Expr::col("name").eq(name))
        .and_where(Expr::col("paused").eq(true))
        .take();
    if transaction.execute(&resume).await? > 0 {
        return Ok(true);
    }
    let select = Query::select()
        .column("name")
        .from(TABLE)
        .and_where(Expr::col("name").eq(name))
        .take();
    Ok(transaction.fetch_optional(&select).await?.is_some())
}

/// Ensures that `last_fired_for` never decreases, even if the clocks of the replicas differ.
fn later_of(instant: DateTime<Utc>) -> CaseStatement {
    CaseStatement::new()
        .case(Expr::col("last_fired_for").lt(instant), Expr::val(instant))
        .finally(Expr::col("last_fired_for"))
}
