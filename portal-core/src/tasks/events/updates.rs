//! Subscriptions to tasks by application code.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::change_feed::SeenVersions;
use super::hub::{Subscription, SubscriptionFilter};
use crate::error::Result;
use crate::tasks::record::TaskRecord;
use crate::tasks::service::{Tasks, task_not_found};

/// Interval at which the task is read again, in case the cluster event for a change was lost.
const SAFETY_NET: Duration = Duration::from_secs(15);

/// Stream of a task's states, whichever replica the task runs on.
///
/// ```
/// # use portal_core::prelude::*;
/// # use uuid::Uuid;
/// async fn wait(tasks: &Tasks, id: Uuid) -> Result<()> {
///     let mut updates = tasks.subscribe(id).await?;
///     while let Some(task) = updates.next().await {
///         println!("{}: {}%", task.status, task.progress);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct TaskUpdates {
    id: Uuid,
    tasks: Tasks,
    subscription: Subscription,
    seen: SeenVersions,
    ready: VecDeque<Arc<TaskRecord>>,
    ended: bool,
}

impl Tasks {
    /// Subscribes to a task: the subscription yields its current state, then each change.
    ///
    /// # Errors
    ///
    /// Fails with `task_not_found` if there is no such task. Also fails if the database cannot be
    /// read.
    pub async fn subscribe(&self, id: Uuid) -> Result<TaskUpdates> {
        // Subscribe before the state is read, so that a change in between is delivered twice rather
        // than not at all.
        let subscription = self.watch(SubscriptionFilter {
            task_id: Some(id),
            ..SubscriptionFilter::default()
        });
        let present = self.get(id).await?.ok_or_else(task_not_found)?;
        Ok(TaskUpdates {
            id,
            tasks: self.clone(),
            subscription,
            seen: SeenVersions::default(),
            ready: VecDeque::from([Arc::new(present)]),
            ended: false,
        })
    }
}

impl TaskUpdates {
    /// Returns the next state; `None` after the final one, or if the task has been deleted.
    ///
    /// The current state comes first. A slow caller gets the latest state, not every intermediate
    /// state.
    pub async fn next(&mut self) -> Option<Arc<TaskRecord>> {
        while !self.ended {
            while let Some(record) = self.ready.pop_front() {
                if self.seen.note(&record) {
                    self.ended = record.status.is_final();
                    return Some(record);
                }
            }
            match timeout(SAFETY_NET, self.subscription.changes()).await {
                Ok(changes) => self
                    .ready
                    .extend(changes.iter().map(|change| Arc::clone(change.record()))),
                Err(_) => match self.tasks.get(self.id).await {
                    Ok(Some(record)) => self.ready.push_back(Arc::new(record)),
                    Ok(None) => self.ended = true,
                    // The read failed; the task is read again later.
                    Err(_) => {}
                },
            }
        }
        None
    }
}
