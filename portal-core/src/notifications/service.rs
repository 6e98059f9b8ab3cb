//! Handle for sending and reading notifications.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::audience::Audience;
use super::cursor::Cursor;
use super::notification::Notification;
use super::record::NotificationRecord;
use super::table::{self, ListParams};
use super::unread_cache::UnreadCache;
use crate::auth::{Actor, AuditLog, Role};
use crate::error::{Error, FieldError, Result};
use crate::live::Live;
use crate::pages::{UnreadSource, UnreadSummary};
use crate::store::{ClusterEvent, Store, StoreError, Transaction};

/// Topic for regions that show a user's notifications.
const TOPIC: &str = "notifications";

/// Number of users above which a single cluster event for all users is sent instead of one event
/// per user.
const MAX_EVENTS: usize = 50;

/// Filter for listing a user's notifications, newest first.
#[derive(Debug, Clone, Default)]
pub struct NotificationFilter {
    /// Cursor at which the previous page ended.
    pub cursor: Option<String>,
    /// `true` if only unread notifications are listed.
    pub unread_only: bool,
    /// Maximum number of notifications; 0 means 50.
    pub limit: u64,
}

/// All users' notifications. Handlers and tasks extract the handle as `Data<Notifications>`.
///
/// ```
/// use portal_core::notifications::{Notification, Notifications};
/// use portal_core::prelude::*;
///
/// /// Builds a report
/// #[monitored_background_task(group = "reports")]
/// async fn build(_task: TaskContext, bell: Data<Notifications>) -> Result<(), TaskError> {
///     let ready = Notification::new("The monthly report is ready").link("/reports/2026-11");
///     bell.send_to_admins(&ready).await?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Notifications(Arc<NotificationsInner>);

struct NotificationsInner {
    store: Store,
    unread: UnreadCache,
    live: Live,
}

impl std::fmt::Debug for Notifications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notifications")
    }
}

impl Notifications {
    pub(crate) fn new(store: Store, live: Live) -> Self {
        Self(Arc::new(NotificationsInner {
            unread: UnreadCache::new(store.clone()),
            store,
            live,
        }))
    }

    /// Sends a notification to a user.
    ///
    /// # Errors
    ///
    /// Fails with `404 user_not_found` if the user does not exist, and with `422` if the
    /// notification is invalid, for example if it links to another site.
    pub async fn send(&self, user_id: Uuid, message: &Notification) -> Result<()> {
        match self.send_to(&Audience::User(user_id), message).await? {
            0 => Err(Error::not_found("the user does not exist").with_code("user_not_found")),
            _ => Ok(()),
        }
    }

    /// Sends a notification to an audience; returns the number of recipients.
    ///
    /// # Errors
    ///
    /// Fails with `422` if the notification is invalid.
    pub async fn send_to(&self, audience: &Audience, message: &Notification) -> Result<u64> {
        self.store_all(None, audience, message).await
    }

    /// Sends a notification to all administrators; returns the number of recipients.
    ///
    /// # Errors
    ///
    /// Same as [`send_to`](Self::send_to).
    pub async fn send_to_admins(&self, message: &Notification) -> Result<u64> {
        self.send_to(&Audience::Role(Role::Admin), message).await
    }

    /// Sends a notification to all users who may use the portal; returns the number of recipients.
    ///
    /// # Errors
    ///
    /// Same as [`send_to`](Self::send_to).
    pub async fn send_to_everyone(&self, message: &Notification) -> Result<u64> {
        self.send_to(&Audience::Everyone, message).await
    }

    /// Sends a notification on behalf of an actor, and records it in the audit log with its
    /// audience.
    ///
    /// # Errors
    ///
    /// Same as [`send_to`](Self::send_to).
    pub async fn send_by(
        &self,
        actor: impl Into<Actor> + Send,
        audience: &Audience,
        message: &Notification,
    ) -> Result<u64> {
        self.store_all(Some(actor.into()), audience, message).await
    }

    async fn store_all(
        &self,
        actor: Option<Actor>,
        audience: &Audience,
        message: &Notification,
    ) -> Result<u64> {
        let errors = message.validate();
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let mut transaction = self.0.store.begin().await?;
        let rows = transaction.fetch_all(&audience.select()).await?;
        let users: Vec<Uuid> = rows
            .iter()
            .map(|row| row.get("id"))
            .collect::<Result<_, _>>()?;
        if users.is_empty() {
            return Ok(0);
        }
        table::insert(&mut transaction, &users, message, 1).await?;
        if let Some(actor) = actor {
            let details = json!({
                "label": message.title,
                "text": message.text,
                "link": message.link,
                "reached": users.len(),
            });
            let target = target_of(audience);
            AuditLog::record_in(
                &mut transaction,
                actor,
                "notification.send",
                &target,
                details,
            )
            .await?;
        }
        for event in events_for(&users) {
            transaction.publish(event);
        }
        transaction.commit().await?;
        events_for(&users)
            .iter()
            .for_each(|event| self.apply(event));
        Ok(users.len() as u64)
    }

    /// Returns the number of users in an audience.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn count_recipients(&self, audience: &Audience) -> Result<u64> {
        let rows = self.0.store.fetch_all(&audience.select()).await?;
        Ok(rows.len() as u64)
    }

    /// Returns a user's notifications, newest first, and the cursor of the next page, if any.
    ///
    /// # Errors
    ///
    /// Fails if the cursor is invalid or the database is unavailable.
    pub async fn list(
        &self,
        user_id: Uuid,
        filter: &NotificationFilter,
    ) -> Result<(Vec<NotificationRecord>, Option<String>)> {
        let after = match filter.cursor.as_deref() {
            None => None,
            Some(text) => Some(text.parse::<Cursor>().map_err(|()| bad_cursor())?),
        };
        let limit = match filter.limit {
            0 => 50,
            limit => limit.min(200),
        };
        let listed = ListParams {
            after,
            unread_only: filter.unread_only,
            // One entry more than is shown is read, to detect whether another page exists.
            limit: limit + 1,
        };
        let mut items = table::list(&self.0.store, user_id, &listed).await?;
        let has_more = items.len() as u64 > limit;
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| Cursor::of(last).to_string());
        Ok((items, next))
    }

    /// Returns one of a user's notifications.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn get(&self, user_id: Uuid, id: Uuid) -> Result<Option<NotificationRecord>> {
        Ok(table::get(&self.0.store, user_id, id).await?)
    }

    /// Returns the number of notifications that a user has not read.
    ///
    /// The number is cached, so the method may be called often.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn count_unread(&self, user_id: Uuid) -> Result<u64> {
        Ok(self.0.unread.get(user_id).await?.count)
    }

    /// Marks one of a user's notifications as read.
    ///
    /// # Errors
    ///
    /// Fails with `404` if it does not exist or belongs to another user.
    pub async fn mark_read(&self, user_id: Uuid, id: Uuid) -> Result<()> {
        if table::mark_read(&self.0.store, user_id, Some(id)).await? > 0 {
            self.invalidate(&[user_id]).await;
            return Ok(());
        }
        self.get(user_id, id).await?.map(drop).ok_or_else(not_found)
    }

    /// Marks all of a user's notifications as read; returns the number of previously unread ones.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn mark_all_read(&self, user_id: Uuid) -> Result<u64> {
        let marked = table::mark_read(&self.0.store, user_id, None).await?;
        if marked > 0 {
            self.invalidate(&[user_id]).await;
        }
        Ok(marked)
    }

    /// Deletes one of a user's notifications.
    ///
    /// # Errors
    ///
    /// Fails with `404` if it does not exist or belongs to another user.
    pub async fn delete(&self, user_id: Uuid, id: Uuid) -> Result<()> {
        if !table::delete(&self.0.store, user_id, id).await? {
            return Err(not_found());
        }
        self.invalidate(&[user_id]).await;
        Ok(())
    }

    /// Invalidates this process's cache directly, and the other replicas' caches through a cluster
    /// event.
    async fn invalidate(&self, users: &[Uuid]) {
        for event in events_for(users) {
            self.apply(&event);
            self.0.store.publish(event).await;
        }
    }

    fn apply(&self, event: &ClusterEvent) {
        match event {
            ClusterEvent::NotificationsChanged { user_id } => self.0.unread.forget(*user_id),
            ClusterEvent::User { id } => self.0.unread.forget(Some(*id)),
            ClusterEvent::Lagged => self.0.unread.forget(None),
            _ => {}
        }
    }

    /// Processes the cluster events from all replicas until the future is dropped.
    pub(crate) async fn follow(&self, mut events: Receiver<ClusterEvent>) {
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => ClusterEvent::Lagged,
                Err(RecvError::Closed) => return,
            };
            self.apply(&event);
            // Pages are notified only after the invalidation, because they then request the value
            // from the cache.
            if let ClusterEvent::NotificationsChanged { user_id } = event {
                self.0.live.notify_local_user(user_id, TOPIC);
            }
        }
    }
}

impl UnreadSource for Notifications {
    fn is_fresh(&self, user_id: Uuid) -> bool {
        self.0.unread.fresh(user_id).is_some()
    }

    fn refresh(&self, user_id: Uuid) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if let Err(error) = self.0.unread.get(user_id).await {
                tracing::warn!(%error, "failed to count a user's unread notifications");
            }
        })
    }

    fn last_known(&self, user_id: Uuid) -> Option<Arc<UnreadSummary>> {
        self.0.unread.last_known(user_id)
    }
}

/// Stores notifications within a transaction and merges those for the same user and group. The
/// recipients are notified when the transaction commits.
pub(crate) async fn send_in(
    transaction: &mut Transaction,
    messages: impl IntoIterator<Item = (Uuid, Notification)>,
) -> Result<(), StoreError> {
    // The map is ordered by user, so that transactions that write for the same users do not
    // deadlock.
    let mut merged: BTreeMap<(Uuid, Option<String>, usize), (Notification, i32)> = BTreeMap::new();
    for (number, (user, message)) in messages.into_iter().enumerate() {
        let group = message.group.as_ref().map(|group| group.name.clone());
        let number = if group.is_some() { 0 } else { number };
        let entry = merged.entry((user, group, number));
        let entry = entry.or_insert_with(|| (message.clone(), 0));
        *entry = (message, entry.1 + 1);
    }
    let living = table::existing_users(transaction, merged.keys().map(|(user, ..)| *user)).await?;
    let mut recipients = Vec::new();
    for ((user, ..), (message, count)) in merged {
        if !living.contains(&user) {
            continue;
        }
        table::insert(transaction, &[user], &message, count).await?;
        recipients.push(user);
    }
    recipients.dedup();
    for event in events_for(&recipients) {
        transaction.publish(event);
    }
    Ok(())
}

fn events_for(users: &[Uuid]) -> Vec<ClusterEvent> {
    if users.len() > MAX_EVENTS {
        return vec![ClusterEvent::NotificationsChanged { user_id: None }];
    }
    let event = |user: &Uuid| ClusterEvent::NotificationsChanged {
        user_id: Some(*user),
    };
    users.iter().map(event).collect()
}

fn target_of(audience: &Audience) -> String {
    match audience {
        Audience::Everyone => "users:all".to_owned(),
        Audience::Role(role) => format!("role:{role}"),
        Audience::User(id) => format!("user:{id}"),
    }
}

fn bad_cursor() -> Error {
    Error::invalid(vec![FieldError::new(
        "/cursor",
        "invalid_value",
        "must be the `next_cursor` of the previous page",
    )])
}

pub(super) fn not_found() -> Error {
    Error::not_found("the notification does not exist").with_code("notification_not_found")
}
