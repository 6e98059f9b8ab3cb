//! Users: the handle that reads and changes the portal's users.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sea_query::{Cond, Expr, ExprTrait, Func, Order, Query};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::admin_emails::{AdminEmails, lock_admins};
use super::audit::{Actor, AuditLog, FieldChange};
use super::preferences;
use super::role::Role;
use super::role_source::{RoleSource, StoredRole};
use super::roles::Roles;
use super::statistics::Reads;
pub(super) use super::user::TABLE;
pub use super::user::User;
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Row, Store, Transaction, now};

/// Changes to a user; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserChange {
    /// New role.
    pub role: Option<Role>,
    /// `true` activates the account, `false` deactivates it.
    pub is_active: Option<bool>,
    /// New preferences, which replace all previous ones.
    pub preferences: Option<Value>,
}

/// Sort order of a list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserSort {
    /// By e-mail address.
    Email,
    /// By the time at which the user was first seen.
    #[default]
    CreatedAt,
    /// By the time of the latest sign-in.
    LastSignIn,
    /// By role.
    Role,
}

impl UserSort {
    fn column(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::CreatedAt => "created_at",
            Self::LastSignIn => "last_login",
            Self::Role => "user_type",
        }
    }
}

/// Filter, order and page of a list of users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Part of an e-mail address or name to search for.
    pub search: Option<String>,
    /// Column to sort by.
    pub sort: UserSort,
    /// `true` to sort in descending order.
    pub descending: bool,
    /// Number of rows to skip.
    pub offset: u64,
    /// Maximum number of rows; 0 means 100.
    pub limit: u64,
}

/// User counts, as returned by [`Users::count`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserCounts {
    /// Total number of users.
    pub total: u64,
    /// Number of users whose account is not deactivated.
    pub active: u64,
}

/// A change to a user, for notifying that user.
pub(crate) struct UserChanged<'a> {
    pub(crate) id: Uuid,
    /// Title of the new role, if it changed.
    pub(crate) role: Option<&'a str>,
    /// `true` if the account was reactivated.
    pub(crate) activated: bool,
}

/// Listener that receives changes made to a user by someone else, within the transaction of the
/// change.
pub(crate) trait UserListener: Send + Sync {
    fn changed<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        change: UserChanged<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

/// A portal's users. Extract the handle with `Data<Users>`.
#[derive(Clone)]
pub struct Users {
    pub(super) store: Store,
    roles: Arc<Roles>,
    pub(super) reads: Reads,
    listener: Option<Arc<dyn UserListener>>,
    admin_emails: Option<AdminEmails>,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Users")
    }
}

impl Users {
    /// Creates the handle; until [`with_roles`](Self::with_roles) is called, no role grants
    /// anything.
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            roles: Arc::default(),
            reads: Reads::default(),
            listener: None,
            admin_emails: None,
        }
    }

    /// Sets the list that grants the administrator role.
    pub(crate) fn with_admin_emails(mut self, admin_emails: AdminEmails) -> Self {
        self.admin_emails = Some(admin_emails);
        self
    }

    /// Sets the listener that is notified of changes to users.
    pub(crate) fn with_listener(mut self, listener: Arc<dyn UserListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Sets the portal's roles and their permissions.
    pub(crate) fn with_roles(mut self, roles: Arc<Roles>) -> Self {
        self.roles = roles;
        self
    }

    /// Adds the role's permissions to a user read from the database.
    pub(super) fn attach_grants(&self, user: User) -> User {
        user.with_roles(&self.roles)
    }

    fn read(&self, row: &Row) -> Result<User> {
        User::from_row(row).map(|user| self.attach_grants(user))
    }

    /// Returns the users with the given ids, except deleted ones; pass at most a few hundred ids.
    pub(super) async fn of_ids(&self, ids: &[Uuid]) -> Result<Vec<User>> {
        let some = Expr::col("id").is_in(ids.iter().copied());
        let select = User::select().and_where(some).take();
        let rows = self.store.fetch_all(&select).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// Returns the user with the given id, or `None` if no such user exists.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn get(&self, id: Uuid) -> Result<Option<User>> {
        let select = User::select().and_where(Expr::col("id").eq(id)).take();
        self.store
            .fetch_optional(&select)
            .await?
            .map(|row| self.read(&row))
            .transpose()
    }

    /// Returns the display names of users by id; deleted users are omitted.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    ///
    /// ```
    /// # use portal_core::prelude::*;
    /// # use portal_core::auth::AuditEntry;
    /// async fn actors(users: &Users, entries: &[AuditEntry]) -> Result<()> {
    ///     let ids = entries.iter().filter_map(|entry| entry.actor_user_id);
    ///     let names = users.names(ids).await?;
    ///     # let _ = names;
    ///     Ok(())
    /// }
    /// ```
    pub async fn names(
        &self,
        ids: impl IntoIterator<Item = Uuid> + Send,
    ) -> Result<HashMap<Uuid, String>> {
        let ids: BTreeSet<Uuid> = ids.into_iter().collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let mut names = HashMap::with_capacity(ids.len());
        // Databases limit the number of values that a statement can bind.
        for ids in ids.chunks(500) {
            let select = User::select()
                .and_where(Expr::col("id").is_in(ids.iter().copied()))
                .take();
            for row in self.store.fetch_all(&select).await? {
                let user = self.read(&row)?;
                names.insert(user.id, user.full_name());
            }
        }
        Ok(names)
    }

    /// Returns all users with the given e-mail address. Unlike the provider's id, it is not unique.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn find_by_email(&self, email: &str) -> Result<Vec<User>> {
        // PostgreSQL text cannot contain this character.
        if email.contains('\0') {
            return Ok(Vec::new());
        }
        let select = User::select()
            .and_where(Func::lower(Expr::col("email")).eq(email.to_ascii_lowercase()))
            .take();
        let rows = self.store.fetch_all(&select).await?;
        let users: Vec<User> = rows
            .iter()
            .map(|row| self.read(row))
            .collect::<Result<_>>()?;
        // PostgreSQL lowercases some non-ASCII characters to ASCII ones, such as the Kelvin sign.
        let is_same = |user: &User| user.email.eq_ignore_ascii_case(email);
        Ok(users.into_iter().filter(is_same).collect())
    }

    /// Returns one page of the users who match a filter, and the total number of matches.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn list(&self, filter: &UserFilter) -> Result<(Vec<User>, u64)> {
        let condition = match filter.search.as_deref().map(str::trim) {
            None | Some("") => Cond::all(),
            Some(search) => {
                let pattern = format!("%{}%", escape_like(&search.to_lowercase()));
                let contains = |column: &'static str| {
                    Func::lower(Expr::col(column))
                        .like(sea_query::LikeExpr::new(pattern.clone()).escape('\\'))
                };
                Cond::any()
                    .add(contains("email"))
                    .add(contains("first_name"))
                    .add(contains("last_name"))
            }
        };
        let count = Query::select()
            .expr(Func::count(Expr::col("id")))
            .from(TABLE)
            .and_where(Expr::col("deleted_at").is_null())
            .cond_where(condition.clone())
            .take();
        let limit = match filter.limit {
            0 => 100,
            limit => limit,
        };
        let order = if filter.descending {
            Order::Desc
        } else {
            Order::Asc
        };
        let select = User::select()
            .cond_where(condition)
            .order_by(filter.sort.column(), order.clone())
            .order_by("id", order)
            .offset(filter.offset)
            .limit(limit)
            .take();
        let total = self.store.fetch_count(&count).await?;
        let users = self
            .store
            .fetch_all(&select)
            .await?
            .iter()
            .map(|row| self.read(row))
            .collect::<Result<_>>()?;
        Ok((users, total.unsigned_abs()))
    }

    /// Counts the users.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn count(&self) -> Result<UserCounts> {
        let all = Query::select()
            .expr(Func::count(Expr::col("id")))
            .from(TABLE)
            .and_where(Expr::col("deleted_at").is_null())
            .take();
        let active = all
            .clone()
            .and_where(Expr::col("is_active").eq(true))
            .take();
        Ok(UserCounts {
            total: self.store.fetch_count(&all).await?.unsigned_abs(),
            active: self.store.fetch_count(&active).await?.unsigned_abs(),
        })
    }

    /// Changes a user on behalf of the application.
    ///
    /// The change is recorded in the audit log. When this method returns, all replicas have been
    /// notified.
    ///
    /// # Errors
    ///
    /// `404 user_not_found` if the user does not exist, and `409 last_admin` if the change would
    /// demote or deactivate the last active administrator.
    pub async fn update(&self, id: Uuid, change: &UserChange) -> Result<User> {
        self.update_by(Actor::application(), id, change).await
    }

    /// Like [`update`](Self::update), but on behalf of the given actor.
    ///
    /// # Errors
    ///
    /// The same as for [`update`](Self::update).
    ///
    /// ```
    /// use portal_core::auth::{UserChange, Users};
    /// use portal_core::prelude::*;
    ///
    /// async fn switch_off(admin: AdminUser, users: Data<Users>, user: User) -> Result<User> {
    ///     let mut change = UserChange::default();
    ///     change.is_active = Some(false);
    ///     users.update_by(&admin, user.id, &change).await
    /// }
    /// ```
    pub async fn update_by(
        &self,
        actor: impl Into<Actor> + Send,
        id: Uuid,
        change: &UserChange,
    ) -> Result<User> {
        let user = self.change(&actor.into(), id, change).await?;
        self.store.publish(ClusterEvent::User { id }).await;
        Ok(user)
    }

    /// Like [`update_by`](Self::update_by), for callers that notify the replicas themselves.
    pub(crate) async fn change(
        &self,
        actor: &Actor,
        id: Uuid,
        change: &UserChange,
    ) -> Result<User> {
        let mut transaction = self.store.begin().await?;
        let admins = lock_admins(&mut transaction).await?;
        let mut select = User::select().and_where(Expr::col("id").eq(id)).take();
        select.lock(sea_query::LockType::Update);
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Err(user_not_found());
        };
        let before = self.read(&row)?;
        let mut user = before.clone();
        let mut role = StoredRole::from_row(&row)?;
        // The role is assigned even if `ADMIN_USER_EMAILS` already grants it, so that the user
        // keeps it after the list entry is removed.
        if let Some(user_type) = &change.role
            && (*user_type != user.role || role.is_configured())
        {
            role = StoredRole::assigned(user_type.as_str(), actor.role_source());
            user.role = user_type.clone();
            user.role_source = role.source();
        }
        if let Some(is_active) = change.is_active {
            user.is_active = is_active;
        }
        if let Some(preferences) = &change.preferences {
            user.preferences = preferences.clone();
        }
        if admins == [id] && !(user.is_admin() && user.is_active) {
            return Err(Error::conflict(
                "last_admin",
                "this is the last active administrator; make someone else an administrator first",
            ));
        }
        // If the role itself changes, the actor of the audit entry already identifies the source.
        let role_source = |source: RoleSource| match user.role == before.role {
            true => source.as_str().into(),
            false => Value::Null,
        };
        let changes = FieldChange::between(&[
            (
                "user_type",
                before.role.as_str().into(),
                user.role.as_str().into(),
            ),
            (
                "role_source",
                role_source(before.role_source),
                role_source(user.role_source),
            ),
            ("is_active", before.is_active.into(), user.is_active.into()),
            (
                "preferences",
                before.preferences.clone(),
                user.preferences.clone(),
            ),
        ]);
        // If nothing changed, the row is not written, so that other writers do not get a conflict.
        if changes.is_empty() {
            return Ok(before);
        }
        user.updated_at = now();
        transaction
            .execute(
                Query::update()
                    .table(TABLE)
                    .values(role.columns())
                    .values([
                        ("is_active", user.is_active.into()),
                        ("preferences", user.preferences.clone().into()),
                        ("updated_at", user.updated_at.into()),
                    ])
                    .and_where(Expr::col("id").eq(id)),
            )
            .await?;
        AuditLog::record_in(
            &mut transaction,
            actor,
            "user.update",
            &format!("user:{id}"),
            changes.details(&user.email),
        )
        .await?;
        let user = self.attach_grants(user);
        if let Some(listener) = self.listener.as_ref().filter(|_| !actor.is_user(id)) {
            let change = UserChanged {
                id,
                role: (user.role != before.role).then(|| user.role_title()),
                activated: user.is_active && !before.is_active,
            };
            listener.changed(&mut transaction, change).await?;
        }
        transaction.publish(ClusterEvent::User { id });
        transaction.commit().await?;
        let is_active_admin = |user: &User| user.is_admin() && user.is_enabled();
        if let Some(admin_emails) = &self.admin_emails
            && is_active_admin(&user)
            && !is_active_admin(&before)
        {
            admin_emails.take_back_kept(&self.store).await;
        }
        Ok(user)
    }

    /// Stores a user's preference under a name, replacing any previous value.
    ///
    /// A user's preferences may take up at most 16 KiB of JSON in total. A name has at most 100
    /// characters; `theme` is reserved for the portal.
    ///
    /// # Errors
    ///
    /// `404 user_not_found` if the user does not exist, and `422` if a limit is exceeded.
    pub async fn set_preference<T: Serialize + Sync>(
        &self,
        id: Uuid,
        name: &str,
        value: &T,
    ) -> Result<()> {
        let value = serde_json::to_value(value).map_err(Error::internal)?;
        let patch = Map::from_iter([(name.to_owned(), value)]);
        self.set_preferences(id, patch).await?;
        self.store.publish(ClusterEvent::User { id }).await;
        Ok(())
    }

    /// Stores preferences by name and returns all of the user's preferences; `null` removes a
    /// preference.
    ///
    /// The caller must notify the replicas.
    pub(crate) async fn set_preferences(
        &self,
        id: Uuid,
        patch: Map<String, Value>,
    ) -> Result<Value> {
        let mut transaction = self.store.begin().await?;
        let mut select = User::select().and_where(Expr::col("id").eq(id)).take();
        select.lock(sea_query::LockType::Update);
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Err(user_not_found());
        };
        let before = User::from_row(&row)?.preferences;
        let after = preferences::merged(&before, patch).map_err(Error::invalid)?;
        if after == before {
            return Ok(after);
        }
        transaction
            .execute(
                Query::update()
                    .table(TABLE)
                    .value("preferences", after.clone())
                    .and_where(Expr::col("id").eq(id)),
            )
            .await?;
        transaction.publish(ClusterEvent::User { id });
        transaction.commit().await?;
        Ok(after)
    }
}

fn user_not_found() -> Error {
    Error::not_found("the user does not exist").with_code("user_not_found")
}

/// Escapes `%`, `_` and `\` in a search text for `LIKE`.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
