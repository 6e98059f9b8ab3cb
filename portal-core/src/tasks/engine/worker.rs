//! Worker: claims tasks and runs them until the portal stops.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::claim::{self, ClaimRequest, ClaimedTask, QueueSpec};
use super::due::Rotation;
use super::finish::{self, FinishedAttempt};
use super::finish_notification::FinishNotification;
use super::lease::{self, OrphanScope};
use super::queue;
use super::retry;
use super::running::Attempt;
use crate::auth::{Auth, ClientTokens};
use crate::error::Error;
use crate::state::PortalState;
use crate::store::{ClusterEvent, StoreError};
use crate::tasks::context::TaskContext;
use crate::tasks::definition::task::{OnCrash, TaskDefinition};
use crate::tasks::error::{Retry, TaskError};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::service::{Tasks, check_access};
use crate::tasks::settings::TaskSettings;

const SAVE_INTERVAL: Duration = Duration::from_millis(25);
/// Interval at which the queue is polled while a caller's transaction may add tasks.
const EXPECTING_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of tasks claimed with one statement.
const CLAIM_BATCH: usize = 100;
/// Delay before the owner of a task is read again while the database is unavailable.
const OWNER_RETRY: Duration = Duration::from_secs(1);
/// Time limit of the last writes when the portal stops.
const HAND_BACK_LIMIT: Duration = Duration::from_secs(5);

/// Worker of a process.
#[derive(Clone)]
pub(crate) struct Worker {
    tasks: Tasks,
    state: PortalState,
    /// New in each process: with a permanent id, the claims of a dead process would be renewed.
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

    /// Runs until the portal stops, then lets tasks finish and releases the rest.
    pub(crate) async fn run(self) {
        // Held until the end: while another process holds it, the tasks of that process are
        // running.
        let sole = self.tasks.0.store.try_instance_lock();
        let lost = if sole.is_some() {
            OrphanScope::All
        } else {
            OrphanScope::Expired
        };
        let rescued = self
            .retry_until_stored("failed to rescue tasks of a process that died", || {
                self.rescue(lost)
            });
        if self.stop.run_until_cancelled(rescued).await.is_none() {
            return;
        }
        let care = CancellationToken::new();
        let tasks = self.tasks.clone();
        let keeping = [
            tokio::spawn(care.clone().run_until_cancelled_owned(async move {
                tasks.0.engine.run_ready_publisher().await
            })),
            tokio::spawn(
                care.clone()
                    .run_until_cancelled_owned(self.clone().run_heartbeat()),
            ),
            tokio::spawn(
                care.clone()
                    .run_until_cancelled_owned(self.clone().save_progress()),
            ),
            tokio::spawn(
                care.clone()
                    .run_until_cancelled_owned(self.clone().follow_hints()),
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
            // Tasks that cannot be stored now keep their lease and are rescued when it expires.
            let _ = timeout(HAND_BACK_LIMIT, self.attempts.wait()).await;
        }
        care.cancel();
        for task in keeping {
            let _ = task.await;
        }
        let handed_back = self.rescue(OrphanScope::Released(self.id));
        match timeout(HAND_BACK_LIMIT, handed_back).await {
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
            // Attempts that finish together release their permits together.
            tokio::task::yield_now().await;
        }
    }

    /// Returns how long to wait for an event.
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

    /// Claims as many tasks as there are permits for; returns `true` if there may be more.
    async fn claim(&self) -> Result<bool, StoreError> {
        // At most half of all permits at once: outcomes of one half are stored while the other is
        // claimed.
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
            // There is a permit for each; a claimed task that is not started would never finish.
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
                break;
            };
            self.start_attempt(claimed, permit);
        }
        Ok(more)
    }

    fn start_attempt(&self, claimed: ClaimedTask, permit: OwnedSemaphorePermit) {
        let record = claimed.record;
        let Some(definition) = self
            .tasks
            .0
            .registry
            .get(&record.group, &record.name)
            .cloned()
        else {
            return;
        };
        let record = Arc::new(self.tasks.0.registry.with_title(record));
        let attempt = Arc::new(Attempt::new(Arc::clone(&record), claimed.checkpoint));
        self.tasks.0.engine.running.insert(&attempt);
        self.tasks.0.events.outbox.add(&record);
        self.tasks.0.events.hub.publish(&record);
        let worker = self.clone();
        self.attempts.spawn(async move {
            let _running = worker
                .tasks
                .0
                .statistics
                .metrics
                .attempt_started(&attempt.record());
            worker
                .run_attempt(&definition, &attempt, claimed.args)
                .await;
            worker.tasks.0.engine.running.remove(&attempt);
            // Hold the permit until here; otherwise finished tasks pile up that are still running
            // according to the database.
            drop(permit);
            worker.tasks.0.engine.wake.notify_one();
        });
    }

    async fn run_attempt(
        &self,
        definition: &Arc<TaskDefinition>,
        attempt: &Arc<Attempt>,
        args: Value,
    ) {
        let record = attempt.record();
        let journal = self.tasks.0.events.logs.open(&record);
        let span = tracing::info_span!("task", id = %record.id, state = record.group, name = record.name, attempt = record.attempt, started_by = record.trace_parent);
        let checked = tokio::select! {
            biased;
            () = attempt.superseded.cancelled() => return,
            checked = self.check_owner(definition, &record) => checked,
        };
        let outcome = match checked {
            Ok(()) => {
                use tracing::Instrument;
                self.execute(definition, attempt, args)
                    .instrument(span.clone())
                    .await
            }
            Err(error) => Some(Err(error)),
        };
        let Some(outcome) = outcome else {
            span.in_scope(|| tracing::warn!("superseded by another attempt"));
            return;
        };
        if let Err(error) = &outcome
            && let Some(cause) = error.cause()
        {
            span.in_scope(|| tracing::error!(cause, "task attempt failed"));
        }
        let last = attempt.end();
        let ending = FinishedAttempt {
            retry_at: retry_at(definition, &last, &outcome),
            notification: (last.owner_user_id)
                .and_then(|_| FinishNotification::of(definition, self.settings())),
            last: Arc::clone(&last),
            outcome,
        };
        journal.close(&last).await;
        let ended = self
            .retry_until_stored("failed to store the outcome of a task", || {
                self.tasks.0.engine.finish(ending.clone())
            })
            .await;
        match ended {
            Some(record) => {
                self.tasks.0.statistics.metrics.ended(&record);
                span.in_scope(|| match record.status {
                    TaskStatus::Pending => tracing::warn!(
                        error = record.error,
                        again_at = %record.run_at,
                        "task attempt failed; it is retried"
                    ),
                    status => tracing::info!(%status, error = record.error, "task finished"),
                });
                self.tasks.publish(record);
            }
            None => {
                span.in_scope(|| tracing::warn!("superseded by another attempt"));
                // Or it was stored and the response was lost; subscribers must still be notified.
                if let Ok(Some(stored)) = queue::get(&self.tasks.0.store, last.id).await {
                    self.tasks.publish(stored);
                }
            }
        }
    }

    /// Checks the owner's permissions, which may have changed since the task was enqueued.
    async fn check_owner(
        &self,
        definition: &TaskDefinition,
        record: &TaskRecord,
    ) -> Result<(), TaskError> {
        // A task without an owner, or of an internal type, was enqueued by the application itself.
        let has_owner = record.client_token_id.or(record.owner_user_id).is_some();
        if !has_owner || definition.internal || definition.access == crate::Access::Public {
            return Ok(());
        }
        let auth = self.state.borrow::<Auth>()?;
        let refused =
            |error: Error| TaskError::permanent(error.detail()).with_code(error.code().to_owned());
        let owner = loop {
            let Some(id) = record.owner_user_id else {
                break None;
            };
            match auth.user(id).await {
                Ok(owner) => break owner,
                // The owner cannot be read, so nothing is decided.
                Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    sleep(OWNER_RETRY).await;
                }
                Err(error) => return Err(refused(error)),
            }
        };
        check_access(definition, owner.as_deref())
            .map_err(|error| refused(error).with_code("forbidden"))
    }

    /// Runs the code of a task; returns `None` if the attempt was superseded.
    async fn execute(
        &self,
        definition: &Arc<TaskDefinition>,
        attempt: &Arc<Attempt>,
        args: Value,
    ) -> Option<Result<Value, TaskError>> {
        let context = TaskContext::new(
            Arc::clone(attempt),
            Arc::clone(&self.tasks.0.events.hub),
            self.tasks.0.store.clone(),
        );
        let future = (definition.run)(context, self.state.clone(), args);
        let future = self.tasks.0.events.logs.capture(&attempt.record(), future);
        // A separate tokio task contains a panic, and can be dropped at any await.
        let mut handle = tokio::spawn(tracing::Instrument::in_current_span(future));
        let limit = async {
            match definition.timeout {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let joined = tokio::select! {
            // In this order: a task that stops because of a cancellation has not failed.
            biased;
            () = attempt.superseded.cancelled() => {
                handle.abort();
                return None;
            }
            () = attempt.cancelled.cancelled() => {
                let _ = timeout(self.settings().cancel_grace_period, &mut handle).await;
                handle.abort();
                return Some(Err(TaskError::cancelled()));
            }
            joined = &mut handle => joined,
            () = limit => {
                handle.abort();
                return Some(Err(TaskError::new("the task exceeded its time limit").with_code("timeout")));
            }
        };
        let outcome = joined.unwrap_or_else(|error| {
            tracing::error!(%error, "task panicked");
            Err(TaskError::new("the task failed unexpectedly").with_code("internal"))
        });
        Some(outcome.and_then(|result| limit_size(result, self.settings().max_result_bytes)))
    }

    async fn run_heartbeat(self) {
        // Three heartbeats may fail before the lease expires.
        let mut tick = interval(self.settings().lease / 4);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.send_heartbeat().await {
                tracing::warn!(%error, "failed to extend task leases");
            }
            if let Err(error) = self.rescue(OrphanScope::Expired).await {
                tracing::warn!(%error, "failed to rescue tasks of a process that died");
            }
        }
    }

    async fn send_heartbeat(&self) -> Result<(), StoreError> {
        let running = self.tasks.0.engine.running.all();
        if running.is_empty() {
            return Ok(());
        }
        let ids = running.iter().map(|attempt| attempt.record().id);
        let heartbeat = lease::heartbeat(&self.tasks.0.store, self.id, self.lease(), ids).await?;
        for attempt in &running {
            // Also attempts that have just finished; then nothing listens.
            if !heartbeat.kept.contains(&attempt.record().id) {
                attempt.superseded.cancel();
            }
        }
        for id in heartbeat.cancelled {
            self.tasks.stop(id);
        }
        Ok(())
    }

    async fn save_progress(self) {
        let mut tick = interval(SAVE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let unsaved = self.tasks.0.engine.running.unsaved();
            if unsaved.is_empty() {
                continue;
            }
            match finish::save_progress(&self.tasks.0.store, &unsaved).await {
                Ok(superseded) => {
                    for record in &unsaved {
                        match self.tasks.0.engine.running.get(record.id) {
                            Some(attempt)
                                if superseded.contains(&record.id)
                                    && attempt.record().attempt == record.attempt =>
                            {
                                attempt.superseded.cancel();
                            }
                            _ => {
                                self.tasks.0.engine.running.saved(record);
                                self.tasks.0.events.outbox.add(record);
                                self.tasks.0.events.logs.update(record);
                            }
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "failed to save the progress of tasks"),
            }
        }
    }

    async fn follow_hints(self) {
        let mut hints = self.tasks.0.store.subscribe();
        let Ok(tokens) = self.state.borrow::<ClientTokens>() else {
            return;
        };
        loop {
            let hint = hints.recv().await;
            match &hint {
                Ok(ClusterEvent::ClientTokenDeleted { id }) => tokens.forget(*id),
                Ok(ClusterEvent::Lagged) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    tokens.forget_all();
                }
                _ => {}
            }
            match hint {
                Ok(ClusterEvent::TasksReady | ClusterEvent::Lagged)
                | Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.tasks.0.engine.wake.notify_one();
                }
                Ok(ClusterEvent::TaskCancelled { id }) => self.tasks.stop(id),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn rescue(&self, lost: OrphanScope) -> Result<(), StoreError> {
        let rescued = lease::rescue(&self.tasks.0.store, lost, &self.queues).await?;
        if !rescued.is_empty() {
            tracing::info!(
                tasks = rescued.len(),
                "rescued tasks of a process that died or stopped"
            );
            self.tasks.0.engine.wake.notify_one();
        }
        for record in rescued {
            self.tasks.0.statistics.metrics.ended(&record);
            self.tasks.publish(record);
        }
        Ok(())
    }

    /// Retries until it succeeds: an outcome must not be lost because the database is unavailable.
    async fn retry_until_stored<T: Default, F: Future<Output = Result<T, StoreError>>>(
        &self,
        problem: &str,
        action: impl Fn() -> F,
    ) -> T {
        let mut pause = Duration::from_millis(100);
        loop {
            match action().await {
                Ok(value) => return value,
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(%error, "{problem}; retrying");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                Err(error) => {
                    tracing::error!(%error, "{problem}");
                    return T::default();
                }
            }
        }
    }
}

/// Returns the time of the next attempt after this outcome, if there is one.
fn retry_at(
    definition: &TaskDefinition,
    last: &TaskRecord,
    outcome: &Result<Value, TaskError>,
) -> Option<DateTime<Utc>> {
    let error = outcome.as_ref().err()?;
    if last.attempt >= last.max_attempts {
        return None;
    }
    let pause = definition.retry.pause(last.attempt);
    let pause = match error.retry() {
        Retry::Never => return None,
        Retry::Allowed => pause,
        Retry::After(least) => pause.max(least),
    };
    Some(retry::after(pause))
}

/// Rejects a result that exceeds the maximum size as JSON.
fn limit_size(result: Value, limit: usize) -> Result<Value, TaskError> {
    let length = serde_json::to_string(&result).map_or(usize::MAX, |text| text.len());
    if length <= limit {
        return Ok(result);
    }
    let message = format!("the result is {length} bytes long; the maximum is {limit}");
    Err(TaskError::permanent(message).with_code("result_too_large"))
}
