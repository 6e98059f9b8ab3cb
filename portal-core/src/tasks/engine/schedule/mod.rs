//! Cron schedules for tasks: each scheduled time enqueues one task across all replicas.

mod cron;
mod manage;
mod scheduler;
mod table;
#[cfg(test)]
mod tests;
mod validate;

pub use manage::ScheduleRecord;

pub(crate) use scheduler::Scheduler;
pub(crate) use validate::problems;

use std::borrow::Cow;
use std::sync::Arc;

use crate::tasks::definition::registry::TaskRegistry;
use crate::tasks::definition::task::TaskDefinition;
use cron::Schedule;

/// A task's schedule as written in the code.
#[derive(Debug, Clone, Default)]
pub(in crate::tasks) struct ScheduleSpec {
    pub(in crate::tasks) cron: Option<Cow<'static, str>>,
    pub(in crate::tasks) time_zone: Option<Cow<'static, str>>,
}

impl ScheduleSpec {
    fn time_zone(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }
}

/// A registered task with its schedule.
#[derive(Debug)]
struct ScheduledTask {
    /// Name of the schedule: the group and name of the task.
    name: String,
    definition: Arc<TaskDefinition>,
    schedule: Schedule,
}

/// Returns all schedules declared in the code; the portal does not start if any of them is invalid.
fn scheduled(registry: &TaskRegistry) -> impl Iterator<Item = ScheduledTask> {
    registry.all().filter_map(|definition| {
        let text = &definition.schedule;
        Some(ScheduledTask {
            name: schedule_name(&definition.group, definition.name),
            schedule: Schedule::parse(text.cron.as_deref()?, text.time_zone()).ok()?,
            definition: Arc::clone(definition),
        })
    })
}

fn schedule_name(group: &str, task: &str) -> String {
    format!("{group}/{task}")
}
