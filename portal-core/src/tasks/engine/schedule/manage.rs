//! Listing and pausing schedules.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{schedule_name, scheduled, table};
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Transaction, now};
use crate::tasks::service::Tasks;

/// A schedule and its stored state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScheduleRecord {
    /// Group of the task type that the schedule enqueues.
    #[serde(rename = "state")]
    pub group: String,
    /// Name of the task type that the schedule enqueues.
    #[serde(rename = "task")]
    pub name: String,
    /// Display name of the task type.
    pub title: Arc<str>,
    /// Cron expression.
    pub cron: String,
    /// Time zone of the cron expression.
    pub time_zone: String,
    /// English description of the cron expression, such as "At 03:00 AM."; `None` if the schedule
    /// is no longer in the code.
    pub description: Option<String>,
    /// Time up to which the schedule has been processed.
    ///
    /// This is the latest time for which the schedule fired, or the time at which it was
    /// registered, changed or resumed.
    pub last_fired_for: DateTime<Utc>,
    /// Latest task that the schedule enqueued, if any.
    pub last_task_id: Option<Uuid>,
    /// Next scheduled time; `None` if the schedule is paused or no longer in the code.
    pub next_at: Option<DateTime<Utc>>,
    /// `true` if the schedule is paused.
    pub paused: bool,
}

impl Tasks {
    /// Returns all schedules, including those that are no longer in the code.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRecord>> {
        let known: Vec<_> = scheduled(&self.0.registry).collect();
        let stored = table::all(&self.0.store).await?;
        Ok(stored
            .into_iter()
            .map(|stored| {
                let known = known.iter().find(|known| known.name == stored.name);
                let from = stored.last_fired_for.max(now());
                ScheduleRecord {
                    title: known.map_or_else(
                        || Arc::from(stored.task.as_str()),
                        |known| Arc::clone(&known.definition.title),
                    ),
                    next_at: known
                        .filter(|_| !stored.paused)
                        .and_then(|known| known.schedule.next_after(from)),
                    description: known.map(|known| known.schedule.description()),
                    group: stored.group,
                    name: stored.task,
                    cron: stored.cron,
                    time_zone: stored.time_zone,
                    last_fired_for: stored.last_fired_for,
                    last_task_id: stored.last_task_id,
                    paused: stored.paused,
                }
            })
            .collect())
    }

    /// Returns up to `most` times at which a schedule fires within a period.
    pub(in crate::tasks) fn times_of(
        &self,
        schedule: &ScheduleRecord,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        most: usize,
    ) -> Vec<DateTime<Utc>> {
        let name = schedule_name(&schedule.group, &schedule.name);
        let mut known = scheduled(&self.0.registry).filter(|known| known.name == name);
        let Some(known) = known.next() else {
            return Vec::new();
        };
        let mut times = Vec::new();
        let mut last = from;
        while times.len() < most
            && let Some(next) = known.schedule.next_after(last).filter(|next| *next <= to)
        {
            times.push(next);
            last = next;
        }
        times
    }

    /// Pauses a task's schedule on every replica until it is resumed.
    ///
    /// # Errors
    ///
    /// Fails with `404 schedule_unknown` if there is no such schedule. Also fails if the database
    /// is unavailable.
    pub async fn pause_schedule(&self, group: &str, name: &str) -> Result<()> {
        self.set_schedule_paused(group, name, true).await
    }

    /// Resumes a task's schedule; runs missed while it was paused are skipped.
    ///
    /// # Errors
    ///
    /// Fails with `404 schedule_unknown` if there is no such schedule. Also fails if the database
    /// is unavailable.
    pub async fn resume_schedule(&self, group: &str, name: &str) -> Result<()> {
        self.set_schedule_paused(group, name, false).await
    }

    async fn set_schedule_paused(&self, group: &str, name: &str, paused: bool) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        self.set_schedule_paused_in(&mut transaction, group, name, paused)
            .await?;
        transaction.commit().await?;
        self.schedules_changed().await;
        Ok(())
    }

    /// Pauses or resumes a schedule within a transaction.
    ///
    /// Call [`schedules_changed`](Self::schedules_changed) after the commit.
    pub(in crate::tasks) async fn set_schedule_paused_in(
        &self,
        transaction: &mut Transaction,
        group: &str,
        name: &str,
        paused: bool,
    ) -> Result<()> {
        let name = schedule_name(group, name);
        let found = if paused {
            table::pause(transaction, &name).await?
        } else {
            table::resume(transaction, &name, now()).await?
        };
        if !found {
            return Err(Error::not_found(format!("there is no schedule `{name}`"))
                .with_code("schedule_unknown"));
        }
        Ok(())
    }

    /// Notifies the schedulers on all replicas, so that they re-read the schedules.
    pub(in crate::tasks) async fn schedules_changed(&self) {
        self.0.store.publish(ClusterEvent::SchedulesChanged).await;
    }
}
