//! Access rules: conditions that users must satisfy, shared by pages, navigation, tasks and models.

use std::fmt;

use super::permission::Permission;
use super::role::Role;
use super::users::User;
use crate::error::Error;

/// Access rule: the condition that a user must satisfy to use a page, task or model.
///
/// ```
/// use portal_core::{Access, Denied};
///
/// assert_eq!(Access::Public.check(None), Ok(()));
/// assert_eq!(Access::User.check(None), Err(Denied::Unauthenticated));
/// assert_eq!(Access::permission("articles:write").to_string(), "permission:articles:write");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone, signed in or not.
    #[default]
    Public,
    /// Signed-in users.
    User,
    /// Administrators.
    Admin,
    /// Users with a role, and administrators.
    Role(Role),
    /// Users whose role grants a permission, and administrators.
    Permission(Permission),
    /// Users who satisfy any of these rules. An empty list denies everyone.
    AnyOf(Vec<Access>),
}

/// Reason why access is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller is not signed in.
    #[error("the caller is not signed in")]
    Unauthenticated,
    /// The user is signed in, but does not have access.
    #[error("the user does not have access")]
    Forbidden,
    /// The account is deactivated or banned.
    #[error("the account is deactivated or banned")]
    Deactivated,
    /// The user has access, but is being impersonated.
    #[error("not allowed while impersonating a user")]
    Impersonated,
}

impl Access {
    /// Creates a rule that grants access to users with a role, and to administrators.
    #[must_use]
    pub fn role(name: &str) -> Self {
        Self::Role(Role::custom(name))
    }

    /// Creates a rule that grants access to users with a permission, and to administrators.
    ///
    /// No role grants a permission with an invalid name; `build()` reports such a name if a page,
    /// task or model uses it.
    #[must_use]
    pub fn permission(name: &str) -> Self {
        Self::Permission(Permission::unchecked(name))
    }

    /// Checks whether a user, or a guest (`None`), has access.
    ///
    /// An impersonated user has only the access of an ordinary user.
    ///
    /// # Errors
    ///
    /// Returns the reason why access is denied.
    pub fn check(&self, user: Option<&User>) -> Result<(), Denied> {
        let user = match (self, user) {
            (Self::Public, _) => return Ok(()),
            // One of the rules may be public, so this check comes before guests are rejected.
            (Self::AnyOf(any), _) => return check_any(any, user),
            (_, None) => return Err(Denied::Unauthenticated),
            (_, Some(user)) if !user.is_enabled() => return Err(Denied::Deactivated),
            (_, Some(user)) => user,
        };
        let may = match self {
            Self::Public | Self::User => return Ok(()),
            Self::Admin => user.rights().is_admin(),
            Self::Role(role) => user.rights().has_role(role),
            Self::Permission(permission) => user.rights().can(permission),
            Self::AnyOf(_) => false,
        };
        match may {
            true if user.is_restricted() => Err(Denied::Impersonated),
            true => Ok(()),
            false => Err(Denied::Forbidden),
        }
    }

    /// Returns `true` if a user, or a guest (`None`), has access.
    #[must_use]
    pub fn allows(&self, user: Option<&User>) -> bool {
        self.check(user).is_ok()
    }
}

/// Grants access if any of the rules does; otherwise returns the most specific reason for denial.
fn check_any(any: &[Access], user: Option<&User>) -> Result<(), Denied> {
    let mut denied = match user {
        None => Denied::Unauthenticated,
        Some(user) if !user.is_enabled() => Denied::Deactivated,
        Some(_) => Denied::Forbidden,
    };
    for access in any {
        match access.check(user) {
            Ok(()) => return Ok(()),
            Err(Denied::Impersonated) => denied = Denied::Impersonated,
            Err(_) => {}
        }
    }
    Err(denied)
}

/// Formats the rule: `public`, `user`, `admin`, `role:NAME` or `permission:NAME`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::User => f.write_str("user"),
            Self::Admin => f.write_str("admin"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Permission(permission) => write!(f, "permission:{permission}"),
            Self::AnyOf(any) => {
                for (at, access) in any.iter().enumerate() {
                    let separator = if at == 0 { "" } else { " or " };
                    write!(f, "{separator}{access}")?;
                }
                Ok(())
            }
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::unauthorized(),
            Denied::Forbidden => Self::forbidden("your account does not have permission for this"),
            Denied::Deactivated => {
                Self::forbidden("your account has been deactivated").with_code("deactivated")
            }
            Denied::Impersonated => {
                Self::forbidden("not allowed while impersonating a user").with_code("impersonated")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::roles::{RoleDefinition, Roles};

    fn user(role: &str) -> User {
        let roles = Roles::new(vec![
            Role::custom("reviewer").into(),
            RoleDefinition::new("editor").permission("articles:write"),
        ]);
        User::for_tests(role.parse().unwrap(), &roles)
    }

    fn guards() -> [Access; 7] {
        [
            Access::Public,
            Access::User,
            Access::Admin,
            Access::role("editor"),
            Access::permission("articles:write"),
            Access::AnyOf(vec![Access::Admin, Access::role("reviewer")]),
            Access::AnyOf(Vec::new()),
        ]
    }

    fn allowed(user: &User) -> Vec<usize> {
        let guards = guards();
        let allowed = guards
            .iter()
            .enumerate()
            .filter(|(_, it)| it.allows(Some(user)));
        allowed.map(|(at, _)| at).collect()
    }

    #[test]
    fn each_role_satisfies_its_own_rules() {
        assert_eq!(allowed(&user("admin")), [0, 1, 2, 3, 4, 5]);
        assert_eq!(allowed(&user("editor")), [0, 1, 3, 4]);
        assert_eq!(allowed(&user("reviewer")), [0, 1, 5]);
        assert_eq!(allowed(&user("user")), [0, 1]);
        assert_eq!(allowed(&user("guest")), [0, 1]);
        let public = guards().map(|guard| guard.allows(None));
        assert_eq!(public, [true, false, false, false, false, false, false]);
    }

    #[test]
    fn unregistered_role_grants_nothing() {
        let stranger = user("owner");
        assert_eq!(allowed(&stranger), [0, 1]);
        assert_eq!(
            Access::role("owner").check(Some(&stranger)),
            Err(Denied::Forbidden)
        );
        assert_eq!(
            Access::permission("").check(Some(&user("editor"))),
            Err(Denied::Forbidden)
        );
    }

    #[test]
    fn inactive_and_banned_users_have_public_access_only() {
        let (mut inactive, mut banned) = (user("admin"), user("admin"));
        inactive.is_active = false;
        banned.is_banned = true;
        for shut_out in [inactive, banned] {
            assert_eq!(allowed(&shut_out), [0]);
            let any = Access::AnyOf(vec![Access::Admin]);
            assert_eq!(any.check(Some(&shut_out)), Err(Denied::Deactivated));
        }
    }

    #[test]
    fn impersonated_user_has_only_ordinary_access() {
        for role in ["admin", "editor", "reviewer", "user"] {
            let user = user(role).restricted();
            assert_eq!(allowed(&user), [0, 1], "{role}");
            assert!(!user.is_admin());
            assert!(!user.has_role(&Role::custom("editor")));
            assert!(!user.can(&"articles:write".parse().unwrap()));
        }
        let admin = user("admin").restricted();
        assert_eq!(Access::Admin.check(Some(&admin)), Err(Denied::Impersonated));
        let any = Access::AnyOf(vec![Access::role("editor"), Access::Admin]);
        assert_eq!(any.check(Some(&admin)), Err(Denied::Impersonated));
        let user = user("user").restricted();
        assert_eq!(Access::Admin.check(Some(&user)), Err(Denied::Forbidden));
    }

    #[test]
    fn access_is_displayed_in_wire_format() {
        let words = guards().map(|guard| guard.to_string());
        assert_eq!(
            words,
            [
                "public",
                "user",
                "admin",
                "role:EDITOR",
                "permission:articles:write",
                "admin or role:REVIEWER",
                ""
            ]
        );
    }
}
