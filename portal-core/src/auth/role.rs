//! What kind of user someone is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of a user: three that every portal has, and the application's own.
///
/// ```
/// use portal_core::Role;
///
/// assert_eq!("admin".parse(), Ok(Role::Admin));
/// assert_eq!(Role::custom("editor").to_string(), "EDITOR");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Role {
    /// Signed in, with nothing granted yet.
    Guest,
    /// An ordinary user.
    User,
    /// May do everything.
    Admin,
    /// A role of the application, in upper case.
    Custom(String),
}

/// A text that cannot name a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is named by letters, digits and `_`, starting with a letter")]
pub struct RoleError;

impl Role {
    /// A role of the application.
    #[must_use]
    pub fn custom(name: &str) -> Self {
        Self::Custom(name.to_ascii_uppercase())
    }

    /// The name on the wire and in the database, in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Guest => "GUEST",
            Self::User => "USER",
            Self::Admin => "ADMIN",
            Self::Custom(name) => name,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let name = text.trim().to_ascii_uppercase();
        let word = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match name.as_str() {
            "GUEST" => Ok(Self::Guest),
            "USER" => Ok(Self::User),
            "ADMIN" => Ok(Self::Admin),
            _ if word => Ok(Self::Custom(name)),
            _ => Err(RoleError),
        }
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().to_owned()
    }
}

impl TryFrom<String> for Role {
    type Error = RoleError;

    fn try_from(text: String) -> Result<Self, RoleError> {
        text.parse()
    }
}

/// The roles that a portal knows: those of every portal, then the application's.
#[derive(Debug, Clone)]
pub(crate) struct Roles(pub(crate) Vec<Role>);

impl Roles {
    pub(crate) fn new(custom: Vec<Role>) -> Self {
        let mut roles = vec![Role::Admin, Role::User, Role::Guest];
        for role in custom {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        Self(roles)
    }

    /// The role of a name, if the portal knows it.
    pub(crate) fn find(&self, name: &str) -> Option<Role> {
        name.parse().ok().filter(|role| self.0.contains(role))
    }

    pub(crate) fn names(&self) -> String {
        self.0
            .iter()
            .map(Role::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    }
}
