//! Background tasks: stored before they are accepted, run by tokio workers, watched live.

mod api;
mod args;
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
mod journal;
mod monitor;
mod panel;
mod queue;
mod record;
mod registry;
mod running;
mod schema;
mod service;
mod snapshot;
mod task;
#[cfg(test)]
mod tests;
mod updates;
mod worker;

pub use args::{NoArgs, TaskArgs};
pub use client_token::{ClientToken, ClientTokens};
pub use context::{TaskContext, Update};
pub use error::TaskError;
pub use history::{TaskEvent, TaskHistory};
pub use record::{TaskRecord, TaskStatus};
pub use service::{Starter, TaskFilter, TaskHandle, Tasks};
pub use task::{OnCrash, Task, TaskDefinition};
pub use updates::TaskUpdates;

pub(crate) use api::routes;
pub(crate) use fanout::Fanout;
pub(crate) use monitor::OpenMonitors;
pub(crate) use panel::pages;
pub(crate) use registry::TaskRegistry;
pub(crate) use task::TaskFuture;
pub(crate) use worker::Worker;
