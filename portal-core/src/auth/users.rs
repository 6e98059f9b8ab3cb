//! The table that keeps the users.

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
use crate::store::{Notification, Row, Store, Transaction, now};

/// What to change of a user; `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserChange {
    /// Another role.
    pub user_type: Option<Role>,
    /// Switched on or off.
    pub is_active: Option<bool>,
    /// Other preferences.
    pub preferences: Option<Value>,
}

/// How a list of users is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserSort {
    /// By address.
    Email,
    /// By when he was first seen.
    #[default]
    CreatedAt,
    /// By his newest session.
    LastLogin,
    /// By role.
    UserType,
}

impl UserSort {
    fn column(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::CreatedAt => "created_at",
            Self::LastLogin => "last_login",
            Self::UserType => "user_type",
        }
    }
}

/// Which users to list, one page of them.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Part of an address or a name.
    pub search: Option<String>,
    /// What to sort by.
    pub sort: UserSort,
    /// Greatest first.
    pub descending: bool,
    /// How many rows to pass over.
    pub offset: u64,
    /// How many rows to give.
    pub limit: u64,
}

/// What has changed of a user, for whoever tells him.
pub(crate) struct UserChanged<'a> {
    pub(crate) id: Uuid,
    /// The title of his new role.
    pub(crate) role: Option<&'a str>,
    /// He may use the portal again.
    pub(crate) activated: bool,
}

/// Hears of what somebody has changed of another user, within the transaction of the change.
pub(crate) trait UserListener: Send + Sync {
    fn changed<'a>(
        &'a self,
        transaction: &'a mut Transaction,
        change: UserChanged<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

/// The users of a portal.
///
/// An extractor through `Data<Users>`.
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
    /// The users, who have no rights of the application's roles until those are given.
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            roles: Arc::default(),
            reads: Reads::default(),
            listener: None,
            admin_emails: None,
        }
    }

    /// The same users, with the list that makes administrators.
    pub(crate) fn with_admin_emails(mut self, admin_emails: AdminEmails) -> Self {
        self.admin_emails = Some(admin_emails);
        self
    }

    /// The same users, with somebody who hears of what is changed of them.
    pub(crate) fn with_listener(mut self, listener: Arc<dyn UserListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The same users with what their roles grant them.
    pub(crate) fn with_roles(mut self, roles: Arc<Roles>) -> Self {
        self.roles = roles;
        self
    }

    /// A user as it was read, with what his role grants him.
    pub(super) fn equip(&self, user: User) -> User {
        user.with_roles(&self.roles)
    }

    fn read(&self, row: &Row) -> Result<User> {
        User::from_row(row).map(|user| self.equip(user))
    }

    /// Those of some users who have not been deleted; a few hundred at most.
    pub(super) async fn of_ids(&self, ids: &[Uuid]) -> Result<Vec<User>> {
        let some = Expr::col("id").is_in(ids.iter().copied());
        let select = User::select().and_where(some).take();
        let rows = self.store.fetch_all(&select).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// The user of an id.
    pub async fn get(&self, id: Uuid) -> Result<Option<User>> {
        let select = User::select().and_where(Expr::col("id").eq(id)).take();
        self.store
            .fetch_optional(&select)
            .await?
            .map(|row| self.read(&row))
            .transpose()
    }

    /// Returns the display names of users, by id; a deleted user has none.
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
        // Databases bind a limited number of values per statement.
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

    /// All users of an address, which need not be unique: the provider's id is.
    pub async fn find_by_email(&self, email: &str) -> Result<Vec<User>> {
        // No text of PostgreSQL has this character.
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
        // PostgreSQL makes an ASCII letter of some others, such as the Kelvin sign.
        let is_same = |user: &User| user.email.eq_ignore_ascii_case(email);
        Ok(users.into_iter().filter(is_same).collect())
    }

    /// One page of the users that a filter lets through, and how many there are in all.
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
            .limit(filter.limit)
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

    /// How many users there are, and how many of them may use the portal.
    pub async fn count(&self) -> Result<(u64, u64)> {
        let all = Query::select()
            .expr(Func::count(Expr::col("id")))
            .from(TABLE)
            .and_where(Expr::col("deleted_at").is_null())
            .take();
        let active = all
            .clone()
            .and_where(Expr::col("is_active").eq(true))
            .take();
        Ok((
            self.store.fetch_count(&all).await?.unsigned_abs(),
            self.store.fetch_count(&active).await?.unsigned_abs(),
        ))
    }

    /// Changes a user, in the name of the application. The last active administrator can be
    /// neither demoted nor deactivated (`409 last_admin`).
    ///
    /// The change is in the audit log, and every replica knows of it when this returns.
    pub async fn update(&self, id: Uuid, change: &UserChange) -> Result<User> {
        self.update_by(Actor::application(), id, change).await
    }

    /// The same, done by somebody.
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
        self.store.notify(Notification::User { id }).await;
        Ok(user)
    }

    /// The same for callers who tell the replicas themselves.
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
        // Also the role that the user has by ADMIN_USER_EMAILS: then it outlasts the entry.
        if let Some(user_type) = &change.user_type
            && (*user_type != user.user_type || role.is_configured())
        {
            role = StoredRole::assigned(user_type.as_str(), actor.role_source());
            user.user_type = user_type.clone();
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
                "this is the last active administrator; make someone else one first",
            ));
        }
        // The actor of the entry names the source where the role itself changes.
        let role_source = |source: RoleSource| match user.user_type == before.user_type {
            true => source.as_str().into(),
            false => Value::Null,
        };
        let changes = FieldChange::between(&[
            (
                "user_type",
                before.user_type.as_str().into(),
                user.user_type.as_str().into(),
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
        // What changes nothing does not make the row stale for others.
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
        let user = self.equip(user);
        if let Some(listener) = self.listener.as_ref().filter(|_| !actor.is_user(id)) {
            let change = UserChanged {
                id,
                role: (user.user_type != before.user_type).then(|| user.role_title()),
                activated: user.is_active && !before.is_active,
            };
            listener.changed(&mut transaction, change).await?;
        }
        transaction.notify(Notification::User { id });
        transaction.commit().await?;
        let is_active_admin = |user: &User| user.is_admin() && user.is_allowed_in();
        if let Some(admin_emails) = &self.admin_emails
            && is_active_admin(&user)
            && !is_active_admin(&before)
        {
            admin_emails.take_back_kept(&self.store).await;
        }
        Ok(user)
    }

    /// Stores a preference of a user under a name, in the place of what was there.
    ///
    /// All preferences of a user together take at most 16 KiB as JSON. A name has at most 100
    /// letters; `theme` is the portal's own.
    pub async fn set_preference<T: Serialize + Sync>(
        &self,
        id: Uuid,
        name: &str,
        value: &T,
    ) -> Result<()> {
        let value = serde_json::to_value(value).map_err(Error::internal)?;
        let patch = Map::from_iter([(name.to_owned(), value)]);
        self.set_preferences(id, patch).await?;
        self.store.notify(Notification::User { id }).await;
        Ok(())
    }

    /// Stores preferences by name; `null` takes one away. Gives all that are there then. For
    /// callers who tell the replicas themselves.
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
        transaction.notify(Notification::User { id });
        transaction.commit().await?;
        Ok(after)
    }
}

fn user_not_found() -> Error {
    Error::not_found("there is no such user").with_code("user_not_found")
}

/// Takes the special meaning from `%`, `_` and `\` in a search text.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
