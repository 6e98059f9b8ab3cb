//! Notification of the owner of a task that has finished.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::panel::OWN;
use super::record::{TaskRecord, TaskStatus};
use super::settings::TaskSettings;
use super::task::TaskDefinition;
use crate::notifications::{Notification, excerpt};
use crate::pages::components::Tone;

/// Lists of the owner's failed and completed tasks.
const FAILED: &str = "/tasks?status=ERROR";
const COMPLETED: &str = "/tasks?status=COMPLETED";
/// Most letters of a task's title in that of a message, and of its error.
const LONGEST_TITLE: usize = 80;
const LONGEST_ERROR: usize = 300;

/// Of which ends of a task the user for whom it was started is told, under the bell.
///
/// Whoever cancels a task knows of it: that is never told, nor a failure that is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskNotify {
    /// Of none.
    Never,
    /// Of a failure.
    Failure,
    /// Of a failure, and of a result that took longer than
    /// [`notify_after`](super::TaskSettings::notify_after).
    #[default]
    Slow,
    /// Of every end.
    Always,
}

/// Which ends of a kind of task are told, and under which title.
#[derive(Debug, Clone)]
pub(super) struct EndMessage {
    title: Arc<str>,
    notify: TaskNotify,
    after: Duration,
    /// The portal has pages to link to.
    has_pages: bool,
}

impl EndMessage {
    /// `None` if nothing is told of the kind.
    pub(super) fn of(definition: &TaskDefinition, settings: &TaskSettings) -> Option<Self> {
        let notify = definition.notify.unwrap_or(settings.notify);
        (notify != TaskNotify::Never).then(|| Self {
            title: Arc::clone(&definition.title),
            notify,
            after: settings.notify_after,
            has_pages: settings.task_pages,
        })
    }

    #[cfg(test)]
    pub(super) fn for_tests(title: &str, notify: TaskNotify) -> Self {
        Self {
            title: Arc::from(title),
            notify,
            after: TaskSettings::default().notify_after,
            has_pages: true,
        }
    }

    /// The message of a task that has ended, and for whom it is.
    pub(super) fn message(&self, record: &TaskRecord) -> Option<(Uuid, Notification)> {
        let user = record.owner_user_id?;
        let is_told = match record.status {
            TaskStatus::Pending | TaskStatus::Processing => false,
            TaskStatus::Error => record.code.as_deref() != Some("cancelled"),
            TaskStatus::Completed => match self.notify {
                TaskNotify::Never | TaskNotify::Failure => false,
                TaskNotify::Slow => took(record) >= self.after,
                TaskNotify::Always => true,
            },
        };
        let title = excerpt(&self.title, LONGEST_TITLE);
        let (message, several) = if record.status == TaskStatus::Error {
            let error = record.error.as_deref().unwrap_or_default();
            let message = Notification::new(format!("“{title}” failed"))
                .text(excerpt(error, LONGEST_ERROR))
                .tone(Tone::Danger)
                .group("tasks.failed", "{count} tasks failed");
            (message, FAILED)
        } else {
            let message = Notification::new(format!("“{title}” completed"))
                .tone(Tone::Success)
                .group("tasks.done", "{count} tasks completed");
            (message, COMPLETED)
        };
        let message = if self.has_pages {
            message
                .link(format!("{OWN}/{}", record.id))
                .group_link(several)
        } else {
            message
        };
        is_told.then(|| (user, message.kind("task")))
    }
}

/// How long a task has run, with all its attempts.
fn took(record: &TaskRecord) -> Duration {
    let began = record.started_at.unwrap_or(record.created_at);
    let ended = record.finished_at.unwrap_or(record.updated_at);
    (ended - began).to_std().unwrap_or_default()
}
