//! Looking at schedules, and pausing them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{schedule_name, scheduled, table};
use crate::error::{Error, Result};
use crate::store::{Notification, now};
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

    /// Keeps the schedule of a task from firing, on every replica, until it is resumed.
    pub async fn pause_schedule(&self, state: &str, task: &str) -> Result<()> {
        let name = schedule_name(state, task);
        let found = table::pause(&self.0.store, &name).await?;
        self.schedule_changed(found, &name).await
    }

    /// Lets the schedule of a task fire again; what it has missed while it was paused is over.
    pub async fn resume_schedule(&self, state: &str, task: &str) -> Result<()> {
        let name = schedule_name(state, task);
        let found = table::resume(&self.0.store, &name, now()).await?;
        self.schedule_changed(found, &name).await
    }

    async fn schedule_changed(&self, found: bool, name: &str) -> Result<()> {
        if !found {
            return Err(Error::not_found(format!("there is no schedule `{name}`"))
                .with_code("schedule_unknown"));
        }
        self.0.store.notify(Notification::SchedulesChanged).await;
        Ok(())
    }
}
