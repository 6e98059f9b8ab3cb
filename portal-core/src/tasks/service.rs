//! The handle through which code starts, finds, watches and stops tasks.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use super::args::TaskArgs;
use super::error::TaskError;
use super::fanout::Unsent;
use super::hub::{Hub, Subscription, Watch};
use super::journal::Journals;
use super::queue::{self, Cancelled, Filter, NewTask, Stored};
use super::record::{TaskRecord, TaskStatus};
use super::registry::TaskRegistry;
use super::running::Running;
use super::task::{Task, TaskDefinition};
use crate::auth::User;
use crate::error::{Error, Result};
use crate::store::{Notification, Store};

/// The tasks of a portal. Cheap to clone; an extractor through `Data<Tasks>`.
#[derive(Clone, Debug)]
pub struct Tasks(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) registry: TaskRegistry,
    pub(super) hub: Arc<Hub>,
    /// Changes that other replicas are to hear of.
    pub(super) unsent: Unsent,
    pub(super) journals: Journals,
    pub(super) running: Running,
    /// There may be something to claim.
    pub(super) wake: Notify,
}

/// For whom a task is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Starter {
    /// The client that sees the task.
    pub client_token_id: Option<Uuid>,
    /// The user whose rights count.
    pub owner_user_id: Option<Uuid>,
}

/// Which tasks to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Only tasks of this client.
    pub client_token_id: Option<Uuid>,
    /// Only tasks of this user.
    pub owner_user_id: Option<Uuid>,
    /// Only tasks of this group.
    pub state: Option<String>,
    /// Only tasks of this name.
    pub name: Option<String>,
    /// Only tasks of this status.
    pub status: Option<TaskStatus>,
    /// Only tasks older than this one.
    pub before: Option<Uuid>,
    /// How many at the most; 0 means 100.
    pub limit: u64,
}

/// A task that was started from code.
#[derive(Debug)]
pub struct TaskHandle<R> {
    id: Uuid,
    tasks: Tasks,
    result: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> TaskHandle<R> {
    /// The id of the task.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Waits for the task to end and gives its result.
    pub async fn result(&self) -> Result<R, TaskError> {
        let record = self
            .tasks
            .finished(self.id)
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
    pub(crate) fn new(store: Store, registry: TaskRegistry) -> Self {
        Self(Arc::new(Shared {
            unsent: Unsent::new(&store),
            journals: Journals::default(),
            store,
            registry,
            hub: Arc::new(Hub::default()),
            running: Running::default(),
            wake: Notify::new(),
        }))
    }

    /// Starts a task of a kind with its arguments; it is stored when this returns.
    pub async fn start<A: TaskArgs, R: Serialize + Send + 'static>(
        &self,
        task: fn() -> Task<A, R>,
        args: A,
    ) -> Result<TaskHandle<R>> {
        let definition = task().into_definition();
        let args = serde_json::to_value(args).map_err(Error::internal)?;
        let definition = self.0.registry.find(&definition.state, definition.name)?;
        let (id, _) = self
            .start_json(definition, args, Starter::default(), None)
            .await?;
        Ok(TaskHandle {
            id,
            tasks: self.clone(),
            result: PhantomData,
        })
    }

    /// Checks arguments and stores a task; `true` if this very start had been stored before.
    pub(crate) async fn start_json(
        &self,
        definition: &TaskDefinition,
        args: Value,
        starter: Starter,
        idempotency_key: Option<String>,
    ) -> Result<(Uuid, bool)> {
        definition.check(&args).map_err(Error::invalid)?;
        let task = NewTask {
            state: definition.state.clone(),
            name: definition.name,
            client_token_id: starter.client_token_id,
            owner_user_id: starter.owner_user_id,
            args,
            idempotency_key,
        };
        match queue::insert(&self.0.store, &task).await? {
            Stored::New(id) => {
                if let Some(record) = queue::get(&self.0.store, id).await? {
                    self.publish(record);
                }
                self.0.wake.notify_one();
                self.0.store.notify(Notification::TasksReady).await;
                Ok((id, false))
            }
            Stored::Before(id) => Ok((id, true)),
            Stored::KeyTaken => Err(Error::conflict(
                "idempotency_key_reused",
                "this `Idempotency-Key` has been used for another start",
            )),
        }
    }

    /// The task of an id, as new as this process knows it.
    pub async fn get(&self, id: Uuid) -> Result<Option<TaskRecord>> {
        Ok(queue::get(&self.0.store, id)
            .await?
            .map(|record| self.newest(record)))
    }

    /// Tasks, newest first.
    pub async fn list(&self, filter: &TaskFilter) -> Result<Vec<TaskRecord>> {
        let filter = Filter {
            client_token_id: filter.client_token_id,
            owner_user_id: filter.owner_user_id,
            state: filter.state.clone(),
            name: filter.name.clone(),
            status: filter.status,
            active_only: false,
            before: filter.before,
            limit: if filter.limit == 0 { 100 } else { filter.limit },
        };
        self.list_with(&filter).await
    }

    pub(super) async fn list_with(&self, filter: &Filter) -> Result<Vec<TaskRecord>> {
        let records = queue::list(&self.0.store, filter).await?;
        Ok(records
            .into_iter()
            .map(|record| self.newest(record))
            .collect())
    }

    /// How many tasks there are of each status.
    pub async fn count_by_status(&self) -> Result<Vec<(TaskStatus, u64)>> {
        Ok(queue::count_by_status(&self.0.store).await?)
    }

    /// Asks a task to stop; `false` if it had ended before.
    pub async fn cancel(&self, id: Uuid) -> Result<bool> {
        match queue::cancel(&self.0.store, id).await? {
            Cancelled::Ended(record) => {
                self.publish(*record);
                Ok(true)
            }
            Cancelled::Asked => {
                self.stop(id);
                self.0
                    .store
                    .notify(Notification::TaskCancelled { id })
                    .await;
                Ok(true)
            }
            Cancelled::Over => Ok(false),
            Cancelled::Unknown => Err(task_not_found()),
        }
    }

    /// Waits for a task to end.
    async fn finished(&self, id: Uuid) -> Result<TaskRecord> {
        let mut updates = self.subscribe(id).await?;
        while let Some(record) = updates.next().await {
            if record.status.is_final() {
                return Ok(Arc::unwrap_or_clone(record));
            }
        }
        Err(task_not_found())
    }

    pub(super) fn watch(&self, watch: Watch) -> Subscription {
        self.0.hub.subscribe(watch)
    }

    /// Tells the attempt of a task to stop, if it runs in this process.
    pub(super) fn stop(&self, id: Uuid) {
        if let Some(attempt) = self.0.running.get(id) {
            attempt.cancelled.cancel();
        }
    }

    /// Shows a change of this process to watchers, here and on other replicas.
    pub(super) fn publish(&self, record: TaskRecord) {
        self.0.unsent.add(&record);
        self.0.journals.put_back(&record);
        self.show(record);
    }

    /// Shows a state to watchers of this process.
    pub(super) fn show(&self, record: TaskRecord) {
        self.0.hub.publish(&Arc::new(self.0.registry.name(record)));
    }

    pub(super) fn newest(&self, record: TaskRecord) -> TaskRecord {
        self.0.registry.name(self.0.running.newest(record))
    }

    /// The kinds of task that this portal knows.
    pub(crate) fn registry(&self) -> &TaskRegistry {
        &self.0.registry
    }
}

/// Whether a user may start a kind of task, as he is now.
pub(super) fn check_access(definition: &TaskDefinition, owner: Option<&User>) -> Result<()> {
    definition.access.check(owner).map_err(Error::from)
}

pub(super) fn task_not_found() -> Error {
    Error::not_found("there is no such task").with_code("task_not_found")
}
