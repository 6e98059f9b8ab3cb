//! What happens in an attempt, on its way to the history: buffered, bounded, written in batches.
//!
//! A task never waits for it while it runs. At its end it does, for a short time, so that the
//! history is complete when the end is seen.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::history::{self, Entry};
use super::record::{TaskRecord, TaskStatus};
use crate::store::{Store, StoreError};

/// How long entries wait for others.
const WRITE_INTERVAL: Duration = Duration::from_millis(100);
/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// How long the end of a task waits for its history at the most.
const FLUSH: Duration = Duration::from_secs(2);
/// How many entries stand in one statement.
const BATCH: usize = 500;
/// How much of an attempt waits for the database at the most; the oldest is dropped.
const WAITING_BYTES: usize = 256 * 1024;
/// How many entries are written before the oldest are looked for again.
const TRIM_INTERVAL: i64 = 250;

/// The journals of the attempts of this process.
#[derive(Debug)]
pub(super) struct Journals {
    running: Mutex<HashMap<(Uuid, u32), Arc<Journal>>>,
    unwritten: Arc<Unwritten>,
}

#[derive(Debug)]
struct Unwritten {
    journals: Mutex<Vec<Arc<Journal>>>,
    statuses: Mutex<Vec<Entry>>,
    wake: Notify,
    /// The end of a task waits.
    urgent: Notify,
    /// Counts the turns of the writer.
    turns: watch::Sender<u64>,
}

/// What one attempt has to tell.
#[derive(Debug)]
pub(super) struct Journal {
    task_id: Uuid,
    attempt: u32,
    lines: Mutex<Lines>,
    unwritten: Weak<Unwritten>,
}

#[derive(Debug)]
struct Lines {
    waiting: VecDeque<Entry>,
    bytes: usize,
    /// How many there have been: a gap in the numbers shows that some were dropped.
    seq: i64,
    /// The newest state that has become an entry.
    version: i64,
    /// The writer knows that there is something.
    queued: bool,
    /// Up to here the oldest have been removed.
    trimmed: i64,
}

/// Puts an attempt's journal away when it is over.
#[derive(Debug)]
pub(super) struct Open<'a> {
    journals: &'a Journals,
    journal: Arc<Journal>,
}

impl Default for Journals {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            unwritten: Arc::new(Unwritten {
                journals: Mutex::default(),
                statuses: Mutex::default(),
                wake: Notify::new(),
                urgent: Notify::new(),
                turns: watch::Sender::new(0),
            }),
        }
    }
}

impl Journals {
    /// Opens the journal of an attempt that begins.
    pub(super) fn open(&self, record: &TaskRecord) -> Open<'_> {
        let journal = Arc::new(Journal {
            task_id: record.id,
            attempt: record.attempt,
            lines: Mutex::new(Lines {
                waiting: VecDeque::new(),
                bytes: 0,
                seq: 0,
                version: record.version,
                queued: false,
                trimmed: 0,
            }),
            unwritten: Arc::downgrade(&self.unwritten),
        });
        lock(&self.running).insert((record.id, record.attempt), Arc::clone(&journal));
        // Of the first attempt the task's own row tells.
        if record.attempt > 1 {
            let data = history::status(record);
            let entry = journal.entry(history::BEGUN, record.updated_at, history::STATUS, data);
            journal.add(lock(&journal.lines), entry);
        }
        Open {
            journals: self,
            journal,
        }
    }

    /// Runs a task's code so that what it logs comes into its journal.
    pub(super) fn capture<F: Future + Send>(
        &self,
        record: &TaskRecord,
        future: F,
    ) -> impl Future<Output = F::Output> + Send + use<F> {
        let journal = self.get(record);
        async move {
            match journal {
                #[cfg(feature = "telemetry")]
                Some(journal) => crate::telemetry::captured(Arc::new(journal), future).await,
                _ => future.await,
            }
        }
    }

    /// Takes note of how far an attempt has come; the state has been saved.
    pub(super) fn update(&self, record: &TaskRecord) {
        if let Some(journal) = self.get(record) {
            journal.update(record);
        }
    }

    /// Takes note that a task has gone back into the queue; its own row does not tell of it later.
    pub(super) fn put_back(&self, record: &TaskRecord) {
        if record.status != TaskStatus::Pending || record.attempt == 0 {
            return;
        }
        lock(&self.unwritten.statuses).push(Entry {
            task_id: record.id,
            attempt: record.attempt,
            seq: history::PUT_BACK,
            at: record.updated_at,
            kind: history::STATUS,
            data: history::status(record),
        });
        self.unwritten.wake.notify_one();
    }

    /// Tells when the writer has written something.
    pub(super) fn turns(&self) -> watch::Receiver<u64> {
        self.unwritten.turns.subscribe()
    }

    /// Whether this process writes of a task.
    pub(super) fn has(&self, record: &TaskRecord) -> bool {
        self.get(record).is_some()
    }

    fn get(&self, record: &TaskRecord) -> Option<Arc<Journal>> {
        lock(&self.running)
            .get(&(record.id, record.attempt))
            .cloned()
    }

    /// Writes what there is until the portal stops, and then the rest.
    pub(super) async fn write(&self, store: &Store, stop: CancellationToken) {
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
                tracing::warn!(%error, "the history of tasks could not be written");
                unwritten.wake.notify_one();
                stop.run_until_cancelled(sleep(RETRY)).await;
            }
            unwritten.turns.send_modify(|turns| *turns += 1);
        }
    }
}

impl Open<'_> {
    /// Waits until everything up to the last state is written, if that takes no longer than it may.
    pub(super) async fn close(self, last: &TaskRecord) {
        self.journal.update(last);
        let unwritten = &self.journals.unwritten;
        let mut turns = unwritten.turns.subscribe();
        let written = async {
            while lock(&self.journal.lines).queued {
                unwritten.urgent.notify_one();
                if turns.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(FLUSH, written).await;
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let key = (self.journal.task_id, self.journal.attempt);
        lock(&self.journals.running).remove(&key);
    }
}

impl Journal {
    fn update(self: &Arc<Self>, record: &TaskRecord) {
        let mut lines = lock(&self.lines);
        if record.version <= lines.version {
            return;
        }
        lines.version = record.version;
        let data = json!({"progress": record.progress, "message": record.message});
        let entry = self.entry(lines.next(), record.updated_at, history::UPDATE, data);
        self.add(lines, entry);
    }

    fn entry(&self, seq: i64, at: DateTime<Utc>, kind: &'static str, data: Value) -> Entry {
        Entry {
            task_id: self.task_id,
            attempt: self.attempt,
            seq,
            at,
            kind,
            data,
        }
    }

    fn add(self: &Arc<Self>, mut lines: MutexGuard<'_, Lines>, entry: Entry) {
        lines.bytes += entry.size();
        lines.waiting.push_back(entry);
        lines.shrink();
        if std::mem::replace(&mut lines.queued, true) {
            return;
        }
        drop(lines);
        if let Some(unwritten) = self.unwritten.upgrade() {
            lock(&unwritten.journals).push(Arc::clone(self));
            unwritten.wake.notify_one();
        }
    }
}

#[cfg(feature = "telemetry")]
impl crate::telemetry::LogSink for Arc<Journal> {
    fn log(&self, line: crate::telemetry::LogLine) {
        let data = history::storable_value(json!({
            "level": line.level.as_str(),
            "target": line.target,
            "message": line.message,
            "fields": line.fields,
        }));
        let mut lines = lock(&self.lines);
        let entry = self.entry(lines.next(), crate::store::now(), history::LOG, data);
        self.add(lines, entry);
    }
}

impl Lines {
    /// The number of the next entry.
    fn next(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    /// Drops the oldest of what is too much.
    fn shrink(&mut self) {
        while self.waiting.len() > history::KEPT || self.bytes > WAITING_BYTES {
            match self.waiting.pop_front() {
                Some(entry) => self.bytes -= entry.size(),
                None => return,
            }
        }
    }
}

impl Unwritten {
    async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let journals = std::mem::take(&mut *lock(&self.journals));
        let mut entries = std::mem::take(&mut *lock(&self.statuses));
        let mut ends = Vec::new();
        for journal in &journals {
            let mut lines = lock(&journal.lines);
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
                let mut lines = lock(&journal.lines);
                lines.queued = !lines.waiting.is_empty();
                if lines.queued {
                    lock(&self.journals).push(Arc::clone(journal));
                    self.wake.notify_one();
                }
                let kept = i64::try_from(history::KEPT).unwrap_or(i64::MAX);
                let first = end - kept;
                (first - lines.trimmed >= TRIM_INTERVAL).then(|| {
                    lines.trimmed = first;
                    first
                })
            };
            if let Some(first) = trim {
                let trimmed = history::trim(store, journal.task_id, journal.attempt, first).await;
                // Not at once: the next time there is more to trim.
                failed = failed.or(trimmed.err());
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Keeps what could not be written for the next time, before what has come since.
    fn put_back(&self, entries: Vec<Entry>, journals: &[Arc<Journal>]) {
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
                    let mut lines = lock(&journal.lines);
                    lines.bytes += entry.size();
                    lines.waiting.push_front(entry);
                    lines.shrink();
                }
                _ => {
                    let mut statuses = lock(&self.statuses);
                    if statuses.len() < BATCH * 20 {
                        statuses.push(entry);
                    }
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
