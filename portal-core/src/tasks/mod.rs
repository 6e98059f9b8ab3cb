//! Background tasks: stored before they are accepted, run by tokio workers, monitored live.

mod context;
mod definition;
mod demo_data;
mod engine;
mod enqueue;
mod error;
mod events;
mod http;
mod initiator;
mod pages;
mod record;
mod schema_form;
mod service;
mod settings;
mod statistics;
mod table_columns;
mod trace_context;

pub use context::{ProgressUpdate, TaskContext};
pub use definition::args::{NoArgs, TaskArgs};
pub use definition::task::{OnCrash, Task, TaskDefinition};
pub use engine::finish_notification::TaskNotify;
pub use engine::schedule::ScheduleRecord;
pub use enqueue::Enqueue;
pub use error::TaskError;
pub use events::history::{TaskEvent, TaskHistory};
pub use events::updates::TaskUpdates;
pub use initiator::Initiator;
pub use record::{ParseTaskStatusError, TaskRecord, TaskStatus};
pub use service::{TaskFilter, TaskHandle, Tasks};
pub use settings::TaskSettings;
pub use statistics::{TaskCounts, TaskDurations, TaskScope};

pub(crate) use definition::args_schema::ArgsSchema;
pub(crate) use definition::registry::TaskRegistry;
pub(crate) use definition::task::TaskFuture;
pub(crate) use engine::schedule::{Scheduler, problems as schedule_problems};
pub(crate) use engine::worker::Worker;
pub(crate) use events::fanout::Fanout;
pub(crate) use http::monitor::OpenMonitors;
pub(crate) use http::{metrics_routes, routes};
pub(crate) use pages::search::TaskSearch;
pub(crate) use pages::{OWN_TASK, pages};
pub(crate) use schema_form::{FormInput, RenderOptions, RowAction, SchemaForm};

/// Path of the page with the user's own tasks; notifications link to it.
pub(crate) const OWN: &str = "/tasks";
