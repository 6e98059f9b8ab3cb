//! Scheduler: fires the schedules declared in the code until the portal stops. Every replica runs a
//! scheduler.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::table::{self, FireOutcome};
use super::{ScheduledTask, scheduled};
use crate::store::{ClusterEvent, StoreError, now};
use crate::tasks::service::Tasks;

/// Maximum sleep, which bounds the effect of a clock change or a lost cluster event.
const MAX_SLEEP: Duration = Duration::from_secs(30);
/// Delay before a failed database operation is retried.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Scheduler of a replica.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(super) tasks: Tasks,
    pub(super) scheduled: Vec<ScheduledTask>,
}

impl Scheduler {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self {
            scheduled: scheduled(&tasks.0.registry).collect(),
            tasks,
        }
    }

    /// Stores the schedules declared in the code. New and changed ones take effect from now on.
    pub(crate) async fn register(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for scheduled in &self.scheduled {
            table::register(&self.tasks.0.store, scheduled, now).await?;
        }
        Ok(())
    }

    /// Fires schedules until the portal stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        if self.scheduled.is_empty() {
            return;
        }
        let _ = stop.run_until_cancelled(self.run_loop()).await;
    }

    async fn run_loop(&self) {
        let mut events = self.tasks.0.store.subscribe();
        loop {
            let pause = match self.pass(now()).await {
                Ok(next) => next.map_or(MAX_SLEEP, |next| {
                    (next - now()).to_std().unwrap_or_default().min(MAX_SLEEP)
                }),
                Err(error) => {
                    tracing::warn!(%error, "failed to fire schedules");
                    RETRY_DELAY
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = changed(&mut events) => {}
            }
        }
    }

    /// Fires each due schedule at most once, and returns the next time at which any schedule fires.
    pub(super) async fn pass(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let store = &self.tasks.0.store;
        let mut stored: HashMap<_, _> = table::all(store)
            .await?
            .into_iter()
            .map(|stored| (stored.name.clone(), stored))
            .collect();
        let mut next = None;
        let mut failed = None;
        for scheduled in &self.scheduled {
            let Some(stored) = stored.remove(&scheduled.name) else {
                // The row was deleted, so store it again.
                table::register(store, scheduled, now).await?;
                next = Some(now);
                continue;
            };
            if stored.paused {
                continue;
            }
            if let Some(time) = scheduled.schedule.due(stored.last_fired_for, now) {
                // If one schedule fails to fire, the others must still fire.
                if let Err(error) = self.fire(scheduled, time).await {
                    failed = Some(error);
                }
            }
            let own = scheduled
                .schedule
                .next_after(now.max(stored.last_fired_for));
            next = next.into_iter().chain(own).min();
        }
        failed.map_or(Ok(next), Err)
    }

    async fn fire(&self, scheduled: &ScheduledTask, time: DateTime<Utc>) -> Result<(), StoreError> {
        let (shared, name) = (&self.tasks.0, &scheduled.name);
        match table::fire(&shared.store, scheduled, time).await? {
            FireOutcome::Started(record) => {
                tracing::info!(schedule = name, %time, id = %record.id, "schedule fired");
                shared
                    .statistics
                    .metrics
                    .started(&record.group, &record.name);
                self.tasks.publish(*record);
                shared.engine.announce();
            }
            FireOutcome::Refused => {
                tracing::info!(schedule = name, %time, "schedule fired without a new task; a matching task already exists");
                // There is no new task whose event would announce the next scheduled time, so
                // publish one here.
                shared.store.publish(ClusterEvent::SchedulesChanged).await;
            }
            FireOutcome::Skipped => {}
        }
        Ok(())
    }
}

/// Waits until a schedule has been, or may have been, paused or resumed on any replica.
pub(super) async fn changed(events: &mut broadcast::Receiver<ClusterEvent>) {
    loop {
        match events.recv().await {
            Ok(ClusterEvent::SchedulesChanged | ClusterEvent::Lagged)
            | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
