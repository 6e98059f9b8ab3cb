//! Origins: the portal's own origin, and other allowed origins.

use url::Url;

use super::mask::mask_uri;
use super::settings::Settings;

pub(super) fn public_url(
    settings: &Settings,
    is_prod: bool,
    host: &str,
    port: u16,
    problems: &mut Vec<String>,
) -> String {
    let url = read_public_url(settings, host, port, problems);
    if is_prod {
        if settings.get("PUBLIC_URL").is_none() && !is_loopback_host(host) {
            problems.push(format!(
                "PUBLIC_URL is missing; HOST is `{host}`, so set it to the origin that browsers use, such as `https://portal.example.com`"
            ));
        } else if Url::parse(&url).is_ok_and(|url| {
            url.scheme() == "http" && !url.host_str().is_some_and(is_loopback_host)
        }) {
            problems.push(format!(
                "PUBLIC_URL is `{url}`; PROD requires `https://`, because cookies and tokens would otherwise be sent unencrypted"
            ));
        }
    }
    url
}

fn read_public_url(
    settings: &Settings,
    host: &str,
    port: u16,
    problems: &mut Vec<String>,
) -> String {
    let shown_host = match host {
        "0.0.0.0" | "::" => "localhost".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let default = format!("http://{shown_host}:{port}");
    let Some(text) = settings.get("PUBLIC_URL") else {
        return default;
    };
    match origin(text) {
        Some(origin) => origin,
        None => {
            problems.push(format!(
                "PUBLIC_URL is `{}`; use an origin such as `https://portal.example.com`",
                mask_uri(text)
            ));
            default
        }
    }
}

/// Returns the origin in the form that browsers send; `None` if the URL contains more than an
/// origin.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    bare.then(|| url.origin().ascii_serialization())
}

pub(super) fn allowed_origins(settings: &Settings, problems: &mut Vec<String>) -> Vec<String> {
    split_list(settings.get("ALLOWED_ORIGINS"))
        .filter_map(|text| {
            let origin = origin(text);
            if origin.is_none() {
                problems.push(format!(
                    "ALLOWED_ORIGINS contains `{}`; use origins such as `https://app.example.com`",
                    mask_uri(text)
                ));
            }
            origin
        })
        .collect()
}

/// Returns `true` if a host name or IP address (without a port) always refers to this machine.
///
/// ```
/// use portal_core::config::is_loopback_host;
///
/// assert!(is_loopback_host("[::1]"));
/// assert!(!is_loopback_host("localhost.evil.example"));
/// ```
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Returns the non-empty items of a comma-separated list.
pub(super) fn split_list(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError, Settings};

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_settings(Settings::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn prod_requires_https_unless_on_a_loopback_host() {
        let prod = |more: &[(&str, &str)]| {
            let mut pairs = vec![
                ("APP_ENV", "PROD"),
                ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
                ("DB_CONN_URI", "postgres://a@b/c"),
            ];
            pairs.extend(more);
            read(&pairs).map_or_else(|error| error.problems, |_| Vec::new())
        };
        for good in [
            &[][..],
            &[("PUBLIC_URL", "http://localhost:9")],
            &[("HOST", "0.0.0.0"), ("PUBLIC_URL", "https://a.example")],
        ] {
            assert_eq!(prod(good), [""; 0], "{good:?}");
        }
        for bad in [
            &[("HOST", "0.0.0.0")][..],
            &[("HOST", "10.0.0.5")],
            &[("PUBLIC_URL", "http://portal.example.com")],
            &[("PUBLIC_URL", "http://localhost.evil.example")],
            &[("PUBLIC_URL", "https://a@portal.example.com")],
            &[("PUBLIC_URL", "https://a:hunter2@portal.example.com")],
            &[("PUBLIC_URL", "https://portal.example.com?token=hunter2")],
            &[("PUBLIC_URL", "https://portal.example.com/#a")],
            &[("PUBLIC_URL", "https://portal.example.com/a")],
        ] {
            let problems = prod(bad);
            assert_eq!(problems.len(), 1, "{bad:?} {problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
            assert!(problems[0].starts_with("PUBLIC_URL is "), "{problems:?}");
        }
    }

    #[test]
    fn invalid_allowed_origins_are_rejected() {
        let allow = |text| read(&[("APP_ENV", "DEV"), ("ALLOWED_ORIGINS", text)]);
        let config = allow(" https://App.example.com:443/ ,http://a.example:1,").unwrap();
        assert_eq!(
            config.allowed_origins,
            ["https://app.example.com", "http://a.example:1"]
        );
        assert!(
            !config
                .own_origins()
                .contains(&"http://a.example:1".to_owned())
        );
        for text in ["*", "null", "https://a.example/b", "a.example"] {
            let error = allow(text).map(|config| config.allowed_origins);
            assert!(
                error.is_err_and(|error| error.problems[0].starts_with("ALLOWED_ORIGINS contains")),
                "{text}"
            );
        }
    }
}
