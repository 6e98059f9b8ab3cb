//! The local user, and the table that keeps him.

use chrono::{DateTime, Utc};
use sea_query::{Cond, Expr, ExprTrait, Func, Order, Query, SelectStatement};
use serde::Serialize;
use serde::ser::SerializeStruct;
use serde_json::Value;
use uuid::Uuid;

use super::role::Role;
use crate::error::{Error, Result};
use crate::store::{Row, Store, now};

pub(super) const TABLE: &str = "portal_users";

/// A user of the portal, as it has stored him.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct User {
    /// The portal's own id.
    pub id: Uuid,
    /// The identity provider's id.
    pub clerk_id: String,
    /// Primary e-mail address.
    pub email: String,
    /// Whether the provider has verified the address.
    pub email_verified: bool,
    /// First name, may be empty.
    pub first_name: String,
    /// Last name, may be empty.
    pub last_name: String,
    /// Picture.
    pub avatar_url: Option<String>,
    /// What kind of user he is.
    pub user_type: Role,
    /// Whether the portal lets him in at all.
    pub is_active: bool,
    /// Whether the identity provider has banned him.
    pub is_banned: bool,
    /// Free-form data of the application.
    pub user_attribute: Value,
    /// What he has set for himself, such as the theme.
    pub preferences: Value,
    /// When he was first seen.
    pub created_at: DateTime<Utc>,
    /// When his row last changed.
    pub updated_at: DateTime<Utc>,
    /// When his newest session began.
    pub last_login: Option<DateTime<Utc>>,
}

const COLUMNS: [&str; 15] = [
    "id",
    "subject",
    "email",
    "email_verified",
    "first_name",
    "last_name",
    "avatar_url",
    "user_type",
    "is_active",
    "is_banned",
    "user_attribute",
    "preferences",
    "created_at",
    "updated_at",
    "last_login",
];

impl User {
    /// All users but those whom the provider has deleted.
    pub(super) fn select() -> SelectStatement {
        Query::select()
            .columns(COLUMNS)
            .from(TABLE)
            .and_where(Expr::col("deleted_at").is_null())
            .take()
    }

    pub(super) fn from_row(row: &Row) -> Result<Self> {
        let user_type: String = row.get("user_type")?;
        Ok(Self {
            id: row.get("id")?,
            clerk_id: row.get("subject")?,
            email: row.get("email")?,
            email_verified: row.get("email_verified")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            avatar_url: row.get("avatar_url")?,
            user_type: user_type.parse().unwrap_or(Role::Guest),
            is_active: row.get("is_active")?,
            is_banned: row.get("is_banned")?,
            user_attribute: row.get("user_attribute")?,
            preferences: row.get("preferences")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            last_login: row.get("last_login")?,
        })
    }

    /// First and last name; the address where both are empty.
    #[must_use]
    pub fn full_name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        match name.trim() {
            "" => self.email.clone(),
            name => name.to_owned(),
        }
    }

    /// Whether neither the portal nor the identity provider has shut him out.
    #[must_use]
    pub fn is_allowed_in(&self) -> bool {
        self.is_active && !self.is_banned
    }

    /// Whether he is an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.user_type == Role::Admin
    }
}

/// As in `GET /api/auth/me`.
impl Serialize for User {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut user = serializer.serialize_struct("User", 12)?;
        user.serialize_field("id", &self.id)?;
        user.serialize_field("clerk_id", &self.clerk_id)?;
        user.serialize_field("email", &self.email)?;
        user.serialize_field("first_name", &self.first_name)?;
        user.serialize_field("last_name", &self.last_name)?;
        user.serialize_field("full_name", &self.full_name())?;
        user.serialize_field("user_type", &self.user_type)?;
        user.serialize_field("avatar_url", &self.avatar_url)?;
        user.serialize_field("is_active", &self.is_active)?;
        user.serialize_field("created_at", &self.created_at)?;
        user.serialize_field("last_login", &self.last_login)?;
        user.serialize_field("user_attribute", &self.user_attribute)?;
        user.end()
    }
}

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

/// The users of a portal.
#[derive(Debug, Clone)]
pub struct Users {
    store: Store,
}

impl Users {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// The user of an id.
    pub async fn get(&self, id: Uuid) -> Result<Option<User>> {
        let select = User::select().and_where(Expr::col("id").eq(id)).take();
        self.store
            .fetch_optional(&select)
            .await?
            .map(|row| User::from_row(&row))
            .transpose()
    }

    /// All users of an address, which need not be unique: the provider's id is.
    pub async fn find_by_email(&self, email: &str) -> Result<Vec<User>> {
        let select = User::select()
            .and_where(Func::lower(Expr::col("email")).eq(email.to_lowercase()))
            .take();
        self.store
            .fetch_all(&select)
            .await?
            .iter()
            .map(User::from_row)
            .collect()
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
            .map(User::from_row)
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

    /// Changes a user. The last active administrator can be neither demoted nor deactivated.
    ///
    /// Within a running portal use its REST route or admin page: they tell all replicas.
    pub async fn update(&self, id: Uuid, change: &UserChange) -> Result<User> {
        let mut transaction = self.store.begin().await?;
        // Locks every administrator, so that two who demote each other at once wait for one another.
        let mut admins = Query::select()
            .column("id")
            .from(TABLE)
            .and_where(Expr::col("user_type").eq(Role::Admin.as_str()))
            .and_where(Expr::col("is_active").eq(true))
            .and_where(Expr::col("is_banned").eq(false))
            .and_where(Expr::col("deleted_at").is_null())
            .order_by("id", Order::Asc)
            .take();
        admins.lock(sea_query::LockType::Update);
        let admins = transaction
            .fetch_all(&admins)
            .await?
            .iter()
            .map(|row| row.get::<Uuid>("id"))
            .collect::<Result<Vec<_>, _>>()?;
        let mut select = User::select().and_where(Expr::col("id").eq(id)).take();
        select.lock(sea_query::LockType::Update);
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Err(Error::not_found("there is no such user").with_code("user_not_found"));
        };
        let mut user = User::from_row(&row)?;
        if let Some(user_type) = &change.user_type {
            user.user_type = user_type.clone();
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
        user.updated_at = now();
        transaction
            .execute(
                Query::update()
                    .table(TABLE)
                    .values([
                        ("user_type", user.user_type.as_str().into()),
                        ("is_active", user.is_active.into()),
                        ("preferences", user.preferences.clone().into()),
                        ("updated_at", user.updated_at.into()),
                    ])
                    .and_where(Expr::col("id").eq(id)),
            )
            .await?;
        transaction.commit().await?;
        Ok(user)
    }
}

/// Takes the special meaning from `%`, `_` and `\` in a search text.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
