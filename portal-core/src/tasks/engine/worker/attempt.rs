//! One attempt of a task, from the check of its owner to its outcome.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use super::Worker;
use crate::auth::Auth;
use crate::error::Error;
use crate::tasks::context::TaskContext;
use crate::tasks::definition::task::TaskDefinition;
use crate::tasks::engine::claim::ClaimedTask;
use crate::tasks::engine::finish::FinishedAttempt;
use crate::tasks::engine::finish_notification::FinishNotification;
use crate::tasks::engine::running::Attempt;
use crate::tasks::engine::{queue, retry};
use crate::tasks::error::{Retry, TaskError};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::service::check_access;

/// Delay before the owner of a task is read again while the database is unavailable.
const OWNER_RETRY: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) fn start_attempt(&self, claimed: ClaimedTask, permit: OwnedSemaphorePermit) {
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
            // The permit is held until here so that tasks that have finished, but are still running
            // according to the database, do not pile up.
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
        let log = self.tasks.0.events.logs.open(&record);
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
        let finished = FinishedAttempt {
            retry_at: retry_at(definition, &last, &outcome),
            notification: (last.owner_user_id)
                .and_then(|_| FinishNotification::of(definition, self.settings())),
            last: Arc::clone(&last),
            outcome,
        };
        log.close(&last).await;
        let stored_outcome = self
            .retry_until_stored("failed to store the outcome of a task", || {
                self.tasks.0.engine.finish(finished.clone())
            })
            .await;
        match stored_outcome {
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
                // The outcome may have been stored even though the response was lost; subscribers
                // must then still be notified.
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
        // A task with no owner or with an internal type was enqueued by the application itself.
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
                // The owner cannot be read at the moment, so the check is repeated later.
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
        // A separate tokio task contains panics and can be dropped at any await point.
        let mut handle = tokio::spawn(tracing::Instrument::in_current_span(future));
        let limit = async {
            match definition.timeout {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let joined = tokio::select! {
            // The order matters: a task that stops because it was cancelled has not failed.
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

/// Rejects a result whose JSON form exceeds the maximum size.
fn limit_size(result: Value, limit: usize) -> Result<Value, TaskError> {
    let length = serde_json::to_string(&result).map_or(usize::MAX, |text| text.len());
    if length <= limit {
        return Ok(result);
    }
    let message = format!("the result is {length} bytes long; the maximum is {limit}");
    Err(TaskError::permanent(message).with_code("result_too_large"))
}
