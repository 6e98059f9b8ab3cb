//! Attempts running in this process; their states are newer than those in the database.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::now;
use crate::tasks::error::TaskError;
use crate::tasks::events::hub::TaskHub;
use crate::tasks::record::{TaskRecord, storable};

/// Attempt running in this process.
#[derive(Debug)]
pub(in crate::tasks) struct Attempt {
    newest: Mutex<LatestState>,
    /// Checkpoint that this or a previous attempt has stored for the next one.
    checkpoint: Mutex<Option<Value>>,
    /// Triggered when the cancellation of the task is requested.
    pub(in crate::tasks) cancelled: CancellationToken,
    /// Triggered when another attempt supersedes this one; its writes then have no effect.
    pub(in crate::tasks) superseded: CancellationToken,
}

#[derive(Debug)]
struct LatestState {
    record: Arc<TaskRecord>,
    saved_version: i64,
    ended: bool,
}

impl Attempt {
    pub(in crate::tasks) fn new(record: Arc<TaskRecord>, checkpoint: Option<Value>) -> Self {
        let saved_version = record.version;
        Self {
            newest: Mutex::new(LatestState {
                record,
                saved_version,
                ended: false,
            }),
            checkpoint: Mutex::new(checkpoint),
            cancelled: CancellationToken::new(),
            superseded: CancellationToken::new(),
        }
    }

    /// Returns the latest state of the task.
    pub(in crate::tasks) fn record(&self) -> Arc<TaskRecord> {
        Arc::clone(&self.newest.lock().record)
    }

    pub(in crate::tasks) fn checkpoint(&self) -> Option<Value> {
        self.checkpoint.lock().clone()
    }

    pub(in crate::tasks) fn set_checkpoint(&self, checkpoint: Value) {
        *self.checkpoint.lock() = Some(checkpoint);
    }

    /// Fails if the attempt was cancelled or superseded, in which case it must have no further
    /// effects.
    pub(in crate::tasks) fn check_continues(&self) -> Result<(), TaskError> {
        if self.superseded.is_cancelled() {
            return Err(TaskError::superseded());
        }
        if self.cancelled.is_cancelled() {
            return Err(TaskError::cancelled());
        }
        Ok(())
    }

    /// Applies a progress update, which subscribers in this process receive immediately.
    ///
    /// Progress never decreases.
    ///
    /// # Errors
    ///
    /// Fails with the code `cancelled` once the task is cancelled, and with `superseded` once
    /// another attempt runs.
    pub(in crate::tasks) fn update(
        &self,
        hub: &TaskHub,
        progress: Option<u8>,
        message: Option<String>,
    ) -> Result<(), TaskError> {
        self.check_continues()?;
        let mut newest = self.newest.lock();
        if newest.ended {
            return Ok(());
        }
        let record = Arc::make_mut(&mut newest.record);
        if let Some(progress) = progress {
            record.progress = record.progress.max(progress.min(100));
        }
        if message.is_some() {
            record.message = message.map(storable);
        }
        record.version += 1;
        record.updated_at = now();
        // Publish while the lock is held, so that subscribers receive changes in order.
        hub.publish(&newest.record);
        Ok(())
    }

    /// Returns the latest state if the database does not have it yet.
    fn unsaved(&self) -> Option<Arc<TaskRecord>> {
        let newest = self.newest.lock();
        (!newest.ended && newest.record.version > newest.saved_version)
            .then(|| Arc::clone(&newest.record))
    }

    fn saved(&self, version: i64) {
        let mut newest = self.newest.lock();
        newest.saved_version = newest.saved_version.max(version);
    }

    /// Ends the attempt, so that further updates are ignored, and returns the last state.
    pub(in crate::tasks) fn end(&self) -> Arc<TaskRecord> {
        let mut newest = self.newest.lock();
        newest.ended = true;
        Arc::clone(&newest.record)
    }
}

/// All attempts running in this process.
#[derive(Debug, Default)]
pub(in crate::tasks) struct RunningAttempts(Mutex<HashMap<Uuid, Arc<Attempt>>>);

impl RunningAttempts {
    /// Adds an attempt, which supersedes an older attempt of the same task.
    pub(in crate::tasks) fn insert(&self, attempt: &Arc<Attempt>) {
        let before = self
            .0
            .lock()
            .insert(attempt.record().id, Arc::clone(attempt));
        if let Some(before) = before {
            before.superseded.cancel();
        }
    }

    /// Removes an attempt, unless a newer one of the same task has replaced it.
    pub(in crate::tasks) fn remove(&self, attempt: &Arc<Attempt>) {
        let id = attempt.record().id;
        let mut attempts = self.0.lock();
        if attempts
            .get(&id)
            .is_some_and(|present| Arc::ptr_eq(present, attempt))
        {
            attempts.remove(&id);
        }
    }

    pub(in crate::tasks) fn get(&self, id: Uuid) -> Option<Arc<Attempt>> {
        self.0.lock().get(&id).cloned()
    }

    pub(in crate::tasks) fn all(&self) -> Vec<Arc<Attempt>> {
        self.0.lock().values().cloned().collect()
    }

    /// Returns the states that the database does not have yet.
    pub(super) fn unsaved(&self) -> Vec<Arc<TaskRecord>> {
        self.all()
            .iter()
            .filter_map(|attempt| attempt.unsaved())
            .collect()
    }

    pub(in crate::tasks) fn saved(&self, record: &TaskRecord) {
        if let Some(attempt) = self.get(record.id) {
            attempt.saved(record.version);
        }
    }

    /// Returns the stored state of a task, or the state in this process if that is newer.
    pub(in crate::tasks) fn newest(&self, stored: TaskRecord) -> TaskRecord {
        match self.get(stored.id).map(|attempt| attempt.record()) {
            Some(live)
                if live.attempt == stored.attempt
                    && live.version > stored.version
                    && stored.is_active() =>
            {
                TaskRecord::clone(&live)
            }
            _ => stored,
        }
    }
}
