//! Handle for reporting changes to topics.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::hub::TopicHub;
use super::stream_limit::{StreamLimiter, StreamOwner, StreamPermit};
use super::topics::{NOTIFICATIONS, OWN_TASKS, TASKS, TopicKey, Topics, USERS};
use crate::config::Config;
use crate::error::Error;
use crate::store::{ClusterEvent, Dialect, Store, Transaction};

/// Minimum interval at which cluster events are sent to other replicas.
const SEND_INTERVAL: Duration = Duration::from_millis(50);
/// Delay before the next attempt if the database is unreachable.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Time limit for streams to send their last event.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Notifies all open pages, on all replicas, that something has changed. Cheap to clone.
///
/// Handlers and tasks extract it as `Data<Live>`. A topic is declared with its access rule
/// ([`PortalBuilder::topic`](crate::PortalBuilder::topic)). A page shows a topic in a
/// [region](super::region), which is re-rendered when the topic changes.
///
/// ```
/// use portal_core::live::{self, Live};
/// use portal_core::prelude::*;
///
/// /// Orders
/// #[page("/orders", requires_auth)]
/// async fn orders() -> Markup {
///     live::region("orders", html! { p { "3 orders" } })
/// }
///
/// async fn add_order(live: Data<Live>) {
///     // The order has been stored.
///     live.notify("orders");
/// }
///
/// let portal = Portal::builder().page(orders).topic("orders", Access::User);
/// # let _ = (portal, add_order);
/// ```
#[derive(Debug, Clone)]
pub struct Live(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) topics: Topics,
    pub(super) hub: Arc<TopicHub>,
    pub(super) places: StreamLimiter,
    /// Open streams.
    pub(super) open: TaskTracker,
    pub(super) is_dev: bool,
    /// Changes not yet published to other replicas; always empty with SQLite.
    unsent: Mutex<HashSet<TopicKey>>,
    send: Notify,
}

impl Live {
    /// Acquires a permit for a user's stream; fails with `429 too_many_streams` if the limit is
    /// reached.
    pub(crate) fn take_place(&self, user: Uuid) -> Result<StreamPermit, Error> {
        self.0.places.acquire(StreamOwner::User(user))
    }

    pub(crate) fn new(store: Store, topics: Topics, config: &Config) -> Self {
        Self(Arc::new(Inner {
            store,
            topics,
            hub: Arc::new(TopicHub::new()),
            places: StreamLimiter::new(config),
            open: TaskTracker::new(),
            is_dev: config.is_dev(),
            unsent: Mutex::default(),
            send: Notify::new(),
        }))
    }

    /// Reports a change to a topic. Store the change first.
    ///
    /// This method never fails and never waits. Pages are notified at most a few times per second,
    /// and always of the last change. An undeclared topic has no subscribers; reporting a change to
    /// it logs an error.
    pub fn notify(&self, topic: &str) {
        if let Some(key) = self.key(topic, None) {
            self.notify_key(key);
        }
    }

    /// Reports a change to a user's personal topic; only that user's pages are notified.
    ///
    /// See [`PortalBuilder::personal_topic`](crate::PortalBuilder::personal_topic).
    pub fn notify_user(&self, user: Uuid, topic: &str) {
        if let Some(key) = self.key(topic, Some(user)) {
            self.notify_key(key);
        }
    }

    /// Like [`notify`](Self::notify), within a transaction.
    ///
    /// Pages are notified if and only if the transaction commits, even if this process dies
    /// afterwards.
    ///
    /// ```
    /// # use portal_core::{live::Live, prelude::*, store::{Store, StoreError}};
    /// async fn add_order(store: &Store, live: &Live) -> Result<(), StoreError> {
    ///     let mut transaction = store.begin().await?;
    ///     // Store the order.
    ///     live.notify_in(&mut transaction, "orders");
    ///     transaction.commit().await
    /// }
    /// ```
    pub fn notify_in(&self, transaction: &mut Transaction, topic: &str) {
        if let Some(key) = self.key(topic, None) {
            self.publish_in(transaction, key);
        }
    }

    /// Like [`notify_user`](Self::notify_user), within a transaction.
    pub fn notify_user_in(&self, transaction: &mut Transaction, user: Uuid, topic: &str) {
        if let Some(key) = self.key(topic, Some(user)) {
            self.publish_in(transaction, key);
        }
    }

    /// Reports a change within this process only, for topics whose changes reach other replicas
    /// through other events.
    pub(crate) fn notify_local(&self, topic: &str) {
        if let Some(key) = self.key(topic, None) {
            self.0.hub.mark_changed(key);
        }
    }

    /// Like [`notify_local`](Self::notify_local), for the personal topic of one user or all users.
    pub(crate) fn notify_local_user(&self, user: Option<Uuid>, topic: &str) {
        let found = self.0.topics.find(topic);
        match (found, user) {
            (Some(topic), Some(_)) => self.0.hub.mark_changed(TopicKey { topic, user }),
            (Some(topic), None) => self.0.hub.mark_changed_for_all_users(topic),
            (None, _) => {}
        }
    }

    /// Returns the cursor for a page that is being rendered; see [`PageRenderer`](crate::pages::PageRenderer).
    pub(crate) fn cursor(&self) -> impl fmt::Display + Send + use<> {
        self.0.hub.mark()
    }

    /// Forwards events from all replicas, and publishes this process's changes to them, until the
    /// portal stops.
    pub(crate) async fn run(self, events: Receiver<ClusterEvent>, stop: CancellationToken) {
        let work = async {
            tokio::join!(
                self.follow(events),
                self.0.hub.run_flusher(),
                self.run_publisher()
            )
        };
        stop.run_until_cancelled(work).await;
        // The last changes of this process have not been published yet.
        let last = self.drain_outbox();
        let _ = timeout(CLOSE_TIMEOUT, self.0.store.publish_remote(&last)).await;
    }

    /// Waits until all streams have sent their last event, with a time limit.
    pub(crate) async fn closed(&self) {
        self.0.open.close();
        let _ = timeout(CLOSE_TIMEOUT, self.0.open.wait()).await;
    }

    fn key(&self, name: &str, user: Option<Uuid>) -> Option<TopicKey> {
        let found = self.0.topics.find(name);
        let declared = found.and_then(|topic| self.0.topics.get(topic));
        match (found, declared) {
            (Some(topic), Some(declared)) if declared.personal == user.is_some() => {
                Some(TopicKey { topic, user })
            }
            (Some(_), _) => {
                tracing::error!(
                    topic = name,
                    "a personal topic was notified without a user, or a shared topic with one"
                );
                None
            }
            (None, _) => {
                tracing::error!(
                    topic = name,
                    "an undeclared topic was notified and has no subscribers; declare it with `.topic(\"{name}\", ..)`"
                );
                None
            }
        }
    }

    fn notify_key(&self, key: TopicKey) {
        self.0.hub.mark_changed(key);
        if self.0.store.dialect() == Dialect::Postgres {
            self.outbox().insert(key);
            self.0.send.notify_one();
        }
    }

    fn publish_in(&self, transaction: &mut Transaction, key: TopicKey) {
        let topic = self.0.topics.wire_name(key);
        transaction.publish(ClusterEvent::TopicChanged { topic });
    }

    async fn run_publisher(&self) {
        loop {
            self.0.send.notified().await;
            let notifications = self.drain_outbox();
            let pause = match self.0.store.publish_remote(&notifications).await {
                Ok(()) => SEND_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "failed to publish topic changes to other replicas");
                    let keys = notifications.iter().filter_map(|it| self.key_of(it));
                    self.outbox().extend(keys);
                    self.0.send.notify_one();
                    RETRY_DELAY
                }
            };
            sleep(pause).await;
        }
    }

    fn drain_outbox(&self) -> Vec<ClusterEvent> {
        let keys = std::mem::take(&mut *self.outbox());
        let topics = keys.into_iter().map(|key| self.0.topics.wire_name(key));
        topics
            .map(|topic| ClusterEvent::TopicChanged { topic })
            .collect()
    }

    fn outbox(&self) -> parking_lot::MutexGuard<'_, HashSet<TopicKey>> {
        self.0.unsent.lock()
    }

    async fn follow(&self, mut events: Receiver<ClusterEvent>) {
        loop {
            match events.recv().await {
                Ok(ClusterEvent::Lagged) | Err(RecvError::Lagged(_)) => {
                    self.0.hub.mark_all_changed()
                }
                Ok(ClusterEvent::NotificationsChanged { user_id: None }) => {
                    if let Some(topic) = self.0.topics.find(NOTIFICATIONS) {
                        self.0.hub.mark_changed_for_all_users(topic);
                    }
                }
                Ok(event) => {
                    if let Some(key) = self.key_of(&event) {
                        self.0.hub.mark_changed(key);
                    }
                    self.touch_own_tasks(&event);
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Records that users' own tasks have changed: those of the affected users or, after a change
    /// to many tasks, those of all users.
    fn touch_own_tasks(&self, event: &ClusterEvent) {
        match event {
            ClusterEvent::TasksChanged { owners, .. } => {
                for owner in &owners.0 {
                    self.notify_local_user(Some(*owner), OWN_TASKS);
                }
            }
            ClusterEvent::TopicChanged { topic } if topic == TASKS => {
                self.notify_local_user(None, OWN_TASKS);
            }
            _ => {}
        }
    }

    /// Returns the key of the topic affected by an event, if any.
    fn key_of(&self, event: &ClusterEvent) -> Option<TopicKey> {
        let topic = match event {
            ClusterEvent::TopicChanged { topic } => topic,
            ClusterEvent::User { .. } => USERS,
            ClusterEvent::TasksChanged { .. } | ClusterEvent::SchedulesChanged => TASKS,
            ClusterEvent::NotificationsChanged { user_id } => {
                let topic = self.0.topics.find(NOTIFICATIONS)?;
                return user_id.map(|user| TopicKey {
                    topic,
                    user: Some(user),
                });
            }
            _ => return None,
        };
        self.0.topics.read_wire_name(topic)
    }
}
