//! `portal_task_schedules`: how far each schedule has come, for all replicas.

use chrono::{DateTime, Utc};
use sea_query::{CaseStatement, Cond, Expr, ExprTrait, OnConflict, Order, Query};
use serde_json::json;
use uuid::Uuid;

use super::Scheduled;
use crate::store::{Row, Store, StoreError, Transaction};
use crate::tasks::args::AcceptedArgs;
use crate::tasks::insert;
use crate::tasks::record::TaskRecord;

const TABLE: &str = "portal_task_schedules";

/// A schedule as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) task: String,
    pub(super) cron: String,
    pub(super) time_zone: String,
    pub(super) last_fired_for: DateTime<Utc>,
    pub(super) last_task_id: Option<Uuid>,
    pub(super) paused: bool,
}

impl Stored {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get("name")?,
            state: row.get("state")?,
            task: row.get("task")?,
            cron: row.get("cron")?,
            time_zone: row.get("time_zone")?,
            last_fired_for: row.get("last_fired_for")?,
            last_task_id: row.get("last_task_id")?,
            paused: row.get("paused")?,
        })
    }
}

/// All schedules, those that the code no longer has included.
pub(super) async fn all(store: &Store) -> Result<Vec<Stored>, StoreError> {
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
        .map(Stored::from_row)
        .collect()
}

/// Stores a schedule that is new, or says that it has changed; both count from now on.
pub(super) async fn register(
    store: &Store,
    scheduled: &Scheduled,
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
            scheduled.definition.state.as_str().into(),
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

/// What came of firing a schedule for one of its times.
#[derive(Debug, PartialEq)]
pub(super) enum Fired {
    /// The task is stored.
    Started(Box<TaskRecord>),
    /// The time counts as fired, but a task stands in the way: one of the same time, or an active
    /// one of a kind of which only one may be.
    Refused,
    /// Another replica was first, or the schedule has been paused.
    Passed,
}

/// Fires a schedule for one of its times, if nobody has done so for this or a later one.
///
/// The row of the schedule is locked until the commit. So of all replicas one goes on, and its
/// task is stored exactly if the time counts as fired.
pub(super) async fn fire(
    store: &Store,
    scheduled: &Scheduled,
    time: DateTime<Utc>,
) -> Result<Fired, StoreError> {
    let text = &scheduled.definition.schedule;
    let mut transaction = store.begin().await?;
    let advance = Query::update()
        .table(TABLE)
        .value("last_fired_for", time)
        // While an older version runs beside a newer one, the table shows what was followed last.
        .value("cron", text.cron.as_deref().unwrap_or_default())
        .value("time_zone", text.time_zone())
        .and_where(Expr::col("name").eq(scheduled.name.as_str()))
        .and_where(Expr::col("last_fired_for").lt(time))
        .and_where(Expr::col("paused").eq(false))
        .take();
    if transaction.execute(&advance).await? == 0 {
        return Ok(Fired::Passed);
    }
    // Start-up has checked that `{}` is accepted.
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
        Fired::Started(Box::new(task.record()))
    } else {
        Fired::Refused
    };
    transaction.commit().await?;
    Ok(fired)
}

/// Stops a schedule from firing; `false` if there is no such schedule.
pub(super) async fn pause(transaction: &mut Transaction, name: &str) -> Result<bool, StoreError> {
    let update = Query::update()
        .table(TABLE)
        .value("paused", true)
        .and_where(Expr::col("name").eq(name))
        .take();
    Ok(transaction.execute(&update).await? > 0)
}

/// Lets a schedule fire again, from now on; `false` if there is no such schedule.
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

/// `last_fired_for` never falls, whatever the clocks of the replicas say.
fn later_of(instant: DateTime<Utc>) -> CaseStatement {
    CaseStatement::new()
        .case(Expr::col("last_fired_for").lt(instant), Expr::val(instant))
        .finally(Expr::col("last_fired_for"))
}
