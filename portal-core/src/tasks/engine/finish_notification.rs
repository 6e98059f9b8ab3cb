//! Notification to a task's owner that the task has finished.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::notifications::{Notification, excerpt};
use crate::pages::components::Tone;
use crate::tasks::OWN;
use crate::tasks::definition::task::TaskDefinition;
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::settings::TaskSettings;

/// Paths of the pages that list the owner's failed and completed tasks.
const FAILED: &str = "/tasks?status=ERROR";
const COMPLETED: &str = "/tasks?status=COMPLETED";
/// Maximum length of a task's title and of its error in a notification, in characters.
const MAX_TITLE_LEN: usize = 80;
const MAX_ERROR_LEN: usize = 300;

/// Outcomes of a task of which its owner is notified.
///
/// Notifications appear under the bell. A cancellation is never reported, because someone requested
/// it. Neither is a failure that is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskNotify {
    /// No outcome.
    Never,
    /// Failures.
    Failure,
    /// Failures, and results that took longer than
    /// [`slow_threshold`](crate::tasks::TaskSettings::slow_threshold).
    #[default]
    Slow,
    /// Every outcome.
    Always,
}

/// A task type's title and notification settings.
#[derive(Debug, Clone)]
pub(super) struct FinishNotification {
    title: Arc<str>,
    notify: TaskNotify,
    after: Duration,
    /// `true` if the portal has pages to link to.
    has_pages: bool,
}

impl FinishNotification {
    /// Returns `None` if the task type sends no notifications.
    pub(super) fn of(definition: &TaskDefinition, settings: &TaskSettings) -> Option<Self> {
        let notify = definition.notify.unwrap_or(settings.notify);
        (notify != TaskNotify::Never).then(|| Self {
            title: Arc::clone(&definition.title),
            notify,
            after: settings.slow_threshold,
            has_pages: settings.task_pages,
        })
    }

    #[cfg(test)]
    pub(super) fn for_tests(title: &str, notify: TaskNotify) -> Self {
        Self {
            title: Arc::from(title),
            notify,
            after: TaskSettings::default().slow_threshold,
            has_pages: true,
        }
    }

    /// Returns the notification about a finished task, and its recipient.
    pub(super) fn message(&self, record: &TaskRecord) -> Option<(Uuid, Notification)> {
        let user = record.owner_user_id?;
        let applies = match record.status {
            TaskStatus::Pending | TaskStatus::Processing => false,
            TaskStatus::Error => record.code.as_deref() != Some("cancelled"),
            TaskStatus::Completed => match self.notify {
                TaskNotify::Never | TaskNotify::Failure => false,
                TaskNotify::Slow => took(record) >= self.after,
                TaskNotify::Always => true,
            },
        };
        let title = excerpt(&self.title, MAX_TITLE_LEN);
        let (message, several) = if record.status == TaskStatus::Error {
            let error = record.error.as_deref().unwrap_or_default();
            let message = Notification::new(format!("“{title}” failed"))
                .text(excerpt(error, MAX_ERROR_LEN))
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
        applies.then(|| (user, message.kind("task")))
    }
}

/// Returns the run time of a task, including all its attempts.
fn took(record: &TaskRecord) -> Duration {
    let began = record.started_at.unwrap_or(record.created_at);
    let ended = record.finished_at.unwrap_or(record.updated_at);
    (ended - began).to_std().unwrap_or_default()
}
