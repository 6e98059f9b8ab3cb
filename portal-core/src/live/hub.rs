//! Hands on which topics have changed to whoever watches them.
//!
//! A watcher has one bit a topic and no queue: how slow he is and how much changes does not matter.
//! A topic is told a few times a second at most; what changes in between is told at the end of it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::mark::{Clock, Mark};
use super::topics::Key;

/// The shortest time between two changes of a topic that are told.
const WINDOW: Duration = Duration::from_millis(200);

/// Most topics of one watcher: as many as there are bits.
pub(super) const MOST_TOPICS: usize = 64;

/// Beyond this many, topics of users whom nobody watches are forgotten.
const KEPT: usize = 10_000;

#[derive(Debug)]
pub(super) struct Hub {
    clock: Clock,
    state: Mutex<State>,
    /// Something will be due that was not.
    due: Notify,
}

#[derive(Debug)]
struct State {
    topics: HashMap<Key, Topic>,
    /// Changes of every topic may have been missed before this.
    everything: u64,
    /// Topics of users may have been forgotten that changed before this.
    forgotten: u64,
    /// Topics that are to be told once more, in the order in which they are.
    due: VecDeque<(Instant, Key)>,
    next_watcher: u64,
}

#[derive(Debug, Default)]
struct Topic {
    /// When it changed, or that was told, last.
    changed: u64,
    told: Option<Instant>,
    is_due: bool,
    watchers: HashMap<u64, (Arc<Watcher>, u32)>,
}

#[derive(Debug, Default)]
struct Watcher {
    /// A bit for each of his topics that has changed since he last looked.
    changed: AtomicU64,
    wake: Notify,
}

impl Hub {
    pub(super) fn new() -> Self {
        let clock = Clock::new();
        let state = State {
            topics: HashMap::new(),
            // Of what was before, this process has not heard.
            everything: clock.next(),
            forgotten: 0,
            due: VecDeque::new(),
            next_watcher: 0,
        };
        Self {
            clock,
            state: Mutex::new(state),
            due: Notify::new(),
        }
    }

    /// The present moment. Whoever reads something afterwards and keeps it can later be told of
    /// all that has changed since.
    pub(super) fn mark(&self) -> Mark {
        self.clock.mark()
    }

    /// Notes that a topic has changed, and tells it now or soon.
    pub(super) fn touch(&self, key: Key) {
        self.touch_at(key, Instant::now());
    }

    fn touch_at(&self, key: Key, now: Instant) {
        let mut state = self.lock();
        if state.topics.len() > KEPT {
            state.forgotten = self.clock.next();
            let mut kept = std::mem::take(&mut state.topics);
            kept.retain(|key, topic| key.user.is_none() || !topic.watchers.is_empty());
            state.topics = kept;
        }
        let topic = state.topics.entry(key).or_default();
        if topic.watchers.is_empty() || topic.is_due {
            topic.changed = self.clock.next();
            return;
        }
        match topic.told.map(|told| told + WINDOW) {
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

    /// Notes that any topic may have changed.
    pub(super) fn touch_all(&self) {
        self.lock().everything = self.clock.next();
        self.touch_where(|_| true);
    }

    /// Notes that a topic has changed for every user.
    pub(super) fn touch_everyones(&self, topic: usize) {
        self.lock().forgotten = self.clock.next();
        self.touch_where(|key| key.topic == topic);
    }

    fn touch_where(&self, is_meant: impl Fn(&Key) -> bool) {
        let keys: Vec<Key> = {
            let state = self.lock();
            state.topics.keys().copied().filter(is_meant).collect()
        };
        keys.into_iter().for_each(|key| self.touch(key));
    }

    /// Watches topics, the first 64. What has changed since the mark counts as changed; without a
    /// mark all of them.
    pub(super) fn watch(self: &Arc<Self>, keys: Vec<Key>, since: Option<Mark>) -> Watch {
        let watcher = Arc::new(Watcher::default());
        let known_until = since.map(|mark| self.clock.known_until(mark));
        let mut state = self.lock();
        let id = state.next_watcher;
        state.next_watcher += 1;
        let (everything, forgotten) = (state.everything, state.forgotten);
        let mut missed = 0;
        for (bit, key) in (0_u32..).zip(keys.iter().take(MOST_TOPICS)) {
            let topic = state.topics.entry(*key).or_default();
            topic.watchers.insert(id, (Arc::clone(&watcher), bit));
            let mut changed = topic.changed.max(everything);
            if key.user.is_some() {
                changed = changed.max(forgotten);
            }
            if known_until.is_none_or(|known| changed > known) {
                missed |= 1 << bit;
            }
        }
        drop(state);
        watcher.changed.fetch_or(missed, Ordering::AcqRel);
        Watch {
            hub: Arc::clone(self),
            id,
            keys,
            watcher,
        }
    }

    /// Tells what is due, until it is dropped.
    pub(super) async fn keep_telling(&self) {
        loop {
            let next = self.tell_due(Instant::now());
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

    /// Tells what is due by now; gives when something is next.
    fn tell_due(&self, now: Instant) -> Option<Instant> {
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

    /// A panic elsewhere cannot leave what is locked half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic {
    fn tell(&mut self, clock: &Clock, now: Instant) {
        self.told = Some(now);
        // Also of a change that was noted long before: who comes again meanwhile has not heard of it.
        self.changed = clock.next();
        for (watcher, bit) in self.watchers.values() {
            watcher.changed.fetch_or(1 << bit, Ordering::AcqRel);
            watcher.wake.notify_one();
        }
    }
}

/// Somebody who watches topics; he stops when it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    hub: Arc<Hub>,
    id: u64,
    keys: Vec<Key>,
    watcher: Arc<Watcher>,
}

impl Watch {
    /// What he watches.
    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The topics that have changed since they were taken last, as bits in the order of the keys,
    /// and up to when whoever is told of them knows everything.
    pub(super) fn take(&self) -> (u64, Mark) {
        // First: what changes from here on comes after the mark.
        let mark = self.hub.clock.mark();
        (self.watcher.changed.swap(0, Ordering::AcqRel), mark)
    }

    /// Keeps for later what could not be told.
    pub(super) fn put_back(&self, bits: u64) {
        self.watcher.changed.fetch_or(bits, Ordering::AcqRel);
    }

    /// Waits for a change. May return without one.
    pub(super) async fn changed(&self) {
        if self.watcher.changed.load(Ordering::Acquire) == 0 {
            self.watcher.wake.notified().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        for key in &self.keys {
            if let Some(topic) = state.topics.get_mut(key) {
                topic.watchers.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const USERS: Key = Key {
        topic: 0,
        user: None,
    };
    const TASKS: Key = Key {
        topic: 1,
        user: None,
    };

    fn of(user: Uuid) -> Key {
        Key {
            topic: 2,
            user: Some(user),
        }
    }

    fn bits(watch: &Watch) -> u64 {
        watch.take().0
    }

    #[tokio::test]
    async fn a_change_is_told_at_once_and_a_burst_once_more_at_its_end() {
        let hub = Arc::new(Hub::new());
        let watch = hub.watch(vec![TASKS, USERS], Some(hub.mark()));
        assert_eq!(bits(&watch), 0);
        let now = Instant::now();
        hub.touch_at(USERS, now);
        watch.changed().await;
        assert_eq!(bits(&watch), 0b10);
        for _ in 0..1000 {
            hub.touch_at(USERS, now + WINDOW / 2);
        }
        assert_eq!(bits(&watch), 0, "not again so soon");
        assert_eq!(hub.tell_due(now + WINDOW / 2), Some(now + WINDOW));
        assert_eq!(bits(&watch), 0);
        assert_eq!(hub.tell_due(now + WINDOW), None, "and only once");
        watch.changed().await;
        assert_eq!(bits(&watch), 0b10, "but the last change is told");
        hub.touch_at(USERS, now + 3 * WINDOW);
        assert_eq!(bits(&watch), 0b10, "after a rest again at once");
    }

    #[tokio::test]
    async fn what_is_due_is_told_by_itself() {
        let hub = Arc::new(Hub::new());
        let telling = tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.keep_telling().await }
        });
        let watch = hub.watch(vec![USERS], Some(hub.mark()));
        for _ in 0..2 {
            hub.touch(USERS);
            while bits(&watch) == 0 {
                watch.changed().await;
            }
        }
        telling.abort();
    }

    #[test]
    fn only_who_watches_a_topic_is_told() {
        let hub = Arc::new(Hub::new());
        let (ann, eve) = (Uuid::new_v4(), Uuid::new_v4());
        let now = Some(hub.mark());
        let [anns, eves] = [ann, eve].map(|user| hub.watch(vec![of(user)], now));
        hub.touch(of(ann));
        hub.touch(TASKS);
        assert_eq!((bits(&anns), bits(&eves)), (1, 0));
        drop((anns, eves));
        let state = hub.lock();
        assert!(state.topics.values().all(|topic| topic.watchers.is_empty()));
    }

    #[test]
    fn who_comes_again_hears_of_what_he_missed() {
        let hub = Arc::new(Hub::new());
        let keys = || vec![USERS, TASKS];
        hub.touch(TASKS);
        let mark = hub.mark();
        assert_eq!(bits(&hub.watch(keys(), Some(mark))), 0);
        hub.touch(USERS);
        assert_eq!(bits(&hub.watch(keys(), Some(mark))), 0b01);
        assert_eq!(bits(&hub.watch(keys(), None)), 0b11, "he knows nothing");
        let (_, mark) = hub.watch(keys(), Some(mark)).take();
        assert_eq!(bits(&hub.watch(keys(), Some(mark))), 0);
        hub.touch_all();
        assert_eq!(bits(&hub.watch(keys(), Some(mark))), 0b11);
    }

    #[test]
    fn a_mark_of_another_replica_counts_by_the_clock() {
        let before = Hub::new().mark();
        let hub = Arc::new(Hub::new());
        assert_eq!(
            bits(&hub.watch(vec![USERS], Some(before))),
            1,
            "this one did not hear of what was before it"
        );
        hub.lock().everything -= 60_000_000;
        let other = Hub::new();
        assert_eq!(bits(&hub.watch(vec![USERS], Some(other.mark()))), 0);
        hub.touch(USERS);
        assert_eq!(
            bits(&hub.watch(vec![USERS], Some(other.mark()))),
            1,
            "too close to be sure"
        );
    }

    #[test]
    fn a_change_that_waits_to_be_told_is_not_lost_to_who_comes_again() {
        let hub = Arc::new(Hub::new());
        let watch = hub.watch(vec![USERS], Some(hub.mark()));
        let now = Instant::now();
        hub.touch_at(USERS, now);
        hub.touch_at(USERS, now);
        let (_, mark) = watch.take();
        drop(watch);
        assert_eq!(hub.tell_due(now + WINDOW), None);
        assert_eq!(bits(&hub.watch(vec![USERS], Some(mark))), 1);
    }

    #[test]
    fn what_concerns_every_user_is_told_to_each() {
        let hub = Arc::new(Hub::new());
        let (ann, eve) = (Uuid::new_v4(), Uuid::new_v4());
        let mark = hub.mark();
        let anns = hub.watch(vec![USERS, of(ann)], Some(mark));
        hub.touch_everyones(2);
        assert_eq!(bits(&anns), 0b10);
        let eves = hub.watch(vec![USERS, of(eve)], Some(mark));
        assert_eq!(bits(&eves), 0b10, "who comes later too");
    }

    #[test]
    fn lost_hints_tell_everybody_everything() {
        let hub = Arc::new(Hub::new());
        let ann = Uuid::new_v4();
        let watch = hub.watch(vec![USERS, of(ann)], Some(hub.mark()));
        hub.touch_all();
        assert_eq!(bits(&watch), 0b11);
    }

    #[test]
    fn the_topics_of_users_do_not_pile_up() {
        let hub = Arc::new(Hub::new());
        let ann = Uuid::new_v4();
        hub.touch(USERS);
        let mark = hub.mark();
        hub.touch(of(ann));
        for _ in 0..2 * KEPT {
            hub.touch(of(Uuid::new_v4()));
        }
        assert!(hub.lock().topics.len() <= KEPT + 1);
        let watch = hub.watch(vec![USERS, of(ann)], Some(mark));
        assert_eq!(bits(&watch), 0b10, "what was forgotten counts as changed");
    }
}
