//! The roles of a portal: what each is called and what it may do.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::Access;
use super::permission::{Permission, PermissionError};
use super::role::{Role, RoleError};

/// A role of the application with its title and its permissions.
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
///     // What everyone of a role that every portal has may do besides.
///     .role(RoleDefinition::from(Role::User).permission("comments:write"))
/// # }
/// ```
///
/// The same role given twice has the permissions of both.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RoleDefinition {
    role: Role,
    title: Option<String>,
    permissions: BTreeSet<Permission>,
}

impl RoleDefinition {
    /// A role of this name that may do what users may.
    pub fn new(name: &str) -> Self {
        Role::custom(name).into()
    }

    /// What people call it; the name in lower case where nothing is said.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// What it may do. `build()` reports a name that cannot be one.
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

/// What the role of a user grants him. Nothing at all is granted by a role that the portal does
/// not know, such as one of an older version of the application.
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

/// The roles that a portal knows: those of every portal, then the application's.
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

    /// Every role, those of every portal first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Role> {
        self.0.iter().map(|definition| &definition.role)
    }

    /// Every role by what programs call it, with what people call it.
    pub(crate) fn titles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|definition| {
            let name = definition.role.as_str();
            (name, definition.title.as_deref().unwrap_or(name))
        })
    }

    /// The role of a name, if the portal knows it.
    pub(crate) fn find(&self, name: &str) -> Option<Role> {
        let role = name.parse().ok()?;
        self.all().find(|known| **known == role).cloned()
    }

    pub(crate) fn names(&self) -> String {
        self.all().map(Role::as_str).collect::<Vec<_>>().join(", ")
    }

    /// What a role grants.
    pub(super) fn grants(&self, role: &Role) -> Grants {
        let known = self.0.iter().find(|definition| definition.role == *role);
        Grants(known.cloned())
    }

    /// What is wrong with the roles themselves, in sentences.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for RoleDefinition {
            role, permissions, ..
        } in self.0.iter().map(|definition| &**definition)
        {
            let is_name = role.as_str().parse::<Role>();
            if is_name.is_err() {
                problems.push(format!("the role `{role}` needs another name: {RoleError}"));
            }
            for name in permissions.iter().filter(|it| !it.is_well_formed()) {
                problems.push(format!(
                    "the permission `{name}` of the role `{role}` needs another name: {PermissionError}"
                ));
            }
        }
        problems
    }

    /// What an access names that no user of this portal can have, in a sentence.
    pub(crate) fn problem_of(&self, access: &Access) -> Option<String> {
        match access {
            Access::Public | Access::User | Access::Admin => None,
            Access::Role(role) if self.all().any(|known| known == role) => None,
            Access::Role(role) => Some(format!(
                "requires the role `{role}`, which the portal does not have; it has {}\n     \
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
                    [] => "no role has any".to_owned(),
                    known => format!("they have {}", known.join(", ")),
                };
                Some(format!(
                    "requires the permission `{permission}`, which no role of the portal ({}) has; {known}\n     \
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
    fn a_role_that_is_given_twice_has_the_permissions_of_both() {
        let roles = roles();
        assert_eq!(roles.names(), "ADMIN, USER, GUEST, REVIEWER, EDITOR");
        let grants = roles.grants(&Role::custom("editor"));
        let permissions: Vec<&str> = grants.permissions().map(Permission::as_str).collect();
        assert_eq!(permissions, ["articles:publish", "articles:write"]);
        assert_eq!(grants.title(), Some("Editor"));
        assert!(!roles.grants(&Role::custom("owner")).are_known());
    }

    #[test]
    fn names_that_cannot_be_are_reported() {
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
    fn an_access_that_nobody_can_have_is_reported() {
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
