//! Task hub: delivers the latest state of each changed task to its subscribers, without a queue.
//!
//! Subscribers are indexed by task and by client. A change therefore costs nothing for subscribers
//! to other tasks, and almost nothing if there are no subscribers to the changed task.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

use super::snapshot::Snapshot;
use crate::store::TaskChange;
use crate::tasks::record::TaskRecord;

/// Maximum number of subscribers that are notified directly by the code that changed the task.
///
/// If there are more, a separate tokio task notifies them, so that many subscribers do not slow
/// down the task that they monitor.
const MAX_INLINE_DELIVERIES: usize = 16;

/// Tasks that a subscriber receives.
#[derive(Debug, Clone, Default)]
pub(in crate::tasks) struct SubscriptionFilter {
    pub(in crate::tasks) client_token_id: Option<Uuid>,
    pub(in crate::tasks) group: Option<String>,
    pub(in crate::tasks) task_id: Option<Uuid>,
}

impl SubscriptionFilter {
    pub(in crate::tasks) fn matches(&self, record: &TaskRecord) -> bool {
        self.client_token_id
            .is_none_or(|id| record.client_token_id == Some(id))
            && self
                .group
                .as_ref()
                .is_none_or(|group| record.group == *group)
            && self.task_id.is_none_or(|id| record.id == id)
    }
}

/// Hub of a process.
#[derive(Debug, Default)]
pub(in crate::tasks) struct TaskHub(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Number of subscribers, so that a change needs no lock if this is 0.
    subscribers: AtomicUsize,
    index: RwLock<Index>,
    /// Changes to deliver to many subscribers: the latest state of each task.
    crowded: Mutex<HashMap<Uuid, Arc<Snapshot>>>,
}

#[derive(Debug, Default)]
struct Index {
    by_task: HashMap<Uuid, Vec<Arc<Mailbox>>>,
    by_client: BTreeMap<Uuid, Vec<Arc<Mailbox>>>,
    of_everything: Vec<Arc<Mailbox>>,
}

/// Latest state of each task that has changed since the subscriber's last read.
///
/// It holds at most one state per task, no matter how slow the subscriber is.
#[derive(Debug)]
struct Mailbox {
    watch: SubscriptionFilter,
    newest: Mutex<LatestStates>,
    changed: Notify,
    withdrawn: Notify,
}

/// Undelivered states. Most subscribers monitor a single task and need no map.
#[derive(Debug, Default)]
enum LatestStates {
    #[default]
    Empty,
    One(Arc<Snapshot>),
    Many(HashMap<Uuid, Arc<Snapshot>>),
}

/// A subscriber's handle to the hub.
#[derive(Debug)]
pub(in crate::tasks) struct Subscription {
    mailbox: Arc<Mailbox>,
    hub: Arc<Inner>,
}

/// Tasks and clients that have subscribers in this process.
#[derive(Debug, Default)]
pub(super) struct SubscribedKeys {
    pub(super) tasks: Vec<Uuid>,
    pub(super) clients: Vec<Uuid>,
}

impl TaskHub {
    pub(in crate::tasks) fn subscribe(&self, watch: SubscriptionFilter) -> Subscription {
        let mailbox = Arc::new(Mailbox {
            watch,
            newest: Mutex::default(),
            changed: Notify::new(),
            withdrawn: Notify::new(),
        });
        // Count the subscriber before adding it to the index, so that a change in between is not
        // skipped.
        self.0.subscribers.fetch_add(1, Ordering::SeqCst);
        self.0
            .index
            .write()
            .place(&mailbox.watch)
            .push(Arc::clone(&mailbox));
        Subscription {
            mailbox,
            hub: Arc::clone(&self.0),
        }
    }

    pub(in crate::tasks) fn publish(&self, record: &Arc<TaskRecord>) {
        if self.0.subscribers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let index = self.0.index.read();
        let subscribers = index.subscribers_of(record).count();
        if subscribers == 0 {
            return;
        }
        let snapshot = Arc::new(Snapshot::new(Arc::clone(record)));
        if subscribers > MAX_INLINE_DELIVERIES
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(index);
            if self.0.add_crowded(snapshot) {
                let inner = Arc::clone(&self.0);
                runtime.spawn(async move { inner.deliver_to_crowds() });
            }
        } else {
            index.deliver(&snapshot);
        }
    }

    /// Returns `true` if a changed task may have subscribers. Only the event is checked, before the
    /// row is read.
    pub(super) fn has_subscriber(&self, change: &TaskChange) -> bool {
        if self.0.subscribers.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let index = self.0.index.read();
        !index.of_everything.is_empty() || index.by_task.contains_key(&change.id) || {
            let first = TaskChange::first_of(change.client_prefix);
            let next = index.by_client.range(first..).next();
            next.is_some_and(|(id, _)| TaskChange::prefix_of(*id) == change.client_prefix)
        }
    }

    pub(super) fn watched(&self) -> SubscribedKeys {
        let index = self.0.index.read();
        SubscribedKeys {
            tasks: index.by_task.keys().copied().collect(),
            clients: index.by_client.keys().copied().collect(),
        }
    }

    /// Returns the clients that have subscribers.
    pub(in crate::tasks) fn clients(&self) -> Vec<Uuid> {
        let index = self.0.index.read();
        let of_tasks = index.by_task.values().flatten();
        let mut clients: Vec<_> = of_tasks
            .filter_map(|mailbox| mailbox.watch.client_token_id)
            .chain(index.by_client.keys().copied())
            .collect();
        clients.sort_unstable();
        clients.dedup();
        clients
    }

    /// Notifies the subscribers of a client that its token is no longer valid.
    pub(in crate::tasks) fn revoke(&self, client_token_id: Uuid) {
        let index = self.0.index.read();
        let all = index
            .by_client
            .get(&client_token_id)
            .into_iter()
            .flatten()
            .chain(index.by_task.values().flatten());
        all.filter(|mailbox| mailbox.watch.client_token_id == Some(client_token_id))
            .for_each(|mailbox| mailbox.withdrawn.notify_one());
    }
}

impl Inner {
    /// Adds a state for tasks with many subscribers; returns `true` if its delivery is not
    /// scheduled yet.
    fn add_crowded(&self, snapshot: Arc<Snapshot>) -> bool {
        let mut crowded = self.crowded.lock();
        let first = crowded.is_empty();
        let id = snapshot.record().id;
        let known = crowded
            .get(&id)
            .is_some_and(|known| known.record().version >= snapshot.record().version);
        if !known {
            crowded.insert(id, snapshot);
        }
        first
    }

    fn deliver_to_crowds(&self) {
        let crowded = std::mem::take(&mut *self.crowded.lock());
        let index = self.index.read();
        crowded
            .values()
            .for_each(|snapshot| index.deliver(snapshot));
    }
}

impl Index {
    fn place(&mut self, watch: &SubscriptionFilter) -> &mut Vec<Arc<Mailbox>> {
        match (watch.task_id, watch.client_token_id) {
            (Some(id), _) => self.by_task.entry(id).or_default(),
            (None, Some(id)) => self.by_client.entry(id).or_default(),
            (None, None) => &mut self.of_everything,
        }
    }

    fn remove(&mut self, mailbox: &Arc<Mailbox>) {
        let watch = &mailbox.watch;
        let place = self.place(watch);
        if let Some(at) = place.iter().position(|other| Arc::ptr_eq(other, mailbox)) {
            place.swap_remove(at);
        }
        if place.is_empty() {
            match (watch.task_id, watch.client_token_id) {
                (Some(id), _) => drop(self.by_task.remove(&id)),
                (None, Some(id)) => drop(self.by_client.remove(&id)),
                (None, None) => {}
            }
        }
    }

    fn subscribers_of<'a>(
        &'a self,
        record: &'a TaskRecord,
    ) -> impl Iterator<Item = &'a Arc<Mailbox>> {
        let client = record.client_token_id;
        let of_task = self.by_task.get(&record.id).into_iter().flatten();
        let of_client = client.and_then(|id| self.by_client.get(&id));
        of_task
            .chain(of_client.into_iter().flatten())
            .chain(&self.of_everything)
            .filter(|mailbox| mailbox.watch.matches(record))
    }

    fn deliver(&self, snapshot: &Arc<Snapshot>) {
        self.subscribers_of(snapshot.record())
            .for_each(|mailbox| mailbox.put(snapshot));
    }
}

impl Mailbox {
    fn put(&self, snapshot: &Arc<Snapshot>) {
        let record = snapshot.record();
        let mut newest = self.newest.lock();
        let before = match &mut *newest {
            LatestStates::Empty if self.watch.task_id.is_some() => {
                *newest = LatestStates::One(Arc::clone(snapshot));
                drop(newest);
                return self.changed.notify_one();
            }
            LatestStates::Empty => {
                *newest = LatestStates::Many(HashMap::from([(record.id, Arc::clone(snapshot))]));
                drop(newest);
                return self.changed.notify_one();
            }
            LatestStates::One(before) => before,
            LatestStates::Many(all) => all.entry(record.id).or_insert_with(|| Arc::clone(snapshot)),
        };
        // The subscriber has been woken but has not read the state yet.
        if before.record().version < record.version {
            *before = Arc::clone(snapshot);
        }
    }
}

impl Subscription {
    /// Waits for changes and takes them all, oldest first.
    pub(in crate::tasks) async fn changes(&self) -> Vec<Arc<Snapshot>> {
        loop {
            let newest = std::mem::take(&mut *self.mailbox.newest.lock());
            match newest {
                LatestStates::Empty => self.mailbox.changed.notified().await,
                LatestStates::One(snapshot) => return vec![snapshot],
                LatestStates::Many(all) => {
                    let mut all: Vec<_> = all.into_values().collect();
                    // States are sorted so that a client that is disconnected halfway can resume
                    // from the latest state it has received.
                    all.sort_by_key(|snapshot| snapshot.record().updated_at);
                    return all;
                }
            }
        }
    }

    /// Resolves when the subscription's client token is no longer valid.
    pub(in crate::tasks) async fn revoked(&self) {
        self.mailbox.withdrawn.notified().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.index.write().remove(&self.mailbox);
        self.hub.subscribers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::tasks::engine::insert::NewTask;
    use crate::tasks::record::TaskStatus;

    fn record(id: Uuid, client: Uuid, version: i64) -> Arc<TaskRecord> {
        let mut record = NewTask::new("probe", "work", Value::Null).record();
        (record.id, record.client_token_id) = (id, Some(client));
        (record.status, record.version) = (TaskStatus::Processing, version);
        Arc::new(record)
    }

    fn of_client(id: Uuid) -> SubscriptionFilter {
        SubscriptionFilter {
            client_token_id: Some(id),
            ..SubscriptionFilter::default()
        }
    }

    fn of_task(client: Uuid, id: Uuid) -> SubscriptionFilter {
        SubscriptionFilter {
            task_id: Some(id),
            ..of_client(client)
        }
    }

    fn kept(subscription: &Subscription) -> usize {
        match &*subscription.mailbox.newest.lock() {
            LatestStates::Empty => 0,
            LatestStates::One(_) => 1,
            LatestStates::Many(all) => all.len(),
        }
    }

    #[tokio::test]
    async fn slow_subscriber_holds_only_the_latest_state_per_task() {
        let hub = TaskHub::default();
        let client = Uuid::new_v4();
        let ids = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
        let slow = hub.subscribe(of_client(client));
        let slow_of_one = hub.subscribe(of_task(client, ids[0]));
        for version in 1..=10_000 {
            for id in ids {
                hub.publish(&record(id, client, version));
            }
            assert!(kept(&slow) <= ids.len() && kept(&slow_of_one) <= 1);
        }
        // A state that arrives late does not replace a newer one.
        hub.publish(&record(ids[0], client, 7));
        let versions = |changes: Vec<Arc<Snapshot>>| -> Vec<_> {
            changes
                .iter()
                .map(|change| change.record().version)
                .collect()
        };
        assert_eq!(versions(slow.changes().await), [10_000; 3]);
        assert_eq!(versions(slow_of_one.changes().await), [10_000]);
        assert_eq!((kept(&slow), kept(&slow_of_one)), (0, 0));
    }

    #[tokio::test]
    async fn subscribers_receive_only_matching_changes() {
        let hub = TaskHub::default();
        let (client, other) = (Uuid::new_v4(), Uuid::new_v4());
        let (id, another) = (Uuid::now_v7(), Uuid::now_v7());
        let watches = [
            (of_client(client), 1),
            (of_task(client, id), 1),
            (SubscriptionFilter::default(), 1),
            (of_client(other), 0),
            (of_task(client, another), 0),
            (of_task(other, id), 0),
            (
                SubscriptionFilter {
                    group: Some("other".to_owned()),
                    ..of_client(client)
                },
                0,
            ),
        ];
        let watching = watches.map(|(watch, seen)| (hub.subscribe(watch), seen));
        hub.publish(&record(id, client, 1));
        for (subscription, seen) in &watching {
            assert_eq!(kept(subscription), *seen, "{subscription:?}");
        }
    }

    #[tokio::test]
    async fn crowd_shares_one_state_that_is_serialized_once() {
        let hub = TaskHub::default();
        let (client, id) = (Uuid::new_v4(), Uuid::now_v7());
        let crowd: Vec<_> = (0..1000)
            .map(|_| hub.subscribe(of_task(client, id)))
            .collect();
        hub.publish(&record(id, client, 1));
        let mut texts = Vec::new();
        for subscriber in &crowd {
            let [change] = &subscriber.changes().await[..] else {
                panic!("expected exactly one change")
            };
            texts.push((change.message(), change.event()));
        }
        let (message, event) = &texts[0];
        assert!(message.contains("\"seq\":1"), "{message}");
        for (other_message, other_event) in &texts {
            assert_eq!(other_message.as_str().as_ptr(), message.as_str().as_ptr());
            assert_eq!(other_event.as_ptr(), event.as_ptr());
        }
    }

    #[test]
    fn dropped_subscription_is_removed_from_the_index() {
        let hub = TaskHub::default();
        let (client, id) = (Uuid::new_v4(), Uuid::now_v7());
        let subscribers = [
            of_client(client),
            of_task(client, id),
            SubscriptionFilter::default(),
        ];
        let subscribers = subscribers.map(|watch| hub.subscribe(watch));
        let change = TaskChange::new(id, None);
        assert!(hub.has_subscriber(&change));
        drop(subscribers);
        assert!(!hub.has_subscriber(&change));
        let index = hub.0.index.read();
        assert!(index.by_task.is_empty() && index.by_client.is_empty());
        assert!(index.of_everything.is_empty());
        assert_eq!(hub.0.subscribers.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn event_matches_subscribers_to_its_task_or_client() {
        let hub = TaskHub::default();
        let (client, id) = (Uuid::new_v4(), Uuid::now_v7());
        let _of_client = hub.subscribe(of_client(client));
        let _of_task = hub.subscribe(of_task(client, id));
        let new = Uuid::now_v7;
        assert!(hub.has_subscriber(&TaskChange::new(new(), Some(client))));
        assert!(hub.has_subscriber(&TaskChange::new(id, None)));
        assert!(!hub.has_subscriber(&TaskChange::new(
            new(),
            Some(Uuid::from_u128(!client.as_u128()))
        )));
        assert!(!hub.has_subscriber(&TaskChange::new(new(), None)));
    }

    #[tokio::test]
    async fn revoked_token_notifies_its_subscribers() {
        let hub = TaskHub::default();
        let (client, other, id) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::now_v7());
        let mine = [of_client(client), of_task(client, id)].map(|watch| hub.subscribe(watch));
        let theirs = hub.subscribe(of_client(other));
        hub.revoke(client);
        for subscriber in &mine {
            subscriber.revoked().await;
        }
        let pending = futures_util::FutureExt::now_or_never(theirs.revoked());
        assert!(pending.is_none());
    }
}
