//! Looking at schedules, and pausing them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{schedule_name, scheduled, table};
use crate::error::{Error, Result};
use crate::store::{Notification, Transaction, now};
use crate::tasks::service::Tasks;

/// A schedule, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScheduleRecord {
    /// The group of the task that it starts.
    pub state: String,
    /// The name of the task that it starts.
    pub task: String,
    /// The task's name for people.
    pub title: Arc<str>,
    /// The cron expression.
    pub cron: String,
    /// The time zone in which the expression is read.
    pub time_zone: String,
    /// The expression in English: "At 03:00 AM."; nothing if it is no longer in the code.
    pub in_words: Option<String>,
    /// Every time until this instant is settled: the newest one that was fired, or the instant
    /// at which the schedule was first known, changed or resumed.
    pub last_fired_for: DateTime<Utc>,
    /// The newest task that it has started, if it has started any.
    pub last_task_id: Option<Uuid>,
    /// When it fires next; `None` if it is paused, or no longer in the code.
    pub next_at: Option<DateTime<Utc>>,
    /// Whether it is kept from firing.
    pub paused: bool,
}

impl Tasks {
    /// All schedules, those that the code no longer has included.
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
                    in_words: known.map(|known| known.schedule.in_words()),
                    state: stored.state,
                    task: stored.task,
                    cron: stored.cron,
                    time_zone: stored.time_zone,
                    last_fired_for: stored.last_fired_for,
                    last_task_id: stored.last_task_id,
                    paused: stored.paused,
                }
            })
            .collect())
    }

    /// The times of a schedule in a stretch of time, so many at the most.
    pub(in crate::tasks) fn times_of(
        &self,
        schedule: &ScheduleRecord,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        most: usize,
    ) -> Vec<DateTime<Utc>> {
        let name = schedule_name(&schedule.state, &schedule.task);
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

    /// Keeps the schedule of a task from firing, on every replica, until it is resumed.
    pub async fn pause_schedule(&self, state: &str, task: &str) -> Result<()> {
        self.set_schedule_paused(state, task, true).await
    }

    /// Lets the schedule of a task fire again; what it has missed while it was paused is over.
    pub async fn resume_schedule(&self, state: &str, task: &str) -> Result<()> {
        self.set_schedule_paused(state, task, false).await
    }

    async fn set_schedule_paused(&self, state: &str, task: &str, paused: bool) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        self.set_schedule_paused_in(&mut transaction, state, task, paused)
            .await?;
        transaction.commit().await?;
        self.schedules_changed().await;
        Ok(())
    }

    /// The same as part of a transaction; [`schedules_changed`](Self::schedules_changed) has to
    /// follow its commit.
    pub(in crate::tasks) async fn set_schedule_paused_in(
        &self,
        transaction: &mut Transaction,
        state: &str,
        task: &str,
        paused: bool,
    ) -> Result<()> {
        let name = schedule_name(state, task);
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

    /// Tells schedulers to look again.
    pub(in crate::tasks) async fn schedules_changed(&self) {
        self.0.store.notify(Notification::SchedulesChanged).await;
    }
}
