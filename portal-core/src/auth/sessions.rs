//! The sessions that the portal has seen, and the local user behind each.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use sea_query::{Expr, ExprTrait, OnConflict, Query};
use uuid::Uuid;

use super::identity::{Identity, Profile};
use super::role::Role;
use super::users::{TABLE as USERS, User};
use crate::error::Result;
use crate::store::{Store, Transaction, now};

const TABLE: &str = "portal_sessions";

/// How a session stands.
pub(super) enum Standing {
    /// Signed out; its tokens are refused until they expire.
    Ended,
    /// Seen before.
    Open(Uuid),
    /// Not seen before, of a user who may have been.
    New { user_known: bool },
}

pub(super) struct Sessions {
    store: Store,
    admin_emails: BTreeSet<String>,
}

impl Sessions {
    pub(super) fn new(store: Store, admin_emails: BTreeSet<String>) -> Self {
        Self {
            store,
            admin_emails,
        }
    }

    pub(super) async fn standing(&self, identity: &Identity) -> Result<Standing> {
        let session = Query::select()
            .columns(["user_id", "ended_at"])
            .from(TABLE)
            .and_where(Expr::col("id").eq(identity.session_id.as_str()))
            .take();
        if let Some(row) = self.store.fetch_optional(&session).await? {
            let ended = row
                .get::<Option<chrono::DateTime<chrono::Utc>>>("ended_at")?
                .is_some();
            return Ok(match row.get::<Option<Uuid>>("user_id")? {
                Some(user_id) if !ended => Standing::Open(user_id),
                _ => Standing::Ended,
            });
        }
        let user = Query::select()
            .column("id")
            .from(USERS)
            .and_where(Expr::col("subject").eq(identity.subject.as_str()))
            .take();
        Ok(Standing::New {
            user_known: self.store.fetch_optional(&user).await?.is_some(),
        })
    }

    /// Stores a new session: gets or creates its user, and moves his last login.
    ///
    /// Two requests of one new session may both come here; only one of them stores it.
    pub(super) async fn open(
        &self,
        identity: &Identity,
        profile: Option<&Profile>,
    ) -> Result<Option<User>> {
        let now = now();
        let mut transaction = self.store.begin().await?;
        if let Some(profile) = profile {
            create_user(&mut transaction, identity, profile).await?;
        }
        let Some(mut user) = find_by_subject(&mut transaction, &identity.subject).await? else {
            return Ok(None);
        };
        let inserted = transaction
            .execute(
                Query::insert()
                    .into_table(TABLE)
                    .columns(["id", "user_id", "created_at", "expires_at"])
                    .values_panic([
                        identity.session_id.as_str().into(),
                        user.id.into(),
                        now.into(),
                        identity.expires_at.into(),
                    ])
                    .on_conflict(OnConflict::column("id").do_nothing().to_owned()),
            )
            .await?;
        if inserted > 0 {
            if let Some(profile) = profile {
                user.email.clone_from(&profile.email);
                user.email_verified = profile.email_verified;
                user.first_name.clone_from(&profile.first_name);
                user.last_name.clone_from(&profile.last_name);
                user.avatar_url.clone_from(&profile.avatar_url);
            }
            user.last_login = Some(now);
            let mut update = Query::update()
                .table(USERS)
                .values([
                    ("email", user.email.as_str().into()),
                    ("email_verified", user.email_verified.into()),
                    ("first_name", user.first_name.as_str().into()),
                    ("last_name", user.last_name.as_str().into()),
                    ("avatar_url", user.avatar_url.clone().into()),
                    ("last_login", now.into()),
                ])
                .and_where(Expr::col("id").eq(user.id))
                .take();
            // Written only if it changes: an administrator may demote him at this very moment.
            if user.email_verified && self.admin_emails.contains(&user.email.to_lowercase()) {
                user.user_type = Role::Admin;
                update.value("user_type", user.user_type.as_str());
            }
            transaction.execute(&update).await?;
        }
        transaction.commit().await?;
        Ok(Some(user))
    }

    /// Those of some sessions that go on.
    pub(super) async fn standing_of(&self, ids: &[Arc<str>]) -> Result<HashSet<String>> {
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

    pub(super) async fn end(&self, session_id: &str) -> Result<()> {
        let now = now();
        self.store
            .execute(
                Query::update()
                    .table(TABLE)
                    .value("ended_at", now)
                    .and_where(Expr::col("id").eq(session_id))
                    .and_where(Expr::col("ended_at").is_null()),
            )
            .await?;
        // No provider keeps a session for ten years; until then its id may come back in a new token.
        self.store
            .execute(
                Query::delete()
                    .from_table(TABLE)
                    .and_where(Expr::col("expires_at").lt(now - chrono::TimeDelta::days(3660))),
            )
            .await?;
        Ok(())
    }
}

async fn create_user(
    transaction: &mut Transaction,
    identity: &Identity,
    profile: &Profile,
) -> Result<()> {
    let now = now();
    transaction
        .execute(
            Query::insert()
                .into_table(USERS)
                .columns([
                    "id",
                    "subject",
                    "email",
                    "email_verified",
                    "user_type",
                    "created_at",
                    "updated_at",
                ])
                .values_panic([
                    Uuid::now_v7().into(),
                    identity.subject.as_str().into(),
                    profile.email.as_str().into(),
                    profile.email_verified.into(),
                    Role::User.as_str().into(),
                    now.into(),
                    now.into(),
                ])
                .on_conflict(OnConflict::column("subject").do_nothing().to_owned()),
        )
        .await?;
    Ok(())
}

async fn find_by_subject(transaction: &mut Transaction, subject: &str) -> Result<Option<User>> {
    let select = User::select()
        .and_where(Expr::col("subject").eq(subject))
        .take();
    transaction
        .fetch_optional(&select)
        .await?
        .map(|row| User::from_row(&row))
        .transpose()
}
