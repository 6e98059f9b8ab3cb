//! What an identity provider may do to the portal's users.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde_json::json;

use super::admin_emails::{self, AdminEmails};
use super::audit::{Actor, AuditLog};
use super::identity::Profile;
use super::records::{self, Outcome};
use super::sessions;
use super::users::TABLE as USERS;
use crate::error::Result;
use crate::store::{Notification, Store, Transaction, now};

const EVENTS: &str = "portal_provider_events";
/// How long a message is remembered, in days; providers try for less than two.
const REMEMBERED: i64 = 30;

/// Something that has happened at the identity provider.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum DirectoryChange<'a> {
    /// A user is there, and this is his record. Older records than one that has been taken over
    /// have no effect, nor has one of a user who was deleted.
    User {
        /// The provider's id.
        subject: &'a str,
        /// His record.
        profile: &'a Profile,
    },
    /// A user has been deleted: his row loses everything personal, his sessions end, and he is
    /// never created again.
    UserDeleted {
        /// The provider's id.
        subject: &'a str,
    },
    /// A session has ended, whether the portal has seen it or not.
    SessionEnded {
        /// The provider's id.
        session_id: &'a str,
    },
}

/// What a change has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// A user is new.
    Created,
    /// A user is another now.
    Updated,
    /// A user is gone.
    Deleted,
    /// A session is over.
    Ended,
    /// Something newer had been taken over before.
    Unchanged,
    /// This very message had been taken over before.
    Repeated,
}

/// What [`AuthProvider::sync`](super::AuthProvider::sync) has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncReport {
    /// How many users the provider has.
    pub found: u64,
    /// How many of them were new here.
    pub created: u64,
    /// How many were out of date here.
    pub updated: u64,
    /// How many are banned.
    pub banned: u64,
    /// How many users of the portal the provider has no more.
    pub deleted: u64,
}

impl SyncReport {
    /// Counts what has become of one user.
    pub fn count(&mut self, applied: Applied) {
        match applied {
            Applied::Created => self.created += 1,
            Applied::Updated => self.updated += 1,
            Applied::Deleted => self.deleted += 1,
            Applied::Ended | Applied::Unchanged | Applied::Repeated => {}
        }
    }
}

/// Hears of a change before the one who has caused it is answered.
type Listener = Box<dyn Fn(&Notification) + Send + Sync>;

/// The users and sessions of a portal, for its identity provider.
///
/// A provider gets one with [`AuthSetup`](super::AuthSetup). Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    admin_emails: AdminEmails,
    listener: Arc<OnceLock<Listener>>,
}

impl Directory {
    pub(crate) fn new(store: Store, admin_emails: AdminEmails) -> Self {
        Self {
            store,
            admin_emails,
            listener: Arc::default(),
        }
    }

    /// Has the caches of this process hear of every change at once.
    pub(crate) fn listen(&self, listener: impl Fn(&Notification) + Send + Sync + 'static) {
        // There is one portal to a directory; a second would not get here.
        let _ = self.listener.set(Box::new(listener));
    }

    /// Takes a change over in one transaction, together with the id of the message that told of
    /// it: a message that comes again has no effect. When it returns, this process has forgotten
    /// what it had cached, and the other replicas have been told.
    pub async fn apply(
        &self,
        message_id: Option<&str>,
        change: DirectoryChange<'_>,
    ) -> Result<Applied> {
        let mut transaction = self.store.begin().await?;
        if let Some(id) = message_id
            && !remember(&mut transaction, id).await?
        {
            return Ok(Applied::Repeated);
        }
        let mut role_changed = false;
        let (applied, notification) = match change {
            DirectoryChange::User { subject, profile } => {
                admin_emails::lock_if_admin(&mut transaction, subject).await?;
                let outcome = records::upsert(&mut transaction, subject, profile).await?;
                // Another address, or one that is no longer verified.
                if let Outcome::Created(id) | Outcome::Updated { id, .. } = outcome {
                    role_changed = self.admin_emails.apply_to(&mut transaction, id).await?;
                }
                settle(&mut transaction, outcome, profile.banned).await?
            }
            DirectoryChange::UserDeleted { subject } => {
                let outcome = records::bury(&mut transaction, subject).await?;
                settle(&mut transaction, outcome, false).await?
            }
            DirectoryChange::SessionEnded { session_id } => {
                sessions::end_in(&mut transaction, session_id).await?;
                let id = session_id.to_owned();
                (Applied::Ended, Some(Notification::SessionEnded { id }))
            }
        };
        // With the change itself, so that it is told also if nobody waits for what comes after.
        if let Some(notification) = &notification {
            transaction.notify(notification.clone());
        }
        transaction.commit().await?;
        if let Some(notification) = notification {
            if let Some(listener) = self.listener.get() {
                listener(&notification);
            }
            self.store.notify(notification).await;
        }
        if role_changed {
            self.admin_emails.take_back_kept(&self.store).await;
        }
        if message_id.is_some() {
            self.forget_old_messages().await;
        }
        Ok(applied)
    }

    /// The provider's ids of all users who have not been deleted.
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

    async fn forget_old_messages(&self) {
        let old: DateTime<Utc> = now() - TimeDelta::days(REMEMBERED);
        let delete = Query::delete()
            .from_table(EVENTS)
            .and_where(Expr::col("received_at").lt(old))
            .take();
        if let Err(error) = self.store.execute(&delete).await {
            tracing::warn!(%error, "old messages of the identity provider could not be removed");
        }
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Directory")
    }
}

/// Writes a message down; `false` if that has been done before.
async fn remember(transaction: &mut Transaction, id: &str) -> Result<bool> {
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

/// Does what follows from a user's new record: the audit log, the end of his sessions.
async fn settle(
    transaction: &mut Transaction,
    outcome: Outcome,
    banned: bool,
) -> Result<(Applied, Option<Notification>)> {
    let (applied, id, ban) = match outcome {
        Outcome::Unchanged => return Ok((Applied::Unchanged, None)),
        Outcome::Created(id) => (Applied::Created, id, banned.then_some(true)),
        Outcome::Updated { id, ban } => (Applied::Updated, id, ban),
        Outcome::Deleted(id) => (Applied::Deleted, id, None),
    };
    let action = match (applied, ban) {
        (Applied::Deleted, _) => Some("user.delete"),
        (_, Some(true)) => Some("user.ban"),
        (_, Some(false)) => Some("user.unban"),
        (_, None) => None,
    };
    if applied == Applied::Deleted {
        sessions::end_all_in(transaction, id).await?;
    }
    if let Some(action) = action {
        let target = format!("user:{id}");
        let actor = Actor::program("identity provider");
        AuditLog::record_in(transaction, actor, action, &target, json!({})).await?;
    }
    Ok((applied, Some(Notification::User { id })))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn this_process_knows_before_the_provider_is_answered() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("portal.db");
        let store = Store::connect(&format!("sqlite://{}", path.display()))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let heard: Arc<Mutex<Vec<Notification>>> = Arc::default();
        let directory = Directory::new(store.clone(), AdminEmails::default());
        let listener = Arc::clone(&heard);
        directory.listen(move |notification| listener.lock().unwrap().push(notification.clone()));
        let heard = || std::mem::take(&mut *heard.lock().unwrap());
        let mut hints = store.notifications();

        let profile = Profile {
            updated_at: 5,
            ..Profile::default()
        };
        let ann = DirectoryChange::User {
            subject: "user_ann",
            profile: &profile,
        };
        assert_eq!(directory.apply(None, ann).await.unwrap(), Applied::Created);
        let [Notification::User { id }] = heard()[..] else {
            panic!("one user has changed")
        };
        assert_eq!(hints.try_recv().unwrap(), Notification::User { id });
        assert_eq!(
            directory.apply(None, ann).await.unwrap(),
            Applied::Unchanged
        );
        assert_eq!(heard(), []);

        let id = "sess_1".to_owned();
        let ended = DirectoryChange::SessionEnded { session_id: &id };
        assert_eq!(directory.apply(None, ended).await.unwrap(), Applied::Ended);
        assert_eq!(heard(), [Notification::SessionEnded { id: id.clone() }]);
        assert_eq!(directory.subjects().await.unwrap(), ["user_ann"]);
    }
}
