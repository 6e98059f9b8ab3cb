//! The handle through which code starts, finds, watches and stops tasks.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use super::batch::Batcher;
use super::error::TaskError;
use super::fanout::Unsent;
use super::finish::Ending;
use super::hub::{Hub, Subscription, Watch};
use super::insert::{self, NewTask, Stored};
use super::journal::Journals;
use super::metrics::TaskMetrics;
use super::queue::{self, Cancelled, Filter};
use super::quota::{Admission, Quotas, Source};
use super::record::{TaskRecord, TaskStatus};
use super::registry::TaskRegistry;
use super::running::Running;
use super::settings::TaskSettings;
use super::starter::Starter;
use super::statistics::Reads;
use super::task::TaskDefinition;
use super::turn::Turns;
use crate::auth::User;
use crate::error::{Error, Result};
use crate::store::{Executor, Notification, Store, StoreError, Transaction};

/// The tasks of a portal. Cheap to clone; an extractor through `Data<Tasks>`.
#[derive(Clone, Debug)]
pub struct Tasks(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) registry: TaskRegistry,
    pub(super) settings: TaskSettings,
    intake: Arc<Batcher<NewTask, Result<Stored, StoreError>>>,
    pub(super) endings: Arc<Batcher<Ending, Result<Option<TaskRecord>, StoreError>>>,
    /// Other replicas have to be told that there is something to claim.
    pub(super) hint: Notify,
    pub(super) hub: Arc<Hub>,
    /// Changes that other replicas are to hear of.
    pub(super) unsent: Unsent,
    pub(super) journals: Journals,
    pub(super) running: Running,
    pub(super) metrics: TaskMetrics,
    pub(super) reads: Reads,
    quotas: Quotas,
    turns: Turns,
    /// There may be something to claim.
    pub(super) wake: Notify,
    /// Until when tasks may turn up of which nobody tells: those of a caller's transaction.
    pub(super) expecting: Mutex<Option<Instant>>,
}

/// Starts that are stored with one commit.
const INTAKE: usize = 256;
/// Ends that are stored with one commit.
const ENDINGS: usize = 256;
/// Hints to other replicas are at least so far apart: each takes a lock of the whole server.
const HINT_INTERVAL: Duration = Duration::from_millis(5);
/// How long a caller's transaction may stay open, for its tasks to be begun at once.
const EXPECTED_WITHIN: Duration = Duration::from_secs(10);

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
    /// Only cancelled tasks (`true`), or only others (`false`).
    pub cancelled: Option<bool>,
    /// Only tasks in which this stands: in the name, the message or the error; or of this id.
    pub text: Option<String>,
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
    pub(crate) fn new(store: Store, registry: TaskRegistry, settings: TaskSettings) -> Self {
        let quotas = Quotas::new(&settings);
        Self(Arc::new(Shared {
            unsent: Unsent::new(&store),
            journals: Journals::default(),
            store,
            metrics: TaskMetrics::new(&registry),
            registry,
            settings,
            intake: Arc::new(Batcher::new(INTAKE)),
            endings: Arc::new(Batcher::new(ENDINGS)),
            hint: Notify::new(),
            hub: Arc::new(Hub::default()),
            running: Running::default(),
            reads: Reads::default(),
            quotas,
            turns: Turns::default(),
            wake: Notify::new(),
            expecting: Mutex::default(),
        }))
    }

    /// Tasks may turn up for a while of which nobody tells.
    pub(super) fn expect_tasks(&self) {
        let until = Instant::now() + EXPECTED_WITHIN;
        *self
            .0
            .expecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(until);
        self.0.wake.notify_one();
    }

    pub(super) fn handle<R>(&self, id: Uuid) -> TaskHandle<R> {
        TaskHandle {
            id,
            tasks: self.clone(),
            result: PhantomData,
        }
    }

    /// Checks arguments and stores a task; `true` if this very start had been stored before.
    pub(crate) async fn start_json(
        &self,
        definition: &TaskDefinition,
        args: Value,
        starter: Starter,
        idempotency_key: Option<String>,
    ) -> Result<(Uuid, bool)> {
        let mut task = definition.new_task(definition.accept(&args)?);
        starter.apply_to(&mut task);
        task.idempotency_key = idempotency_key;
        self.store_new(definition, task).await
    }

    /// Stores a task that has been checked, together with others that are started meanwhile.
    pub(super) async fn store_new(
        &self,
        definition: &TaskDefinition,
        mut task: NewTask,
    ) -> Result<(Uuid, bool)> {
        let store = self.0.store.clone();
        let admitted = match self.admit(&task).await {
            Err(rejected) if rejected.status() == StatusCode::TOO_MANY_REQUESTS => {
                // What was stored before needs no room.
                let clash = insert::find_clash_in(&store, &task).await?;
                let (id, _) = settle(&task, clash.ok_or(rejected)?, definition)?;
                return Ok((id, true));
            }
            admitted => admitted?,
        };
        self.0.turns.assign(&store, &mut task).await;
        let stored = self.0.intake.submit(task.clone(), move |tasks| {
            let store = store.clone();
            async move { insert::insert_all(&store, tasks).await }
        });
        let stored = stored.await.unwrap_or_else(|| Err(insert::unavailable()))?;
        drop(admitted);
        let (id, before) = settle(&task, stored, definition)?;
        if !before {
            self.stored(definition, &task);
        }
        Ok((id, before))
    }

    async fn admit(&self, task: &NewTask) -> Result<Option<Admission>> {
        let (store, quotas) = (&self.0.store, &self.0.quotas);
        let source = Source::<Transaction>::Store(store);
        quotas.admit(store.dialect(), source, task).await
    }

    /// Counts a task that is stored as part of a transaction against the quotas of its owner.
    pub(super) async fn admit_in(
        &self,
        executor: &mut impl Executor,
        task: &NewTask,
    ) -> Result<()> {
        let source = Source::Transaction(executor);
        let quotas = &self.0.quotas;
        let admitted = quotas.admit(self.0.store.dialect(), source, task);
        admitted.await.map(drop)
    }

    /// Tells of a task that has just been stored.
    pub(super) fn stored(&self, definition: &TaskDefinition, task: &NewTask) {
        self.0.metrics.started(&definition.state, definition.name);
        self.publish(task.record());
        self.0.wake.notify_one();
        self.0.hint.notify_one();
    }

    /// Tells other replicas of new tasks, many with one hint, until it is dropped.
    pub(super) async fn send_hints(&self) {
        loop {
            self.0.hint.notified().await;
            self.0.store.notify(Notification::TasksReady).await;
            tokio::time::sleep(HINT_INTERVAL).await;
        }
    }

    /// The task of an id, as new as this process knows it.
    pub async fn get(&self, id: Uuid) -> Result<Option<TaskRecord>> {
        Ok(queue::get(&self.0.store, id)
            .await?
            .map(|record| self.newest(record)))
    }

    /// Those of some ids that there are, in any order.
    pub(super) async fn get_all(&self, ids: &[Uuid]) -> Result<Vec<TaskRecord>> {
        Ok(self.all_newest(queue::get_all(&self.0.store, ids).await?))
    }

    /// Lists tasks, newest first, without their results: [`get`](Self::get) reads the result of one.
    pub async fn list(&self, filter: &TaskFilter) -> Result<Vec<TaskRecord>> {
        let filter = Filter {
            client_token_id: filter.client_token_id,
            owner_user_id: filter.owner_user_id,
            state: filter.state.clone(),
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

    pub(super) async fn list_with(&self, filter: &Filter) -> Result<Vec<TaskRecord>> {
        Ok(self.all_newest(queue::list(&self.0.store, filter).await?))
    }

    /// Lists tasks with their results; `true` if large results have ended the list early.
    pub(super) async fn list_with_results(
        &self,
        filter: &Filter,
    ) -> Result<(Vec<TaskRecord>, bool)> {
        let mut listed = queue::list_for_results(&self.0.store, filter).await?;
        let records = listed.take(&self.0.store).await?;
        Ok((self.all_newest(records), !listed.is_empty()))
    }

    /// Returns the arguments of a task as they were stored; `None` if there is no such task.
    ///
    /// Other calls leave them out, since they may be large.
    pub async fn args(&self, id: Uuid) -> Result<Option<Value>> {
        Ok(queue::args(&self.0.store, id).await?)
    }

    fn all_newest(&self, records: Vec<TaskRecord>) -> Vec<TaskRecord> {
        let records = records.into_iter();
        records.map(|record| self.newest(record)).collect()
    }

    /// How many tasks there are of each status.
    pub async fn count_by_status(&self) -> Result<Vec<(TaskStatus, u64)>> {
        Ok(queue::count_by_status(&self.0.store).await?)
    }

    /// Asks a task to stop; `false` if it had ended before.
    pub async fn cancel(&self, id: Uuid) -> Result<bool> {
        let mut transaction = self.0.store.begin().await?;
        let cancelled = self.cancel_in(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(self.cancelled(id, cancelled).await)
    }

    /// The same as part of a transaction; [`cancelled`](Self::cancelled) has to follow its commit.
    pub(super) async fn cancel_in(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
    ) -> Result<Cancelled> {
        match queue::cancel_in(transaction, id).await? {
            Cancelled::Unknown => Err(task_not_found()),
            cancelled => Ok(cancelled),
        }
    }

    /// Tells of a task that was asked to stop; `false` if it had ended before.
    pub(super) async fn cancelled(&self, id: Uuid, cancelled: Cancelled) -> bool {
        match cancelled {
            Cancelled::Ended(record) => {
                self.0.metrics.ended(&record);
                self.publish(*record);
                true
            }
            Cancelled::Asked(record) => {
                // Lists show that the cancellation is pending.
                self.0.unsent.add(&record);
                self.stop(id);
                let notification = Notification::TaskCancelled { id };
                self.0.store.notify(notification).await;
                true
            }
            Cancelled::Over | Cancelled::Unknown => false,
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

    /// Lets somebody hear of each change that this process makes to a task.
    pub(crate) fn listen(&self, listener: impl Fn(&TaskRecord) + Send + Sync + 'static) {
        self.0.unsent.listen(listener);
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

/// What a caller is told of a stored task: its id, and whether it had been there before.
pub(super) fn settle(
    task: &NewTask,
    stored: Stored,
    definition: &TaskDefinition,
) -> Result<(Uuid, bool)> {
    match stored {
        Stored::New => Ok((task.id, false)),
        Stored::Before(id) => Ok((id, true)),
        // The owner sees it: under the same client token, or on their pages, which need none.
        Stored::Active {
            id,
            client_token_id,
            owner_user_id,
        } if owner_user_id == task.owner_user_id
            && (task.client_token_id.is_none() || client_token_id == task.client_token_id) =>
        {
            Ok((id, true))
        }
        Stored::Active { .. } => Err(Error::conflict(
            "task_already_active",
            format!(
                "`{}` is active with the same arguments, for another client",
                definition.title
            ),
        )),
        Stored::KeyTaken => Err(Error::conflict(
            "idempotency_key_reused",
            "this `Idempotency-Key` has been used for another start",
        )),
    }
}

/// Checks that a user may start a task type from outside of the application's code.
pub(super) fn check_start(definition: &TaskDefinition, owner: Option<&User>) -> Result<()> {
    if definition.internal {
        return Err(task_unknown(&definition.state, definition.name));
    }
    check_access(definition, owner)
}

/// Checks the access of a task type for a user.
pub(super) fn check_access(definition: &TaskDefinition, owner: Option<&User>) -> Result<()> {
    definition.access.check(owner).map_err(Error::from)
}

pub(super) fn task_unknown(state: &str, name: &str) -> Error {
    Error::not_found(format!("the state `{state}` has no task `{name}`")).with_code("task_unknown")
}

pub(super) fn task_not_found() -> Error {
    Error::not_found("there is no such task").with_code("task_not_found")
}
