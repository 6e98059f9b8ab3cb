//! Watching a task from code.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::changes::Seen;
use super::hub::{Subscription, Watch};
use super::record::TaskRecord;
use super::service::{Tasks, task_not_found};
use crate::error::Result;

/// Changes are told; this only finds what a lost hint did not tell of.
const SAFETY_NET: Duration = Duration::from_secs(15);

/// The states of a task as they come, wherever it runs.
///
/// ```
/// # use portal_core::prelude::*;
/// # use uuid::Uuid;
/// async fn wait(tasks: &Tasks, id: Uuid) -> Result<()> {
///     let mut updates = tasks.subscribe(id).await?;
///     while let Some(task) = updates.next().await {
///         println!("{}: {} %", task.status, task.progress);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct TaskUpdates {
    id: Uuid,
    tasks: Tasks,
    subscription: Subscription,
    seen: Seen,
    ready: VecDeque<Arc<TaskRecord>>,
    ended: bool,
}

impl Tasks {
    /// Watches a task: its present state, then each change.
    ///
    /// Fails with `task_not_found` if there is no such task.
    pub async fn subscribe(&self, id: Uuid) -> Result<TaskUpdates> {
        // Before the state is read: what changes in between is told twice rather than never.
        let subscription = self.watch(Watch {
            task_id: Some(id),
            ..Watch::default()
        });
        let present = self.get(id).await?.ok_or_else(task_not_found)?;
        Ok(TaskUpdates {
            id,
            tasks: self.clone(),
            subscription,
            seen: Seen::default(),
            ready: VecDeque::from([Arc::new(present)]),
            ended: false,
        })
    }
}

impl TaskUpdates {
    /// The next state; `None` after the final one, or if the task has been removed.
    ///
    /// First comes the present state. Who asks too seldom gets the newest state, not every step.
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
                    // It is asked again.
                    Err(_) => {}
                },
            }
        }
        None
    }
}
