//! What a task knows of itself, and how it tells how far it has come.

use std::future::{Future, IntoFuture, ready};
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use super::error::TaskError;
use super::hub::Hub;
use super::running::Attempt;

/// The first argument of every task.
///
/// ```
/// use portal_core::prelude::*;
///
/// /// Count to three
/// #[monitored_background_task(state = "counting")]
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
    hub: Arc<Hub>,
}

impl TaskContext {
    pub(super) fn new(attempt: Arc<Attempt>, hub: Arc<Hub>) -> Self {
        Self { attempt, hub }
    }

    /// The id of the task.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.attempt.record().id
    }

    /// Which attempt this is, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt.record().attempt
    }

    /// The user for whom the task was started, if any.
    #[must_use]
    pub fn owner_user_id(&self) -> Option<Uuid> {
        self.attempt.record().owner_user_id
    }

    /// Tells how far the task has come; takes effect when it is awaited.
    ///
    /// It costs the task next to nothing: watchers hear of it at once, the database a little later.
    #[must_use = "an update takes effect when it is awaited"]
    pub fn update(&self) -> Update<'_> {
        Update {
            context: self,
            progress: None,
            message: None,
        }
    }

    /// Resolves when the task is to stop; a task that does not listen is dropped a little later.
    pub async fn cancelled(&self) {
        tokio::select! {
            () = self.attempt.cancelled.cancelled() => {}
            () = self.attempt.superseded.cancelled() => {}
        }
    }
}

/// An update that is being put together.
#[derive(Debug)]
pub struct Update<'a> {
    context: &'a TaskContext,
    progress: Option<u8>,
    message: Option<String>,
}

impl Update<'_> {
    /// From 0 to 100; less than before leaves it where it was.
    #[must_use = "an update takes effect when it is awaited"]
    pub fn progress(mut self, percent: u8) -> Self {
        self.progress = Some(percent);
        self
    }

    /// What the task is doing.
    #[must_use = "an update takes effect when it is awaited"]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }
}

impl<'a> IntoFuture for Update<'a> {
    type Output = Result<(), TaskError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let TaskContext { attempt, hub } = self.context;
        Box::pin(ready(attempt.update(hub, self.progress, self.message)))
    }
}
