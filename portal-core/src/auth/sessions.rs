//! Sessions that the portal has seen, each with the local user.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SelectStatement};
use uuid::Uuid;

use super::admin_emails::{self, AdminEmails};
use super::identity::{Identity, Profile};
use super::user_records;
use super::users::{TABLE as USERS, User};
use crate::error::Result;
use crate::store::{ClusterEvent, Row, Store, Transaction, now};

const TABLE: &str = "portal_sessions";

/// Age up to which an active session is listed even if its credential has expired.
const RECENT: chrono::TimeDelta = chrono::TimeDelta::days(30);

/// A user's active session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSession {
    /// Session id at the identity provider, the same as
    /// [`CurrentUser::session_id`](super::CurrentUser::session_id).
    pub id: String,
    /// Time at which the portal first saw the session.
    pub created_at: DateTime<Utc>,
}

/// State of a session.
pub(super) enum SessionState {
    /// The user signed out; the session's tokens are rejected until they expire.
    Ended,
    /// The session belongs to another user or another impersonator.
    Foreign,
    /// The session is stored and active.
    Open(Uuid),
    /// The session is not stored yet; `user_known` is `true` if its user is.
    New { user_known: bool },
}

pub(super) struct Sessions {
    store: Store,
    admin_emails: AdminEmails,
}

impl Sessions {
    pub(super) fn new(store: Store, admin_emails: AdminEmails) -> Self {
        Self {
            store,
            admin_emails,
        }
    }

    pub(super) async fn state_of(&self, identity: &Identity) -> Result<SessionState> {
        let session = session_of(identity);
        if let Some(row) = self.store.fetch_optional(&session).await? {
            return standing_of(&row, identity);
        }
        let user = Query::select()
            .column("id")
            .from(USERS)
            .and_where(Expr::col("subject").eq(identity.subject.as_str()))
            .take();
        Ok(SessionState::New {
            user_known: self.store.fetch_optional(&user).await?.is_some(),
        })
    }

    /// Stores a new session: gets or creates its user and updates their last sign-in.
    ///
    /// Two concurrent requests with the same new session may both reach this point; only one of
    /// them stores the session.
    pub(super) async fn open(
        &self,
        identity: &Identity,
        profile: Option<&Profile>,
    ) -> Result<Option<User>> {
        let now = now();
        let mut transaction = self.store.begin().await?;
        admin_emails::lock_if_admin(&mut transaction, &identity.subject).await?;
        if let Some(profile) = profile {
            user_records::upsert(&mut transaction, &identity.subject, profile).await?;
        }
        let Some(mut user) = find_by_subject(&mut transaction, &identity.subject).await? else {
            return Ok(None);
        };
        let inserted = transaction
            .execute(
                Query::insert()
                    .into_table(TABLE)
                    .columns(["id", "user_id", "created_at", "expires_at", "actor"])
                    .values_panic([
                        identity.session_id.as_str().into(),
                        user.id.into(),
                        now.into(),
                        identity.expires_at.into(),
                        actor_of(identity).into(),
                    ])
                    .on_conflict(OnConflict::column("id").do_nothing().to_owned()),
            )
            .await?;
        if inserted == 0 {
            // A concurrent request stored the session, which may have ended since then.
            let stored = transaction.fetch_optional(&session_of(identity)).await?;
            let standing = stored.map(|row| standing_of(&row, identity)).transpose()?;
            if !matches!(standing, Some(SessionState::Open(_))) {
                return Ok(None);
            }
        }
        let mut role_changed = false;
        if inserted > 0 {
            let update = Query::update()
                .table(USERS)
                .value("last_login", now)
                .and_where(Expr::col("id").eq(user.id))
                .take();
            transaction.execute(&update).await?;
            user.last_sign_in_at = Some(now);
            role_changed = self
                .admin_emails
                .apply_to(&mut transaction, user.id)
                .await?;
        }
        if role_changed {
            let stored = find_by_subject(&mut transaction, &identity.subject).await?;
            user = stored.unwrap_or(user);
        }
        transaction.commit().await?;
        if role_changed {
            self.admin_emails.take_back_kept(&self.store).await;
        }
        Ok(Some(user))
    }

    /// Returns a user's active sessions, newest first.
    ///
    /// Includes at most 100 sessions: those that were first seen in the last 30 days or whose
    /// credential has not expired.
    pub(super) async fn of_user(&self, user_id: Uuid) -> Result<Vec<OpenSession>> {
        let now = now();
        // The expiry time alone is not enough, because some providers issue a new token every
        // minute.
        let recent = Expr::col("created_at").gt(now - RECENT);
        let select = Query::select()
            .columns(["id", "created_at"])
            .from(TABLE)
            .and_where(Expr::col("user_id").eq(user_id))
            .and_where(Expr::col("ended_at").is_null())
            .and_where(recent.or(Expr::col("expires_at").gt(now)))
            .order_by("created_at", Order::Desc)
            .limit(100)
            .take();
        let rows = self.store.fetch_all(&select).await?;
        let read = |row: &Row| {
            Ok(OpenSession {
                id: row.get("id")?,
                created_at: row.get("created_at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Ends all of a user's remaining sessions, including very old ones, except the session `keep`.
    pub(super) async fn end_others(&self, user_id: Uuid, keep: &str) -> Result<()> {
        let update = Query::update()
            .table(TABLE)
            .value("ended_at", now())
            .and_where(Expr::col("user_id").eq(user_id))
            .and_where(Expr::col("id").ne(keep))
            .and_where(Expr::col("ended_at").is_null())
            .take();
        self.store.execute(&update).await?;
        Ok(())
    }

    /// Returns the ids of those of the given sessions that are active.
    pub(super) async fn open_among(&self, ids: &[Arc<str>]) -> Result<HashSet<String>> {
        let mut standing = HashSet::new();
        for ids in ids.chunks(500) {
            let select = Query::select()
                .column("id")
                .from(TABLE)
                .and_where(Expr::col("id").is_in(ids.iter().map(|id| &**id)))
                .and_where(Expr::col("ended_at").is_null())
                .and_where(Expr::col("user_id").is_not_null())
                .take();
            for row in self.store.fetch_all(&select).await? {
                standing.insert(row.get("id")?);
            }
        }
        Ok(standing)
    }

    /// Ends a session. Returns `false` without any change if it had already ended.
    pub(super) async fn end(&self, session_id: &str) -> Result<bool> {
        let now = now();
        let mut transaction = self.store.begin().await?;
        if !end_in(&mut transaction, session_id).await? {
            return Ok(false);
        }
        let id = session_id.to_owned();
        let ended = ClusterEvent::SessionEnded { id };
        transaction.publish(ended);
        transaction.commit().await?;
        // Sessions are deleted ten years after they expired. Until then, a new token may contain
        // the same id; no provider keeps a session for longer.
        self.store
            .execute(
                Query::delete()
                    .from_table(TABLE)
                    .and_where(Expr::col("expires_at").lt(now - chrono::TimeDelta::days(3660))),
            )
            .await?;
        Ok(true)
    }
}

/// Returns the impersonator as stored with the session; empty if there is no impersonator.
fn actor_of(identity: &Identity) -> &str {
    match identity.impersonator.as_deref() {
        None => "",
        // An impersonator without an id is still an impersonator.
        Some("") => "unknown",
        Some(actor) => actor,
    }
}

/// Selects the stored session of an identity, with its user's subject.
fn session_of(identity: &Identity) -> SelectStatement {
    Query::select()
        .columns([
            (TABLE, "user_id"),
            (TABLE, "ended_at"),
            (TABLE, "actor"),
            (USERS, "subject"),
        ])
        .from(TABLE)
        .left_join(USERS, Expr::col((USERS, "id")).equals((TABLE, "user_id")))
        .and_where(Expr::col((TABLE, "id")).eq(identity.session_id.as_str()))
        .take()
}

/// Compares a stored session with an identity.
///
/// A session belongs to the user and the impersonator who opened it. Without this check, anyone
/// else to whom the provider issued the same id could act as that user.
fn standing_of(row: &Row, identity: &Identity) -> Result<SessionState> {
    let Some(user_id) = row.get::<Option<Uuid>>("user_id")? else {
        return Ok(SessionState::Ended);
    };
    let actor: Option<String> = row.get("actor")?;
    // Older versions did not store the impersonator.
    let same_actor = actor.is_none_or(|actor| actor == actor_of(identity));
    if row.get::<Option<String>>("subject")?.as_deref() != Some(&*identity.subject) || !same_actor {
        return Ok(SessionState::Foreign);
    }
    Ok(match row.get::<Option<DateTime<Utc>>>("ended_at")? {
        None => SessionState::Open(user_id),
        Some(_) => SessionState::Ended,
    })
}

/// Ends a session within a transaction, including one that was never stored.
///
/// Returns `false` if it had already ended.
pub(super) async fn end_in(transaction: &mut Transaction, session_id: &str) -> Result<bool> {
    let now = now();
    // A single statement is used because a concurrent request may store the session.
    let on_conflict = OnConflict::column("id")
        .update_column("ended_at")
        .action_and_where(Expr::col((TABLE, "ended_at")).is_null())
        .to_owned();
    let ended = transaction
        .execute(
            Query::insert()
                .into_table(TABLE)
                .columns(["id", "created_at", "expires_at", "ended_at"])
                .values_panic([session_id.into(), now.into(), now.into(), now.into()])
                .on_conflict(on_conflict),
        )
        .await?;
    Ok(ended > 0)
}

/// Ends all of a user's sessions within a transaction.
pub(super) async fn end_all_in(transaction: &mut Transaction, user_id: Uuid) -> Result<()> {
    transaction
        .execute(
            Query::update()
                .table(TABLE)
                .value("ended_at", now())
                .and_where(Expr::col("user_id").eq(user_id))
                .and_where(Expr::col("ended_at").is_null()),
        )
        .await?;
    Ok(())
}

async fn find_by_subject(transaction: &mut Transaction, subject: &str) -> Result<Option<User>> {
    // Locking the row ensures that the user cannot be deleted before the following writes.
    let mut select = User::select()
        .and_where(Expr::col("subject").eq(subject))
        .take();
    select.lock(sea_query::LockType::NoKeyUpdate);
    transaction
        .fetch_optional(&select)
        .await?
        .map(|row| User::from_row(&row))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::CredentialSource;

    #[tokio::test]
    async fn session_that_ended_concurrently_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("portal.db");
        let store = Store::connect(&format!("sqlite://{}", path.display()))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let sessions = Sessions::new(store.clone(), AdminEmails::default());
        let tomorrow = now() + chrono::TimeDelta::days(1);
        let identity = Identity::new("user_1", "sess_1", tomorrow, CredentialSource::Cookie);
        let profile = Profile::default();
        let open = async || sessions.open(&identity, Some(&profile)).await.unwrap();

        let standing = sessions.state_of(&identity).await.unwrap();
        assert!(matches!(standing, SessionState::New { user_known: false }));
        assert!(open().await.is_some());
        assert!(
            open().await.is_some(),
            "the second of two concurrent requests"
        );
        let mut transaction = store.begin().await.unwrap();
        end_in(&mut transaction, "sess_1").await.unwrap();
        transaction.commit().await.unwrap();
        assert!(open().await.is_none());
    }
}
