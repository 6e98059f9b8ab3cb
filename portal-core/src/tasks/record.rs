//! Task record: a task as stored and shown.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::store::{Row, StoreError};

/// Status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// Stored, but not running yet.
    Pending,
    /// Running.
    Processing,
    /// Finished with a result; final.
    Completed,
    /// Finished without a result; final.
    Error,
}

impl TaskStatus {
    /// Returns the name used on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Error => "ERROR",
        }
    }

    /// Returns `true` if the task no longer changes.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Error)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TaskStatus {
    type Err = ParseTaskStatusError;

    fn from_str(text: &str) -> Result<Self, ParseTaskStatusError> {
        [
            Self::Pending,
            Self::Processing,
            Self::Completed,
            Self::Error,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| ParseTaskStatusError(text.to_owned()))
    }
}

/// Error for a string that is not a task status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a task status")]
pub struct ParseTaskStatusError(String);

impl Serialize for TaskStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Task with its progress; serializes to the API's task object.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskRecord {
    /// Id of the task; ids sort by creation time.
    pub id: Uuid,
    /// Task group.
    pub group: String,
    /// Name of the task type within its group.
    pub name: String,
    /// Display name of the task type.
    pub title: Arc<str>,
    /// Client token that the task was enqueued for, if any.
    pub client_token_id: Option<Uuid>,
    /// User that the task was enqueued for, if any.
    pub owner_user_id: Option<Uuid>,
    /// Current status.
    pub status: TaskStatus,
    /// Progress from 0 to 100; never decreases within an attempt.
    pub progress: u8,
    /// Message of the latest progress update.
    pub message: Option<String>,
    /// Result of a completed task, which [`Tasks::list`](super::Tasks::list) omits.
    pub result: Option<Value>,
    /// Reason for the failure, in words meant for users.
    pub error: Option<String>,
    /// Machine-readable code of the failure.
    pub code: Option<String>,
    /// Number of attempts that have started.
    pub attempt: u32,
    /// Number of attempts that may start before a failure is final.
    pub max_attempts: u32,
    /// Earliest time at which the task may start.
    pub run_at: DateTime<Utc>,
    /// Time at which the task was stored.
    pub created_at: DateTime<Utc>,
    /// Time at which the first attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// Time at which the task finished.
    pub finished_at: Option<DateTime<Utc>>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Request that enqueued the task: its trace parent, or its id.
    pub(super) trace_parent: Option<String>,
    /// Change counter, which is the `seq` in monitor messages.
    pub version: i64,
}

/// Makes a string storable in every database; PostgreSQL does not support U+0000.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

impl TaskRecord {
    /// Returns `true` if the task has not finished.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.status.is_final()
    }

    /// Converts a row with the columns [`columns::RECORD`](super::table_columns::RECORD).
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let status: String = row.get("status")?;
        let name: String = row.get("name")?;
        Ok(Self {
            id: row.get("id")?,
            group: row.get("state")?,
            title: Arc::from(name.as_str()),
            name,
            client_token_id: row.get("client_token_id")?,
            owner_user_id: row.get("owner_user_id")?,
            status: status.parse().map_err(|error: ParseTaskStatusError| {
                StoreError::Other(sqlx::Error::Decode(error.into()))
            })?,
            progress: u8::try_from(row.get::<i32>("progress")?.clamp(0, 100)).unwrap_or(100),
            message: row.get("message")?,
            result: None,
            error: row.get("error")?,
            code: row.get("code")?,
            attempt: row.get::<i32>("attempt")?.unsigned_abs(),
            max_attempts: row.get::<i32>("max_attempts")?.unsigned_abs(),
            run_at: row.get("run_at")?,
            created_at: row.get("created_at")?,
            started_at: row.get("started_at")?,
            finished_at: row.get("finished_at")?,
            updated_at: row.get("updated_at")?,
            trace_parent: row.get("trace_parent")?,
            version: row.get("version")?,
        })
    }

    /// Converts a row with the columns [`columns::RECORD`](super::table_columns::RECORD) and the
    /// result.
    pub(super) fn from_row_with_result(row: &Row) -> Result<Self, StoreError> {
        let mut record = Self::from_row(row)?;
        record.result = row.document("result")?;
        Ok(record)
    }
}

impl Serialize for TaskRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut task = serializer.serialize_struct("TaskRecord", 18)?;
        task.serialize_field("task_id", &self.id)?;
        task.serialize_field("id", &self.id)?;
        task.serialize_field("state", &self.group)?;
        task.serialize_field("name", &self.name)?;
        task.serialize_field("title", &*self.title)?;
        task.serialize_field("status", &self.status)?;
        task.serialize_field("active", &self.is_active())?;
        task.serialize_field("progress", &self.progress)?;
        task.serialize_field("message", &self.message)?;
        task.serialize_field("result", &self.result)?;
        task.serialize_field("error", &self.error)?;
        task.serialize_field("code", &self.code)?;
        task.serialize_field("attempt", &self.attempt)?;
        task.serialize_field("max_attempts", &self.max_attempts)?;
        task.serialize_field("created_at", &self.created_at)?;
        task.serialize_field("started_at", &self.started_at)?;
        task.serialize_field("finished_at", &self.finished_at)?;
        task.serialize_field("updated_at", &self.updated_at)?;
        task.end()
    }
}
