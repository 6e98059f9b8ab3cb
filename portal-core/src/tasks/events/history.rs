//! History of a task: progress updates, status changes and log lines, each with its time.

use chrono::{DateTime, Utc};
use sea_query::{Cond, Expr, ExprTrait, OnConflict, Order, Query};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::Result;
use crate::store::{Row, Store, StoreError};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::service::Tasks;

const TABLE: &str = "portal_task_events";
const COLUMNS: [&str; 6] = ["task_id", "attempt", "seq", "at", "kind", "data"];

pub(in crate::tasks) const UPDATE: &str = "update";
pub(in crate::tasks) const LOG: &str = "log";
pub(super) const STATUS: &str = "status";

/// Sequence number of the entry that records the start of an attempt.
pub(super) const SEQ_STARTED: i64 = 0;
/// Sequence number of the entry that records the requeueing of a task.
///
/// This number sorts the entry after all others, even if it is written by another process, which
/// cannot count them.
pub(in crate::tasks) const SEQ_REQUEUED: i64 = 1 << 40;

/// Maximum number of entries stored per attempt; the oldest are deleted.
pub(super) const MAX_STORED_ENTRIES: usize = 1000;
/// Maximum number of entries shown per task; the newest are shown.
const MAX_SHOWN: usize = 5000;

/// Entry as it is stored.
#[derive(Debug, Clone)]
pub(super) struct HistoryEntry {
    pub(super) task_id: Uuid,
    pub(super) attempt: u32,
    pub(super) seq: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) kind: &'static str,
    pub(super) data: Value,
}

impl HistoryEntry {
    /// Returns the approximate size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        fn encoded_size(value: &Value) -> usize {
            match value {
                Value::String(text) => 32 + text.len(),
                Value::Array(values) => 32 + values.iter().map(encoded_size).sum::<usize>(),
                Value::Object(members) => members
                    .iter()
                    .map(|(name, value)| 64 + name.len() + encoded_size(value))
                    .sum(),
                _ => 32,
            }
        }
        64 + encoded_size(&self.data)
    }
}

/// Stores entries; skips entries that cannot be stored because their task was deleted.
pub(super) async fn insert(store: &Store, entries: &[HistoryEntry]) -> Result<(), StoreError> {
    match insert_all(store, entries).await {
        Ok(()) => Ok(()),
        Err(error @ StoreError::Unavailable(_)) => Err(error),
        Err(_) => {
            for entry in entries {
                match insert_all(store, std::slice::from_ref(entry)).await {
                    Err(error @ StoreError::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        tracing::debug!(%error, task = %entry.task_id, "skipped an entry in a task's history")
                    }
                    Ok(()) => {}
                }
            }
            Ok(())
        }
    }
}

async fn insert_all(store: &Store, entries: &[HistoryEntry]) -> Result<(), StoreError> {
    let mut insert = Query::insert();
    insert.into_table(TABLE).columns(COLUMNS);
    for entry in entries {
        insert.values_panic([
            entry.task_id.into(),
            entry.attempt.cast_signed().into(),
            entry.seq.into(),
            entry.at.into(),
            entry.kind.into(),
            entry.data.clone().into(),
        ]);
    }
    // An earlier write may have stored the entry even though its response was lost.
    insert.on_conflict(
        OnConflict::columns(["task_id", "attempt", "seq"])
            .do_nothing()
            .to_owned(),
    );
    store.execute(&insert).await.map(drop)
}

/// Deletes the entries of an attempt up to the given number.
pub(in crate::tasks) async fn trim(
    store: &Store,
    task_id: Uuid,
    attempt: u32,
    up_to: i64,
) -> Result<(), StoreError> {
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("task_id").eq(task_id))
        .and_where(Expr::col("attempt").eq(attempt.cast_signed()))
        .and_where(Expr::col("seq").between(1, up_to))
        .take();
    store.execute(&delete).await.map(drop)
}

/// A task's history; serializes to the API response.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaskHistory {
    /// Id of the task.
    pub task_id: Uuid,
    /// Events, in order.
    pub events: Vec<TaskEvent>,
    /// `true` if there were more events than those stored or shown.
    pub truncated: bool,
}

/// Event in the history of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaskEvent {
    /// Attempt number; 0 before the first attempt.
    pub attempt: u32,
    /// Sequence number within the attempt; a gap shows that some events are no longer stored.
    pub seq: i64,
    /// Time of the event.
    pub at: DateTime<Utc>,
    /// `update`, `log` or `status`.
    pub kind: String,
    /// Data of the event, depending on `kind`.
    ///
    /// An update has `progress` and `message`; a log line has `level`, `target`, `message` and
    /// `fields`; a status change has `status`, and `error` and `code` if the attempt failed.
    #[serde(flatten)]
    pub data: Map<String, Value>,
}

impl TaskEvent {
    /// Formats a log line as a single line of text.
    pub(in crate::tasks) fn line(&self) -> String {
        let text = |name: &str| {
            self.data
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let at = self.at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let mut line = format!("{at} {:>5} {}", text("level"), text("message"));
        for (name, value) in self.fields() {
            line.push_str(&format!(" {name}={value}"));
        }
        line.replace('\n', "\\n")
    }

    /// Returns the fields of a log line, other than its message.
    pub(in crate::tasks) fn fields(&self) -> impl Iterator<Item = (&str, String)> {
        let fields = self.data.get("fields").and_then(Value::as_object);
        fields.into_iter().flatten().map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.as_str(), value)
        })
    }
}

impl Tasks {
    /// Returns the history of a task; `None` if the task does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub async fn history(&self, id: Uuid) -> Result<Option<TaskHistory>> {
        match self.get(id).await? {
            Some(record) => Ok(Some(read(&self.0.store, &record).await?)),
            None => Ok(None),
        }
    }
}

/// Reads a task's history entries after a given one, oldest first.
pub(in crate::tasks) async fn after(
    store: &Store,
    task_id: Uuid,
    (attempt, seq): (u32, i64),
) -> Result<Vec<TaskEvent>, StoreError> {
    let attempt = attempt.cast_signed();
    let later = Cond::any().add(Expr::col("attempt").gt(attempt)).add(
        Expr::col("attempt")
            .eq(attempt)
            .and(Expr::col("seq").gt(seq)),
    );
    let select = Query::select()
        .columns(COLUMNS)
        .from(TABLE)
        .and_where(Expr::col("task_id").eq(task_id))
        .cond_where(later)
        .order_by("attempt", Order::Asc)
        .order_by("seq", Order::Asc)
        .limit(MAX_STORED_ENTRIES as u64)
        .take();
    store.fetch_all(&select).await?.iter().map(event).collect()
}

/// Reads the history of a task.
pub(in crate::tasks) async fn read(
    store: &Store,
    record: &TaskRecord,
) -> Result<TaskHistory, StoreError> {
    let select = Query::select()
        .columns(COLUMNS)
        .from(TABLE)
        .and_where(Expr::col("task_id").eq(record.id))
        .order_by("attempt", Order::Desc)
        .order_by("seq", Order::Desc)
        .limit(MAX_SHOWN as u64 + 1)
        .take();
    let rows = store.fetch_all(&select).await?;
    let mut stored: Vec<_> = rows.iter().map(event).collect::<Result<_, _>>()?;
    let mut truncated = stored.len() > MAX_SHOWN;
    stored.truncate(MAX_SHOWN);

    let mut events = vec![of_row(
        record,
        0,
        SEQ_STARTED,
        record.created_at,
        TaskStatus::Pending,
    )];
    if let Some(at) = record.started_at {
        events.push(of_row(record, 1, SEQ_STARTED, at, TaskStatus::Processing));
    }
    // An attempt that has not been trimmed yet may have more entries than the maximum. The newest
    // entries come first.
    for attempt in stored.chunk_by(|a, b| a.attempt == b.attempt) {
        let (statuses, others): (Vec<_>, Vec<_>) =
            attempt.iter().partition(|event| event.kind == STATUS);
        truncated |= others.len() > MAX_STORED_ENTRIES;
        events.extend(
            others
                .into_iter()
                .take(MAX_STORED_ENTRIES)
                .chain(statuses)
                .cloned(),
        );
    }
    if record.status.is_final() {
        let at = record.finished_at.unwrap_or(record.updated_at);
        events.push(of_row(
            record,
            record.attempt,
            SEQ_REQUEUED,
            at,
            record.status,
        ));
    }
    // Progress updates reach the event log a little later than log lines written at the same time.
    events.sort_by_key(|event| {
        let place = match event.seq {
            SEQ_STARTED => 0,
            SEQ_REQUEUED => 2,
            _ => 1,
        };
        (event.attempt, place, event.at, event.seq)
    });
    truncated |= number(&mut events);
    Ok(TaskHistory {
        task_id: record.id,
        events,
        truncated,
    })
}

/// Renumbers the entries of requeued tasks to follow the other entries of their attempt.
///
/// Returns `true` if entries are missing.
fn number(events: &mut [TaskEvent]) -> bool {
    let mut missing = false;
    for attempt in events.chunk_by_mut(|a, b| a.attempt == b.attempt) {
        let numbers = attempt.iter().map(|event| event.seq);
        let numbers = numbers.filter(|seq| (1..SEQ_REQUEUED).contains(seq));
        let last = numbers.clone().max().unwrap_or(0);
        missing |= usize::try_from(last).is_ok_and(|last| last > numbers.count());
        for event in attempt {
            if event.seq == SEQ_REQUEUED {
                event.seq = last + 1;
            }
        }
    }
    missing
}

/// Returns the data of a status event.
pub(in crate::tasks) fn status(record: &TaskRecord) -> Value {
    let mut data = Map::new();
    data.insert("status".to_owned(), record.status.as_str().into());
    for (name, text) in [("error", &record.error), ("code", &record.code)] {
        if let Some(text) = text {
            data.insert(name.to_owned(), text.as_str().into());
        }
    }
    Value::Object(data)
}

/// Returns a status event derived from the task's own row.
fn of_row(
    record: &TaskRecord,
    attempt: u32,
    seq: i64,
    at: DateTime<Utc>,
    status: TaskStatus,
) -> TaskEvent {
    let mut data = Map::new();
    data.insert("status".to_owned(), status.as_str().into());
    if status == TaskStatus::Error {
        data.insert("error".to_owned(), record.error.clone().into());
        data.insert("code".to_owned(), record.code.clone().into());
    }
    TaskEvent {
        attempt,
        seq,
        at,
        kind: STATUS.to_owned(),
        data,
    }
}

fn event(row: &Row) -> Result<TaskEvent, StoreError> {
    Ok(TaskEvent {
        attempt: row.get::<i32>("attempt")?.unsigned_abs(),
        seq: row.get("seq")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        data: match row.document("data")? {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        },
    })
}

/// Replaces, in all strings of a value, the characters that some databases cannot store.
#[cfg(feature = "telemetry")]
pub(super) fn storable_value(value: Value) -> Value {
    use crate::tasks::record::storable;
    match value {
        Value::String(text) => storable(text).into(),
        Value::Array(values) => values.into_iter().map(storable_value).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (storable(name), storable_value(value)))
            .collect(),
        other => other,
    }
}
