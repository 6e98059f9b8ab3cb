//! Worker: claims tasks and runs them until the portal stops.

mod attempt;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::claim::{self, ClaimRequest, QueueSpec};
use super::due::Rotation;
use super::finish_notification::FinishNotification;
use super::lease::OrphanScope;
use crate::state::PortalState;
use crate::store::StoreError;
use crate::tasks::definition::task::OnCrash;
use crate::tasks::service::Tasks;
use crate::tasks::settings::TaskSettings;

/// Interval at which the queue is polled while tasks stored in a caller's transaction may appear.
const EXPECTING_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of tasks claimed with one statement.
const CLAIM_BATCH: usize = 100;
/// Time limit for the last writes when the portal stops.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// Worker of a process.
#[derive(Clone)]
pub(crate) struct Worker {
    tasks: Tasks,
    state: PortalState,
    /// Id that is different for each process. With a permanent id, a dead process's leases would be
    /// renewed.
    id: Uuid,
    /// Task types that are registered in this process.
    queues: Arc<[QueueSpec]>,
    rotation: Arc<Rotation>,
    permits: Arc<Semaphore>,
    attempts: TaskTracker,
    stop: CancellationToken,
}

impl Worker {
    pub(crate) fn new(tasks: Tasks, state: PortalState, stop: CancellationToken) -> Self {
        let task_types = tasks.registry().all().map(|task_type| QueueSpec {
            group: task_type.group.clone(),
            name: task_type.name,
            concurrency: task_type.concurrency,
            at_most_once: task_type.on_crash == OnCrash::Fail,
            finish_notification: FinishNotification::of(task_type, &tasks.0.settings),
        });
        let concurrency = tasks.0.settings.concurrency.min(Semaphore::MAX_PERMITS);
        Self {
            queues: task_types.collect(),
            tasks,
            state,
            id: Uuid::new_v4(),
            rotation: Arc::default(),
            permits: Arc::new(Semaphore::new(concurrency)),
            attempts: TaskTracker::new(),
            stop,
        }
    }

    /// Runs until the portal stops, then waits for tasks to finish and releases the rest.
    pub(crate) async fn run(self) {
        // The lock is held until the worker stops. If another process holds it, claimed tasks may
        // be running in that process.
        let instance_lock = self.tasks.0.store.try_instance_lock();
        let scope = if instance_lock.is_some() {
            OrphanScope::All
        } else {
            OrphanScope::Expired
        };
        let rescued = self
            .retry_until_stored("failed to rescue tasks of a process that died", || {
                self.rescue(scope)
            });
        if self.stop.run_until_cancelled(rescued).await.is_none() {
            return;
        }
        let upkeep = CancellationToken::new();
        let tasks = self.tasks.clone();
        let upkeep_tasks = [
            tokio::spawn(upkeep.clone().run_until_cancelled_owned(async move {
                tasks.0.engine.run_ready_publisher().await
            })),
            tokio::spawn(
                upkeep
                    .clone()
                    .run_until_cancelled_owned(self.clone().run_heartbeat()),
            ),
            tokio::spawn(
                upkeep
                    .clone()
                    .run_until_cancelled_owned(self.clone().save_progress()),
            ),
            tokio::spawn(
                upkeep
                    .clone()
                    .run_until_cancelled_owned(self.clone().follow_cluster_events()),
            ),
        ];
        self.claim_until_stopped().await;

        self.attempts.close();
        if timeout(self.settings().shutdown_grace_period, self.attempts.wait())
            .await
            .is_err()
        {
            tracing::info!(running = self.attempts.len(), "releasing running tasks");
            for attempt in self.tasks.0.engine.running.all() {
                attempt.superseded.cancel();
            }
            // Tasks whose outcome cannot be stored now keep their lease and are rescued when it
            // expires.
            let _ = timeout(RELEASE_TIMEOUT, self.attempts.wait()).await;
        }
        upkeep.cancel();
        for task in upkeep_tasks {
            let _ = task.await;
        }
        let released = self.rescue(OrphanScope::Released(self.id));
        match timeout(RELEASE_TIMEOUT, released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed to release tasks; they are rescued when their lease expires");
            }
            Err(_) => {
                tracing::warn!(
                    "releasing tasks timed out; they are rescued when their lease expires"
                );
            }
        }
    }

    async fn claim_until_stopped(&self) {
        while !self.stop.is_cancelled() {
            let claimed = match self.claim().await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "failed to claim tasks");
                    false
                }
            };
            if claimed {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.tasks.0.engine.wake.notified() => {}
                () = sleep(self.idle_timeout()) => {}
            }
            // Give attempts that finish at the same time a chance to release their permits before
            // the next claim.
            tokio::task::yield_now().await;
        }
    }

    /// Returns the maximum time to wait for an event.
    fn idle_timeout(&self) -> Duration {
        let poll_interval = self.settings().poll_interval;
        if self.tasks.0.engine.expects_tasks() {
            EXPECTING_INTERVAL.min(poll_interval)
        } else {
            poll_interval
        }
    }

    fn settings(&self) -> &TaskSettings {
        &self.tasks.0.settings
    }

    fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(self.settings().lease).unwrap_or(TimeDelta::MAX)
    }

    /// Claims as many tasks as permits are available; returns `true` if there may be more.
    async fn claim(&self) -> Result<bool, StoreError> {
        // Use at most half of all permits per claim, so that outcomes for one half are stored while
        // tasks for the other half are claimed.
        let batch = self.settings().concurrency.div_ceil(2).min(CLAIM_BATCH);
        let room = self.permits.available_permits().min(batch);
        if room == 0 || self.queues.is_empty() {
            return Ok(false);
        }
        let claimer = ClaimRequest {
            owner: self.id,
            lease: self.lease(),
            task_types: &self.queues,
            global_concurrency: self.settings().global_concurrency,
            rotation: &self.rotation,
        };
        let claimed = claim::claim(&self.tasks.0.store, claimer, room as u64).await?;
        let more = claimed.len() == room;
        for claimed in claimed {
            // There is a permit for each claimed task; a claimed task that is not started would
            // never finish.
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
                break;
            };
            self.start_attempt(claimed, permit);
        }
        Ok(more)
    }
}
