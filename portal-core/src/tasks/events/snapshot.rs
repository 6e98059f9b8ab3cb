//! State of a task for subscribers, serialized once regardless of the number of subscribers.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use super::cursor::Cursor;
use crate::tasks::record::TaskRecord;

/// State of a task, with wire formats that are created when the first subscriber needs them.
#[derive(Debug)]
pub(in crate::tasks) struct Snapshot {
    record: Arc<TaskRecord>,
    message: OnceLock<Utf8Bytes>,
    event: OnceLock<Bytes>,
}

#[derive(Serialize)]
struct StateUpdate<'a> {
    r#type: &'static str,
    seq: i64,
    data: &'a TaskRecord,
}

impl Snapshot {
    pub(in crate::tasks) fn new(record: Arc<TaskRecord>) -> Self {
        Self {
            record,
            message: OnceLock::new(),
            event: OnceLock::new(),
        }
    }

    pub(in crate::tasks) fn record(&self) -> &Arc<TaskRecord> {
        &self.record
    }

    /// Returns the WebSocket message.
    pub(in crate::tasks) fn message(&self) -> Utf8Bytes {
        let message = self.message.get_or_init(|| {
            let update = StateUpdate {
                r#type: "state_update",
                seq: self.record.version,
                data: &self.record,
            };
            // Every record can be represented in JSON.
            serde_json::to_string(&update).unwrap_or_default().into()
        });
        message.clone()
    }

    /// Returns the server-sent event, whose id is the cursor from which a client resumes.
    pub(in crate::tasks) fn event(&self) -> Bytes {
        let event = self.event.get_or_init(|| {
            let cursor = Cursor::of(&self.record);
            let message = self.message();
            // JSON has no line breaks outside of strings, and line breaks inside strings are
            // escaped.
            format!("event: state_update\nid: {cursor}\ndata: {message}\n\n").into()
        });
        event.clone()
    }
}
