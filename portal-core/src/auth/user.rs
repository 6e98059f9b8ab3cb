//! The local user, and what he may do.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Query, SelectStatement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde_json::Value;
use uuid::Uuid;

use super::clean;
use super::permission::Permission;
use super::role::Role;
use super::role_source::{self, RoleSource, StoredRole};
use super::roles::{Grants, Roles};
use crate::error::Result;
use crate::store::Row;

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
    /// The role.
    pub user_type: Role,
    /// Source of the role.
    pub role_source: RoleSource,
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
    /// What his role grants him.
    grants: Grants,
    /// Somebody else acts in his name, and may do no more than an ordinary user.
    restricted: bool,
}

const COLUMNS: [&str; 14] = [
    "id",
    "subject",
    "email",
    "email_verified",
    "first_name",
    "last_name",
    "avatar_url",
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
            .columns(role_source::COLUMNS)
            .from(TABLE)
            .and_where(Expr::col("deleted_at").is_null())
            .take()
    }

    pub(super) fn from_row(row: &Row) -> Result<Self> {
        let stored = StoredRole::from_row(row)?;
        // To the letter: what counts administrators in the database reads it so, too.
        let role = stored.effective().parse::<Role>().ok();
        let role = role.filter(|role: &Role| role.as_str() == stored.effective());
        Ok(Self {
            id: row.get("id")?,
            clerk_id: row.get("subject")?,
            email: row.get("email")?,
            email_verified: row.get("email_verified")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            // Rows of older versions may contain anything.
            avatar_url: row
                .get::<Option<String>>("avatar_url")?
                .and_then(|url| clean::picture(&url)),
            user_type: role.unwrap_or(Role::Guest),
            role_source: stored.source(),
            is_active: row.get("is_active")?,
            is_banned: row.get("is_banned")?,
            user_attribute: row.document("user_attribute")?.unwrap_or_default(),
            preferences: row.document("preferences")?.unwrap_or_default(),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            last_login: row.get("last_login")?,
            grants: Grants::default(),
            restricted: false,
        })
    }

    /// The same user with what his role grants him; without it he has no more than every user.
    pub(super) fn with_roles(mut self, roles: &Roles) -> Self {
        self.grants = roles.grants(&self.user_type);
        self
    }

    /// The same user with no more rights than every user has.
    pub(super) fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    pub(super) fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// What he may do himself, whoever acts in his name.
    pub(super) fn rights(&self) -> Rights<'_> {
        Rights(self)
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
    ///
    /// Like every right above that of an ordinary user, this is `false` while somebody else acts
    /// in his name.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        !self.restricted && self.rights().is_admin()
    }

    /// Whether his role is this one. Administrators have every role; a role that the portal does
    /// not know is nobody's.
    #[must_use]
    pub fn has_role(&self, role: &Role) -> bool {
        !self.restricted && self.rights().has_role(role)
    }

    /// Whether his role has a permission. Administrators have every one.
    #[must_use]
    pub fn can(&self, permission: &Permission) -> bool {
        !self.restricted && self.rights().can(permission)
    }

    /// The permissions of his role, by name. Administrators may do everything, listed or not.
    pub fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.grants.permissions()
    }

    /// What people call his role.
    #[must_use]
    pub fn role_title(&self) -> &str {
        self.grants.title().unwrap_or(self.user_type.as_str())
    }

    /// One of his preferences, if it is there and of this type.
    ///
    /// ```
    /// # use portal_core::User;
    /// fn rows_per_page(user: &User) -> u32 {
    ///     user.preference("rows_per_page").unwrap_or(20)
    /// }
    /// ```
    #[must_use]
    pub fn preference<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.preferences.get(name)?).ok()
    }
}

/// What a user may do himself.
#[derive(Clone, Copy)]
pub(super) struct Rights<'a>(&'a User);

impl Rights<'_> {
    pub(super) fn is_admin(self) -> bool {
        self.0.user_type == Role::Admin
    }

    pub(super) fn has_role(self, role: &Role) -> bool {
        self.is_admin() || (self.0.user_type == *role && self.0.grants.are_known())
    }

    pub(super) fn can(self, permission: &Permission) -> bool {
        self.is_admin() || self.0.grants.contain(permission)
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

#[cfg(test)]
impl User {
    /// An active user of a role.
    pub(crate) fn for_tests(role: Role, roles: &Roles) -> Self {
        let now = crate::store::now();
        Self {
            id: Uuid::now_v7(),
            clerk_id: "user_1".to_owned(),
            email: "ann@example.com".to_owned(),
            email_verified: true,
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            avatar_url: None,
            user_type: role,
            role_source: RoleSource::Administrator,
            is_active: true,
            is_banned: false,
            user_attribute: Value::Null,
            preferences: Value::Null,
            created_at: now,
            updated_at: now,
            last_login: None,
            grants: Grants::default(),
            restricted: false,
        }
        .with_roles(roles)
    }
}
