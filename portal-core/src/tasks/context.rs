//! Context of a running task: its identity, progress updates, checkpoints and cancellation.

use std::future::{Future, IntoFuture, ready};
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::engine::finish;
use super::engine::running::Attempt;
use super::error::TaskError;
use super::events::hub::TaskHub;
use crate::json;
use crate::store::Store;

/// Context of a running task; it is the first argument of every task.
///
/// ```
/// use portal_core::prelude::*;
///
/// /// Count to three
/// #[monitored_background_task(group = "counting")]
/// async fn count(task: TaskContext) -> Result<u8, TaskError> {
///     for step in 1..=3 {
///         task.update().progress(step * 33).message(format!("step {step}")).await?;
///     }
///     Ok(3)
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct TaskContext {
    attempt: Arc<Attempt>,
    hub: Arc<TaskHub>,
    store: Store,
}

impl TaskContext {
    pub(super) fn new(attempt: Arc<Attempt>, hub: Arc<TaskHub>, store: Store) -> Self {
        Self {
            attempt,
            hub,
            store,
        }
    }

    /// Returns the id of the task.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.attempt.record().id
    }

    /// Returns the number of this attempt, starting at 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt.record().attempt
    }

    /// Returns the user for whom the task was enqueued, if any.
    #[must_use]
    pub fn owner_user_id(&self) -> Option<Uuid> {
        self.attempt.record().owner_user_id
    }

    /// Creates a progress update, which takes effect when it is awaited.
    ///
    /// An update costs the task almost nothing: subscribers receive it immediately, and it is
    /// stored in the database a little later.
    ///
    /// # Errors
    ///
    /// The update fails with the code `cancelled` once the task is cancelled, so that a task that
    /// propagates the error with `?` stops at its next update, and with `superseded` once another
    /// attempt runs.
    #[must_use = "an update takes effect when it is awaited"]
    pub fn update(&self) -> ProgressUpdate<'_> {
        ProgressUpdate {
            context: self,
            progress: None,
            message: None,
        }
    }

    /// Stores a value for the next attempt, in case this one fails or its process dies.
    ///
    /// The value is durable when this method returns.
    ///
    /// # Errors
    ///
    /// Fails with the code `cancelled` once the task is cancelled, with `superseded` once another
    /// attempt runs, and while the database is unavailable.
    ///
    /// ```
    /// use portal_core::prelude::*;
    ///
    /// /// Import rows
    /// #[monitored_background_task(group = "import", retries = 3)]
    /// async fn import_rows(task: TaskContext) -> Result<u32, TaskError> {
    ///     let first: u32 = task.restore()?.unwrap_or(0);
    ///     for row in first..100 {
    ///         // Import the row, then:
    ///         task.checkpoint(&(row + 1)).await?;
    ///     }
    ///     Ok(100)
    /// }
    /// # fn main() {}
    /// ```
    pub async fn checkpoint<T: Serialize + Sync>(&self, value: &T) -> Result<(), TaskError> {
        self.attempt.check_continues()?;
        let value = json::to_storable(value).map_err(|error| {
            TaskError::permanent(format!("failed to store the checkpoint: {error}"))
                .with_code("checkpoint_invalid")
        })?;
        let record = self.attempt.record();
        let saved = finish::save_checkpoint(&self.store, &record, &value).await?;
        if !saved {
            self.attempt.superseded.cancel();
            return Err(TaskError::superseded());
        }
        self.attempt.set_checkpoint(value);
        Ok(())
    }

    /// Returns the value of the last checkpoint that this or a previous attempt has stored.
    ///
    /// # Errors
    ///
    /// Fails if the value has a different type, for example if an older version of the application
    /// stored it, and with the code `checkpoint_invalid` if it is nested too deeply.
    pub fn restore<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskError> {
        let checkpoint = self.attempt.checkpoint();
        if checkpoint.as_ref().is_some_and(json::is_cut) {
            let message = "the stored checkpoint is nested too deeply";
            return Err(TaskError::permanent(message).with_code("checkpoint_invalid"));
        }
        let value = checkpoint.map(serde_json::from_value).transpose();
        value.map_err(|error| {
            TaskError::new(format!("the checkpoint has a different type: {error}"))
        })
    }

    /// Runs blocking code, such as a long computation, outside of the threads that serve requests.
    ///
    /// Blocking code cannot be interrupted: a cancelled task finishes without waiting for it, and
    /// the code runs to completion.
    ///
    /// # Errors
    ///
    /// Fails with the code `internal` if the code panics, which fails the attempt.
    pub async fn blocking<T, F>(&self, work: F) -> Result<T, TaskError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let span = tracing::Span::current();
        let work = move || span.in_scope(work);
        #[cfg(feature = "telemetry")]
        let work = crate::telemetry::blocking_with_task_logs(work);
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| {
            tracing::error!(%error, "blocking code in a task panicked");
            TaskError::new("the task failed unexpectedly").with_code("internal")
        })
    }

    /// Resolves when the task must stop because it was cancelled or another attempt is running.
    ///
    /// A task that waits for a long time can race that wait against this method and then clean up.
    /// It has [`cancel_grace_period`](crate::TaskSettings::cancel_grace_period) to do so before it
    /// is dropped.
    pub async fn cancelled(&self) {
        tokio::select! {
            () = self.attempt.cancelled.cancelled() => {}
            () = self.attempt.superseded.cancelled() => {}
        }
    }
}

/// Builder for a progress update.
#[derive(Debug)]
pub struct ProgressUpdate<'a> {
    context: &'a TaskContext,
    progress: Option<u8>,
    message: Option<String>,
}

impl ProgressUpdate<'_> {
    /// Sets the progress, from 0 to 100. A value lower than the current one is ignored.
    #[must_use = "an update takes effect when it is awaited"]
    pub fn progress(mut self, percent: u8) -> Self {
        self.progress = Some(percent);
        self
    }

    /// Sends the update immediately, for code that is not async.
    ///
    /// # Errors
    ///
    /// Fails with the code `cancelled` once the task is cancelled, and with `superseded` once
    /// another attempt runs.
    pub fn send(self) -> Result<(), TaskError> {
        let TaskContext { attempt, hub, .. } = self.context;
        attempt.update(hub, self.progress, self.message)
    }

    /// Sets the message that describes the current work.
    #[must_use = "an update takes effect when it is awaited"]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }
}

impl<'a> IntoFuture for ProgressUpdate<'a> {
    type Output = Result<(), TaskError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(ready(self.send()))
    }
}
