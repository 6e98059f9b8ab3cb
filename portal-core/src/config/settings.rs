//! The values of all settings, and their sources.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::dot_env::{self, DotEnvError};
use super::mask::mask_uri;
use super::variables::{PORTAL_SETTINGS, Setting};

/// Source of a setting's value; the variants are in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingSource {
    /// A command-line flag.
    Flag,
    /// An environment variable.
    Environment,
    /// The file `.env` in the working directory.
    DotEnv,
    /// The built-in default.
    Default,
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::DotEnv => ".env",
            Self::Default => "default",
        })
    }
}

/// The values of all settings, as text. Precedence: flag, environment variable, `.env`, default.
///
/// An empty value counts as unset.
///
/// ```
/// use portal_core::config::Settings;
///
/// let settings = Settings::from_pairs([("APP_NAME", "Acme"), ("PORT", "")]);
/// assert_eq!(settings.get("APP_NAME"), Some("Acme"));
/// assert_eq!(settings.get("PORT"), Some("8000"));
/// ```
#[derive(Clone)]
pub struct Settings {
    table: Vec<Setting>,
    values: BTreeMap<&'static str, (String, SettingSource)>,
}

/// Masks secrets, like the `config` command.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.describe().filter(|(name, ..)| self.is_set(name));
        let given = given.map(|(name, value, _)| (name, value));
        f.debug_map().entries(given).finish()
    }
}

/// The sources from which settings are read.
#[derive(Default)]
pub(crate) struct SettingSources {
    pub(crate) flags: HashMap<String, String>,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) dot_env: HashMap<String, String>,
}

impl SettingSources {
    /// Returns the given flags, the process environment and, if it exists, `.env` from the working
    /// directory.
    pub(crate) fn of_process(
        flags: HashMap<String, String>,
        extra: &[Setting],
    ) -> Result<Self, DotEnvError> {
        Ok(Self {
            flags,
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            dot_env: dot_env::read(extra)?,
        })
    }
}

impl Settings {
    pub(crate) fn load(extra: &[Setting], sources: &SettingSources) -> Self {
        let table: Vec<Setting> = PORTAL_SETTINGS.iter().chain(extra).copied().collect();
        let mut values = BTreeMap::new();
        for setting in &table {
            let find = |source: &HashMap<String, String>| {
                std::iter::once(&setting.name)
                    .chain(setting.aliases)
                    .find_map(|name| {
                        source
                            .get(*name)
                            .filter(|value| !value.trim().is_empty())
                            .cloned()
                    })
            };
            let found = find(&sources.flags)
                .map(|value| (value, SettingSource::Flag))
                .or_else(|| {
                    find(&sources.environment).map(|value| (value, SettingSource::Environment))
                })
                .or_else(|| find(&sources.dot_env).map(|value| (value, SettingSource::DotEnv)))
                .or_else(|| {
                    setting
                        .default
                        .map(|value| (value.to_owned(), SettingSource::Default))
                });
            if let Some(found) = found {
                values.insert(setting.name, found);
            }
        }
        Self { table, values }
    }

    /// Creates settings from pairs, as if they were in the environment; for tests and embedders.
    #[must_use]
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self::from_pairs_with(&[], pairs)
    }

    /// Like [`from_pairs`](Self::from_pairs), with a provider's additional settings.
    #[must_use]
    pub fn from_pairs_with<K: Into<String>, V: Into<String>>(
        extra: &[Setting],
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let environment = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self::load(
            extra,
            &SettingSources {
                environment,
                ..SettingSources::default()
            },
        )
    }

    /// Returns the trimmed value of a variable, or `None` if it is unset and has no default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.trim())
    }

    /// Returns `true` if the variable is set explicitly; a default does not count.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|(_, origin)| *origin != SettingSource::Default)
    }

    /// Returns all variables with their effective values and their sources; secrets are masked.
    pub(crate) fn describe(&self) -> impl Iterator<Item = (&'static str, String, String)> + '_ {
        self.table
            .iter()
            .map(|setting| match self.values.get(setting.name) {
                None => (setting.name, "-".to_owned(), "unset".to_owned()),
                Some((_, origin)) if setting.secret => {
                    (setting.name, "********".to_owned(), origin.to_string())
                }
                Some((value, origin)) => (setting.name, mask_uri(value), origin.to_string()),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn debug_output_contains_no_secret() {
        const KEY: Setting = Setting::new("MAIL_KEY", "Key of the mail service").secret();
        let settings = Settings::from_pairs_with(
            &[KEY],
            [
                ("APP_ENV", "DEV"),
                ("APP_NAME", "Acme"),
                ("MAIL_KEY", "hunter2"),
                ("SECRET_KEY", "hunter2hunter2hunter2hunter2hunter2"),
                ("DB_PASSWORD", "hunter2"),
                ("DB_LOCAL_URI", "postgres://u:hunter2@db/x?password=hunter2"),
            ],
        );
        let config = Config::from_settings(settings.clone()).unwrap();
        for shown in [format!("{settings:?}"), format!("{config:#?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(
                shown.contains("Acme") && shown.contains("MAIL_KEY"),
                "{shown}"
            );
        }
    }
}
