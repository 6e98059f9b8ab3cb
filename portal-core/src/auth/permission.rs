//! Permissions: named rights that roles grant.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Maximum length of a name, in bytes.
const MAX_LEN: usize = 100;

/// A permission that roles can grant; its name looks like `articles:write`.
///
/// A name consists of one or more words separated by `:`; a word consists of `a-z`, `0-9`, `_`, `-`
/// and `.`.
///
/// ```
/// use portal_core::Permission;
///
/// let write: Permission = "articles:write".parse()?;
/// assert_eq!(write.to_string(), "articles:write");
/// assert!("Write articles".parse::<Permission>().is_err());
/// # Ok::<(), portal_core::auth::ParsePermissionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Permission(Cow<'static, str>);

/// Error for a string that is not a valid permission name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a permission name consists of words of `a-z`, `0-9`, `_`, `-` and `.` separated by `:`, as in `articles:write`"
)]
pub struct ParsePermissionError(());

impl Permission {
    /// Returns the name as it appears on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Creates a permission without validation; no role grants a permission with an invalid name.
    pub(super) fn unchecked(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }
}

fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
    };
    name.len() <= MAX_LEN && name.split(':').all(is_word)
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Permission {
    type Err = ParsePermissionError;

    fn from_str(text: &str) -> Result<Self, ParsePermissionError> {
        if is_name(text) {
            Ok(Self::unchecked(text))
        } else {
            Err(ParsePermissionError(()))
        }
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0.into_owned()
    }
}

impl TryFrom<String> for Permission {
    type Error = ParsePermissionError;

    fn try_from(text: String) -> Result<Self, ParsePermissionError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_name_is_validated() {
        for name in ["articles:write", "a", "org:billing-2:read_all", "v1.x:do"] {
            assert_eq!(name.parse::<Permission>().unwrap().as_str(), name);
        }
        let long = "a".repeat(MAX_LEN + 1);
        for name in [
            "",
            ":",
            "a:",
            ":a",
            "a::b",
            "Articles:write",
            "a b",
            "ä",
            "a\n",
            "*",
            &long,
        ] {
            assert_eq!(
                name.parse::<Permission>(),
                Err(ParsePermissionError(())),
                "{name:?}"
            );
        }
    }
}
