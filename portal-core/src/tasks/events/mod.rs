//! Changes of tasks: published in this process and to other replicas, and stored as history.

pub(in crate::tasks) mod change_feed;
pub(in crate::tasks) mod cursor;
pub(in crate::tasks) mod event_log;
pub(in crate::tasks) mod fanout;
pub(in crate::tasks) mod history;
pub(in crate::tasks) mod hub;
pub(in crate::tasks) mod snapshot;
pub(in crate::tasks) mod updates;
