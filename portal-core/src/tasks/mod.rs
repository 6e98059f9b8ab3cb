//! Background tasks: stored before they are accepted, run by tokio workers, watched live.

mod api;
mod args;
mod claim;
mod client_token;
mod context;
mod error;
mod finish;
mod form;
mod hub;
mod monitor;
mod panel;
mod queue;
mod record;
mod registry;
mod running;
mod schedule;
mod schema;
mod service;
mod task;
#[cfg(test)]
mod tests;
mod worker;

pub use args::{NoArgs, TaskArgs};
pub use client_token::{ClientToken, ClientTokens};
pub use context::{TaskContext, Update};
pub use error::TaskError;
pub use record::{TaskRecord, TaskStatus};
pub use schedule::ScheduleRecord;
pub use service::{Starter, TaskFilter, TaskHandle, Tasks};
pub use task::{OnCrash, Task, TaskDefinition};

pub(crate) use api::routes;
pub(crate) use monitor::OpenMonitors;
pub(crate) use panel::pages;
pub(crate) use registry::TaskRegistry;
pub(crate) use schedule::{Scheduler, problems as schedule_problems};
pub(crate) use task::TaskFuture;
pub(crate) use worker::Worker;
