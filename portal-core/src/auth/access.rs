//! The one guard: pages, navigation, tasks and models all ask it.

use std::fmt;

use super::role::Role;
use super::users::User;
use crate::error::Error;

/// Who may use something.
///
/// ```
/// use portal_core::{Access, Denied};
///
/// assert_eq!(Access::Public.check(None), Ok(()));
/// assert_eq!(Access::User.check(None), Err(Denied::SignedOut));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone, signed in or not.
    #[default]
    Public,
    /// Whoever is signed in.
    User,
    /// Administrators.
    Admin,
    /// Users of one role, and administrators.
    Role(Role),
}

/// Why somebody may not use something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// He has to sign in first.
    SignedOut,
    /// He is signed in, and it is not for him.
    Forbidden,
    /// His account has been switched off.
    Deactivated,
}

impl Access {
    /// Whether a user, or nobody, may use what this guards.
    pub fn check(&self, user: Option<&User>) -> Result<(), Denied> {
        let user = match (self, user) {
            (Self::Public, _) => return Ok(()),
            (_, None) => return Err(Denied::SignedOut),
            (_, Some(user)) if !user.is_allowed_in() => return Err(Denied::Deactivated),
            (_, Some(user)) => user,
        };
        let allowed = match self {
            Self::Public | Self::User => true,
            Self::Admin => user.is_admin(),
            Self::Role(role) => user.is_admin() || user.user_type == *role,
        };
        if allowed {
            Ok(())
        } else {
            Err(Denied::Forbidden)
        }
    }

    /// Whether a user, or nobody, may use what this guards.
    #[must_use]
    pub fn allows(&self, user: Option<&User>) -> bool {
        self.check(user).is_ok()
    }
}

/// As in the list of tasks: `public`, `user`, `admin` or `role:NAME`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::User => f.write_str("user"),
            Self::Admin => f.write_str("admin"),
            Self::Role(role) => write!(f, "role:{role}"),
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::SignedOut => Self::unauthorized(),
            Denied::Forbidden => Self::forbidden("your account may not use this"),
            Denied::Deactivated => {
                Self::forbidden("your account has been deactivated").with_code("deactivated")
            }
        }
    }
}
