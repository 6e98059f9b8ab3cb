//! User roles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A user's role: one of three builtin roles, or a role defined by the application.
///
/// ```
/// use portal_core::Role;
///
/// assert_eq!("admin".parse(), Ok(Role::Admin));
/// assert_eq!(Role::custom("editor").to_string(), "EDITOR");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Role {
    /// A signed-in user without any permissions yet.
    Guest,
    /// An ordinary user.
    User,
    /// An administrator, who has every permission.
    Admin,
    /// A role defined by the application; its name is in upper case.
    Custom(String),
}

/// Error for a string that is not a valid role name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role name consists of letters, digits and `_` and starts with a letter")]
pub struct ParseRoleError(());

impl Role {
    /// Returns the role with the given name: a builtin role, or a role defined by the application.
    ///
    /// `build()` reports an invalid name.
    #[must_use]
    pub fn custom(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "GUEST" => Self::Guest,
            "USER" => Self::User,
            "ADMIN" => Self::Admin,
            name => Self::Custom(name.to_owned()),
        }
    }

    /// Returns the name as it appears on the wire and in the database, in upper case.
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
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        let name = text.trim().to_ascii_uppercase();
        let word = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if word {
            Ok(Self::custom(&name))
        } else {
            Err(ParseRoleError(()))
        }
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.as_str().to_owned()
    }
}

impl TryFrom<String> for Role {
    type Error = ParseRoleError;

    fn try_from(text: String) -> Result<Self, ParseRoleError> {
        text.parse()
    }
}
