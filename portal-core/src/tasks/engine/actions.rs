//! Actions that administrators take on tasks: run again, pause, resume, prune.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Expr, ExprTrait, Func, OnConflict, Order, Query, SelectStatement};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::claim::QUEUES;
use super::insert::{self, NewTask};
use super::queue;
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Transaction, now};
use crate::tasks::definition::task::TaskDefinition;
use crate::tasks::initiator::Initiator;
use crate::tasks::service::{Tasks, insert_result, task_not_found};
use crate::tasks::table_columns::TABLE;

/// Interval at which old finished tasks are pruned.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of tasks deleted by one statement, so that it blocks others only briefly.
const PRUNE_BATCH: u64 = 500;

/// A task that was run again; `new` is `None` if the same task is already active.
#[derive(Debug)]
pub(in crate::tasks) struct Rerun {
    pub(in crate::tasks) id: Uuid,
    new: Option<(Arc<TaskDefinition>, NewTask)>,
}

impl Tasks {
    /// Runs a finished task again, as a new task with the same arguments, client and owner.
    ///
    /// Returns the id of the new task, or of the same task if it is already active.
    ///
    /// # Errors
    ///
    /// Fails with `404 task_not_found` if the task does not exist, with `409 task_not_finished` if
    /// it has not finished, with `409 task_already_active` if the same task is active for another
    /// client, if its type is no longer registered or no longer accepts the arguments, if one of
    /// the owner's quotas is used up, and if the database is unavailable.
    pub async fn run_again(&self, id: Uuid) -> Result<Uuid> {
        let mut transaction = self.0.store.begin().await?;
        let again = self.run_again_in(&mut transaction, id, None).await?;
        transaction.commit().await?;
        Ok(self.publish_rerun(again))
    }

    /// Runs a finished task again within a transaction, with the trace context of the request.
    ///
    /// Call [`publish_rerun`](Self::publish_rerun) after the commit.
    pub(in crate::tasks) async fn run_again_in(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        trace_parent: Option<String>,
    ) -> Result<Rerun> {
        let record = queue::get_in(transaction, id)
            .await?
            .ok_or_else(task_not_found)?;
        if record.is_active() {
            return Err(Error::conflict(
                "task_not_finished",
                format!("the task is {}; wait until it has finished", record.status),
            ));
        }
        let definition = self.registry().find(&record.group, &record.name)?;
        let args = queue::args_in(transaction, id)
            .await?
            .ok_or_else(task_not_found)?;
        let mut task = definition.new_task(definition.accept(&args)?);
        let starter = Initiator {
            client_token_id: record.client_token_id,
            owner_user_id: record.owner_user_id,
            trace_parent,
        };
        starter.apply_to(&mut task);
        self.0.engine.admit_in(transaction, &task).await?;
        let stored = insert::insert(transaction, &task).await?;
        let (id, before) = insert_result(&task, stored, definition)?;
        Ok(Rerun {
            id,
            new: (!before).then(|| (Arc::clone(definition), task)),
        })
    }

    /// Publishes a task that was run again, and returns its id.
    pub(in crate::tasks) fn publish_rerun(&self, again: Rerun) -> Uuid {
        if let Some((definition, task)) = &again.new {
            self.publish_inserted(definition, task);
        }
        again.id
    }

    /// Pauses a task type: no replica starts its tasks; running tasks continue.
    ///
    /// # Errors
    ///
    /// Fails with `404 state_unknown` or `404 task_unknown` if there is no such task type, and if
    /// the database is unavailable.
    pub async fn pause_type(&self, group: &str, name: &str) -> Result<()> {
        self.set_paused(group, name, true).await
    }

    /// Resumes a paused task type.
    ///
    /// # Errors
    ///
    /// Fails with `404 state_unknown` or `404 task_unknown` if there is no such task type, and if
    /// the database is unavailable.
    pub async fn resume_type(&self, group: &str, name: &str) -> Result<()> {
        self.set_paused(group, name, false).await
    }

    async fn set_paused(&self, group: &str, name: &str, paused: bool) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        self.set_paused_in(&mut transaction, group, name, paused)
            .await?;
        transaction.commit().await?;
        self.resumed(paused).await;
        Ok(())
    }

    /// Pauses or resumes a task type within a transaction.
    ///
    /// Call [`resumed`](Self::resumed) after the commit.
    pub(in crate::tasks) async fn set_paused_in(
        &self,
        transaction: &mut Transaction,
        group: &str,
        name: &str,
        paused: bool,
    ) -> Result<()> {
        let definition = self.registry().find(group, name)?;
        let put = Query::insert()
            .into_table(QUEUES)
            .columns(["state", "name", "paused"])
            .values_panic([
                definition.group.as_str().into(),
                definition.name.into(),
                paused.into(),
            ])
            .on_conflict(
                OnConflict::columns(["state", "name"])
                    .update_column("paused")
                    .to_owned(),
            )
            .take();
        transaction.execute(&put).await?;
        transaction.publish(tasks_changed());
        Ok(())
    }

    /// Notifies the workers on all replicas that a task type was resumed.
    pub(in crate::tasks) async fn resumed(&self, paused: bool) {
        if !paused {
            self.0.engine.wake.notify_one();
            self.0.store.publish(ClusterEvent::TasksReady).await;
        }
    }

    /// Returns the group and name of each paused task type.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn paused_types(&self) -> Result<BTreeSet<(String, String)>> {
        let select = Query::select()
            .columns(["state", "name"])
            .from(QUEUES)
            .and_where(Expr::col("paused").eq(true))
            .take();
        let rows = self.0.store.fetch_all(&select).await?;
        let task_types = rows
            .iter()
            .map(|row| Ok((row.get("state")?, row.get("name")?)));
        task_types.collect()
    }

    /// Deletes tasks that finished longer ago than `older_than`; returns how many were deleted.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable; batches that have already been deleted stay deleted.
    pub async fn prune(&self, older_than: Duration) -> Result<u64> {
        let before = moment(older_than);
        let mut pruned = 0;
        loop {
            let mut transaction = self.0.store.begin().await?;
            let (found, deleted) = prune_batch(&mut transaction, before).await?;
            transaction.commit().await?;
            pruned += deleted;
            if found < PRUNE_BATCH {
                return Ok(pruned);
            }
        }
    }

    /// Deletes the first batch for [`prune`](Self::prune) within a transaction.
    pub(in crate::tasks) async fn prune_in(
        &self,
        transaction: &mut Transaction,
        older_than: Duration,
    ) -> Result<u64> {
        let (_, deleted) = prune_batch(transaction, moment(older_than)).await?;
        Ok(deleted)
    }

    /// Returns the number of tasks that [`prune`](Self::prune) would delete.
    pub(in crate::tasks) async fn count_finished(&self, older_than: Duration) -> Result<u64> {
        let count = finished_before(moment(older_than))
            .expr(Func::count(Expr::col("id")))
            .take();
        Ok(self.0.store.fetch_count(&count).await?.unsigned_abs())
    }

    /// Prunes at an interval until the portal stops; several replicas may do so concurrently.
    pub(crate) async fn run_pruner(self, stop: CancellationToken) {
        let mut tick = interval(PRUNE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pruning = async {
            loop {
                tick.tick().await;
                match self.prune(self.0.settings.retention).await {
                    Ok(0) => {}
                    Ok(tasks) => tracing::debug!(tasks, "pruned finished tasks"),
                    Err(error) => tracing::warn!(%error, "failed to prune finished tasks"),
                }
            }
        };
        stop.run_until_cancelled(pruning).await;
    }
}

/// Deletes a batch; returns the number of tasks found, and the number that this call deleted.
async fn prune_batch(transaction: &mut Transaction, before: DateTime<Utc>) -> Result<(u64, u64)> {
    let oldest = finished_before(before)
        .column("id")
        .order_by("finished_at", Order::Asc)
        .limit(PRUNE_BATCH)
        .take();
    let rows = transaction.fetch_all(&oldest).await?;
    if rows.is_empty() {
        return Ok((0, 0));
    }
    let ids = rows
        .iter()
        .map(|row| row.get::<Uuid>("id"))
        .collect::<Result<Vec<_>, _>>()?;
    let found = ids.len() as u64;
    // A final status never changes, so every task that was found still qualifies.
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("id").is_in(ids))
        .take();
    let deleted = transaction.execute(&delete).await?;
    if deleted > 0 {
        transaction.publish(tasks_changed());
    }
    Ok((found, deleted))
}

/// Returns the cluster event that makes open lists refresh after changes not published per task.
fn tasks_changed() -> ClusterEvent {
    ClusterEvent::TopicChanged {
        topic: "tasks".to_owned(),
    }
}

fn finished_before(moment: DateTime<Utc>) -> SelectStatement {
    Query::select()
        .from(TABLE)
        .and_where(Expr::col("finished_at").is_not_null())
        .and_where(Expr::col("finished_at").lt(moment))
        .take()
}

/// Returns the current time minus `ago`, or the Unix epoch if that is out of range.
fn moment(ago: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(ago)
        .ok()
        .and_then(|ago| now().checked_sub_signed(ago))
        .unwrap_or(DateTime::UNIX_EPOCH)
}
