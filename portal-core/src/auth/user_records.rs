//! User records: the identity provider's records as stored by the portal.
//!
//! Events from a provider may arrive in any order and more than once. Each event is therefore
//! compared with the newest applied event, using the provider's own timestamps.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Query};
use serde_json::json;
use uuid::Uuid;

use super::clean::cleaned;
use super::identity::Profile;
use super::role_source::StoredRole;
use super::users::TABLE;
use crate::error::{Error, Result};
use crate::store::{Transaction, now};

/// Outcome of writing a user record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteOutcome {
    /// The user did not exist.
    Created(Uuid),
    /// The row was updated.
    Updated {
        id: Uuid,
        /// `true` if the user is now banned; `None` if that did not change.
        ban: Option<bool>,
    },
    /// The user was deleted.
    Deleted(Uuid),
    /// The stored record is newer, or the user was already deleted.
    Unchanged,
}

/// Stores a profile, unless a newer one is already stored or the user has been deleted.
pub(super) async fn upsert(
    transaction: &mut Transaction,
    subject: &str,
    profile: &Profile,
) -> Result<WriteOutcome> {
    let profile = &cleaned(profile);
    let (id, now) = (Uuid::now_v7(), now());
    let own = [
        ("id", id.into()),
        ("subject", subject.into()),
        ("created_at", now.into()),
        ("provider_updated_at", profile.updated_at.into()),
    ];
    let row = own
        .into_iter()
        .chain(StoredRole::of_new_user().columns())
        .chain(columns_of(profile, now));
    if insert(transaction, row).await? {
        return Ok(WriteOutcome::Created(id));
    }
    let stored = lock(transaction, subject).await?;
    // A profile without a modification time is always applied.
    let is_older = profile.updated_at != 0 && profile.updated_at <= stored.updated_at;
    if stored.is_deleted || is_older {
        return Ok(WriteOutcome::Unchanged);
    }
    let updated_at = Ord::max(profile.updated_at, stored.updated_at);
    let update = Query::update()
        .table(TABLE)
        .value("provider_updated_at", updated_at)
        .values(columns_of(profile, now))
        .and_where(Expr::col("id").eq(stored.id))
        .take();
    transaction.execute(&update).await?;
    Ok(WriteOutcome::Updated {
        id: stored.id,
        ban: (stored.is_banned != profile.banned).then_some(profile.banned),
    })
}

/// Replaces the user's row with a tombstone, so that the subject is never created again. Also works
/// if the subject was never stored.
pub(super) async fn tombstone(
    transaction: &mut Transaction,
    subject: &str,
) -> Result<WriteOutcome> {
    let (id, now) = (Uuid::now_v7(), now());
    let own = [
        ("id", id.into()),
        ("subject", subject.into()),
        ("created_at", now.into()),
        ("is_active", false.into()),
        ("deleted_at", now.into()),
    ];
    let row = own
        .into_iter()
        .chain(StoredRole::of_new_user().columns())
        .chain(columns_of(&Profile::default(), now));
    if insert(transaction, row).await? {
        return Ok(WriteOutcome::Deleted(id));
    }
    let stored = lock(transaction, subject).await?;
    if stored.is_deleted {
        return Ok(WriteOutcome::Unchanged);
    }
    let update = Query::update()
        .table(TABLE)
        .values(StoredRole::of_new_user().columns())
        .value("is_active", false)
        .value("deleted_at", now)
        .value("user_attribute", json!({}))
        .value("preferences", json!({}))
        .value("last_login", None::<DateTime<Utc>>)
        .values(columns_of(&Profile::default(), now))
        .and_where(Expr::col("id").eq(stored.id))
        .take();
    transaction.execute(&update).await?;
    let messages = Query::delete()
        .from_table("portal_notifications")
        .and_where(Expr::col("user_id").eq(stored.id))
        .take();
    transaction.execute(&messages).await?;
    // Views that the user shared remain, because others work with them.
    let views = Query::delete()
        .from_table("portal_views")
        .and_where(Expr::col("owner_id").eq(stored.id))
        .and_where(Expr::col("shared_with").is_null())
        .take();
    transaction.execute(&views).await?;
    Ok(WriteOutcome::Deleted(stored.id))
}

/// Returns the columns whose values come from a profile.
fn columns_of(profile: &Profile, now: DateTime<Utc>) -> [(&'static str, Expr); 7] {
    [
        ("email", profile.email.as_str().into()),
        ("email_verified", profile.email_verified.into()),
        ("first_name", profile.first_name.as_str().into()),
        ("last_name", profile.last_name.as_str().into()),
        ("avatar_url", profile.avatar_url.clone().into()),
        ("is_banned", profile.banned.into()),
        ("updated_at", now.into()),
    ]
}

/// Stores a new row, unless the subject already has one.
async fn insert(
    transaction: &mut Transaction,
    values: impl Iterator<Item = (&'static str, Expr)>,
) -> Result<bool> {
    let (columns, values): (Vec<_>, Vec<_>) = values.unzip();
    let inserted = transaction
        .execute(
            Query::insert()
                .into_table(TABLE)
                .columns(columns)
                .values_panic(values)
                .on_conflict(OnConflict::column("subject").do_nothing().to_owned()),
        )
        .await?;
    Ok(inserted > 0)
}

/// Columns that determine whether a record is applied.
struct StoredUser {
    id: Uuid,
    is_deleted: bool,
    is_banned: bool,
    updated_at: i64,
}

/// Reads a subject's row and locks it to prevent concurrent changes.
async fn lock(transaction: &mut Transaction, subject: &str) -> Result<StoredUser> {
    let mut select = Query::select()
        .columns(["id", "deleted_at", "is_banned", "provider_updated_at"])
        .from(TABLE)
        .and_where(Expr::col("subject").eq(subject))
        .take();
    select.lock(LockType::Update);
    let row = transaction.fetch_optional(&select).await?;
    let row =
        row.ok_or_else(|| Error::internal("the row of a user disappeared during an update"))?;
    Ok(StoredUser {
        id: row.get("id")?,
        is_deleted: row.get::<Option<DateTime<Utc>>>("deleted_at")?.is_some(),
        is_banned: row.get("is_banned")?,
        updated_at: row.get("provider_updated_at")?,
    })
}
