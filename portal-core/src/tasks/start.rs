//! A start from code that is being put together.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::args::TaskArgs;
use super::insert::{self, NewTask};
use super::retry;
use super::service::{Starter, TaskHandle, Tasks, settle};
use super::task::{Task, TaskDefinition};
use crate::error::{Error, Result};
use crate::store::Executor;

/// A start that takes effect when it is awaited; see [`Tasks::start`].
#[derive(Debug)]
#[must_use = "a task is started when this is awaited"]
pub struct Start<R> {
    tasks: Tasks,
    state: String,
    name: &'static str,
    args: std::result::Result<Value, serde_json::Error>,
    starter: Starter,
    run_at: Option<DateTime<Utc>>,
    priority: Option<i32>,
    result: PhantomData<fn() -> R>,
}

impl Tasks {
    /// Starts a task of a kind with its arguments; it is stored when this has been awaited.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portal_core::prelude::*;
    ///
    /// /// Send the digest
    /// #[monitored_background_task(state = "mail")]
    /// async fn send_digest(task: TaskContext) -> Result<u32, TaskError> {
    ///     Ok(3)
    /// }
    ///
    /// async fn later(tasks: Data<Tasks>) -> Result<(), TaskError> {
    ///     let handle = tasks
    ///         .start(send_digest, NoArgs {})
    ///         .delay(Duration::from_secs(60))
    ///         .await
    ///         .map_err(|error| TaskError::new(error.to_string()))?;
    ///     let sent: u32 = handle.result().await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub fn start<A: TaskArgs, R: Serialize + Send + 'static>(
        &self,
        task: fn() -> Task<A, R>,
        args: A,
    ) -> Start<R> {
        Start::new(self.clone(), task().into_definition(), args)
    }

    /// Starts a task within a transaction of the caller's: it exists exactly if that commits.
    ///
    /// The transaction is one of the portal's [`Store`](crate::Store), or the connection of one of sqlx on the
    /// same database: `tasks.start_in(&mut *tx, ..)`.
    pub async fn start_in<A: TaskArgs, R: Serialize + Send + 'static>(
        &self,
        executor: &mut impl Executor,
        task: fn() -> Task<A, R>,
        args: A,
    ) -> Result<TaskHandle<R>> {
        let start = self.start(task, args);
        let (definition, new) = start.new_task()?;
        self.admit_in(executor, &new).await?;
        let stored = insert::insert(executor, &new).await?;
        let (id, _) = settle(&new, stored, &definition)?;
        self.expect_tasks();
        Ok(self.handle(id))
    }
}

impl<R> Start<R> {
    pub(super) fn new<A: TaskArgs>(tasks: Tasks, definition: TaskDefinition, args: A) -> Self {
        Self {
            tasks,
            state: definition.state,
            name: definition.name,
            args: serde_json::to_value(args),
            starter: Starter::default(),
            run_at: None,
            priority: None,
            result: PhantomData,
        }
    }

    /// For whom it is started: the client that sees it, and the user whose rights count.
    pub fn starter(mut self, starter: Starter) -> Self {
        self.starter = starter;
        self
    }

    /// Not before that time has passed.
    pub fn delay(mut self, time: Duration) -> Self {
        self.run_at = Some(retry::after(time));
        self
    }

    /// Not before that moment.
    pub fn run_at(mut self, moment: DateTime<Utc>) -> Self {
        self.run_at = Some(moment);
        self
    }

    /// Instead of the priority of its kind; greater ones are begun first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// The task that is to be stored, checked, and its kind.
    pub(super) fn new_task(self) -> Result<(Arc<TaskDefinition>, NewTask)> {
        let registry = self.tasks.registry();
        let definition = Arc::clone(registry.find(&self.state, self.name)?);
        let args = self.args.map_err(Error::internal)?;
        let mut task = definition.new_task(definition.accept(&args)?);
        self.starter.apply_to(&mut task);
        task.run_at = self.run_at.unwrap_or(task.run_at);
        task.priority = self.priority.unwrap_or(task.priority);
        Ok((definition, task))
    }
}

impl<R: Send + 'static> IntoFuture for Start<R> {
    type Output = Result<TaskHandle<R>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let tasks = self.tasks.clone();
            let (definition, task) = self.new_task()?;
            let (id, _): (Uuid, _) = tasks.store_new(&definition, task).await?;
            Ok(tasks.handle(id))
        })
    }
}
