//! Background tasks: stored before they are accepted, run by tokio workers, watched live.

mod actions;
mod api;
mod args;
mod backlog;
mod batch;
mod changes;
mod claim;
mod client_token;
mod context;
mod cursor;
mod error;
mod fanout;
mod finish;
mod form;
mod history;
mod hub;
mod insert;
mod journal;
mod metrics;
mod monitor;
mod owner;
mod panel;
#[cfg(test)]
mod properties;
mod queue;
mod record;
mod registry;
mod retry;
mod running;
mod schedule;
mod schema;
mod search;
mod service;
mod settings;
mod snapshot;
mod start;
mod task;
#[cfg(test)]
mod tests;
mod trace;
mod updates;
mod worker;

pub use args::{NoArgs, TaskArgs};
pub use client_token::{ClientToken, ClientTokens};
pub use context::{TaskContext, Update};
pub use error::TaskError;
pub use history::{TaskEvent, TaskHistory};
pub use record::{TaskRecord, TaskStatus};
pub use schedule::ScheduleRecord;
pub use service::{Starter, TaskFilter, TaskHandle, Tasks};
pub use settings::TaskSettings;
pub use start::Start;
pub use task::{OnCrash, Task, TaskDefinition};
pub use updates::TaskUpdates;

pub(crate) use api::routes;
pub(crate) use fanout::Fanout;
pub(crate) use metrics::metrics_routes;
pub(crate) use monitor::OpenMonitors;
pub(crate) use panel::pages;
pub(crate) use registry::TaskRegistry;
pub(crate) use schedule::{Scheduler, problems as schedule_problems};
pub(crate) use search::TaskSearch;
pub(crate) use task::TaskFuture;
pub(crate) use worker::Worker;
