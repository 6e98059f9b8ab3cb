//! State of the queue in this process: batches, quotas, turns, running attempts and wake-ups.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::batch::Batcher;
use super::finish::{self, FinishedAttempt};
use super::insert::{self, InsertOutcome, NewTask, unavailable};
use super::quota::{Quotas, Source};
use super::running::RunningAttempts;
use super::turn::Turns;
use crate::error::Result;
use crate::store::{ClusterEvent, Executor, Store, StoreError, Transaction};
use crate::tasks::record::TaskRecord;
use crate::tasks::settings::TaskSettings;

/// Maximum number of tasks stored in one commit.
const INSERT_BATCH: usize = 256;
/// Maximum number of outcomes stored in one commit.
const FINISH_BATCH: usize = 256;
/// Minimum interval between events for other replicas; each event takes a server-wide lock.
const HINT_INTERVAL: Duration = Duration::from_millis(5);
/// Assumed maximum duration of a caller's transaction that enqueues tasks due immediately.
const EXPECTED_WITHIN: Duration = Duration::from_secs(10);

/// The queue in this process, shared by the worker and all code that enqueues tasks.
#[derive(Debug)]
pub(in crate::tasks) struct Engine {
    store: Store,
    inserts: Arc<Batcher<NewTask, Result<InsertOutcome, StoreError>>>,
    finishes: Arc<Batcher<FinishedAttempt, Result<Option<TaskRecord>, StoreError>>>,
    quotas: Quotas,
    turns: Turns,
    pub(in crate::tasks) running: RunningAttempts,
    /// Notified when there may be tasks to claim.
    pub(super) wake: Notify,
    /// Notified when other replicas must receive an event about tasks to claim.
    pub(super) ready: Notify,
    /// Time until which tasks stored in a caller's transaction may appear without an event.
    expect_until: Mutex<Option<Instant>>,
}

impl Engine {
    pub(in crate::tasks) fn new(store: Store, settings: &TaskSettings) -> Self {
        Self {
            store,
            inserts: Arc::new(Batcher::new(INSERT_BATCH)),
            finishes: Arc::new(Batcher::new(FINISH_BATCH)),
            quotas: Quotas::new(settings),
            turns: Turns::default(),
            running: RunningAttempts::default(),
            wake: Notify::new(),
            ready: Notify::new(),
            expect_until: Mutex::default(),
        }
    }

    /// Stores a checked task, together with other tasks that are enqueued at the same time.
    pub(in crate::tasks) async fn insert(&self, task: &NewTask) -> Result<InsertOutcome> {
        let store = self.store.clone();
        let source = Source::<Transaction>::Store(&store);
        let admitted = match self.quotas.admit(store.dialect(), source, task).await {
            Err(rejected) if rejected.status() == StatusCode::TOO_MANY_REQUESTS => {
                // If the task is already stored, it needs no quota.
                let clash = insert::find_clash_in(&store, task).await?;
                return clash.ok_or(rejected);
            }
            admitted => admitted?,
        };
        let mut task = task.clone();
        self.turns.assign(&store, &mut task).await;
        let stored = self.inserts.submit(task, move |tasks| {
            let store = store.clone();
            async move { insert::insert_all(&store, tasks).await }
        });
        let stored = stored.await.unwrap_or_else(|| Err(unavailable()))?;
        drop(admitted);
        Ok(stored)
    }

    /// Counts a task against its owner's quotas when it is stored within a transaction.
    pub(in crate::tasks) async fn admit_in(
        &self,
        executor: &mut impl Executor,
        task: &NewTask,
    ) -> Result<()> {
        let source = Source::Transaction(executor);
        let admitted = self.quotas.admit(self.store.dialect(), source, task);
        admitted.await.map(drop)
    }

    /// Writes the outcome of an attempt, together with those of attempts that finish at the same
    /// time.
    pub(super) async fn finish(
        &self,
        ending: FinishedAttempt,
    ) -> Result<Option<TaskRecord>, StoreError> {
        let store = self.store.clone();
        let written = self.finishes.submit(ending, move |endings| {
            let store = store.clone();
            async move { finish::finish_all(&store, endings).await }
        });
        written.await.unwrap_or_else(|| Err(unavailable()))
    }

    /// Wakes the workers on all replicas to claim a task that has just been stored.
    pub(in crate::tasks) fn announce(&self) {
        self.wake.notify_one();
        self.ready.notify_one();
    }

    /// Notifies other replicas of new tasks until the future is dropped; one event covers many
    /// tasks.
    pub(super) async fn run_ready_publisher(&self) {
        loop {
            self.ready.notified().await;
            self.store.publish(ClusterEvent::TasksReady).await;
            tokio::time::sleep(HINT_INTERVAL).await;
        }
    }

    /// Polls more often for a while, because tasks may appear without an event.
    pub(in crate::tasks) fn expect_tasks(&self) {
        *self.expected() = Some(Instant::now() + EXPECTED_WITHIN);
        self.wake.notify_one();
    }

    /// Returns `true` if tasks may appear without an event.
    pub(super) fn expects_tasks(&self) -> bool {
        let mut expected = self.expected();
        if expected.is_some_and(|end| end <= Instant::now()) {
            *expected = None;
        }
        expected.is_some()
    }

    fn expected(&self) -> MutexGuard<'_, Option<Instant>> {
        self.expect_until.lock()
    }
}
