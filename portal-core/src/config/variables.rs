//! Variables: settings that can be changed outside the program.

/// A variable with its flag, help text and default.
///
/// Authentication providers declare their variables with
/// [`AuthProvider::settings`](crate::AuthProvider::settings); the command line, the environment and
/// `config` then support them like the portal's own.
///
/// ```
/// use portal_core::config::Setting;
///
/// const REGION: Setting = Setting::new("MAIL_REGION", "Region of the mail service").default("eu");
/// assert_eq!(REGION.flag(), "mail-region");
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Setting {
    /// Name of the environment variable.
    pub name: &'static str,
    /// Alternative names under which the variable is read, with lower precedence than `name`.
    pub aliases: &'static [&'static str],
    /// Help text for `--help`, in one line.
    pub help: &'static str,
    /// Value that applies if the variable is not set.
    pub default: Option<&'static str>,
    /// `true` if the value must be masked wherever it is shown.
    pub secret: bool,
}

impl Setting {
    /// Creates a variable without a default.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            help,
            default: None,
            secret: false,
        }
    }

    /// Sets the default.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    /// Sets alternative names under which the variable is read.
    #[must_use]
    pub const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    /// Marks the value as secret, so that it is masked wherever it is shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Returns the name of the command-line flag, without the dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.to_ascii_lowercase().replace('_', "-")
    }
}

/// The variables that every portal has. Providers add their own.
pub(crate) const PORTAL_SETTINGS: &[Setting] = &[
    Setting::new("HOST", "IP address or host name to listen on").default("127.0.0.1"),
    Setting::new("PORT", "Port to listen on").default("8000"),
    Setting::new("APP_NAME", "Name shown in the navigation bar and in titles").default("Portal"),
    Setting::new(
        "APP_ENV",
        "DEV or PROD; default DEV in a debug build, PROD in a release build",
    ),
    Setting::new(
        "ADMIN_USER_EMAILS",
        "Comma-separated e-mail addresses whose verified owners are administrators while listed",
    ),
    Setting::new(
        "DB_CONN_URI",
        "PostgreSQL URI for PROD; {DB_PASSWORD} in it is replaced",
    )
    .secret(),
    Setting::new("DB_PASSWORD", "Replaces {DB_PASSWORD} in DB_CONN_URI").secret(),
    Setting::new(
        "DB_LOCAL_URI",
        "Database URI for DEV: sqlite:// or postgres://",
    )
    .default("sqlite://portal.db"),
    Setting::new(
        "PUBLIC_URL",
        "Origin that browsers use; default http://HOST:PORT",
    ),
    Setting::new(
        "SECRET_KEY",
        "Key for the hashes of client tokens; at least 32 bytes, required in PROD",
    )
    .secret(),
    Setting::new(
        "ALLOWED_ORIGINS",
        "Comma-separated origins, in addition to the portal's own, whose pages may monitor tasks",
    ),
    Setting::new("RATE_LIMITS", "on or off; off is allowed only in DEV").default("on"),
    Setting::new("COMPRESSION", "on or off; on compresses responses").default("on"),
    Setting::new(
        "MAINTENANCE",
        "on or off; if on, only administrators have access",
    )
    .default("off"),
    Setting::new(
        "TRUSTED_PROXIES",
        "Comma-separated IP addresses or networks whose X-Forwarded-For header is trusted",
    ),
    Setting::new("RUST_LOG", "Log filter").default("info,sqlx=warn"),
    Setting::new(
        "LOG_FORMAT",
        "pretty or json; default pretty in DEV, json in PROD",
    ),
];
