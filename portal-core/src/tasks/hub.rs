//! Hands each change of a task to whoever watches: the newest state, never a queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use uuid::Uuid;

use super::record::TaskRecord;

/// What a watcher wants to see.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    pub(super) client_token_id: Option<Uuid>,
    pub(super) state: Option<String>,
    pub(super) task_id: Option<Uuid>,
}

impl Watch {
    fn wants(&self, record: &TaskRecord) -> bool {
        self.client_token_id
            .is_none_or(|id| record.client_token_id == Some(id))
            && self
                .state
                .as_ref()
                .is_none_or(|state| record.state == *state)
            && self.task_id.is_none_or(|id| record.id == id)
    }
}

/// One per process.
#[derive(Debug, Default)]
pub(super) struct Hub {
    watchers: Mutex<Vec<Weak<Mailbox>>>,
}

/// The newest state of each task that has changed since its watcher last looked.
///
/// It holds one record a task at the most, however slow the watcher is.
#[derive(Debug)]
struct Mailbox {
    watch: Watch,
    newest: Mutex<HashMap<Uuid, Arc<TaskRecord>>>,
    changed: Notify,
}

/// A watcher's end of the hub.
#[derive(Debug)]
pub(super) struct Subscription(Arc<Mailbox>);

impl Hub {
    pub(super) fn subscribe(&self, watch: Watch) -> Subscription {
        let mailbox = Arc::new(Mailbox {
            watch,
            newest: Mutex::default(),
            changed: Notify::new(),
        });
        let mut watchers = lock(&self.watchers);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(&mailbox));
        Subscription(mailbox)
    }

    pub(super) fn publish(&self, record: &Arc<TaskRecord>) {
        let watchers = lock(&self.watchers);
        for mailbox in watchers.iter().filter_map(Weak::upgrade) {
            if !mailbox.watch.wants(record) {
                continue;
            }
            let mut newest = lock(&mailbox.newest);
            let known = newest
                .get(&record.id)
                .is_some_and(|known| known.version >= record.version);
            if !known {
                newest.insert(record.id, Arc::clone(record));
                drop(newest);
                mailbox.changed.notify_one();
            }
        }
    }
}

impl Subscription {
    /// Waits for changes and takes them all.
    pub(super) async fn changes(&self) -> Vec<Arc<TaskRecord>> {
        loop {
            let changed = std::mem::take(&mut *lock(&self.0.newest));
            if !changed.is_empty() {
                return changed.into_values().collect();
            }
            self.0.changed.notified().await;
        }
    }
}

/// A panic elsewhere cannot leave these maps half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
