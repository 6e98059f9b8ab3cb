//! Cron schedules of tasks: each scheduled time starts one task across all replicas.

mod check;
mod cron;
mod handle;
mod scheduler;
mod table;
#[cfg(test)]
mod tests;

pub use handle::ScheduleRecord;

pub(crate) use check::problems;
pub(crate) use scheduler::Scheduler;

use std::borrow::Cow;
use std::sync::Arc;

use super::registry::TaskRegistry;
use super::task::TaskDefinition;
use cron::Schedule;

/// Schedule of a task as written in the code.
#[derive(Debug, Clone, Default)]
pub(super) struct ScheduleText {
    pub(super) cron: Option<Cow<'static, str>>,
    pub(super) time_zone: Option<Cow<'static, str>>,
}

impl ScheduleText {
    fn time_zone(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }
}

/// A registered task with its schedule.
#[derive(Debug)]
struct Scheduled {
    /// Name of the schedule: group and name of the task.
    name: String,
    definition: Arc<TaskDefinition>,
    schedule: Schedule,
}

/// Returns all schedules of the code; the portal does not start if one of them is invalid.
fn scheduled(registry: &TaskRegistry) -> impl Iterator<Item = Scheduled> {
    registry.all().filter_map(|definition| {
        let text = &definition.schedule;
        Some(Scheduled {
            name: schedule_name(&definition.state, definition.name),
            schedule: Schedule::parse(text.cron.as_deref()?, text.time_zone()).ok()?,
            definition: Arc::clone(definition),
        })
    })
}

fn schedule_name(state: &str, task: &str) -> String {
    format!("{state}/{task}")
}
