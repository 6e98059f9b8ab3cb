//! Builder for enqueueing a task from code.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::definition::args::TaskArgs;
use super::definition::task::{Task, TaskDefinition};
use super::engine::insert::{self, NewTask};
use super::engine::retry;
use super::initiator::Initiator;
use super::service::{TaskHandle, Tasks, insert_result};
use crate::error::{Error, Result};
use crate::store::Executor;

/// Builder for a task, which is enqueued when the builder is awaited; see [`Tasks::enqueue`].
#[derive(Debug)]
#[must_use = "a task is only enqueued when this is awaited"]
pub struct Enqueue<R> {
    tasks: Tasks,
    group: String,
    name: &'static str,
    args: std::result::Result<Value, serde_json::Error>,
    initiator: Initiator,
    run_at: Option<DateTime<Utc>>,
    priority: Option<i32>,
    result: PhantomData<fn() -> R>,
}

impl Tasks {
    /// Enqueues a task with its arguments; the task is stored when the returned builder is awaited.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portal_core::prelude::*;
    ///
    /// /// Send the digest
    /// #[monitored_background_task(group = "mail")]
    /// async fn send_digest(task: TaskContext) -> Result<u32, TaskError> {
    ///     Ok(3)
    /// }
    ///
    /// async fn later(tasks: Data<Tasks>) -> Result<(), TaskError> {
    ///     let handle = tasks
    ///         .enqueue(send_digest, NoArgs {})
    ///         .delay(Duration::from_secs(60))
    ///         .await?;
    ///     let sent: u32 = handle.result().await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub fn enqueue<A: TaskArgs, R: Serialize + Send + 'static>(
        &self,
        task: fn() -> Task<A, R>,
        args: A,
    ) -> Enqueue<R> {
        Enqueue::new(self.clone(), task().into_definition(), args)
    }

    /// Enqueues a task within the caller's transaction.
    ///
    /// This is the same as [`enqueue(..).within(executor)`](Enqueue::within).
    ///
    /// # Errors
    ///
    /// Fails for the same reasons as [`Enqueue::within`].
    pub async fn enqueue_in<A: TaskArgs, R: Serialize + Send + 'static>(
        &self,
        executor: &mut impl Executor,
        task: fn() -> Task<A, R>,
        args: A,
    ) -> Result<TaskHandle<R>> {
        self.enqueue(task, args).within(executor).await
    }
}

impl<R> Enqueue<R> {
    pub(super) fn new<A: TaskArgs>(tasks: Tasks, definition: TaskDefinition, args: A) -> Self {
        Self {
            tasks,
            group: definition.group,
            name: definition.name,
            args: serde_json::to_value(args),
            initiator: Initiator::default(),
            run_at: None,
            priority: None,
            result: PhantomData,
        }
    }

    /// Sets the client, user and request that the task is enqueued for. Default: none of them.
    ///
    /// By default, the task belongs to the application. A `&CurrentUser` is also accepted; the task
    /// then belongs to that user.
    pub fn initiator(mut self, initiator: impl Into<Initiator>) -> Self {
        self.initiator = initiator.into();
        self
    }

    /// Sets the delay before the task may start. Default: none.
    pub fn delay(mut self, time: Duration) -> Self {
        self.run_at = Some(retry::after(time));
        self
    }

    /// Sets the earliest time at which the task may start. Default: immediately.
    pub fn run_at(mut self, at: DateTime<Utc>) -> Self {
        self.run_at = Some(at);
        self
    }

    /// Sets the priority; tasks with a higher priority start first. Default: the task type's
    /// priority.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Enqueues the task within the caller's transaction; it exists only if the transaction
    /// commits.
    ///
    /// The executor is a transaction from [`Store::begin`](crate::Store::begin), or the connection
    /// of an sqlx transaction on the same database: `.within(&mut *transaction)`.
    ///
    /// # Errors
    ///
    /// Fails if the task type is not registered, the arguments are invalid or too large, one of the
    /// owner's quotas is used up, the task conflicts with another one, or the database cannot be
    /// written.
    ///
    /// # Examples
    ///
    /// ```
    /// use portal_core::Store;
    /// use portal_core::prelude::*;
    /// use portal_core::store::sea_query::Query;
    ///
    /// /// Send the invoice
    /// #[monitored_background_task(group = "shop", internal)]
    /// async fn send_invoice(task: TaskContext) -> Result<(), TaskError> {
    ///     Ok(())
    /// }
    ///
    /// async fn order(user: CurrentUser, store: Data<Store>, tasks: Data<Tasks>) -> Result<()> {
    ///     let mut transaction = store.begin().await?;
    ///     let insert = Query::insert()
    ///         .into_table("orders")
    ///         .columns(["user_id"])
    ///         .values_panic([user.id.into()])
    ///         .take();
    ///     transaction.execute(&insert).await?;
    ///     tasks
    ///         .enqueue(send_invoice, NoArgs {})
    ///         .initiator(&user)
    ///         .within(&mut transaction)
    ///         .await?;
    ///     transaction.commit().await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub async fn within(self, executor: &mut impl Executor) -> Result<TaskHandle<R>> {
        let tasks = self.tasks.clone();
        let (definition, task) = self.new_task()?;
        tasks.0.engine.admit_in(executor, &task).await?;
        let stored = insert::insert(executor, &task).await?;
        let (id, _) = insert_result(&task, stored, &definition)?;
        tasks.0.engine.expect_tasks();
        Ok(tasks.handle(id))
    }

    /// Returns the checked task and its type, without storing the task.
    pub(super) fn new_task(self) -> Result<(Arc<TaskDefinition>, NewTask)> {
        let registry = self.tasks.registry();
        let definition = Arc::clone(registry.find(&self.group, self.name)?);
        let args = self.args.map_err(Error::internal)?;
        let mut task = definition.new_task(definition.accept(&args)?);
        self.initiator.apply_to(&mut task);
        task.run_at = self.run_at.unwrap_or(task.run_at);
        task.priority = self.priority.unwrap_or(task.priority);
        Ok((definition, task))
    }
}

impl<R: Send + 'static> IntoFuture for Enqueue<R> {
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
