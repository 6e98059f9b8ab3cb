//! What a role may do, by name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a permission.
const LONGEST: usize = 100;

/// Something that roles may do, by a name such as `articles:write`.
///
/// A name is one or more words with `:` between them; a word has `a-z`, `0-9`, `_`, `-` and `.`.
///
/// ```
/// use portal_core::Permission;
///
/// let write: Permission = "articles:write".parse()?;
/// assert_eq!(write.to_string(), "articles:write");
/// assert!("Write articles".parse::<Permission>().is_err());
/// # Ok::<(), portal_core::auth::PermissionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Permission(Cow<'static, str>);

/// A text that cannot name a permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a permission is named by words of `a-z`, `0-9`, `_`, `-` and `.` with `:` between them, as in `articles:write`"
)]
pub struct PermissionError;

impl Permission {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that is not looked at: one that is none belongs to no role, so nobody has it.
    pub(super) fn unchecked(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }

    pub(super) fn is_well_formed(&self) -> bool {
        is_name(&self.0)
    }
}

fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
    };
    name.len() <= LONGEST && name.split(':').all(is_word)
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        if is_name(text) {
            Ok(Self::unchecked(text))
        } else {
            Err(PermissionError)
        }
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0.into_owned()
    }
}

impl TryFrom<String> for Permission {
    type Error = PermissionError;

    fn try_from(text: String) -> Result<Self, PermissionError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_checked() {
        for name in ["articles:write", "a", "org:billing-2:read_all", "v1.x:do"] {
            assert_eq!(name.parse::<Permission>().unwrap().as_str(), name);
        }
        let long = "a".repeat(LONGEST + 1);
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
            assert_eq!(name.parse::<Permission>(), Err(PermissionError), "{name:?}");
        }
    }
}
