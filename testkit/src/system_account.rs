//! The system account under which servers run.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

/// Unprivileged accounts that may exist, in order of preference.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// Account that is used instead of root, under which PostgreSQL refuses to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SystemAccount {
    user: u32,
    group: u32,
}

impl SystemAccount {
    /// Returns an unprivileged account if this process runs as root, otherwise `None`.
    pub(crate) fn in_place_of_root() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        let account = UNPRIVILEGED
            .iter()
            .find_map(|name| Self::find(&accounts, name));
        account
            .context(
                "PostgreSQL does not run as root, and there is neither a user `postgres` nor \
                 `nobody`; add one, or run the tests as another user",
            )
            .map(Some)
    }

    /// Finds an account by name in the contents of a passwd file.
    fn find(accounts: &str, name: &str) -> Option<Self> {
        let mut lines = accounts.lines().map(|line| line.split(':'));
        let mut fields = lines.find_map(|mut fields| (fields.next()? == name).then_some(fields))?;
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(Self { user, group })
    }

    /// Makes this account the owner of a directory.
    pub(crate) fn give(&self, directory: &Path) -> Result<()> {
        chown(directory, Some(self.user), Some(self.group))
            .with_context(|| format!("failed to change the owner of {}", directory.display()))
    }

    /// Makes a command run under this account.
    pub(crate) fn apply_to(&self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }
}

#[cfg(test)]
mod tests {
    use super::SystemAccount;

    #[test]
    fn account_is_found_by_full_name() {
        let accounts = "postgres-old:x:1:2::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        let expected = SystemAccount {
            user: 101,
            group: 104,
        };
        assert_eq!(SystemAccount::find(accounts, "postgres"), Some(expected));
        assert_eq!(SystemAccount::find(accounts, "nobody"), None);
    }
}
