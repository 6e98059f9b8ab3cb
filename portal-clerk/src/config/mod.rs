//! Configuration: Clerk's keys, the hosts they imply, and their validation.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
#[cfg(feature = "dev-identity")]
use portal_core::config::is_loopback_host;
use portal_core::config::{AppEnv, Config, Secret, Setting, mask_uri};
use url::Url;

use crate::jwks::RsaKey;
use crate::webhook::SigningSecrets;

const PUBLISHABLE_KEY: &str = "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY";
const SECRET_KEY: &str = "CLERK_SECRET_KEY";
const JWT_KEY: &str = "CLERK_JWT_KEY";
const AUTHORIZED_PARTIES: &str = "CLERK_AUTHORIZED_PARTIES";
const FRONTEND_API_URL: &str = "CLERK_FRONTEND_API_URL";
const BACKEND_API_URL: &str = "CLERK_BACKEND_API_URL";
const WEBHOOK_SECRET: &str = "CLERK_WEBHOOK_SIGNING_SECRET";
const IS_SATELLITE: &str = "CLERK_IS_SATELLITE";

/// Variables that configure sign-in with Clerk.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting::new(PUBLISHABLE_KEY, "Clerk's publishable key, pk_live_… or pk_test_…")
        .aliases(&["CLERK_PUBLISHABLE_KEY"]),
    Setting::new(SECRET_KEY, "Clerk's secret key, sk_live_… or sk_test_…").secret(),
    Setting::new(
        JWT_KEY,
        "PEM public key of the Clerk instance, to verify sessions without network access",
    ),
    Setting::new(
        AUTHORIZED_PARTIES,
        "Comma-separated origins whose session tokens are accepted; default: the origin of PUBLIC_URL",
    )
    .aliases(&["CLERK_AUTHORIZED_DOMAINS"]),
    Setting::new(
        FRONTEND_API_URL,
        "Base URL of Clerk's Frontend API; default: the host in the publishable key",
    ),
    Setting::new(BACKEND_API_URL, "Base URL of Clerk's Backend API, without /v1")
        .default("https://api.clerk.com"),
    Setting::new(
        WEBHOOK_SECRET,
        "Signing secret of the webhook, whsec_…; enables POST /api/webhooks/clerk",
    )
    .secret(),
    Setting::new(IS_SATELLITE, "Must be `false` or unset; satellite domains are not supported")
        .aliases(&["NEXT_PUBLIC_CLERK_IS_SATELLITE", "IS_SATELLITE"]),
];

/// The provider that the settings select.
pub(crate) enum ProviderConfig {
    /// A real Clerk instance.
    Clerk(Box<ClerkConfig>),
    /// The development identity provider.
    #[cfg(feature = "dev-identity")]
    Development,
}

/// Configuration of one Clerk instance.
pub(crate) struct ClerkConfig {
    /// Publishable key.
    pub(crate) publishable_key: PublishableKey,
    /// Secret key for the Backend API.
    pub(crate) secret_key: Secret,
    /// Public key for verifying sessions without network access.
    pub(crate) jwt_key: Option<RsaKey>,
    /// Origins accepted as `azp`.
    pub(crate) authorized_parties: Vec<String>,
    /// Base URL of the Frontend API; tokens must have it as their issuer.
    pub(crate) frontend_api: String,
    /// Base URL of the Backend API, without `/v1`.
    pub(crate) backend_api: String,
    /// Secrets with which Clerk signs webhooks; `None` if webhooks are disabled.
    pub(crate) webhook_secrets: Option<SigningSecrets>,
    /// `true` if only `https://` is allowed.
    pub(crate) https_only: bool,
}

/// Type of the Clerk instance to which a key belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Test,
    Live,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Test => "test",
            Self::Live => "live",
        })
    }
}

impl KeyKind {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "test" => Some(Self::Test),
            "live" => Some(Self::Live),
            _ => None,
        }
    }
}

/// Publishable key: `pk_test_` or `pk_live_`, followed by the base64 encoding of a host and `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublishableKey {
    text: String,
    pub(crate) kind: KeyKind,
    /// Host of the Frontend API, with an optional port.
    pub(crate) host: String,
}

impl PublishableKey {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let (Some("pk"), Some(kind), Some(encoded), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let kind = KeyKind::parse(kind)?;
        let decoded = STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
        let decoded = String::from_utf8(decoded).ok()?;
        let host = decoded.strip_suffix('$')?;
        if !host.contains('.') || !is_host(host) {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            kind,
            host: host.to_owned(),
        })
    }

    /// Returns the key as written in the settings; it is not a secret.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the suffix of this instance's cookie names.
    pub(crate) fn cookie_suffix(&self) -> String {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.text.as_bytes());
        let mut suffix = URL_SAFE_NO_PAD.encode(digest);
        suffix.truncate(8);
        suffix
    }
}

impl ClerkConfig {
    /// Returns the base URL of Clerk's hosted sign-in pages, derived from the Frontend API.
    pub(crate) fn account_portal(&self) -> String {
        // A URL with a path belongs to a proxy for the Frontend API, which does not serve these
        // pages.
        let proxied = Url::parse(&self.frontend_api).is_ok_and(|url| url.path() != "/");
        let base = match proxied {
            true => format!("https://{}", self.publishable_key.host),
            false => self.frontend_api.clone(),
        };
        for part in ["clerk.accounts.", "clerk."] {
            if base.contains(part) {
                return base.replacen(part, "accounts.", 1);
            }
        }
        base
    }
}

/// Returns `true` if a string is a host with an optional port, without any other parts of a URL.
fn is_host(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    plain && Url::parse(&format!("https://{text}")).is_ok_and(|url| url.path() == "/")
}

/// Reads the settings. Each problem is a single line that starts with the variable's name.
pub(crate) fn read(config: &Config) -> (Option<ProviderConfig>, Vec<String>) {
    let mut problems = Vec::new();
    let settings = &config.settings;
    if let Some(text) = settings.get(IS_SATELLITE)
        && !text.eq_ignore_ascii_case("false")
    {
        problems.push(format!(
            "{IS_SATELLITE} is `{text}`, but satellite domains are not supported; serve the portal on the primary domain of the Clerk instance and unset the variable"
        ));
    }
    let plan = match (settings.get(PUBLISHABLE_KEY), settings.get(SECRET_KEY)) {
        (None, None) => without_keys(config, &mut problems),
        (Some(_), None) => {
            problems.push(format!(
                "{SECRET_KEY} is missing; it is required if {PUBLISHABLE_KEY} is set"
            ));
            None
        }
        (None, Some(_)) => {
            problems.push(format!(
                "{PUBLISHABLE_KEY} is missing; it is required if {SECRET_KEY} is set"
            ));
            None
        }
        (Some(publishable), Some(secret)) => with_keys(config, publishable, secret, &mut problems)
            .map(|clerk| ProviderConfig::Clerk(Box::new(clerk))),
    };
    (plan.filter(|_| problems.is_empty()), problems)
}

fn without_keys(config: &Config, problems: &mut Vec<String>) -> Option<ProviderConfig> {
    if config.app_env == AppEnv::Prod {
        problems.push(format!(
            "{PUBLISHABLE_KEY} is missing; PROD requires the pk_live_… key of a Clerk instance"
        ));
        problems.push(format!(
            "{SECRET_KEY} is missing; PROD requires the sk_live_… key of a Clerk instance"
        ));
        return None;
    }
    let idle = [JWT_KEY, WEBHOOK_SECRET].map(|name| {
        let is_set = config.settings.get(name).is_some();
        is_set.then(|| {
            format!("{name} is set without Clerk's keys; set {PUBLISHABLE_KEY} and {SECRET_KEY} as well, or unset {name}")
        })
    });
    if idle.iter().any(Option::is_some) {
        problems.extend(idle.into_iter().flatten());
        return None;
    }
    development(config, problems)
}

/// Checks that development sign-in is only available on this machine.
///
/// A proxy would forward requests from anywhere; if it runs on this machine, they arrive from a
/// loopback address.
#[cfg(feature = "dev-identity")]
fn development(config: &Config, problems: &mut Vec<String>) -> Option<ProviderConfig> {
    let why = "without Clerk's keys anyone who reaches the portal could sign in as any user";
    let keys = format!("or set {PUBLISHABLE_KEY} and {SECRET_KEY}");
    let mut refused = Vec::new();
    let host = config.host.as_str();
    if !is_loopback_host(host) {
        refused.push(format!(
            "HOST is `{host}`, but {why}; set HOST to `127.0.0.1`, {keys}"
        ));
    }
    // The default is derived from `HOST`, for which a problem has already been reported.
    let is_default = config.settings.get("PUBLIC_URL").is_none() && !refused.is_empty();
    let url = config.public_url.as_str();
    let is_local = Url::parse(url)
        .is_ok_and(|url| url.scheme() == "http" && url.host_str().is_some_and(is_loopback_host));
    if !is_default && !is_local {
        refused.push(format!(
            "PUBLIC_URL is `{url}`, but {why}; unset PUBLIC_URL, {keys}"
        ));
    }
    if !config.trusted_proxies.is_empty() {
        refused.push(format!(
            "TRUSTED_PROXIES is set, but {why}; unset TRUSTED_PROXIES, {keys}"
        ));
    }
    let is_safe = refused.is_empty();
    problems.append(&mut refused);
    is_safe.then_some(ProviderConfig::Development)
}

#[cfg(not(feature = "dev-identity"))]
fn development(_: &Config, problems: &mut Vec<String>) -> Option<ProviderConfig> {
    for name in [PUBLISHABLE_KEY, SECRET_KEY] {
        problems.push(format!(
            "{name} is missing; set the key of a Clerk instance, because this build has no development sign-in"
        ));
    }
    None
}

fn with_keys(
    config: &Config,
    publishable: &str,
    secret: &str,
    problems: &mut Vec<String>,
) -> Option<ClerkConfig> {
    let prod = config.app_env == AppEnv::Prod;
    let publishable_key = PublishableKey::parse(publishable);
    if publishable_key.is_none() {
        problems.push(format!(
            "{PUBLISHABLE_KEY} is not a publishable key; copy the complete `pk_live_…` or `pk_test_…` from Clerk's dashboard"
        ));
    }
    let secret_kind = secret_kind(secret);
    if secret_kind.is_none() {
        problems.push(format!(
            "{SECRET_KEY} is not a secret key; copy the complete `sk_live_…` or `sk_test_…` from Clerk's dashboard"
        ));
    }
    let kind = publishable_key.as_ref().map(|key| key.kind);
    if prod {
        for (name, kind, prefix) in [
            (PUBLISHABLE_KEY, kind, "pk"),
            (SECRET_KEY, secret_kind, "sk"),
        ] {
            if kind == Some(KeyKind::Test) {
                problems.push(format!(
                    "{name} is the key of a test instance; PROD requires `{prefix}_live_…`"
                ));
            }
        }
    } else if let (Some(kind), Some(secret_kind)) = (kind, secret_kind)
        && kind != secret_kind
    {
        problems.push(format!(
            "{SECRET_KEY} is a {secret_kind} key but {PUBLISHABLE_KEY} is a {kind} key; use the keys of one Clerk instance"
        ));
    }
    let jwt_key = config.settings.get(JWT_KEY).and_then(|pem| {
        RsaKey::from_pem(pem)
            .map_err(|problem| problems.push(format!("{JWT_KEY} {problem}")))
            .ok()
    });
    let webhook_secrets = config.settings.get(WEBHOOK_SECRET).and_then(|text| {
        SigningSecrets::parse(text)
            .map_err(|problem| problems.push(format!("{WEBHOOK_SECRET} {problem}")))
            .ok()
    });
    let authorized_parties = authorized_parties(config, problems);
    let frontend_api = match config.settings.get(FRONTEND_API_URL) {
        Some(text) => api_base(FRONTEND_API_URL, text, prod, problems),
        None => publishable_key
            .as_ref()
            .map(|key| format!("https://{}", key.host)),
    };
    let backend_api = api_base(
        BACKEND_API_URL,
        config
            .settings
            .get(BACKEND_API_URL)
            .unwrap_or("https://api.clerk.com"),
        prod,
        problems,
    );
    Some(ClerkConfig {
        publishable_key: publishable_key?,
        secret_key: Secret::new(secret),
        jwt_key,
        authorized_parties,
        frontend_api: frontend_api?,
        backend_api: backend_api?,
        webhook_secrets,
        https_only: prod,
    })
}

fn secret_kind(text: &str) -> Option<KeyKind> {
    let mut parts = text.splitn(3, '_');
    let (Some("sk"), Some(kind), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let plain = !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    KeyKind::parse(kind).filter(|_| plain)
}

fn authorized_parties(config: &Config, problems: &mut Vec<String>) -> Vec<String> {
    let Some(list) = config.settings.get(AUTHORIZED_PARTIES) else {
        return config.own_origins();
    };
    let items: Vec<&str> = list
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect();
    if items.is_empty() {
        problems.push(format!(
            "{AUTHORIZED_PARTIES} has no origins; add at least one or unset it"
        ));
    }
    let mut parties = Vec::new();
    for item in items {
        match Url::parse(item) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && !item.contains('*') =>
            {
                parties.push(url.origin().ascii_serialization());
            }
            _ => problems.push(format!(
                "{AUTHORIZED_PARTIES} contains `{}`; use full origins such as `https://portal.example.com`",
                mask_uri(item)
            )),
        }
    }
    parties
}

/// Returns the base URL of an API without a trailing slash; `http://` is allowed in DEV only.
fn api_base(name: &str, text: &str, prod: bool, problems: &mut Vec<String>) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    match url {
        None => {
            problems.push(format!(
                "{name} is `{}`; use a URL such as `https://clerk.example.com`",
                mask_uri(text)
            ));
            None
        }
        Some(url) if prod && url.scheme() == "http" => {
            problems.push(format!("{name} is `{text}`; PROD requires `https://`"));
            None
        }
        Some(_) => Some(text.trim_end_matches('/').to_owned()),
    }
}

#[cfg(test)]
mod tests;
