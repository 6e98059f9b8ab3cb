//! Local users and their permissions.

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

/// A user of the portal, as stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct User {
    /// Id in the portal.
    pub id: Uuid,
    /// Id at the identity provider.
    pub subject: String,
    /// Primary e-mail address.
    pub email: String,
    /// `true` if the provider has verified the e-mail address.
    pub email_verified: bool,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// URL of the avatar.
    pub avatar_url: Option<String>,
    /// The user's role.
    pub role: Role,
    /// Source of the user's role.
    pub role_source: RoleSource,
    /// `false` if the portal has deactivated the account.
    pub is_active: bool,
    /// `true` if the identity provider has banned the user.
    pub is_banned: bool,
    /// Free-form data stored by the application.
    pub attributes: Value,
    /// Preferences set by the user, such as the theme.
    pub preferences: Value,
    /// Time at which the user was first seen.
    pub created_at: DateTime<Utc>,
    /// Time of the last change to the row.
    pub updated_at: DateTime<Utc>,
    /// Start of the latest session.
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// Permissions that the role grants.
    grants: Grants,
    /// `true` if the user is being impersonated with the permissions of an ordinary user only.
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
    /// Selects all users except those that the provider has deleted.
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
        // Only the exact spelling is accepted, as in the queries that count administrators.
        let role = stored.effective().parse::<Role>().ok();
        let role = role.filter(|role: &Role| role.as_str() == stored.effective());
        Ok(Self {
            id: row.get("id")?,
            subject: row.get("subject")?,
            email: row.get("email")?,
            email_verified: row.get("email_verified")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            // Rows written by older versions may contain any text.
            avatar_url: row
                .get::<Option<String>>("avatar_url")?
                .and_then(|url| clean::picture(&url)),
            role: role.unwrap_or(Role::Guest),
            role_source: stored.source(),
            is_active: row.get("is_active")?,
            is_banned: row.get("is_banned")?,
            attributes: row.document("user_attribute")?.unwrap_or_default(),
            preferences: row.document("preferences")?.unwrap_or_default(),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            last_sign_in_at: row.get("last_login")?,
            grants: Grants::default(),
            restricted: false,
        })
    }

    /// Adds the permissions of the user's role. Without this call, the user has only the
    /// permissions of an ordinary user.
    pub(super) fn with_roles(mut self, roles: &Roles) -> Self {
        self.grants = roles.grants(&self.role);
        self
    }

    /// Limits the user to the permissions of an ordinary user.
    pub(super) fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    pub(super) fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// Returns the user's own rights, regardless of impersonation.
    pub(super) fn rights(&self) -> Rights<'_> {
        Rights(self)
    }

    /// Returns the first and last name, or the e-mail address if both are empty.
    #[must_use]
    pub fn full_name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        match name.trim() {
            "" => self.email.clone(),
            name => name.to_owned(),
        }
    }

    /// Returns `true` if the account is active and not banned.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.is_active && !self.is_banned
    }

    /// Returns `true` if the user is an administrator.
    ///
    /// Like all rights beyond those of an ordinary user, administrator rights do not apply while
    /// the user is being impersonated, unless the portal grants impersonators full rights.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        !self.restricted && self.rights().is_admin()
    }

    /// Returns `true` if the user has a role.
    ///
    /// Administrators have every role. For other users, the role must be registered.
    #[must_use]
    pub fn has_role(&self, role: &Role) -> bool {
        !self.restricted && self.rights().has_role(role)
    }

    /// Returns `true` if the user's role grants a permission. Administrators have every permission.
    #[must_use]
    pub fn can(&self, permission: &Permission) -> bool {
        !self.restricted && self.rights().can(permission)
    }

    /// Returns the permissions of the role, sorted by name.
    ///
    /// Administrators have every permission, even those not listed.
    pub fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.grants.permissions()
    }

    /// Returns the display name of the role.
    #[must_use]
    pub fn role_title(&self) -> &str {
        self.grants.title().unwrap_or(self.role.as_str())
    }

    /// Returns a preference if it is set and deserializes as `T`.
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

/// A user's own rights, regardless of impersonation.
#[derive(Clone, Copy)]
pub(super) struct Rights<'a>(&'a User);

impl Rights<'_> {
    pub(super) fn is_admin(self) -> bool {
        self.0.role == Role::Admin
    }

    pub(super) fn has_role(self, role: &Role) -> bool {
        self.is_admin() || (self.0.role == *role && self.0.grants.are_known())
    }

    pub(super) fn can(self, permission: &Permission) -> bool {
        self.is_admin() || self.0.grants.contain(permission)
    }
}

/// Serializes the user as in `GET /api/auth/me`.
impl Serialize for User {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut user = serializer.serialize_struct("User", 12)?;
        user.serialize_field("id", &self.id)?;
        user.serialize_field("clerk_id", &self.subject)?;
        user.serialize_field("email", &self.email)?;
        user.serialize_field("first_name", &self.first_name)?;
        user.serialize_field("last_name", &self.last_name)?;
        user.serialize_field("full_name", &self.full_name())?;
        user.serialize_field("user_type", &self.role)?;
        user.serialize_field("avatar_url", &self.avatar_url)?;
        user.serialize_field("is_active", &self.is_active)?;
        user.serialize_field("created_at", &self.created_at)?;
        user.serialize_field("last_login", &self.last_sign_in_at)?;
        user.serialize_field("user_attribute", &self.attributes)?;
        user.end()
    }
}

#[cfg(test)]
impl User {
    /// Creates an active user with a role.
    pub(crate) fn for_tests(role: Role, roles: &Roles) -> Self {
        let now = crate::store::now();
        Self {
            id: Uuid::now_v7(),
            subject: "user_1".to_owned(),
            email: "ann@example.com".to_owned(),
            email_verified: true,
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            avatar_url: None,
            role,
            role_source: RoleSource::Administrator,
            is_active: true,
            is_banned: false,
            attributes: Value::Null,
            preferences: Value::Null,
            created_at: now,
            updated_at: now,
            last_sign_in_at: None,
            grants: Grants::default(),
            restricted: false,
        }
        .with_roles(roles)
    }
}
