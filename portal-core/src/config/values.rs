//! Typed settings; parsing reports all problems at once.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::admin_emails::admin_emails;
use super::limits::Limits;
use super::origins::{allowed_origins, is_loopback_host, public_url, split_list};
use super::settings::Settings;

/// Environment in which the portal runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEnv {
    /// Development: migrations are applied at start-up, and missing secrets are generated.
    Dev,
    /// Production: secrets are not generated, and access is restricted by default.
    Prod,
}

impl fmt::Display for AppEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Dev { "DEV" } else { "PROD" })
    }
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human-readable, for terminals.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// A string that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a string.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text. Do not log it.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// A portal's configuration.
///
/// This is a plain struct: read it from external settings with [`Config::from_settings`], or start
/// from [`Config::default`] and set fields.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Application name, shown in the navigation bar and in titles.
    pub app_name: String,
    /// Development or production.
    pub app_env: AppEnv,
    /// IP address or host name to listen on.
    pub host: String,
    /// Port to listen on; 0 selects a free one.
    pub port: u16,
    /// The portal's origin, as browsers send it in the `Origin` header.
    pub public_url: String,
    /// Path prefix of a portal nested in another app, such as `/portal`; empty if it is not nested.
    pub base_path: String,
    /// Path of the page that users reach after signing in. Default: `/`.
    ///
    /// Set it with [`PortalBuilder::home_path`](crate::PortalBuilder::home_path).
    pub home_path: String,
    /// Path of the user's profile page, which the user menu links to; `None` if there is no such
    /// page.
    ///
    /// Set it with [`PortalBuilder::profile_path`](crate::PortalBuilder::profile_path).
    pub profile_path: Option<String>,
    /// Lower-case e-mail addresses whose verified owners become administrators.
    pub admin_emails: BTreeSet<String>,
    /// `sqlite://…` or `postgres://…`.
    pub database_url: Secret,
    /// Key for the hashes of client tokens. In DEV, `None` uses a generated key in the database.
    pub secret_key: Option<Secret>,
    /// Origins, in addition to the portal's own, whose pages may monitor tasks.
    pub allowed_origins: Vec<String>,
    /// `true` if the request rate and the number of connections are limited.
    pub rate_limits: bool,
    /// `true` if responses are compressed. Files under `/_portal/assets/` are always compressed.
    pub compression: bool,
    /// `true` during maintenance: only administrators have access.
    pub maintenance: bool,
    /// Limits on what clients may send and keep open; can only be set in code.
    pub limits: Limits,
    /// Networks whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Log filter, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// Log format.
    pub log_format: LogFormat,
    /// All settings as text, for providers that read their own settings.
    pub settings: Settings,
}

/// All problems with a configuration.
///
/// `Debug` also writes one problem per line, because `main() -> Result<_, Box<dyn Error>>` uses it.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct ConfigError {
    /// The problems, each as one line that starts with the name of the variable.
    pub problems: Vec<String>,
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ConfigError {
    fn message(&self) -> String {
        let count = self.problems.len();
        let mut text = format!(
            "invalid configuration: {count} problem{}",
            if count == 1 { "" } else { "s" }
        );
        for (index, problem) in self.problems.iter().enumerate() {
            text.push_str(&format!("\n  {}. {problem}", index + 1));
        }
        text
    }
}

impl Default for Config {
    /// Returns the configuration that applies if no variable is set (DEV).
    fn default() -> Self {
        let settings = Settings::from_pairs([("APP_ENV", "DEV")]);
        let (config, _) = Self::read(settings);
        config
    }
}

impl Config {
    /// Reads and checks all settings.
    ///
    /// # Errors
    ///
    /// Fails if any setting is invalid or missing; the error lists all problems.
    ///
    /// ```
    /// use portal_core::config::{Config, Settings};
    ///
    /// let error = Config::from_settings(Settings::from_pairs([("APP_ENV", "PROD"), ("PORT", "many")])).unwrap_err();
    /// assert_eq!(error.problems.len(), 3); // PORT, DB_CONN_URI, SECRET_KEY
    /// ```
    pub fn from_settings(settings: Settings) -> Result<Self, ConfigError> {
        match Self::read(settings) {
            (config, problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(ConfigError { problems }),
        }
    }

    /// Reads the valid settings and returns all problems with the others; the caller adds the
    /// provider's problems.
    pub(crate) fn read(settings: Settings) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let app_env = app_env(&settings, &mut problems);
        let host = settings.get("HOST").unwrap_or("127.0.0.1").to_owned();
        let port = parse::<u16>(&settings, "PORT", "a number from 0 to 65535", &mut problems)
            .unwrap_or(8000);
        let public_url = public_url(
            &settings,
            app_env == AppEnv::Prod,
            &host,
            port,
            &mut problems,
        );
        let allowed_origins = allowed_origins(&settings, &mut problems);
        let database_url = database_url(&settings, app_env, &mut problems);
        let secret_key = secret_key(&settings, app_env, &mut problems);
        let rate_limits = rate_limits(&settings, app_env, &mut problems);
        let compression = on_or_off(&settings, "COMPRESSION", true, &mut problems);
        let maintenance = on_or_off(&settings, "MAINTENANCE", false, &mut problems);
        let trusted_proxies = trusted_proxies(&settings, &mut problems);
        let admin_emails = admin_emails(&settings, &mut problems);
        let log_format = match settings
            .get("LOG_FORMAT")
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            None if app_env == AppEnv::Dev => LogFormat::Pretty,
            None => LogFormat::Json,
            Some(other) => {
                problems.push(format!("LOG_FORMAT is `{other}`; use `pretty` or `json`"));
                LogFormat::Pretty
            }
        };
        let config = Self {
            app_name: settings.get("APP_NAME").unwrap_or("Portal").to_owned(),
            app_env,
            host,
            port,
            public_url,
            base_path: String::new(),
            home_path: "/".to_owned(),
            profile_path: None,
            admin_emails,
            database_url,
            secret_key,
            allowed_origins,
            rate_limits,
            compression,
            maintenance,
            limits: Limits::default(),
            trusted_proxies,
            log_filter: settings.get("RUST_LOG").unwrap_or("info").to_owned(),
            log_format,
            settings,
        };
        (config, problems)
    }

    /// Returns `true` if browsers access the portal over `https://`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    /// Returns `true` in development.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.app_env == AppEnv::Dev
    }

    /// Returns all origins that belong to the portal.
    ///
    /// In DEV, if the origin's host is a loopback name, the origins with the other loopback names
    /// are included too.
    #[must_use]
    pub fn own_origins(&self) -> Vec<String> {
        let mut origins = vec![self.public_url.clone()];
        if let Ok(url) = Url::parse(&self.public_url)
            && self.is_dev()
            && url.host_str().is_some_and(is_loopback_host)
        {
            let port = url.port_or_known_default().unwrap_or(80);
            for host in ["localhost", "127.0.0.1", "[::1]"] {
                let origin = format!("{}://{host}:{port}", url.scheme());
                if !origins.contains(&origin) {
                    origins.push(origin);
                }
            }
        }
        origins
    }
}

/// Cookie name prefix; browsers accept such cookies only from the host itself and over `https://`.
pub(crate) const OWN_HOST: &str = "__Host-";

fn parse<T: FromStr>(
    settings: &Settings,
    name: &str,
    expected: &str,
    problems: &mut Vec<String>,
) -> Option<T> {
    let text = settings.get(name)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(_) => {
            problems.push(format!("{name} is `{text}`; use {expected}"));
            None
        }
    }
}

fn app_env(settings: &Settings, problems: &mut Vec<String>) -> AppEnv {
    let unset = if cfg!(debug_assertions) {
        AppEnv::Dev
    } else {
        AppEnv::Prod
    };
    match settings.get("APP_ENV") {
        None => unset,
        Some(text) if text.eq_ignore_ascii_case("dev") => AppEnv::Dev,
        Some(text) if text.eq_ignore_ascii_case("prod") => AppEnv::Prod,
        Some(text) => {
            problems.push(format!("APP_ENV is `{text}`; use `DEV` or `PROD`"));
            AppEnv::Prod
        }
    }
}

fn database_url(settings: &Settings, app_env: AppEnv, problems: &mut Vec<String>) -> Secret {
    let (name, text) = match app_env {
        AppEnv::Dev => (
            "DB_LOCAL_URI",
            settings.get("DB_LOCAL_URI").unwrap_or("sqlite://portal.db"),
        ),
        AppEnv::Prod => match settings.get("DB_CONN_URI") {
            Some(text) => ("DB_CONN_URI", text),
            None => {
                problems.push("DB_CONN_URI is missing; PROD requires `postgres://user:password@host:port/database`".to_owned());
                return Secret::new("");
            }
        },
    };
    let mut text = text.to_owned();
    if text.contains("{DB_PASSWORD}") {
        match settings.get("DB_PASSWORD") {
            Some(password) => {
                text = text.replace(
                    "{DB_PASSWORD}",
                    &utf8_percent_encode(password, NON_ALPHANUMERIC).to_string(),
                );
            }
            None => problems.push(format!("DB_PASSWORD is missing; {name} refers to it")),
        }
    }
    let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let sqlite = text.starts_with("sqlite:");
    if !(known || (sqlite && app_env == AppEnv::Dev)) {
        let expected = if app_env == AppEnv::Dev {
            "`sqlite://file.db` or `postgres://…`"
        } else {
            "`postgres://…`"
        };
        problems.push(format!(
            "{name} is not a supported database; use {expected}"
        ));
    }
    Secret::new(text)
}

fn secret_key(settings: &Settings, app_env: AppEnv, problems: &mut Vec<String>) -> Option<Secret> {
    match settings.get("SECRET_KEY") {
        None if app_env == AppEnv::Prod => {
            problems.push(
                "SECRET_KEY is missing; set it to at least 32 random bytes (`openssl rand -base64 48`)"
                    .to_owned(),
            );
            None
        }
        Some(text) if text.len() < 32 && app_env == AppEnv::Prod => {
            problems.push(
                "SECRET_KEY is too short; set it to at least 32 random bytes (`openssl rand -base64 48`)"
                    .to_owned(),
            );
            None
        }
        other => other.map(Secret::new),
    }
}

fn on_or_off(settings: &Settings, name: &str, default: bool, problems: &mut Vec<String>) -> bool {
    let value = settings.get(name).map(str::to_ascii_lowercase);
    match value.as_deref() {
        None => default,
        Some("on") => true,
        Some("off") => false,
        Some(other) => {
            problems.push(format!("{name} is `{other}`; use `on` or `off`"));
            default
        }
    }
}

fn rate_limits(settings: &Settings, app_env: AppEnv, problems: &mut Vec<String>) -> bool {
    match settings
        .get("RATE_LIMITS")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("on") => true,
        Some("off") if app_env == AppEnv::Dev => false,
        Some("off") => {
            problems.push("RATE_LIMITS is `off`, which is allowed only in DEV".to_owned());
            true
        }
        Some(other) => {
            problems.push(format!("RATE_LIMITS is `{other}`; use `on` or `off`"));
            true
        }
    }
}

fn trusted_proxies(settings: &Settings, problems: &mut Vec<String>) -> Vec<IpNet> {
    split_list(settings.get("TRUSTED_PROXIES"))
        .filter_map(|text| {
            let parsed = text
                .parse()
                .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
            if parsed.is_err() {
                problems.push(format!(
                    "TRUSTED_PROXIES contains `{text}`; use IP addresses or networks such as `10.0.0.0/8`"
                ));
            }
            parsed.ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_settings(Settings::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn one_message_lists_all_problems() {
        let error = read(&[
            ("APP_ENV", "prod"),
            ("RATE_LIMITS", "off"),
            ("SECRET_KEY", "short"),
            ("PUBLIC_URL", "x"),
        ])
        .unwrap_err();
        let text = error.to_string();
        for name in ["PUBLIC_URL", "DB_CONN_URI", "SECRET_KEY", "RATE_LIMITS"] {
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn password_is_encoded_into_the_uri() {
        let config = read(&[
            ("APP_ENV", "PROD"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            (
                "DB_CONN_URI",
                "postgresql://portal:{DB_PASSWORD}@db:5432/portal",
            ),
            ("DB_PASSWORD", "p@ss/word"),
        ])
        .unwrap();
        assert_eq!(
            config.database_url.expose_secret(),
            "postgresql://portal:p%40ss%2Fword@db:5432/portal"
        );
    }

    #[test]
    fn all_loopback_names_are_own_origins_in_dev() {
        let config = read(&[("APP_ENV", "DEV")]).unwrap();
        assert!(
            config
                .own_origins()
                .contains(&"http://localhost:8000".to_owned())
        );
        let config = read(&[
            ("APP_ENV", "DEV"),
            ("PUBLIC_URL", "https://portal.example.com"),
        ])
        .unwrap();
        assert_eq!(config.own_origins(), ["https://portal.example.com"]);
    }

    #[test]
    fn sqlite_is_rejected_in_prod() {
        let error = read(&[
            ("APP_ENV", "PROD"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("DB_CONN_URI", "sqlite://portal.db"),
        ])
        .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("DB_CONN_URI is not a supported database"),
            "{error}"
        );
    }
}
