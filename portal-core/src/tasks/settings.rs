//! How a portal runs its tasks.

use std::time::Duration;

use super::end_message::TaskNotify;

/// How a process runs tasks, and for how long they are kept.
///
/// ```
/// use std::time::Duration;
/// use portal_core::{Portal, TaskSettings};
///
/// let portal = Portal::builder().task_settings(
///     TaskSettings::default()
///         .concurrency(200)
///         .keep_finished(Duration::from_secs(30 * 24 * 60 * 60)),
/// );
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TaskSettings {
    pub(crate) concurrency: usize,
    pub(crate) total_concurrency: Option<u32>,
    pub(crate) lease: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) stop_grace: Duration,
    pub(crate) cancel_grace: Duration,
    pub(crate) max_result_bytes: usize,
    pub(crate) keep_finished: Duration,
    pub(crate) pending_per_owner: u64,
    pub(crate) stored_bytes_per_owner: u64,
    pub(crate) notify: TaskNotify,
    pub(crate) notify_after: Duration,
    /// The portal has the pages of users' own tasks, which notifications link to.
    pub(crate) task_pages: bool,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            concurrency: 64,
            total_concurrency: None,
            lease: Duration::from_secs(30),
            poll_interval: Duration::from_secs(2),
            stop_grace: Duration::from_secs(10),
            cancel_grace: Duration::from_secs(5),
            max_result_bytes: 1024 * 1024,
            keep_finished: Duration::from_secs(7 * 24 * 60 * 60),
            pending_per_owner: 20_000,
            stored_bytes_per_owner: 256 * 1024 * 1024,
            notify: TaskNotify::default(),
            notify_after: Duration::from_secs(10),
            task_pages: true,
        }
    }
}

impl TaskSettings {
    /// How many tasks a process runs at once, 64 by default; 0 runs none, for a process that only
    /// starts and shows them.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// How many tasks all replicas together run at once; no limit by default.
    ///
    /// Every claim then waits for its turn, which costs throughput.
    pub fn total_concurrency(mut self, tasks: u32) -> Self {
        self.total_concurrency = Some(tasks);
        self
    }

    /// How long a replica that gives no sign of life keeps its tasks, 30 seconds by default.
    ///
    /// Shorter finds a dead replica sooner; one that is merely slow for so long loses its tasks,
    /// which begin again elsewhere. From one second to one day.
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time.clamp(Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// How often the queue is looked at although nobody has told of a task, 2 seconds by default.
    pub fn poll_interval(mut self, time: Duration) -> Self {
        self.poll_interval = time.max(Duration::from_millis(10));
        self
    }

    /// What running tasks get to end in when the portal stops, 10 seconds by default; the rest is
    /// handed back.
    pub fn stop_grace(mut self, time: Duration) -> Self {
        self.stop_grace = time;
        self
    }

    /// What a cancelled task gets to tidy up in before it is dropped, 5 seconds by default.
    pub fn cancel_grace(mut self, time: Duration) -> Self {
        self.cancel_grace = time;
        self
    }

    /// How long a result may be as JSON, 1 MiB by default; a longer one is an error.
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// How long a task is kept after its end, with its result and history, 7 days by default.
    pub fn keep_finished(mut self, time: Duration) -> Self {
        self.keep_finished = time;
        self
    }

    /// Sets the maximum number of tasks of one user that wait to run. Default: 20,000; `u64::MAX`
    /// for no limit.
    ///
    /// A further start is rejected with `429 too_many_pending_tasks`. Tasks without an owner, such as
    /// those of schedules, are not limited.
    pub fn pending_per_owner(mut self, tasks: u64) -> Self {
        self.pending_per_owner = tasks;
        self
    }

    /// Sets the maximum number of bytes that the arguments and results of all stored tasks of one
    /// user have as JSON. Default: 256 MiB; `u64::MAX` for no limit.
    ///
    /// A further start is rejected with `429 task_storage_full`. Results are stored even if they
    /// exceed it. Space is free again when finished tasks are deleted, see
    /// [`keep_finished`](Self::keep_finished).
    pub fn stored_bytes_per_owner(mut self, bytes: u64) -> Self {
        self.stored_bytes_per_owner = bytes;
        self
    }

    /// Of which ends a user is told for whom a task was started, where its kind says nothing:
    /// by default of failures, and of results that took longer than
    /// [`notify_after`](Self::notify_after).
    pub fn notify(mut self, notify: TaskNotify) -> Self {
        self.notify = notify;
        self
    }

    /// States whether the portal has the pages of users' own tasks, which can be removed.
    pub(crate) fn with_task_pages(self, task_pages: bool) -> Self {
        Self { task_pages, ..self }
    }

    /// How long a task has to run for its result to be told, 10 seconds by default.
    pub fn notify_after(mut self, time: Duration) -> Self {
        self.notify_after = time;
        self
    }
}
