//! Event log of an attempt: a bounded buffer of events that are written in batches.
//!
//! A running task never waits for its event log. When a task finishes, it waits for a short time,
//! so that its history is complete when the final status becomes visible.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::history::{self, HistoryEntry};
use crate::store::{Store, StoreError};
use crate::tasks::record::{TaskRecord, TaskStatus};

/// Time for which events are collected before they are written.
const WRITE_INTERVAL: Duration = Duration::from_millis(100);
/// Delay before a failed write is retried.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Maximum time that a finishing task waits for its history.
const FLUSH: Duration = Duration::from_secs(2);
/// Maximum number of entries per statement.
const BATCH: usize = 500;
/// Maximum size of an attempt's unwritten entries; if it is exceeded, the oldest are dropped.
const MAX_BUFFERED_BYTES: usize = 256 * 1024;
/// Number of entries that are written before the oldest are trimmed again.
const TRIM_INTERVAL: i64 = 250;

/// Event logs of the attempts in this process.
#[derive(Debug)]
pub(in crate::tasks) struct EventLogs {
    running: Mutex<HashMap<(Uuid, u32), Arc<EventLog>>>,
    unwritten: Arc<EventWriter>,
}

#[derive(Debug)]
struct EventWriter {
    journals: Mutex<Vec<Arc<EventLog>>>,
    statuses: Mutex<Vec<HistoryEntry>>,
    wake: Notify,
    /// Notified when a finishing task waits for its history.
    urgent: Notify,
    /// Number of times the writer has written a batch of entries.
    turns: watch::Sender<u64>,
}

/// Event log of one attempt.
#[derive(Debug)]
pub(super) struct EventLog {
    task_id: Uuid,
    attempt: u32,
    lines: Mutex<EventBuffer>,
    unwritten: Weak<EventWriter>,
}

#[derive(Debug)]
struct EventBuffer {
    waiting: VecDeque<HistoryEntry>,
    bytes: usize,
    /// Sequence number of the last event; a gap shows that some events were dropped.
    seq: i64,
    /// Latest version of the task for which there is an entry.
    version: i64,
    /// `true` if the writer has been notified of entries.
    queued: bool,
    /// Sequence number up to which the oldest entries have been deleted.
    trimmed: i64,
}

/// Guard that removes the event log of an attempt when it is dropped.
#[derive(Debug)]
pub(in crate::tasks) struct OpenEventLog<'a> {
    journals: &'a EventLogs,
    journal: Arc<EventLog>,
}

impl Default for EventLogs {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            unwritten: Arc::new(EventWriter {
                journals: Mutex::default(),
                statuses: Mutex::default(),
                wake: Notify::new(),
                urgent: Notify::new(),
                turns: watch::Sender::new(0),
            }),
        }
    }
}

impl EventLogs {
    /// Opens the event log of an attempt that is starting.
    pub(in crate::tasks) fn open(&self, record: &TaskRecord) -> OpenEventLog<'_> {
        let journal = Arc::new(EventLog {
            task_id: record.id,
            attempt: record.attempt,
            lines: Mutex::new(EventBuffer {
                waiting: VecDeque::new(),
                bytes: 0,
                seq: 0,
                version: record.version,
                queued: false,
                trimmed: 0,
            }),
            unwritten: Arc::downgrade(&self.unwritten),
        });
        self.running
            .lock()
            .insert((record.id, record.attempt), Arc::clone(&journal));
        // The task's own row records the start of the first attempt.
        if record.attempt > 1 {
            let data = history::status(record);
            let entry = journal.entry(
                history::SEQ_STARTED,
                record.updated_at,
                history::STATUS,
                data,
            );
            journal.add(journal.lines.lock(), entry);
        }
        OpenEventLog {
            journals: self,
            journal,
        }
    }

    /// Runs the code of a task and captures its log lines in the event log.
    pub(in crate::tasks) fn capture<F: Future + Send>(
        &self,
        record: &TaskRecord,
        future: F,
    ) -> impl Future<Output = F::Output> + Send + use<F> {
        let journal = self.get(record);
        async move {
            match journal {
                #[cfg(feature = "telemetry")]
                Some(journal) => crate::telemetry::capture(Arc::new(journal), future).await,
                _ => future.await,
            }
        }
    }

    /// Records the progress of an attempt after the progress was saved.
    pub(in crate::tasks) fn update(&self, record: &TaskRecord) {
        if let Some(journal) = self.get(record) {
            journal.update(record);
        }
    }

    /// Records that a task was requeued, which its own row does not show permanently.
    pub(in crate::tasks) fn put_back(&self, record: &TaskRecord) {
        if record.status != TaskStatus::Pending || record.attempt == 0 {
            return;
        }
        self.unwritten.statuses.lock().push(HistoryEntry {
            task_id: record.id,
            attempt: record.attempt,
            seq: history::SEQ_REQUEUED,
            at: record.updated_at,
            kind: history::STATUS,
            data: history::status(record),
        });
        self.unwritten.wake.notify_one();
    }

    /// Returns a receiver that is notified when the writer has written something.
    pub(in crate::tasks) fn flushes(&self) -> watch::Receiver<u64> {
        self.unwritten.turns.subscribe()
    }

    /// Returns `true` if this process writes events of a task.
    pub(in crate::tasks) fn has(&self, record: &TaskRecord) -> bool {
        self.get(record).is_some()
    }

    fn get(&self, record: &TaskRecord) -> Option<Arc<EventLog>> {
        self.running
            .lock()
            .get(&(record.id, record.attempt))
            .cloned()
    }

    /// Writes events until the portal stops, then writes the remaining ones.
    pub(in crate::tasks) async fn write(&self, store: &Store, stop: CancellationToken) {
        let unwritten = &self.unwritten;
        loop {
            let waited = stop
                .run_until_cancelled(async {
                    unwritten.wake.notified().await;
                    tokio::select! {
                        () = sleep(WRITE_INTERVAL) => {}
                        () = unwritten.urgent.notified() => {}
                    }
                })
                .await;
            let written = unwritten.write(store).await;
            if waited.is_none() {
                return;
            }
            if let Err(error) = written {
                tracing::warn!(%error, "failed to write task history");
                unwritten.wake.notify_one();
                stop.run_until_cancelled(sleep(RETRY_DELAY)).await;
            }
            unwritten.turns.send_modify(|turns| *turns += 1);
        }
    }
}

impl OpenEventLog<'_> {
    /// Waits, for a limited time, until everything up to the last state is written.
    pub(in crate::tasks) async fn close(self, last: &TaskRecord) {
        self.journal.update(last);
        let unwritten = &self.journals.unwritten;
        let mut turns = unwritten.turns.subscribe();
        let written = async {
            while self.journal.lines.lock().queued {
                unwritten.urgent.notify_one();
                if turns.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(FLUSH, written).await;
    }
}

impl Drop for OpenEventLog<'_> {
    fn drop(&mut self) {
        let key = (self.journal.task_id, self.journal.attempt);
        self.journals.running.lock().remove(&key);
    }
}

impl EventLog {
    fn update(self: &Arc<Self>, record: &TaskRecord) {
        let mut lines = self.lines.lock();
        if record.version <= lines.version {
            return;
        }
        lines.version = record.version;
        let data = json!({"progress": record.progress, "message": record.message});
        let entry = self.entry(lines.next(), record.updated_at, history::UPDATE, data);
        self.add(lines, entry);
    }

    fn entry(&self, seq: i64, at: DateTime<Utc>, kind: &'static str, data: Value) -> HistoryEntry {
        HistoryEntry {
            task_id: self.task_id,
            attempt: self.attempt,
            seq,
            at,
            kind,
            data,
        }
    }

    fn add(self: &Arc<Self>, mut lines: MutexGuard<'_, EventBuffer>, entry: HistoryEntry) {
        lines.bytes += entry.size();
        lines.waiting.push_back(entry);
        lines.shrink();
        if std::mem::replace(&mut lines.queued, true) {
            return;
        }
        drop(lines);
        if let Some(unwritten) = self.unwritten.upgrade() {
            unwritten.journals.lock().push(Arc::clone(self));
            unwritten.wake.notify_one();
        }
    }
}

#[cfg(feature = "telemetry")]
impl crate::telemetry::LogSink for Arc<EventLog> {
    fn log(&self, line: crate::telemetry::LogLine) {
        let data = history::storable_value(json!({
            "level": line.level.as_str(),
            "target": line.target,
            "message": line.message,
            "fields": line.fields,
        }));
        let mut lines = self.lines.lock();
        let entry = self.entry(lines.next(), crate::store::now(), history::LOG, data);
        self.add(lines, entry);
    }
}

impl EventBuffer {
    /// Returns the sequence number of the next entry.
    fn next(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    /// Drops the oldest entries until the remaining ones are within the limits.
    fn shrink(&mut self) {
        while self.waiting.len() > history::MAX_STORED_ENTRIES || self.bytes > MAX_BUFFERED_BYTES {
            match self.waiting.pop_front() {
                Some(entry) => self.bytes -= entry.size(),
                None => return,
            }
        }
    }
}

impl EventWriter {
    async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let journals = std::mem::take(&mut *self.journals.lock());
        let mut entries = std::mem::take(&mut *self.statuses.lock());
        let mut ends = Vec::new();
        for journal in &journals {
            let mut lines = journal.lines.lock();
            lines.bytes = 0;
            entries.extend(lines.waiting.drain(..));
            ends.push(lines.seq);
        }
        let mut from = 0;
        let mut failed = None;
        while from < entries.len() {
            let batch = &entries[from..entries.len().min(from + BATCH)];
            match history::insert(store, batch).await {
                Ok(()) => from += batch.len(),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        self.put_back(entries.split_off(from), &journals);
        for (journal, end) in journals.iter().zip(ends) {
            let trim = {
                let mut lines = journal.lines.lock();
                lines.queued = !lines.waiting.is_empty();
                if lines.queued {
                    self.journals.lock().push(Arc::clone(journal));
                    self.wake.notify_one();
                }
                let kept = i64::try_from(history::MAX_STORED_ENTRIES).unwrap_or(i64::MAX);
                let first = end - kept;
                (first - lines.trimmed >= TRIM_INTERVAL).then(|| {
                    lines.trimmed = first;
                    first
                })
            };
            if let Some(first) = trim {
                let trimmed = history::trim(store, journal.task_id, journal.attempt, first).await;
                // A failed trim need not be retried immediately, because the next one also deletes
                // these entries.
                failed = failed.or(trimmed.err());
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Restores entries that could not be written, before entries that have arrived since.
    fn put_back(&self, entries: Vec<HistoryEntry>, journals: &[Arc<EventLog>]) {
        if entries.is_empty() {
            return;
        }
        let by_key: HashMap<_, _> = journals
            .iter()
            .map(|journal| ((journal.task_id, journal.attempt), journal))
            .collect();
        for entry in entries.into_iter().rev() {
            match by_key.get(&(entry.task_id, entry.attempt)) {
                Some(journal) if entry.kind != history::STATUS => {
                    let mut lines = journal.lines.lock();
                    lines.bytes += entry.size();
                    lines.waiting.push_front(entry);
                    lines.shrink();
                }
                _ => {
                    let mut statuses = self.statuses.lock();
                    if statuses.len() < BATCH * 20 {
                        statuses.push(entry);
                    }
                }
            }
        }
    }
}
