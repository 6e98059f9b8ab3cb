//! Topic hub: delivers topic changes to subscribers within a process.
//!
//! A subscriber has one bit per topic instead of a queue, so neither slow subscribers nor frequent
//! changes increase memory usage. A topic is delivered at most a few times per second; changes
//! during the interval are delivered at its end.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::cursor::{Clock, Cursor};
use super::topics::TopicKey;

/// Minimum interval between two deliveries of the same topic.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Maximum number of topics per subscriber, which is the number of bits.
pub(super) const MAX_TOPICS: usize = 64;

/// Number of stored topics above which personal topics without subscribers are evicted.
const MAX_STORED: usize = 10_000;

#[derive(Debug)]
pub(super) struct TopicHub {
    clock: Clock,
    state: Mutex<HubState>,
    /// Wakes the flusher after a topic was added to the queue.
    due: Notify,
}

#[derive(Debug)]
struct HubState {
    topics: HashMap<TopicKey, TopicState>,
    /// Changes to any topic before this time may have been missed.
    all_changed_at: u64,
    /// Changes to personal topics before this time may have been missed because of an eviction.
    evicted_at: u64,
    /// Topics to deliver again, ordered by due time.
    due: VecDeque<(Instant, TopicKey)>,
    next_watcher: u64,
}

#[derive(Debug, Default)]
struct TopicState {
    /// Time of the last change, or of its delivery if that was later.
    changed: u64,
    notified_at: Option<Instant>,
    is_due: bool,
    subscribers: HashMap<u64, (Arc<Subscriber>, u32)>,
}

#[derive(Debug, Default)]
struct Subscriber {
    /// One bit per subscribed topic, set if the topic has changed since the last read.
    changed: AtomicU64,
    wake: Notify,
}

impl TopicHub {
    pub(super) fn new() -> Self {
        let clock = Clock::new();
        let state = HubState {
            topics: HashMap::new(),
            // This process has missed all changes before its start.
            all_changed_at: clock.next(),
            evicted_at: 0,
            due: VecDeque::new(),
            next_watcher: 0,
        };
        Self {
            clock,
            state: Mutex::new(state),
            due: Notify::new(),
        }
    }

    /// Returns the current cursor. A client that reads data after obtaining the cursor can later
    /// receive all changes since then.
    pub(super) fn mark(&self) -> Cursor {
        self.clock.mark()
    }

    /// Records that a topic has changed, and delivers the change now or at the end of the interval.
    pub(super) fn mark_changed(&self, key: TopicKey) {
        self.touch_at(key, Instant::now());
    }

    fn touch_at(&self, key: TopicKey, now: Instant) {
        let mut state = self.lock();
        if state.topics.len() > MAX_STORED {
            state.evicted_at = self.clock.next();
            let mut kept = std::mem::take(&mut state.topics);
            kept.retain(|key, topic| key.user.is_none() || !topic.subscribers.is_empty());
            state.topics = kept;
        }
        let topic = state.topics.entry(key).or_default();
        if topic.subscribers.is_empty() || topic.is_due {
            topic.changed = self.clock.next();
            return;
        }
        match topic
            .notified_at
            .map(|notified_at| notified_at + MIN_INTERVAL)
        {
            Some(again) if again > now => {
                topic.changed = self.clock.next();
                topic.is_due = true;
                state.due.push_back((again, key));
                drop(state);
                self.due.notify_one();
            }
            _ => topic.tell(&self.clock, now),
        }
    }

    /// Records that any topic may have changed.
    pub(super) fn mark_all_changed(&self) {
        self.lock().all_changed_at = self.clock.next();
        self.touch_where(|_| true);
    }

    /// Records that a topic has changed for all users.
    pub(super) fn mark_changed_for_all_users(&self, topic: usize) {
        self.lock().evicted_at = self.clock.next();
        self.touch_where(|key| key.topic == topic);
    }

    fn touch_where(&self, is_meant: impl Fn(&TopicKey) -> bool) {
        let keys: Vec<TopicKey> = {
            let state = self.lock();
            state.topics.keys().copied().filter(is_meant).collect()
        };
        keys.into_iter().for_each(|key| self.mark_changed(key));
    }

    /// Subscribes to at most 64 topics. Topics that have changed since the cursor are reported as
    /// changed; without a cursor, all topics are.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        keys: Vec<TopicKey>,
        since: Option<Cursor>,
    ) -> TopicSubscription {
        let subscriber = Arc::new(Subscriber::default());
        let known_until = since.map(|mark| self.clock.seen_until(mark));
        let mut state = self.lock();
        let id = state.next_watcher;
        state.next_watcher += 1;
        let (everything, forgotten) = (state.all_changed_at, state.evicted_at);
        let mut missed = 0;
        for (bit, key) in (0_u32..).zip(keys.iter().take(MAX_TOPICS)) {
            let topic = state.topics.entry(*key).or_default();
            topic.subscribers.insert(id, (Arc::clone(&subscriber), bit));
            let mut changed = topic.changed.max(everything);
            if key.user.is_some() {
                changed = changed.max(forgotten);
            }
            if known_until.is_none_or(|known| changed > known) {
                missed |= 1 << bit;
            }
        }
        drop(state);
        subscriber.changed.fetch_or(missed, Ordering::AcqRel);
        TopicSubscription {
            hub: Arc::clone(self),
            id,
            keys,
            subscriber,
        }
    }

    /// Delivers due topics, until the future is dropped.
    pub(super) async fn run_flusher(&self) {
        loop {
            let next = self.flush_due(Instant::now());
            let woken = self.due.notified();
            match next {
                None => woken.await,
                Some(next) => {
                    tokio::select! {
                        () = woken => {}
                        () = sleep_until(next) => {}
                    }
                }
            }
        }
    }

    /// Delivers the topics due by now; returns the time at which the next one is due.
    fn flush_due(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        loop {
            let (at, key) = *state.due.front()?;
            if at > now {
                return Some(at);
            }
            state.due.pop_front();
            if let Some(topic) = state.topics.get_mut(&key) {
                topic.is_due = false;
                topic.tell(&self.clock, now);
            }
        }
    }

    /// Locks the state. A panic in another method cannot leave the state half-changed.
    fn lock(&self) -> MutexGuard<'_, HubState> {
        self.state.lock()
    }
}

impl TopicState {
    fn tell(&mut self, clock: &Clock, now: Instant) {
        self.notified_at = Some(now);
        // The time is updated even if the change is older, because a client that has reconnected
        // since then has not received it.
        self.changed = clock.next();
        for (subscriber, bit) in self.subscribers.values() {
            subscriber.changed.fetch_or(1 << bit, Ordering::AcqRel);
            subscriber.wake.notify_one();
        }
    }
}

/// Subscription to topics; it ends when dropped.
#[derive(Debug)]
pub(super) struct TopicSubscription {
    hub: Arc<TopicHub>,
    id: u64,
    keys: Vec<TopicKey>,
    subscriber: Arc<Subscriber>,
}

impl TopicSubscription {
    /// Returns the subscribed topics.
    pub(super) fn keys(&self) -> &[TopicKey] {
        &self.keys
    }

    /// Takes the topics that have changed since the last call, as bits in the order of the keys.
    /// The cursor is the time up to which the recipient of these bits has seen all changes.
    pub(super) fn take_changes(&self) -> (u64, Cursor) {
        // The cursor is taken first, so that it precedes all changes that are not in these bits.
        let mark = self.hub.clock.mark();
        (self.subscriber.changed.swap(0, Ordering::AcqRel), mark)
    }

    /// Restores bits that could not be delivered.
    pub(super) fn put_back(&self, bits: u64) {
        self.subscriber.changed.fetch_or(bits, Ordering::AcqRel);
    }

    /// Waits for a change; may also return spuriously.
    pub(super) async fn changed(&self) {
        if self.subscriber.changed.load(Ordering::Acquire) == 0 {
            self.subscriber.wake.notified().await;
        }
    }
}

impl Drop for TopicSubscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        for key in &self.keys {
            if let Some(topic) = state.topics.get_mut(key) {
                topic.subscribers.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const USERS: TopicKey = TopicKey {
        topic: 0,
        user: None,
    };
    const TASKS: TopicKey = TopicKey {
        topic: 1,
        user: None,
    };

    fn user_topic(user: Uuid) -> TopicKey {
        TopicKey {
            topic: 2,
            user: Some(user),
        }
    }

    fn bits(watch: &TopicSubscription) -> u64 {
        watch.take_changes().0
    }

    #[tokio::test]
    async fn changes_are_delivered_immediately_and_after_a_burst() {
        let hub = Arc::new(TopicHub::new());
        let watch = hub.subscribe(vec![TASKS, USERS], Some(hub.mark()));
        assert_eq!(bits(&watch), 0);
        let now = Instant::now();
        hub.touch_at(USERS, now);
        watch.changed().await;
        assert_eq!(bits(&watch), 0b10);
        for _ in 0..1000 {
            hub.touch_at(USERS, now + MIN_INTERVAL / 2);
        }
        assert_eq!(bits(&watch), 0, "no second delivery within the interval");
        assert_eq!(
            hub.flush_due(now + MIN_INTERVAL / 2),
            Some(now + MIN_INTERVAL)
        );
        assert_eq!(bits(&watch), 0);
        assert_eq!(
            hub.flush_due(now + MIN_INTERVAL),
            None,
            "delivered only once"
        );
        watch.changed().await;
        assert_eq!(bits(&watch), 0b10, "the last change is delivered");
        hub.touch_at(USERS, now + 3 * MIN_INTERVAL);
        assert_eq!(bits(&watch), 0b10, "after a pause, delivery is immediate");
    }

    #[tokio::test]
    async fn due_topics_are_delivered_automatically() {
        let hub = Arc::new(TopicHub::new());
        let telling = tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.run_flusher().await }
        });
        let watch = hub.subscribe(vec![USERS], Some(hub.mark()));
        for _ in 0..2 {
            hub.mark_changed(USERS);
            while bits(&watch) == 0 {
                watch.changed().await;
            }
        }
        telling.abort();
    }

    #[test]
    fn only_subscribers_of_a_topic_are_notified() {
        let hub = Arc::new(TopicHub::new());
        let (ann, eve) = (Uuid::new_v4(), Uuid::new_v4());
        let now = Some(hub.mark());
        let [anns, eves] = [ann, eve].map(|user| hub.subscribe(vec![user_topic(user)], now));
        hub.mark_changed(user_topic(ann));
        hub.mark_changed(TASKS);
        assert_eq!((bits(&anns), bits(&eves)), (1, 0));
        drop((anns, eves));
        let state = hub.lock();
        assert!(
            state
                .topics
                .values()
                .all(|topic| topic.subscribers.is_empty())
        );
    }

    #[test]
    fn returning_subscriber_receives_missed_changes() {
        let hub = Arc::new(TopicHub::new());
        let keys = || vec![USERS, TASKS];
        hub.mark_changed(TASKS);
        let mark = hub.mark();
        assert_eq!(bits(&hub.subscribe(keys(), Some(mark))), 0);
        hub.mark_changed(USERS);
        assert_eq!(bits(&hub.subscribe(keys(), Some(mark))), 0b01);
        assert_eq!(
            bits(&hub.subscribe(keys(), None)),
            0b11,
            "without a cursor, all count as changed"
        );
        let (_, mark) = hub.subscribe(keys(), Some(mark)).take_changes();
        assert_eq!(bits(&hub.subscribe(keys(), Some(mark))), 0);
        hub.mark_all_changed();
        assert_eq!(bits(&hub.subscribe(keys(), Some(mark))), 0b11);
    }

    #[test]
    fn cursor_from_another_replica_is_compared_by_time() {
        let before = TopicHub::new().mark();
        let hub = Arc::new(TopicHub::new());
        assert_eq!(
            bits(&hub.subscribe(vec![USERS], Some(before))),
            1,
            "this replica has missed earlier changes"
        );
        hub.lock().all_changed_at -= 60_000_000;
        let other = TopicHub::new();
        assert_eq!(bits(&hub.subscribe(vec![USERS], Some(other.mark()))), 0);
        hub.mark_changed(USERS);
        assert_eq!(
            bits(&hub.subscribe(vec![USERS], Some(other.mark()))),
            1,
            "within the clock difference, it counts as changed"
        );
    }

    #[test]
    fn pending_change_reaches_a_returning_subscriber() {
        let hub = Arc::new(TopicHub::new());
        let watch = hub.subscribe(vec![USERS], Some(hub.mark()));
        let now = Instant::now();
        hub.touch_at(USERS, now);
        hub.touch_at(USERS, now);
        let (_, mark) = watch.take_changes();
        drop(watch);
        assert_eq!(hub.flush_due(now + MIN_INTERVAL), None);
        assert_eq!(bits(&hub.subscribe(vec![USERS], Some(mark))), 1);
    }

    #[test]
    fn change_for_all_users_is_delivered_to_each() {
        let hub = Arc::new(TopicHub::new());
        let (ann, eve) = (Uuid::new_v4(), Uuid::new_v4());
        let mark = hub.mark();
        let anns = hub.subscribe(vec![USERS, user_topic(ann)], Some(mark));
        hub.mark_changed_for_all_users(2);
        assert_eq!(bits(&anns), 0b10);
        let eves = hub.subscribe(vec![USERS, user_topic(eve)], Some(mark));
        assert_eq!(bits(&eves), 0b10, "later subscribers receive it as well");
    }

    #[test]
    fn lost_events_mark_all_topics_as_changed() {
        let hub = Arc::new(TopicHub::new());
        let ann = Uuid::new_v4();
        let watch = hub.subscribe(vec![USERS, user_topic(ann)], Some(hub.mark()));
        hub.mark_all_changed();
        assert_eq!(bits(&watch), 0b11);
    }

    #[test]
    fn personal_topics_are_evicted() {
        let hub = Arc::new(TopicHub::new());
        let ann = Uuid::new_v4();
        hub.mark_changed(USERS);
        let mark = hub.mark();
        hub.mark_changed(user_topic(ann));
        for _ in 0..2 * MAX_STORED {
            hub.mark_changed(user_topic(Uuid::new_v4()));
        }
        assert!(hub.lock().topics.len() <= MAX_STORED + 1);
        let watch = hub.subscribe(vec![USERS, user_topic(ann)], Some(mark));
        assert_eq!(bits(&watch), 0b10, "evicted topics count as changed");
    }
}
