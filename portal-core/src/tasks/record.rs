//! A task as it is stored and shown.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::store::{Row, StoreError};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// Stored, and not yet running.
    Pending,
    /// Running.
    Processing,
    /// Ended with a result; final.
    Completed,
    /// Ended without one; final.
    Error,
}

impl TaskStatus {
    /// The word on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Error => "ERROR",
        }
    }

    /// Whether nothing changes the task any more.
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [
            Self::Pending,
            Self::Processing,
            Self::Completed,
            Self::Error,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("`{text}` is not the status of a task"))
    }
}

impl Serialize for TaskStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A task and how far it has come. Serializes as the task object of the API.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskRecord {
    /// Its id; sorts by time of creation.
    pub id: Uuid,
    /// The group it belongs to.
    pub state: String,
    /// Its name within the group.
    pub name: String,
    /// Its name for people.
    pub title: Arc<str>,
    /// The client it was started for, if any.
    pub client_token_id: Option<Uuid>,
    /// The user it was started for, if any.
    pub owner_user_id: Option<Uuid>,
    /// Where it stands.
    pub status: TaskStatus,
    /// From 0 to 100, never falling within one attempt.
    pub progress: u8,
    /// What it says it is doing.
    pub message: Option<String>,
    /// Result of a completed task. Lists of [`Tasks::list`](super::Tasks::list) leave it out.
    pub result: Option<Value>,
    /// Why it has failed, for people.
    pub error: Option<String>,
    /// Why it has failed, for programs.
    pub code: Option<String>,
    /// How often it has been begun.
    pub attempt: u32,
    /// How often it may be begun before a failure is final.
    pub max_attempts: u32,
    /// When it may begin, at the earliest.
    pub run_at: DateTime<Utc>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it was first begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The request that started it: its trace parent, or its id.
    pub(super) trace_parent: Option<String>,
    /// Counts its changes; the `seq` of monitor messages.
    pub version: i64,
}

/// The columns of a record without its result. Arguments are read only where an attempt or a
/// person needs them: both may be large.
pub(super) const COLUMNS: [&str; 19] = [
    "id",
    "state",
    "name",
    "client_token_id",
    "owner_user_id",
    "status",
    "progress",
    "message",
    "error",
    "code",
    "attempt",
    "max_attempts",
    "run_at",
    "created_at",
    "started_at",
    "finished_at",
    "updated_at",
    "trace_parent",
    "version",
];

/// A text that every database stores: PostgreSQL has no U+0000.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

impl TaskRecord {
    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.status.is_final()
    }

    /// Reads a row of [`COLUMNS`].
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let status: String = row.get("status")?;
        let name: String = row.get("name")?;
        Ok(Self {
            id: row.get("id")?,
            state: row.get("state")?,
            title: Arc::from(name.as_str()),
            name,
            client_token_id: row.get("client_token_id")?,
            owner_user_id: row.get("owner_user_id")?,
            status: status
                .parse()
                .map_err(|error: String| StoreError::Other(sqlx::Error::Decode(error.into())))?,
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

    /// Reads a row of [`COLUMNS`] and the result.
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
        task.serialize_field("state", &self.state)?;
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
