//! The handle through which code says what has changed.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::hub::Hub;
use super::places::{Holder, Place, Places};
use super::topics::{Key, NOTIFICATIONS, OWN_TASKS, TASKS, Topics, USERS};
use crate::config::Config;
use crate::error::Error;
use crate::store::{Dialect, Notification, Store, Transaction};

/// The shortest time between two notifications of other replicas.
const SEND_INTERVAL: Duration = Duration::from_millis(50);
/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);
/// What streams get to say in that they end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Tells every page that is open, in every replica, that something has changed. Cheap to clone; an
/// extractor and an argument of tasks through `Data<Live>`.
///
/// A topic is declared with who may hear of it ([`PortalBuilder::topic`](crate::PortalBuilder::topic)).
/// A page shows it in a [region](super::region), which is drawn anew when it changes.
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
///     live.changed("orders");
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
    pub(super) hub: Arc<Hub>,
    pub(super) places: Places,
    /// The streams that are open.
    pub(super) open: TaskTracker,
    pub(super) is_dev: bool,
    /// What other replicas have not been told of yet; there are none with SQLite.
    unsent: Mutex<HashSet<Key>>,
    send: Notify,
}

impl Live {
    /// Reserves one of the streams that a user may have open: `429 too_many_streams` if none is left.
    pub(crate) fn take_place(&self, user: Uuid) -> Result<Place, Error> {
        self.0.places.take(Holder::User(user))
    }

    pub(crate) fn new(store: Store, topics: Topics, config: &Config) -> Self {
        Self(Arc::new(Inner {
            store,
            topics,
            hub: Arc::new(Hub::new()),
            places: Places::new(config),
            open: TaskTracker::new(),
            is_dev: config.is_dev(),
            unsent: Mutex::default(),
            send: Notify::new(),
        }))
    }

    /// Something of a topic has changed, and has been stored.
    ///
    /// It never fails and never waits: pages hear of it a few times a second at most, of the last
    /// change in any case. A topic that is not declared is nobody's, which is logged.
    pub fn changed(&self, topic: &str) {
        if let Some(key) = self.key(topic, None) {
            self.tell(key);
        }
    }

    /// Something of a topic has changed that each user has for himself
    /// ([`PortalBuilder::personal_topic`](crate::PortalBuilder::personal_topic)): only his pages
    /// hear of it.
    pub fn changed_for(&self, user: Uuid, topic: &str) {
        if let Some(key) = self.key(topic, Some(user)) {
            self.tell(key);
        }
    }

    /// Like [`changed`](Self::changed), told exactly if a transaction is committed, whatever
    /// becomes of this process afterwards.
    ///
    /// ```
    /// # use portal_core::{live::Live, prelude::*, store::{Store, StoreError}};
    /// async fn add_order(store: &Store, live: &Live) -> Result<(), StoreError> {
    ///     let mut transaction = store.begin().await?;
    ///     // Store the order.
    ///     live.changed_in(&mut transaction, "orders");
    ///     transaction.commit().await
    /// }
    /// ```
    pub fn changed_in(&self, transaction: &mut Transaction, topic: &str) {
        if let Some(key) = self.key(topic, None) {
            self.tell_in(transaction, key);
        }
    }

    /// Like [`changed_for`](Self::changed_for), with a transaction.
    pub fn changed_for_in(&self, transaction: &mut Transaction, user: Uuid, topic: &str) {
        if let Some(key) = self.key(topic, Some(user)) {
            self.tell_in(transaction, key);
        }
    }

    /// A topic has changed of which the other replicas hear otherwise.
    pub(crate) fn changed_here(&self, topic: &str) {
        if let Some(key) = self.key(topic, None) {
            self.0.hub.touch(key);
        }
    }

    /// The same for what each user has for himself: of one, or of everybody.
    pub(crate) fn changed_here_for(&self, user: Option<Uuid>, topic: &str) {
        let found = self.0.topics.find(topic);
        match (found, user) {
            (Some(topic), Some(_)) => self.0.hub.touch(Key { topic, user }),
            (Some(topic), None) => self.0.hub.touch_everyones(topic),
            (None, _) => {}
        }
    }

    /// What a page says of when it was read: see [`PageSetup`](crate::pages::PageSetup).
    pub(crate) fn read_mark(&self) -> impl fmt::Display + Send + use<> {
        self.0.hub.mark()
    }

    /// Follows what is told in all replicas, and tells them, until the portal stops.
    pub(crate) async fn run(self, hints: Receiver<Notification>, stop: CancellationToken) {
        let work = async {
            tokio::join!(
                self.follow(hints),
                self.0.hub.keep_telling(),
                self.send_others()
            )
        };
        stop.run_until_cancelled(work).await;
        // The last changes of this process.
        let last = self.take_unsent();
        let _ = timeout(FAREWELL, self.0.store.notify_others(&last)).await;
    }

    /// Waits until every stream has said that it ends, or has had its time to.
    pub(crate) async fn closed(&self) {
        self.0.open.close();
        let _ = timeout(FAREWELL, self.0.open.wait()).await;
    }

    fn key(&self, name: &str, user: Option<Uuid>) -> Option<Key> {
        let found = self.0.topics.find(name);
        let declared = found.and_then(|topic| self.0.topics.get(topic));
        match (found, declared) {
            (Some(topic), Some(declared)) if declared.personal == user.is_some() => {
                Some(Key { topic, user })
            }
            (Some(_), _) => {
                tracing::error!(
                    topic = name,
                    "a change was told to everybody that is one user's, or the other way round"
                );
                None
            }
            (None, _) => {
                tracing::error!(
                    topic = name,
                    "a topic has changed that is not declared: nobody hears of it. Declare it with `.topic(\"{name}\", ..)`"
                );
                None
            }
        }
    }

    fn tell(&self, key: Key) {
        self.0.hub.touch(key);
        if self.0.store.dialect() == Dialect::Postgres {
            self.unsent().insert(key);
            self.0.send.notify_one();
        }
    }

    fn tell_in(&self, transaction: &mut Transaction, key: Key) {
        let topic = self.0.topics.wire_name(key);
        transaction.notify(Notification::TopicChanged { topic });
    }

    async fn send_others(&self) {
        loop {
            self.0.send.notified().await;
            let notifications = self.take_unsent();
            let pause = match self.0.store.notify_others(&notifications).await {
                Ok(()) => SEND_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "other replicas could not be told which topics have changed");
                    let keys = notifications.iter().filter_map(|it| self.key_of(it));
                    self.unsent().extend(keys);
                    self.0.send.notify_one();
                    RETRY
                }
            };
            sleep(pause).await;
        }
    }

    fn take_unsent(&self) -> Vec<Notification> {
        let keys = std::mem::take(&mut *self.unsent());
        let topics = keys.into_iter().map(|key| self.0.topics.wire_name(key));
        topics
            .map(|topic| Notification::TopicChanged { topic })
            .collect()
    }

    fn unsent(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.0.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(&self, mut hints: Receiver<Notification>) {
        loop {
            match hints.recv().await {
                Ok(Notification::Lagged) | Err(RecvError::Lagged(_)) => self.0.hub.touch_all(),
                Ok(Notification::NotificationsChanged { user_id: None }) => {
                    if let Some(topic) = self.0.topics.find(NOTIFICATIONS) {
                        self.0.hub.touch_everyones(topic);
                    }
                }
                Ok(hint) => {
                    if let Some(key) = self.key_of(&hint) {
                        self.0.hub.touch(key);
                    }
                    self.touch_own_tasks(&hint);
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Notes whose own tasks have changed: those of some users, or, after a change of many tasks
    /// at once, anyone's.
    fn touch_own_tasks(&self, hint: &Notification) {
        match hint {
            Notification::TasksChanged { owners, .. } => {
                for owner in &owners.0 {
                    self.changed_here_for(Some(*owner), OWN_TASKS);
                }
            }
            Notification::TopicChanged { topic } if topic == TASKS => {
                self.changed_here_for(None, OWN_TASKS);
            }
            _ => {}
        }
    }

    /// The topic that a hint is about.
    fn key_of(&self, hint: &Notification) -> Option<Key> {
        let topic = match hint {
            Notification::TopicChanged { topic } => topic,
            Notification::User { .. } => USERS,
            Notification::TasksChanged { .. } | Notification::SchedulesChanged => TASKS,
            Notification::NotificationsChanged { user_id } => {
                let topic = self.0.topics.find(NOTIFICATIONS)?;
                return user_id.map(|user| Key {
                    topic,
                    user: Some(user),
                });
            }
            _ => return None,
        };
        self.0.topics.read_wire_name(topic)
    }
}
