//! User directory: applies events from the identity provider to the portal's users.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde_json::json;

use super::admin_emails::{self, AdminEmails};
use super::audit::{Actor, AuditLog};
use super::identity::Profile;
use super::sessions;
use super::user_records::{self, WriteOutcome};
use super::users::TABLE as USERS;
use crate::error::Result;
use crate::store::{ClusterEvent, Store, Transaction, now};

const EVENTS: &str = "portal_provider_events";
/// Retention period of processed event ids, in days; providers retry for less than two days.
const EVENT_RETENTION_DAYS: i64 = 30;

/// An event reported by the identity provider.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ProviderEvent<'a> {
    /// A user's current record.
    ///
    /// The event has no effect if a newer record was applied or the user was deleted.
    User {
        /// Id of the user at the provider.
        subject: &'a str,
        /// The user's record.
        profile: &'a Profile,
    },
    /// A user was deleted.
    ///
    /// All personal data is removed from the row, the sessions end, and the user is never created
    /// again.
    UserDeleted {
        /// Id of the user at the provider.
        subject: &'a str,
    },
    /// A session has ended; the portal may never have stored it.
    SessionEnded {
        /// Id of the session at the provider.
        session_id: &'a str,
    },
}

/// Effect of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The user was created.
    Created,
    /// The user was updated.
    Updated,
    /// The user was deleted.
    Deleted,
    /// The session was ended.
    Ended,
    /// The event is not newer than the stored state.
    Unchanged,
    /// The event was already applied.
    Duplicate,
}

/// Result of [`AuthProvider::sync_users`](super::AuthProvider::sync_users).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncReport {
    /// Number of users at the provider.
    pub found: u64,
    /// Number of users that were created in the portal.
    pub created: u64,
    /// Number of users that were updated in the portal.
    pub updated: u64,
    /// Number of banned users.
    pub banned: u64,
    /// Number of portal users who no longer exist at the provider.
    pub deleted: u64,
}

impl SyncReport {
    /// Records the effect on one user.
    pub fn record(&mut self, effect: Effect) {
        match effect {
            Effect::Created => self.created += 1,
            Effect::Updated => self.updated += 1,
            Effect::Deleted => self.deleted += 1,
            Effect::Ended | Effect::Unchanged | Effect::Duplicate => {}
        }
    }
}

/// Listener that is called with each change before the provider's event is acknowledged.
type EventListener = Box<dyn Fn(&ClusterEvent) + Send + Sync>;

/// A portal's users and sessions, for use by its identity provider.
///
/// A provider receives its directory in the [`ProviderContext`](super::ProviderContext). Cheap to
/// clone.
#[derive(Clone)]
pub struct UserDirectory {
    store: Store,
    admin_emails: AdminEmails,
    listener: Arc<OnceLock<EventListener>>,
}

impl UserDirectory {
    pub(crate) fn new(store: Store, admin_emails: AdminEmails) -> Self {
        Self {
            store,
            admin_emails,
            listener: Arc::default(),
        }
    }

    /// Registers a listener that invalidates the caches of this process immediately.
    pub(crate) fn listen(&self, listener: impl Fn(&ClusterEvent) + Send + Sync + 'static) {
        // A directory belongs to one portal, which registers its listener only once.
        let _ = self.listener.set(Box::new(listener));
    }

    /// Applies an event and records its id in one transaction.
    ///
    /// A repeated event has no effect. When this method returns, this process's caches have been
    /// invalidated and the other replicas notified.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn apply(
        &self,
        message_id: Option<&str>,
        event: ProviderEvent<'_>,
    ) -> Result<Effect> {
        let mut transaction = self.store.begin().await?;
        if let Some(id) = message_id
            && !record_event_id(&mut transaction, id).await?
        {
            return Ok(Effect::Duplicate);
        }
        let mut role_changed = false;
        let (applied, notification) = match event {
            ProviderEvent::User { subject, profile } => {
                admin_emails::lock_if_admin(&mut transaction, subject).await?;
                let outcome = user_records::upsert(&mut transaction, subject, profile).await?;
                // The e-mail address may have changed, or may no longer be verified.
                if let WriteOutcome::Created(id) | WriteOutcome::Updated { id, .. } = outcome {
                    role_changed = self.admin_emails.apply_to(&mut transaction, id).await?;
                }
                record_effects(&mut transaction, outcome, profile.banned).await?
            }
            ProviderEvent::UserDeleted { subject } => {
                let outcome = user_records::tombstone(&mut transaction, subject).await?;
                record_effects(&mut transaction, outcome, false).await?
            }
            ProviderEvent::SessionEnded { session_id } => {
                sessions::end_in(&mut transaction, session_id).await?;
                let id = session_id.to_owned();
                (Effect::Ended, Some(ClusterEvent::SessionEnded { id }))
            }
        };
        // The event is published as part of the transaction, so that it is sent even if the caller
        // stops waiting after the commit.
        if let Some(notification) = &notification {
            transaction.publish(notification.clone());
        }
        transaction.commit().await?;
        if let Some(notification) = notification {
            if let Some(listener) = self.listener.get() {
                listener(&notification);
            }
            self.store.publish(notification).await;
        }
        if role_changed {
            self.admin_emails.take_back_kept(&self.store).await;
        }
        if message_id.is_some() {
            self.prune_event_ids().await;
        }
        Ok(applied)
    }

    /// Returns the provider ids of all users that have not been deleted.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn subjects(&self) -> Result<Vec<String>> {
        let select = Query::select()
            .column("subject")
            .from(USERS)
            .and_where(Expr::col("deleted_at").is_null())
            .take();
        let rows = self.store.fetch_all(&select).await?;
        let subjects = rows.iter().map(|row| row.get("subject"));
        Ok(subjects.collect::<Result<_, _>>()?)
    }

    async fn prune_event_ids(&self) {
        let old: DateTime<Utc> = now() - TimeDelta::days(EVENT_RETENTION_DAYS);
        let delete = Query::delete()
            .from_table(EVENTS)
            .and_where(Expr::col("received_at").lt(old))
            .take();
        if let Err(error) = self.store.execute(&delete).await {
            tracing::warn!(%error, "failed to prune event ids of the identity provider");
        }
    }
}

impl std::fmt::Debug for UserDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserDirectory")
    }
}

/// Stores an event id; returns `false` if it was already stored.
async fn record_event_id(transaction: &mut Transaction, id: &str) -> Result<bool> {
    let inserted = transaction
        .execute(
            Query::insert()
                .into_table(EVENTS)
                .columns(["id", "received_at"])
                .values_panic([id.into(), now().into()])
                .on_conflict(OnConflict::column("id").do_nothing().to_owned()),
        )
        .await?;
    Ok(inserted > 0)
}

/// Records the effects of a user event: writes an audit entry and, after a deletion, ends the
/// user's sessions.
async fn record_effects(
    transaction: &mut Transaction,
    outcome: WriteOutcome,
    banned: bool,
) -> Result<(Effect, Option<ClusterEvent>)> {
    let (applied, id, ban) = match outcome {
        WriteOutcome::Unchanged => return Ok((Effect::Unchanged, None)),
        WriteOutcome::Created(id) => (Effect::Created, id, banned.then_some(true)),
        WriteOutcome::Updated { id, ban } => (Effect::Updated, id, ban),
        WriteOutcome::Deleted(id) => (Effect::Deleted, id, None),
    };
    let action = match (applied, ban) {
        (Effect::Deleted, _) => Some("user.delete"),
        (_, Some(true)) => Some("user.ban"),
        (_, Some(false)) => Some("user.unban"),
        (_, None) => None,
    };
    if applied == Effect::Deleted {
        sessions::end_all_in(transaction, id).await?;
    }
    if let Some(action) = action {
        let target = format!("user:{id}");
        let actor = Actor::program("identity provider");
        AuditLog::record_in(transaction, actor, action, &target, json!({})).await?;
    }
    Ok((applied, Some(ClusterEvent::User { id })))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn local_listener_is_notified_before_apply_returns() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("portal.db");
        let store = Store::connect(&format!("sqlite://{}", path.display()))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let published: Arc<Mutex<Vec<ClusterEvent>>> = Arc::default();
        let directory = UserDirectory::new(store.clone(), AdminEmails::default());
        let listener = Arc::clone(&published);
        directory.listen(move |notification| listener.lock().unwrap().push(notification.clone()));
        let published = || std::mem::take(&mut *published.lock().unwrap());
        let mut events = store.subscribe();

        let profile = Profile {
            updated_at: 5,
            ..Profile::default()
        };
        let ann = ProviderEvent::User {
            subject: "user_ann",
            profile: &profile,
        };
        assert_eq!(directory.apply(None, ann).await.unwrap(), Effect::Created);
        let [ClusterEvent::User { id }] = published()[..] else {
            panic!("expected one changed user")
        };
        assert_eq!(events.try_recv().unwrap(), ClusterEvent::User { id });
        assert_eq!(directory.apply(None, ann).await.unwrap(), Effect::Unchanged);
        assert_eq!(published(), []);

        let id = "sess_1".to_owned();
        let ended = ProviderEvent::SessionEnded { session_id: &id };
        assert_eq!(directory.apply(None, ended).await.unwrap(), Effect::Ended);
        assert_eq!(published(), [ClusterEvent::SessionEnded { id: id.clone() }]);
        assert_eq!(directory.subjects().await.unwrap(), ["user_ann"]);
    }
}
