//! Fan-out: publishes task changes to other replicas and delivers remote changes to subscribers.
//!
//! Only ids are sent: in batches at least 15 ms apart, never in one message per change. A replica
//! reads only rows that have local subscribers, once for all of them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::change_feed;
use crate::auth::ClientTokens;
use crate::error::Result;
use crate::store::{ClusterEvent, Dialect, Store, TaskChange, TaskChanges, now};
use crate::tasks::engine::results::WithoutResults;
use crate::tasks::record::TaskRecord;
use crate::tasks::service::Tasks;

/// Minimum interval between two batches of cluster events from a process.
const SEND_INTERVAL: Duration = Duration::from_millis(15);
/// Maximum number of buffered changes; if it is exceeded, other replicas must re-read everything.
const MAX_STORED: usize = 20_000;
/// Delay before a failed database operation is retried.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Timeout for sending changes, including the last ones when the portal stops.
const LAST_SEND: Duration = Duration::from_secs(2);
/// Interval at which the client tokens of open monitors are checked for expiry.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);
/// Allowance for clock skew and for the duration of a commit.
pub(in crate::tasks) const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// Outbox: changes not yet published to other replicas.
#[derive(Debug)]
pub(in crate::tasks) struct Outbox {
    /// `true` if there can be other replicas.
    replicas: bool,
    changes: Mutex<OutboxState>,
    wake: Notify,
    /// Called for each change made by this process.
    listener: OnceLock<ChangeListener>,
}

struct ChangeListener(Box<dyn Fn(&TaskRecord) + Send + Sync>);

impl std::fmt::Debug for ChangeListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChangeListener")
    }
}

#[derive(Debug, Default)]
struct OutboxState {
    changes: HashMap<Uuid, TaskChange>,
    /// `true` if changes were dropped because there were too many to buffer.
    lost: bool,
}

impl Outbox {
    pub(in crate::tasks) fn new(store: &Store) -> Self {
        Self {
            replicas: store.dialect() == Dialect::Postgres,
            changes: Mutex::default(),
            wake: Notify::new(),
            listener: OnceLock::new(),
        }
    }

    /// Registers the listener for changes made by this process. There is at most one.
    pub(in crate::tasks) fn listen(&self, listener: impl Fn(&TaskRecord) + Send + Sync + 'static) {
        let _ = self.listener.set(ChangeListener(Box::new(listener)));
    }

    /// Records a committed change to a task.
    pub(in crate::tasks) fn add(&self, record: &TaskRecord) {
        if let Some(ChangeListener(listener)) = self.listener.get() {
            listener(record);
        }
        if self.replicas {
            let change = TaskChange::new(record.id, record.client_token_id);
            self.put([change.of_owner(record.owner_user_id)]);
            self.wake.notify_one();
        }
    }

    fn put(&self, more: impl IntoIterator<Item = TaskChange>) {
        let mut pending = self.lock();
        if pending.lost {
            return;
        }
        pending
            .changes
            .extend(more.into_iter().map(|change| (change.id, change)));
        if pending.changes.len() > MAX_STORED {
            *pending = OutboxState {
                lost: true,
                ..OutboxState::default()
            };
        }
    }

    /// Takes all changes out of the outbox, as cluster events.
    fn take(&self) -> Vec<ClusterEvent> {
        let pending = std::mem::take(&mut *self.lock());
        if pending.lost {
            return vec![ClusterEvent::Lagged];
        }
        TaskChanges::split(pending.changes.into_values())
            .into_iter()
            .map(|(tasks, owners)| ClusterEvent::TasksChanged { tasks, owners })
            .collect()
    }

    fn put_back(&self, unsent: Vec<ClusterEvent>) {
        for notification in unsent {
            match notification {
                ClusterEvent::TasksChanged { tasks, .. } => self.put(tasks.0),
                _ => self.lock().lost = true,
            }
        }
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, OutboxState> {
        self.changes.lock()
    }
}

/// Fan-out of a process.
pub(crate) struct Fanout {
    tasks: Tasks,
    tokens: ClientTokens,
    events: Receiver<ClusterEvent>,
}

impl Fanout {
    pub(crate) fn new(tasks: Tasks, tokens: ClientTokens) -> Self {
        // Subscribe before any monitor is opened, so that monitors do not miss any events.
        let events = tasks.0.store.subscribe();
        Self {
            tasks,
            tokens,
            events,
        }
    }

    /// Runs alongside the work whose changes it publishes, until the last changes are sent.
    pub(crate) async fn run_with(self, work: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let mut background = JoinSet::new();
        background.spawn(send(self.tasks.clone(), stop.clone()));
        let tokens = self.tokens.clone();
        let follower = RemoteChanges {
            tasks: self.tasks.clone(),
            tokens: self.tokens,
            last_event_at: now(),
        };
        let stopped = stop.clone();
        background.spawn(async move {
            stopped
                .run_until_cancelled(follower.follow(self.events))
                .await;
        });
        let (tasks, stopped) = (self.tasks.clone(), stop.clone());
        background.spawn(async move { tasks.0.events.logs.write(&tasks.0.store, stopped).await });
        let expiry = expire(self.tasks.clone(), tokens);
        background.spawn(stop.clone().run_until_cancelled_owned(expiry).map(drop));
        work.await;
        stop.cancel();
        while background.join_next().await.is_some() {}
    }
}

/// Sends changes until the portal stops.
async fn send(tasks: Tasks, stop: CancellationToken) {
    let outbox = &tasks.0.events.outbox;
    loop {
        let stopping = stop.run_until_cancelled(outbox.wake.notified()).await;
        let notifications = outbox.take();
        if !notifications.is_empty() {
            let sent = tasks.0.store.publish_remote(&notifications);
            let pause = match timeout(LAST_SEND, sent).await {
                Ok(Ok(())) => SEND_INTERVAL,
                failed => {
                    if let Ok(Err(error)) = failed {
                        tracing::warn!(%error, "failed to publish task changes to other replicas");
                    }
                    outbox.put_back(notifications);
                    outbox.wake.notify_one();
                    RETRY_DELAY
                }
            };
            stop.run_until_cancelled(sleep(pause)).await;
        }
        if stopping.is_none() {
            return;
        }
    }
}

/// Closes the monitors whose client token has expired.
///
/// An open monitor counts as use of its token, so the token expires only at the end of its absolute
/// lifetime.
async fn expire(tasks: Tasks, tokens: ClientTokens) {
    let hub = &tasks.0.events.hub;
    loop {
        sleep(EXPIRY_INTERVAL).await;
        for id in hub.clients() {
            match tokens.keep_monitored(id).await {
                Ok(true) => {}
                Ok(false) => hub.revoke(id),
                Err(error) => {
                    tracing::warn!(%error, "failed to check client tokens; they are checked again");
                    break;
                }
            }
        }
    }
}

/// Publishes changes made by other replicas to the local hub.
struct RemoteChanges {
    tasks: Tasks,
    tokens: ClientTokens,
    /// Last time at which cluster events were known to arrive.
    last_event_at: DateTime<Utc>,
}

/// Pending reads.
#[derive(Default)]
struct PendingReads {
    tasks: Vec<Uuid>,
    /// Set if cluster events were lost: all subscribed tasks that have changed since this time are
    /// read.
    since: Option<DateTime<Utc>>,
}

impl RemoteChanges {
    async fn follow(mut self, mut events: Receiver<ClusterEvent>) {
        let mut pending = PendingReads::default();
        loop {
            match events.recv().await {
                Err(RecvError::Closed) => return,
                event => self.record_event(event.ok(), &mut pending),
            }
            loop {
                // Collect all changes that have arrived since the last read, to read them together.
                loop {
                    match events.try_recv() {
                        Ok(event) => self.record_event(Some(event), &mut pending),
                        Err(TryRecvError::Lagged(_)) => self.record_event(None, &mut pending),
                        Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                    }
                }
                match self.read(&mut pending).await {
                    Ok(()) => break,
                    Err(error) => {
                        tracing::warn!(%error, "failed to read task changes made by another replica");
                        sleep(RETRY_DELAY).await;
                    }
                }
            }
        }
    }

    /// Records a cluster event; `None` means that events were lost.
    fn record_event(&mut self, event: Option<ClusterEvent>, pending: &mut PendingReads) {
        match event {
            Some(ClusterEvent::TasksChanged { tasks, .. }) => {
                let hub = &self.tasks.0.events.hub;
                let wanted = tasks.0.iter().filter(|change| hub.has_subscriber(change));
                pending.tasks.extend(wanted.map(|change| change.id));
            }
            Some(ClusterEvent::ClientTokenDeleted { id }) => self.tasks.0.events.hub.revoke(id),
            Some(ClusterEvent::Lagged) | None => {
                pending.since.get_or_insert(self.last_event_at - OVERLAP);
            }
            Some(_) => {}
        }
        self.last_event_at = now();
    }

    async fn read(&self, pending: &mut PendingReads) -> Result<()> {
        let store = &self.tasks.0.store;
        if let Some(since) = pending.since {
            let hub = &self.tasks.0.events.hub;
            let watched = hub.watched();
            pending.tasks.extend(watched.tasks);
            self.show_all(change_feed::since(store, &watched.clients, since).await?)
                .await?;
            let clients = hub.clients();
            let standing = self.tokens.valid_among(&clients).await?;
            for id in clients {
                if !standing.contains(&id) {
                    hub.revoke(id);
                }
            }
            pending.since = None;
        }
        pending.tasks.sort_unstable();
        pending.tasks.dedup();
        self.show_all(change_feed::by_ids(store, &pending.tasks).await?)
            .await?;
        pending.tasks.clear();
        Ok(())
    }

    async fn show_all(&self, mut changed: WithoutResults) -> Result<()> {
        while !changed.is_empty() {
            for record in changed.take(&self.tasks.0.store).await? {
                self.tasks.publish_local(record);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsent() -> Outbox {
        Outbox {
            replicas: true,
            changes: Mutex::default(),
            wake: Notify::new(),
            listener: OnceLock::new(),
        }
    }

    fn changes(count: usize) -> impl Iterator<Item = TaskChange> {
        (0..count).map(|_| TaskChange::new(Uuid::now_v7(), None))
    }

    fn change_count(notifications: &[ClusterEvent]) -> usize {
        let counts = notifications.iter().map(|notification| match notification {
            ClusterEvent::TasksChanged { tasks, .. } => tasks.0.len(),
            _ => 0,
        });
        counts.sum()
    }

    #[test]
    fn repeated_changes_are_sent_once_and_tasks_are_batched() {
        let unsent = unsent();
        let again = TaskChange::new(Uuid::now_v7(), None);
        unsent.put(changes(1000));
        for _ in 0..1000 {
            unsent.put([again]);
        }
        let notifications = unsent.take();
        assert_eq!(change_count(&notifications), 1001);
        assert_eq!(notifications.len(), 4, "as many per event as it can carry");
        assert_eq!(unsent.take(), []);
        unsent.put_back(notifications);
        assert_eq!(change_count(&unsent.take()), 1001);
    }

    #[test]
    fn too_many_changes_become_one_event_to_reread_all() {
        let unsent = unsent();
        unsent.put(changes(MAX_STORED + 1));
        unsent.put(changes(10));
        assert!(unsent.lock().changes.is_empty());
        let notifications = unsent.take();
        assert_eq!(notifications, [ClusterEvent::Lagged]);
        unsent.put_back(notifications);
        assert_eq!(unsent.take(), [ClusterEvent::Lagged]);
        unsent.put(changes(1));
        assert_eq!(change_count(&unsent.take()), 1);
    }
}
