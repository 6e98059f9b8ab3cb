//! Changes to tasks: published in this process and to other replicas, and stored as history.

pub(in crate::tasks) mod change_feed;
pub(in crate::tasks) mod cursor;
pub(in crate::tasks) mod event_log;
pub(in crate::tasks) mod fanout;
pub(in crate::tasks) mod history;
pub(in crate::tasks) mod hub;
pub(in crate::tasks) mod snapshot;
pub(in crate::tasks) mod updates;

use std::sync::Arc;

use crate::store::Store;
use event_log::EventLogs;
use fanout::Outbox;
use hub::TaskHub;

/// Task changes that this process publishes.
#[derive(Debug)]
pub(in crate::tasks) struct Events {
    /// Subscribers in this process.
    pub(in crate::tasks) hub: Arc<TaskHub>,
    /// Changes to publish to other replicas.
    pub(in crate::tasks) outbox: Outbox,
    /// Event logs of running attempts.
    pub(in crate::tasks) logs: EventLogs,
}

impl Events {
    pub(in crate::tasks) fn new(store: &Store) -> Self {
        Self {
            hub: Arc::default(),
            outbox: Outbox::new(store),
            logs: EventLogs::default(),
        }
    }
}
