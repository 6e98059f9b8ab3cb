//! A portal's roles, with their titles and permissions.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::Access;
use super::permission::Permission;
use super::role::Role;

/// Definition of a role: its title and permissions.
///
/// ```no_run
/// use portal_core::prelude::*;
///
/// # fn portal() -> PortalBuilder {
/// Portal::builder()
///     .role(Role::custom("reviewer"))
///     .role(
///         RoleDefinition::new("editor")
///             .title("Editor")
///             .permission("articles:write")
///             .permission("articles:publish"),
///     )
///     // Additional permissions of a builtin role.
///     .role(RoleDefinition::from(Role::User).permission("comments:write"))
/// # }
/// ```
///
/// Several definitions of the same role are merged; the role has the permissions of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RoleDefinition {
    role: Role,
    title: Option<String>,
    permissions: BTreeSet<Permission>,
}

impl RoleDefinition {
    /// Creates a role with the permissions of an ordinary user.
    pub fn new(name: &str) -> Self {
        Role::custom(name).into()
    }

    /// Sets the display name. Default: the name of the role.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds a permission. `build()` reports an invalid name.
    pub fn permission(mut self, name: &str) -> Self {
        self.permissions.insert(Permission::unchecked(name));
        self
    }

    fn merge(&mut self, more: Self) {
        self.permissions.extend(more.permissions);
        if more.title.is_some() {
            self.title = more.title;
        }
    }
}

impl From<Role> for RoleDefinition {
    fn from(role: Role) -> Self {
        Self {
            role,
            title: None,
            permissions: BTreeSet::new(),
        }
    }
}

/// Title of a user's role, and the permissions that it grants.
///
/// A role that is not registered, such as a role from an older version of the application, grants
/// nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Grants(Option<Arc<RoleDefinition>>);

impl Grants {
    pub(super) fn are_known(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn title(&self) -> Option<&str> {
        self.0.as_ref()?.title.as_deref()
    }

    pub(super) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter().flat_map(|role| &role.permissions)
    }

    pub(super) fn contain(&self, permission: &Permission) -> bool {
        self.0
            .as_ref()
            .is_some_and(|role| role.permissions.contains(permission))
    }
}

/// Roles registered in a portal: the builtin ones, then the application's.
#[derive(Debug, Clone)]
pub(crate) struct Roles(Vec<Arc<RoleDefinition>>);

impl Default for Roles {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Roles {
    pub(crate) fn new(given: Vec<RoleDefinition>) -> Self {
        let mut roles: Vec<RoleDefinition> = [
            (Role::Admin, "Administrator"),
            (Role::User, "User"),
            (Role::Guest, "Guest"),
        ]
        .map(|(role, title)| RoleDefinition::from(role).title(title))
        .into();
        for definition in given {
            match roles.iter_mut().find(|known| known.role == definition.role) {
                Some(known) => known.merge(definition),
                None => roles.push(definition),
            }
        }
        Self(roles.into_iter().map(Arc::new).collect())
    }

    /// Returns all roles, builtin ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Role> {
        self.0.iter().map(|definition| &definition.role)
    }

    /// Returns the names of all roles with their titles.
    pub(crate) fn titles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|definition| {
            let name = definition.role.as_str();
            (name, definition.title.as_deref().unwrap_or(name))
        })
    }

    /// Returns the role with the given name, if it is registered.
    pub(crate) fn find(&self, name: &str) -> Option<Role> {
        let role = name.parse().ok()?;
        self.all().find(|known| **known == role).cloned()
    }

    pub(crate) fn names(&self) -> String {
        self.all().map(Role::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Returns the title of a role and the permissions that it grants.
    pub(super) fn grants(&self, role: &Role) -> Grants {
        let known = self.0.iter().find(|definition| definition.role == *role);
        Grants(known.cloned())
    }

    /// Returns the problems in the role definitions.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for RoleDefinition {
            role, permissions, ..
        } in self.0.iter().map(|definition| &**definition)
        {
            if let Err(error) = role.as_str().parse::<Role>() {
                problems.push(format!("the role `{role}` has an invalid name: {error}"));
            }
            for name in permissions {
                if let Err(error) = name.as_str().parse::<Permission>() {
                    problems.push(format!(
                        "the permission `{name}` of the role `{role}` has an invalid name: {error}"
                    ));
                }
            }
        }
        problems
    }

    /// Returns a problem if no user of this portal can satisfy the rule.
    pub(crate) fn problem_of(&self, access: &Access) -> Option<String> {
        match access {
            Access::Public | Access::User | Access::Admin => None,
            Access::Role(role) if self.all().any(|known| known == role) => None,
            Access::Role(role) => Some(format!(
                "requires the role `{role}`, which is not registered; registered roles: {}\n     \
                 add it with `.role(Role::custom(\"{}\"))`",
                self.names(),
                role.as_str().to_lowercase()
            )),
            Access::Permission(permission) => {
                let mut known: BTreeSet<&Permission> = BTreeSet::new();
                for definition in &self.0 {
                    known.extend(&definition.permissions);
                }
                if known.contains(permission) {
                    return None;
                }
                let known: Vec<&str> = known.into_iter().map(Permission::as_str).collect();
                let known = match known.as_slice() {
                    [] => "no role grants any".to_owned(),
                    known => format!("they grant {}", known.join(", ")),
                };
                Some(format!(
                    "requires the permission `{permission}`, which no role of the portal ({}) grants; {known}\n     \
                     add it with `.role(RoleDefinition::new(\"..\").permission(\"{permission}\"))`",
                    self.names(),
                ))
            }
            Access::AnyOf(any) => any.iter().find_map(|access| self.problem_of(access)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        Roles::new(vec![
            Role::custom("reviewer").into(),
            RoleDefinition::new("editor").permission("articles:write"),
            RoleDefinition::new("Editor")
                .title("Editor")
                .permission("articles:publish"),
        ])
    }

    #[test]
    fn duplicate_role_definitions_are_merged() {
        let roles = roles();
        assert_eq!(roles.names(), "ADMIN, USER, GUEST, REVIEWER, EDITOR");
        let grants = roles.grants(&Role::custom("editor"));
        let permissions: Vec<&str> = grants.permissions().map(Permission::as_str).collect();
        assert_eq!(permissions, ["articles:publish", "articles:write"]);
        assert_eq!(grants.title(), Some("Editor"));
        assert!(!roles.grants(&Role::custom("owner")).are_known());
    }

    #[test]
    fn invalid_names_are_reported() {
        let roles = Roles::new(vec![
            Role::custom("chief editor").into(),
            RoleDefinition::new("editor").permission("Write!"),
        ]);
        let problems = roles.problems();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("`CHIEF EDITOR`"));
        assert!(problems[1].contains("`Write!`"));
    }

    #[test]
    fn access_without_matching_role_is_reported() {
        let roles = roles();
        assert_eq!(roles.problem_of(&Access::role("Editor")), None);
        assert_eq!(
            roles.problem_of(&Access::permission("articles:write")),
            None
        );
        let problem = roles.problem_of(&Access::role("owner")).unwrap();
        assert!(
            problem.contains("ADMIN, USER, GUEST, REVIEWER, EDITOR"),
            "{problem}"
        );
        let any = Access::AnyOf(vec![Access::Admin, Access::permission("articles:red")]);
        let problem = roles.problem_of(&any).unwrap();
        assert!(
            problem.contains("articles:publish, articles:write"),
            "{problem}"
        );
    }
}
