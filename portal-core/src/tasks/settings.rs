//! Settings for a portal's tasks.

use std::time::Duration;

use super::engine::finish_notification::TaskNotify;

/// Settings for running and storing tasks.
///
/// ```
/// use std::time::Duration;
/// use portal_core::{Portal, TaskSettings};
///
/// let portal = Portal::builder().task_settings(
///     TaskSettings::default()
///         .concurrency(200)
///         .retention(Duration::from_secs(30 * 24 * 60 * 60)),
/// );
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TaskSettings {
    pub(crate) concurrency: usize,
    pub(crate) global_concurrency: Option<u32>,
    pub(crate) lease: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) shutdown_grace_period: Duration,
    pub(crate) cancel_grace_period: Duration,
    pub(crate) max_result_bytes: usize,
    pub(crate) retention: Duration,
    pub(crate) max_pending_per_owner: u64,
    pub(crate) max_stored_bytes_per_owner: u64,
    pub(crate) notify: TaskNotify,
    pub(crate) slow_threshold: Duration,
    /// `true` if the portal has pages for users' own tasks, to which notifications link.
    pub(crate) task_pages: bool,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            concurrency: 64,
            global_concurrency: None,
            lease: Duration::from_secs(30),
            poll_interval: Duration::from_secs(2),
            shutdown_grace_period: Duration::from_secs(10),
            cancel_grace_period: Duration::from_secs(5),
            max_result_bytes: 1024 * 1024,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            max_pending_per_owner: 20_000,
            max_stored_bytes_per_owner: 256 * 1024 * 1024,
            notify: TaskNotify::default(),
            slow_threshold: Duration::from_secs(10),
            task_pages: true,
        }
    }
}

impl TaskSettings {
    /// Sets the maximum number of concurrent tasks per process. Default: 64.
    ///
    /// With 0, the process runs no tasks; it only enqueues and shows them.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// Sets the maximum number of concurrent tasks across all replicas. Default: no limit.
    ///
    /// With a limit, every claim waits for other claims, which costs throughput.
    pub fn global_concurrency(mut self, tasks: u32) -> Self {
        self.global_concurrency = Some(tasks);
        self
    }

    /// Sets how long a replica keeps its tasks without a heartbeat. Default: 30 seconds.
    ///
    /// A shorter lease detects a dead replica sooner; a replica that stalls for longer loses its
    /// tasks, which start again elsewhere. The value is clamped to the range from 1 second to 1
    /// day.
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time.clamp(Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// Sets the interval at which the queue is polled if no event arrives. Default: 2 seconds.
    ///
    /// Minimum: 10 milliseconds.
    pub fn poll_interval(mut self, time: Duration) -> Self {
        self.poll_interval = time.max(Duration::from_millis(10));
        self
    }

    /// Sets the time running tasks have to finish when the portal stops. Default: 10 seconds.
    ///
    /// Tasks that are still running afterwards are released.
    pub fn shutdown_grace_period(mut self, time: Duration) -> Self {
        self.shutdown_grace_period = time;
        self
    }

    /// Sets the time a cancelled task has to clean up before it is dropped. Default: 5 seconds.
    pub fn cancel_grace_period(mut self, time: Duration) -> Self {
        self.cancel_grace_period = time;
        self
    }

    /// Sets the maximum size of a result as JSON, in bytes. Default: 1 MiB.
    ///
    /// A task with a larger result fails.
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// Sets how long a finished task is kept, with its result and history. Default: 7 days.
    pub fn retention(mut self, time: Duration) -> Self {
        self.retention = time;
        self
    }

    /// Sets the maximum number of pending tasks per user. Default: 20,000.
    ///
    /// `u64::MAX` removes the limit. Further tasks are rejected with `429 too_many_pending_tasks`.
    /// Tasks without an owner, such as those that schedules enqueue, are not limited.
    pub fn max_pending_per_owner(mut self, tasks: u64) -> Self {
        self.max_pending_per_owner = tasks;
        self
    }

    /// Sets the maximum number of bytes stored by one user's tasks. Default: 256 MiB.
    ///
    /// The arguments and results of all stored tasks count, as JSON; `u64::MAX` removes the limit.
    /// Further tasks are rejected with `429 task_storage_full`. Results are stored even if they
    /// exceed the limit. Space is freed when finished tasks are deleted; see
    /// [`retention`](Self::retention).
    pub fn max_stored_bytes_per_owner(mut self, bytes: u64) -> Self {
        self.max_stored_bytes_per_owner = bytes;
        self
    }

    /// Sets the outcomes of which owners are notified, for task types that do not set their own.
    ///
    /// Default: failures, and results that took longer than [`slow_threshold`](Self::slow_threshold).
    pub fn notify(mut self, notify: TaskNotify) -> Self {
        self.notify = notify;
        self
    }

    /// Sets whether the portal has pages for users' own tasks, which an application can remove.
    pub(crate) fn with_task_pages(self, task_pages: bool) -> Self {
        Self { task_pages, ..self }
    }

    /// Sets the run time from which a task's owner is notified of the result. Default: 10 seconds.
    pub fn slow_threshold(mut self, time: Duration) -> Self {
        self.slow_threshold = time;
        self
    }
}
