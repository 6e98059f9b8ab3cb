//! Handle through which application code enqueues, reads, monitors and cancels tasks.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::definition::registry::TaskRegistry;
use super::definition::task::TaskDefinition;
use super::engine::insert::{InsertOutcome, NewTask};
use super::engine::queue::{self, CancelOutcome, QueueFilter};
use super::engine::shared::Engine;
use super::error::TaskError;
use super::events::Events;
use super::events::hub::{Subscription, SubscriptionFilter};
use super::initiator::Initiator;
use super::record::{TaskRecord, TaskStatus};
use super::settings::TaskSettings;
use super::statistics::Statistics;
use crate::auth::User;
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Store, Transaction};

/// The tasks of a portal; cheap to clone, and available to handlers as `Data<Tasks>`.
#[derive(Clone, Debug)]
pub struct Tasks(pub(super) Arc<TasksInner>);

#[derive(Debug)]
pub(super) struct TasksInner {
    pub(super) store: Store,
    pub(super) registry: TaskRegistry,
    pub(super) settings: TaskSettings,
    pub(super) engine: Engine,
    pub(super) events: Events,
    pub(super) statistics: Statistics,
}

/// Filter for a list of tasks, newest first.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Only this client's tasks.
    pub client_token_id: Option<Uuid>,
    /// Only this user's tasks.
    pub owner_user_id: Option<Uuid>,
    /// Only tasks in this group.
    pub group: Option<String>,
    /// Only tasks with this name.
    pub name: Option<String>,
    /// Only tasks with this status.
    pub status: Option<TaskStatus>,
    /// Only cancelled tasks (`true`), or only tasks that were not cancelled (`false`).
    pub cancelled: Option<bool>,
    /// Only tasks whose group, name, message or error contains this text, or whose id equals it.
    pub text: Option<String>,
    /// Only tasks older than this one.
    pub before: Option<Uuid>,
    /// Maximum number of tasks; 0 means 100.
    pub limit: u64,
}

/// Handle to a task that was enqueued from code.
#[derive(Debug)]
pub struct TaskHandle<R> {
    id: Uuid,
    tasks: Tasks,
    result: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> TaskHandle<R> {
    /// Returns the id of the task.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Waits for the task to finish and returns its result.
    ///
    /// # Errors
    ///
    /// Fails with the message and code of a failed task, or if the task or its result cannot be
    /// read.
    pub async fn result(&self) -> Result<R, TaskError> {
        let record = self
            .tasks
            .wait_finished(self.id)
            .await
            .map_err(|error| TaskError::new(error.to_string()))?;
        match record.status {
            TaskStatus::Completed => Ok(serde_json::from_value(
                record.result.unwrap_or(Value::Null),
            )?),
            _ => Err(TaskError::new(record.error.unwrap_or_default())
                .with_code(record.code.unwrap_or_default())),
        }
    }
}

impl Tasks {
    pub(crate) fn new(store: Store, registry: TaskRegistry, settings: TaskSettings) -> Self {
        Self(Arc::new(TasksInner {
            engine: Engine::new(store.clone(), &settings),
            events: Events::new(&store),
            statistics: Statistics::new(&registry),
            store,
            registry,
            settings,
        }))
    }

    pub(super) fn handle<R>(&self, id: Uuid) -> TaskHandle<R> {
        TaskHandle {
            id,
            tasks: self.clone(),
            result: PhantomData,
        }
    }

    /// Checks arguments and stores a task; returns its id and `true` if the same task already
    /// existed.
    pub(crate) async fn enqueue_json(
        &self,
        definition: &TaskDefinition,
        args: Value,
        starter: Initiator,
        idempotency_key: Option<String>,
    ) -> Result<(Uuid, bool)> {
        let mut task = definition.new_task(definition.accept(&args)?);
        starter.apply_to(&mut task);
        task.idempotency_key = idempotency_key;
        self.store_new(definition, task).await
    }

    /// Stores a checked task and publishes it.
    pub(super) async fn store_new(
        &self,
        definition: &TaskDefinition,
        task: NewTask,
    ) -> Result<(Uuid, bool)> {
        let stored = self.0.engine.insert(&task).await?;
        let (id, before) = insert_result(&task, stored, definition)?;
        if !before {
            self.publish_inserted(definition, &task);
        }
        Ok((id, before))
    }

    /// Publishes a task that has just been stored.
    pub(super) fn publish_inserted(&self, definition: &TaskDefinition, task: &NewTask) {
        self.0
            .statistics
            .metrics
            .started(&definition.group, definition.name);
        self.publish(task.record());
        self.0.engine.announce();
    }

    /// Returns a task by id, in the latest state that this process has received.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub async fn get(&self, id: Uuid) -> Result<Option<TaskRecord>> {
        Ok(queue::get(&self.0.store, id)
            .await?
            .map(|record| self.with_latest_state(record)))
    }

    /// Returns those of the given tasks that exist, in any order.
    pub(super) async fn get_all(&self, ids: &[Uuid]) -> Result<Vec<TaskRecord>> {
        Ok(self.all_newest(queue::get_all(&self.0.store, ids).await?))
    }

    /// Lists tasks, newest first, without their results.
    ///
    /// Use [`get`](Self::get) to read the result of a task.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub async fn list(&self, filter: &TaskFilter) -> Result<Vec<TaskRecord>> {
        let filter = QueueFilter {
            client_token_id: filter.client_token_id,
            owner_user_id: filter.owner_user_id,
            group: filter.group.clone(),
            name: filter.name.clone(),
            without: Vec::new(),
            status: filter.status,
            cancelled: filter.cancelled,
            active_only: false,
            text: filter.text.clone(),
            before: filter.before,
            limit: if filter.limit == 0 { 100 } else { filter.limit },
        };
        self.list_with(&filter).await
    }

    pub(super) async fn list_with(&self, filter: &QueueFilter) -> Result<Vec<TaskRecord>> {
        Ok(self.all_newest(queue::list(&self.0.store, filter).await?))
    }

    /// Lists tasks with their results; returns `true` if large results cut the list short.
    pub(super) async fn list_with_results(
        &self,
        filter: &QueueFilter,
    ) -> Result<(Vec<TaskRecord>, bool)> {
        let mut listed = queue::list_for_results(&self.0.store, filter).await?;
        let records = listed.take(&self.0.store).await?;
        Ok((self.all_newest(records), !listed.is_empty()))
    }

    /// Returns the arguments of a task as they were stored; `None` if there is no such task.
    ///
    /// Other methods do not return the arguments, because they may be large.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub async fn args(&self, id: Uuid) -> Result<Option<Value>> {
        Ok(queue::args(&self.0.store, id).await?)
    }

    fn all_newest(&self, records: Vec<TaskRecord>) -> Vec<TaskRecord> {
        let records = records.into_iter();
        records
            .map(|record| self.with_latest_state(record))
            .collect()
    }

    /// Counts the tasks with each status.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub async fn count_by_status(&self) -> Result<Vec<(TaskStatus, u64)>> {
        Ok(queue::count_by_status(&self.0.store).await?)
    }

    /// Requests the cancellation of a task; returns `false` if it had already finished.
    ///
    /// # Errors
    ///
    /// Fails with `task_not_found` if there is no such task. Also fails if the database cannot be
    /// written.
    pub async fn cancel(&self, id: Uuid) -> Result<bool> {
        let mut transaction = self.0.store.begin().await?;
        let cancelled = self.cancel_in(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(self.publish_cancelled(id, cancelled).await)
    }

    /// Requests the cancellation of a task within a transaction.
    ///
    /// Call [`publish_cancelled`](Self::publish_cancelled) after the commit.
    pub(super) async fn cancel_in(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
    ) -> Result<CancelOutcome> {
        match queue::cancel_in(transaction, id).await? {
            CancelOutcome::Unknown => Err(task_not_found()),
            cancelled => Ok(cancelled),
        }
    }

    /// Publishes the cancellation of a task; returns `false` if the task had already finished.
    pub(super) async fn publish_cancelled(&self, id: Uuid, cancelled: CancelOutcome) -> bool {
        match cancelled {
            CancelOutcome::Finished(record) => {
                self.0.statistics.metrics.ended(&record);
                self.publish(*record);
                true
            }
            CancelOutcome::Requested(record) => {
                // Lists show that a cancellation is pending, so they must be updated.
                self.0.events.outbox.add(&record);
                self.stop(id);
                let notification = ClusterEvent::TaskCancelled { id };
                self.0.store.publish(notification).await;
                true
            }
            CancelOutcome::AlreadyFinished | CancelOutcome::Unknown => false,
        }
    }

    /// Waits for a task to finish.
    async fn wait_finished(&self, id: Uuid) -> Result<TaskRecord> {
        let mut updates = self.subscribe(id).await?;
        while let Some(record) = updates.next().await {
            if record.status.is_final() {
                return Ok(Arc::unwrap_or_clone(record));
            }
        }
        Err(task_not_found())
    }

    pub(super) fn watch(&self, watch: SubscriptionFilter) -> Subscription {
        self.0.events.hub.subscribe(watch)
    }

    /// Cancels a task's attempt if it is running in this process.
    pub(super) fn stop(&self, id: Uuid) {
        if let Some(attempt) = self.0.engine.running.get(id) {
            attempt.cancelled.cancel();
        }
    }

    /// Publishes a change made by this process to subscribers, both here and on other replicas.
    pub(super) fn publish(&self, record: TaskRecord) {
        self.0.events.outbox.add(&record);
        self.0.events.logs.put_back(&record);
        self.publish_local(record);
    }

    /// Registers a listener that is called for each change that this process makes to a task.
    pub(crate) fn listen(&self, listener: impl Fn(&TaskRecord) + Send + Sync + 'static) {
        self.0.events.outbox.listen(listener);
    }

    /// Publishes a state to subscribers in this process.
    pub(super) fn publish_local(&self, record: TaskRecord) {
        self.0
            .events
            .hub
            .publish(&Arc::new(self.0.registry.with_title(record)));
    }

    pub(super) fn with_latest_state(&self, record: TaskRecord) -> TaskRecord {
        self.0
            .registry
            .with_title(self.0.engine.running.newest(record))
    }

    /// Returns the registered task types.
    pub(crate) fn registry(&self) -> &TaskRegistry {
        &self.0.registry
    }
}

/// Returns the id of the stored task and `true` if the task already existed.
pub(super) fn insert_result(
    task: &NewTask,
    stored: InsertOutcome,
    definition: &TaskDefinition,
) -> Result<(Uuid, bool)> {
    match stored {
        InsertOutcome::Inserted => Ok((task.id, false)),
        InsertOutcome::Duplicate(id) => Ok((id, true)),
        // The owner can see the active task, either through the same client token or on a page,
        // where no token is needed.
        InsertOutcome::AlreadyActive {
            id,
            client_token_id,
            owner_user_id,
        } if owner_user_id == task.owner_user_id
            && (task.client_token_id.is_none() || client_token_id == task.client_token_id) =>
        {
            Ok((id, true))
        }
        InsertOutcome::AlreadyActive { .. } => Err(Error::conflict(
            "task_already_active",
            format!(
                "`{}` is already active with the same arguments for another client",
                definition.title
            ),
        )),
        InsertOutcome::KeyReused => Err(Error::conflict(
            "idempotency_key_reused",
            "this `Idempotency-Key` was used for a different task; use a new key",
        )),
    }
}

/// Checks that a user may start a task type from outside the application's code.
pub(super) fn check_start(definition: &TaskDefinition, owner: Option<&User>) -> Result<()> {
    if definition.internal {
        return Err(task_unknown(&definition.group, definition.name));
    }
    check_access(definition, owner)
}

/// Checks that a user has access to a task type.
pub(super) fn check_access(definition: &TaskDefinition, owner: Option<&User>) -> Result<()> {
    definition.access.check(owner).map_err(Error::from)
}

pub(super) fn task_unknown(group: &str, name: &str) -> Error {
    Error::not_found(format!(
        "the task group `{group}` has no task type `{name}`"
    ))
    .with_code("task_unknown")
}

pub(super) fn task_not_found() -> Error {
    Error::not_found("the task does not exist").with_code("task_not_found")
}
