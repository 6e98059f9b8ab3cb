//! `ADMIN_USER_EMAILS`: grants and revokes the administrator role.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_query::{Cond, Expr, ExprTrait, Func, LockType, OnConflict, Order, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::{Actor, AuditLog, FieldChange};
use super::role::Role;
use super::role_source::{self, StoredRole};
use super::users::TABLE;
use crate::error::Result;
use crate::store::{ClusterEvent, Store, Transaction, now};

/// Name under which the list from the most recent start-up is stored.
const STORED_LIST: &str = "auth/admin-user-emails";

/// E-mail addresses whose verified owners are administrators. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct AdminEmails(Arc<BTreeSet<String>>);

impl AdminEmails {
    pub(crate) fn new(emails: &BTreeSet<String>) -> Self {
        let emails = emails.iter().map(|email| email.to_ascii_lowercase());
        Self(Arc::new(emails.collect()))
    }

    /// Returns `true` if an e-mail address is listed. The comparison ignores the case of ASCII
    /// letters only: Unicode would lowercase the Kelvin sign to `k`, although it is a different
    /// character.
    fn contains(&self, email: &str) -> bool {
        self.0.contains(&email.to_ascii_lowercase())
    }

    /// Applies the list to a user, within the transaction that changed the user or opened a
    /// session.
    ///
    /// Returns `true` if the effective role changed. Before anything else in the transaction, call
    /// [`lock_if_admin`].
    pub(super) async fn apply_to(&self, transaction: &mut Transaction, id: Uuid) -> Result<bool> {
        let mut select = Query::select()
            .columns(role_source::COLUMNS)
            .columns(["email", "email_verified"])
            .from(TABLE)
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("deleted_at").is_null())
            .take();
        select.lock(LockType::NoKeyUpdate);
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Ok(false);
        };
        let email: String = row.get("email")?;
        let is_listed = row.get("email_verified")? && self.contains(&email);
        let before = StoredRole::from_row(&row)?;
        let mut after = before.with_source(is_listed);
        let is_due = is_listed && after.is_below_admin();
        if is_due {
            after = after.configured();
        } else if after.is_configured() {
            let rest = after.without_configuration();
            if rest.effective() == Role::Admin.as_str() || !is_last_admin(transaction, id).await? {
                after = rest;
            } else {
                tracing::warn!(
                    user_id = %id,
                    "the last active administrator keeps the role, although ADMIN_USER_EMAILS no longer grants it; \
                     make someone else an administrator"
                );
            }
        }
        if after == before {
            return Ok(false);
        }
        let has_changed = after.effective() != before.effective();
        let mut update = Query::update()
            .table(TABLE)
            .values(after.columns())
            .and_where(Expr::col("id").eq(id))
            .take();
        if has_changed {
            update.value("updated_at", now());
        }
        transaction.execute(&update).await?;
        if has_changed {
            let roles = [before.effective(), after.effective()].map(Value::from);
            let [old, new] = roles;
            let changes = FieldChange::between(&[("user_type", old, new)]);
            let actor = Actor::program("ADMIN_USER_EMAILS");
            let target = format!("user:{id}");
            let details = changes.details(&email);
            AuditLog::record_in(transaction, actor, "user.update", &target, details).await?;
            transaction.publish(ClusterEvent::User { id });
        }
        Ok(has_changed)
    }

    /// Applies the list to all users.
    ///
    /// Each start-up revokes roles that the list no longer grants. It grants roles only if the list
    /// differs from that of the previous start-up, so that a restart does not undo changes made by
    /// an administrator.
    pub(crate) async fn apply_at_start_up(&self, store: &Store) -> Result<()> {
        let mut transaction = store.begin().await?;
        lock_admins(&mut transaction).await?;
        if self.replace_stored_list(&mut transaction).await? && !self.0.is_empty() {
            let listed = Func::lower(Expr::col("email")).is_in(self.0.iter().map(String::as_str));
            // New administrators are added first, so that the last administrator on the old list
            // can be demoted.
            for id in ids(&mut transaction, Cond::all().add(listed)).await? {
                self.apply_to(&mut transaction, id).await?;
            }
        }
        let is_admin = Expr::col("user_type").eq(Role::Admin.as_str());
        for id in ids(&mut transaction, Cond::all().add(is_admin)).await? {
            self.apply_to(&mut transaction, id).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Revokes administrator roles kept only because the holder was the last administrator.
    ///
    /// Call this after someone becomes an administrator. Failures are only logged, because the next
    /// start-up or new session retries.
    pub(super) async fn take_back_kept(&self, store: &Store) {
        if let Err(error) = self.try_take_back_kept(store).await {
            tracing::warn!(%error, "failed to revoke roles that ADMIN_USER_EMAILS no longer grants");
        }
    }

    async fn try_take_back_kept(&self, store: &Store) -> Result<()> {
        let configured = Query::select()
            .columns(["id", "email", "email_verified"])
            .from(TABLE)
            .and_where(Expr::col("user_type").eq(Role::Admin.as_str()))
            .and_where(Expr::col("role_source").eq(super::RoleSource::Configuration.as_str()))
            .take();
        let mut kept = Vec::new();
        for row in store.fetch_all(&configured).await? {
            let email: String = row.get("email")?;
            let is_listed = row.get("email_verified")? && self.contains(&email);
            if !is_listed {
                kept.push(row.get("id")?);
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        let mut transaction = store.begin().await?;
        lock_admins(&mut transaction).await?;
        for id in kept {
            self.apply_to(&mut transaction, id).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Stores the list; returns `true` if it differs from the previously stored list.
    async fn replace_stored_list(&self, transaction: &mut Transaction) -> Result<bool> {
        let list = json!(*self.0);
        let select = Query::select()
            .column("value")
            .from("portal_values")
            .and_where(Expr::col("name").eq(STORED_LIST))
            .take();
        if let Some(row) = transaction.fetch_optional(&select).await?
            && row.get::<Value>("value")? == list
        {
            return Ok(false);
        }
        let insert = Query::insert()
            .into_table("portal_values")
            .columns(["name", "value"])
            .values_panic([STORED_LIST.into(), list.into()])
            .on_conflict(OnConflict::column("name").update_column("value").to_owned())
            .take();
        transaction.execute(&insert).await?;
        Ok(true)
    }
}

/// Locks all active administrators and returns their ids.
///
/// This serializes transactions that demote administrators.
pub(super) async fn lock_admins(transaction: &mut Transaction) -> Result<Vec<Uuid>> {
    let mut admins = Query::select()
        .column("id")
        .from(TABLE)
        .and_where(Expr::col("user_type").eq(Role::Admin.as_str()))
        .and_where(Expr::col("is_active").eq(true))
        .and_where(Expr::col("is_banned").eq(false))
        .and_where(Expr::col("deleted_at").is_null())
        .order_by("id", Order::Asc)
        .take();
    admins.lock(LockType::Update);
    let rows = transaction.fetch_all(&admins).await?;
    let ids = rows.iter().map(|row| row.get("id"));
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Locks all administrators if the subject is one, because the subject's role may be about to be
/// revoked.
///
/// Must be the first lock of a transaction: locking a user before the administrators could deadlock
/// with another transaction.
pub(super) async fn lock_if_admin(transaction: &mut Transaction, subject: &str) -> Result<()> {
    let select = Query::select()
        .column("id")
        .from(TABLE)
        .and_where(Expr::col("subject").eq(subject))
        .and_where(Expr::col("user_type").eq(Role::Admin.as_str()))
        .take();
    if transaction.fetch_optional(&select).await?.is_some() {
        lock_admins(transaction).await?;
    }
    Ok(())
}

async fn is_last_admin(transaction: &mut Transaction, id: Uuid) -> Result<bool> {
    Ok(lock_admins(transaction).await? == [id])
}

async fn ids(transaction: &mut Transaction, condition: Cond) -> Result<Vec<Uuid>> {
    let select = Query::select()
        .column("id")
        .from(TABLE)
        .and_where(Expr::col("deleted_at").is_null())
        .cond_where(condition)
        .order_by("id", Order::Asc)
        .take();
    let rows = transaction.fetch_all(&select).await?;
    let ids = rows.iter().map(|row| row.get("id"));
    Ok(ids.collect::<Result<_, _>>()?)
}
