//! Scheduler: fires the schedules of the code until the portal stops; every replica runs one.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::table::{self, Fired};
use super::{Scheduled, scheduled};
use crate::store::{Notification, StoreError, now};
use crate::tasks::service::Tasks;

/// Maximum sleep, after which a changed clock or a lost cluster event is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Delay before a failed database operation is retried.
const RETRY: Duration = Duration::from_secs(1);

/// Scheduler of a replica.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(super) tasks: Tasks,
    pub(super) scheduled: Vec<Scheduled>,
}

impl Scheduler {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self {
            scheduled: scheduled(&tasks.0.registry).collect(),
            tasks,
        }
    }

    /// Stores the schedules of the code; new and changed ones start now.
    pub(crate) async fn register(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for scheduled in &self.scheduled {
            table::register(&self.tasks.0.store, scheduled, now).await?;
        }
        Ok(())
    }

    /// Fires until the portal stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        if self.scheduled.is_empty() {
            return;
        }
        let _ = stop.run_until_cancelled(self.fire_for_ever()).await;
    }

    async fn fire_for_ever(&self) {
        let mut hints = self.tasks.0.store.notifications();
        loop {
            let pause = match self.pass(now()).await {
                Ok(next) => next.map_or(LONGEST_SLEEP, |next| {
                    (next - now())
                        .to_std()
                        .unwrap_or_default()
                        .min(LONGEST_SLEEP)
                }),
                Err(error) => {
                    tracing::warn!(%error, "failed to fire schedules");
                    RETRY
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = changed(&mut hints) => {}
            }
        }
    }

    /// Fires each due schedule at most once, and returns the next time of any schedule.
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
                // The row was deleted.
                table::register(store, scheduled, now).await?;
                next = Some(now);
                continue;
            };
            if stored.paused {
                continue;
            }
            if let Some(time) = scheduled.schedule.due(stored.last_fired_for, now) {
                // A schedule that fails does not prevent the others from firing.
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

    async fn fire(&self, scheduled: &Scheduled, time: DateTime<Utc>) -> Result<(), StoreError> {
        let (shared, name) = (&self.tasks.0, &scheduled.name);
        match table::fire(&shared.store, scheduled, time).await? {
            Fired::Started(record) => {
                tracing::info!(schedule = name, %time, id = %record.id, "schedule fired");
                shared.metrics.started(&record.state, &record.name);
                self.tasks.publish(*record);
                shared.wake.notify_one();
                shared.hint.notify_one();
            }
            Fired::Refused => {
                tracing::info!(schedule = name, %time, "schedule fired without a new task; one exists already");
                // Without a new task, nothing else announces the next time.
                shared.store.notify(Notification::SchedulesChanged).await;
            }
            Fired::Passed => {}
        }
        Ok(())
    }
}

/// Waits until a schedule was paused or resumed on any replica, or may have been.
pub(super) async fn changed(hints: &mut broadcast::Receiver<Notification>) {
    loop {
        match hints.recv().await {
            Ok(Notification::SchedulesChanged | Notification::Lagged)
            | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
