//! A state of a task on its way to watchers: written out once, however many watch.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

use super::cursor::Cursor;
use super::record::TaskRecord;

/// A state of a task, and its forms on the wire, made when the first watcher needs them.
#[derive(Debug)]
pub(super) struct Snapshot {
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
    pub(super) fn new(record: Arc<TaskRecord>) -> Self {
        Self {
            record,
            message: OnceLock::new(),
            event: OnceLock::new(),
        }
    }

    pub(super) fn record(&self) -> &Arc<TaskRecord> {
        &self.record
    }

    /// The message of a WebSocket.
    pub(super) fn message(&self) -> Utf8Bytes {
        let message = self.message.get_or_init(|| {
            let update = StateUpdate {
                r#type: "state_update",
                seq: self.record.version,
                data: &self.record,
            };
            // Everything in a record has a form in JSON.
            serde_json::to_string(&update).unwrap_or_default().into()
        });
        message.clone()
    }

    /// The same as a server-sent event; its id is where a client can go on.
    pub(super) fn event(&self) -> Bytes {
        let event = self.event.get_or_init(|| {
            let cursor = Cursor::of(&self.record);
            let message = self.message();
            // JSON has no line breaks outside of strings, and inside they are escaped.
            format!("event: state_update\nid: {cursor}\ndata: {message}\n\n").into()
        });
        event.clone()
    }
}
