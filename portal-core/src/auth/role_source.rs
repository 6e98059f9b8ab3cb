//! Provenance of roles: the source of a user's role, and the role without `ADMIN_USER_EMAILS`.

use serde::Serialize;

use super::role::Role;
use crate::error::Result;
use crate::store::Row;

/// Source of a user's role.
///
/// ```
/// use portal_core::auth::RoleSource;
///
/// assert_eq!(RoleSource::Configuration.as_str(), "configuration");
/// assert_eq!(RoleSource::Configuration.title(), "ADMIN_USER_EMAILS");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RoleSource {
    /// `ADMIN_USER_EMAILS`; the role is revoked when the list entry is removed or the verified
    /// address changes.
    Configuration,
    /// Default role of a new account from the identity provider.
    Provider,
    /// An administrator.
    Administrator,
    /// `users role` on the command line.
    CommandLine,
    /// The application's own code.
    Application,
}

impl RoleSource {
    const ALL: [Self; 5] = [
        Self::Configuration,
        Self::Provider,
        Self::Administrator,
        Self::CommandLine,
        Self::Application,
    ];

    /// Returns the name as it appears in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Provider => "provider",
            Self::Administrator => "administrator",
            Self::CommandLine => "command_line",
            Self::Application => "application",
        }
    }

    /// Returns the display name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Configuration => "ADMIN_USER_EMAILS",
            Self::Provider => "Default",
            Self::Administrator => "Administrator",
            Self::CommandLine => "Command line",
            Self::Application => "Application",
        }
    }

    /// Returns the names of all sources with their titles.
    pub(crate) fn titles() -> impl Iterator<Item = (&'static str, &'static str)> {
        Self::ALL.into_iter().map(|it| (it.as_str(), it.title()))
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Columns of [`StoredRole`].
pub(super) const COLUMNS: [&str; 4] = [
    "user_type",
    "role_source",
    "assigned_role",
    "assigned_source",
];

/// A user's stored role: the effective role, and the role without `ADMIN_USER_EMAILS`.
///
/// Roles are strings here, so that those unknown to this version are preserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRole {
    effective: String,
    source: Option<RoleSource>,
    assigned: Option<String>,
    assigned_source: Option<RoleSource>,
}

impl StoredRole {
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        let source = |column: &str| -> Result<Option<RoleSource>> {
            let text: Option<String> = row.get(column)?;
            Ok(text.as_deref().and_then(RoleSource::parse))
        };
        Ok(Self {
            effective: row.get("user_type")?,
            source: source("role_source")?,
            assigned: row.get("assigned_role")?,
            assigned_source: source("assigned_source")?,
        })
    }

    /// Returns the role of a new account.
    pub(super) fn of_new_user() -> Self {
        Self::assigned(Role::User.as_str(), RoleSource::Provider)
    }

    /// Creates a role assigned by an actor.
    pub(super) fn assigned(role: &str, source: RoleSource) -> Self {
        Self {
            effective: role.to_owned(),
            source: Some(source),
            assigned: Some(role.to_owned()),
            assigned_source: Some(source),
        }
    }

    pub(super) fn effective(&self) -> &str {
        &self.effective
    }

    /// Returns the source of the effective role.
    ///
    /// For rows written by older versions, the source is derived from the role itself: every
    /// account starts as a user, so any other role was assigned.
    pub(super) fn source(&self) -> RoleSource {
        match self.source {
            Some(source) if self.is_consistent() => source,
            _ if self.effective == Role::User.as_str() => RoleSource::Provider,
            _ => RoleSource::Administrator,
        }
    }

    /// Returns `true` if the user is an administrator only because of `ADMIN_USER_EMAILS`.
    pub(super) fn is_configured(&self) -> bool {
        self.source() == RoleSource::Configuration
    }

    /// Returns `false` if the role was written by an older version, which only writes `user_type`.
    fn is_consistent(&self) -> bool {
        match (self.source, self.assigned.as_deref()) {
            (Some(RoleSource::Configuration), Some(_)) => self.effective == Role::Admin.as_str(),
            (Some(source), Some(assigned)) => {
                self.effective == assigned && self.assigned_source == Some(source)
            }
            _ => false,
        }
    }

    /// Returns the same role with its source.
    ///
    /// For an administrator stored by an older version or promoted by an older replica, the source
    /// is the configuration if the verified e-mail address is listed.
    pub(super) fn with_source(&self, is_listed: bool) -> Self {
        if self.is_consistent() {
            return self.clone();
        }
        if is_listed && self.effective == Role::Admin.as_str() {
            let assigned = self.assigned.as_deref().zip(self.assigned_source);
            let assigned = assigned.filter(|(role, _)| *role != Role::Admin.as_str());
            let (role, source) = assigned.unwrap_or((Role::User.as_str(), RoleSource::Provider));
            return Self::assigned(role, source).configured();
        }
        Self::assigned(&self.effective, self.source())
    }

    /// Returns `true` if listing the user in the configuration changes their role.
    pub(super) fn is_below_admin(&self) -> bool {
        self.assigned.as_deref() != Some(Role::Admin.as_str())
    }

    /// Returns the role that the same user has after the configuration made them an administrator.
    pub(super) fn configured(mut self) -> Self {
        self.effective = Role::Admin.as_str().to_owned();
        self.source = Some(RoleSource::Configuration);
        self
    }

    /// Returns the role that the same user has without the configuration.
    pub(super) fn without_configuration(&self) -> Self {
        let role = self.assigned.as_deref().unwrap_or(Role::User.as_str());
        Self::assigned(role, self.assigned_source.unwrap_or(RoleSource::Provider))
    }

    /// Returns the columns and their values, for an insert or an update.
    pub(super) fn columns(&self) -> [(&'static str, sea_query::Expr); 4] {
        let source = |source: Option<RoleSource>| source.map(RoleSource::as_str);
        let [effective, of_role, assigned, of_assigned] = COLUMNS;
        [
            (effective, self.effective.as_str().into()),
            (of_role, source(self.source).into()),
            (assigned, self.assigned.clone().into()),
            (of_assigned, source(self.assigned_source).into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(
        effective: &str,
        source: Option<RoleSource>,
        assigned: Option<(&str, RoleSource)>,
    ) -> StoredRole {
        StoredRole {
            effective: effective.to_owned(),
            source,
            assigned: assigned.map(|(role, _)| role.to_owned()),
            assigned_source: assigned.map(|(_, source)| source),
        }
    }

    #[test]
    fn administrators_from_older_versions_get_a_source() {
        use RoleSource::{Administrator, Configuration, Provider};
        for (role, is_listed, source, without) in [
            ("ADMIN", true, Configuration, "USER"),
            ("ADMIN", false, Administrator, "ADMIN"),
            ("EDITOR", true, Administrator, "EDITOR"),
            ("USER", false, Provider, "USER"),
        ] {
            let settled = stored(role, None, None).with_source(is_listed);
            assert_eq!(settled.source(), source, "{role} {is_listed}");
            assert_eq!(settled.effective(), role);
            assert_eq!(settled.without_configuration().effective(), without);
            assert_eq!(settled.with_source(!is_listed), settled, "it is settled");
        }
    }

    #[test]
    fn role_written_by_older_replica_is_effective() {
        use RoleSource::{Administrator, Configuration, Provider};
        let editor = Some(("EDITOR", Administrator));
        // An older replica promotes an editor who is listed.
        let promoted = stored("ADMIN", Some(Administrator), editor).with_source(true);
        assert_eq!(promoted.source(), Configuration);
        assert_eq!(promoted.without_configuration().effective(), "EDITOR");
        // An older replica demotes a user on behalf of an administrator.
        let user = Some(("USER", Provider));
        let demoted = stored("EDITOR", Some(Configuration), user).with_source(true);
        assert_eq!(
            (demoted.source(), demoted.effective()),
            (Administrator, "EDITOR")
        );
    }
}
