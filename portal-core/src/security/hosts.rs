//! Host validation: accepts only the portal's own host names.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use url::Url;

use crate::config::{Config, is_loopback_host};
use crate::error::Error;

/// The portal's host names: the host in `PUBLIC_URL` and, in DEV, all loopback names.
///
/// The portal does not use the host in a request, but checks it. Otherwise, a page whose host name
/// was rebound to the portal's IP address could read its responses, and caches and proxies could
/// confuse the portal with other sites.
pub(crate) struct Hosts {
    /// The portal's URL.
    public_url: String,
    /// Accepted hosts, as browsers send them.
    exact: Vec<String>,
    /// `true` if all loopback names are accepted, with any port.
    ///
    /// On a developer's machine, the port may be that of a container or a tunnel.
    loopback: bool,
    /// `true` if all IP addresses are accepted: unlike a name, an IP address cannot be rebound.
    addresses: bool,
}

impl Hosts {
    pub(crate) fn new(config: &Config) -> Self {
        let mut exact = Vec::new();
        if let Ok(url) = Url::parse(&config.public_url)
            && let Some(host) = url.host_str()
        {
            match url.port() {
                Some(port) => exact.push(format!("{host}:{port}")),
                None => {
                    let port = url.port_or_known_default().unwrap_or(80);
                    exact.extend([host.to_owned(), format!("{host}:{port}")]);
                }
            }
        }
        Self {
            public_url: config.public_url.clone(),
            exact,
            loopback: config.is_dev(),
            addresses: config.is_dev() && !is_loopback_host(&config.host),
        }
    }

    /// Rejects a request for a different host, and a request that does not contain exactly one
    /// host.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
        let mut named = headers.get_all(header::HOST).iter();
        let host = named.next().map(|value| value.as_bytes());
        let authority = uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        let known = match (host, authority, named.next()) {
            (Some(host), None, None) | (None, Some(host), None) => self.is_own(host),
            (Some(host), Some(authority), None) => self.is_own(host) && self.is_own(authority),
            _ => return Err(bad_host()),
        };
        if known {
            Ok(())
        } else {
            Err(self.unknown_host())
        }
    }

    fn unknown_host(&self) -> Error {
        Error::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown_host",
            format!("unknown host; use {}", self.public_url),
        )
    }

    fn is_own(&self, host: &[u8]) -> bool {
        let exact = |own: &String| own.as_bytes().eq_ignore_ascii_case(host);
        self.exact.iter().any(exact) || (self.loopback && self.is_local(host))
    }

    fn is_local(&self, host: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(host) else {
            return false;
        };
        let name = without_port(text);
        is_loopback_host(name) || (self.addresses && is_address(name))
    }
}

/// Returns a host without its port; brackets are kept.
fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => text,
    }
}

fn is_address(name: &str) -> bool {
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(name).parse::<std::net::IpAddr>().is_ok()
}

fn bad_host() -> Error {
    Error::bad_request("the request must have exactly one host, in one `Host` header")
        .with_code("bad_host")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn config(pairs: &[(&str, &str)]) -> Config {
        Config::from_settings(Settings::from_pairs(pairs.iter().copied())).unwrap()
    }

    fn prod(public_url: &str) -> Config {
        config(&[
            ("APP_ENV", "PROD"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("DB_CONN_URI", "postgres://a@b/c"),
            ("PUBLIC_URL", public_url),
        ])
    }

    fn status(config: &Config, uri: &str, hosts: &[&str]) -> u16 {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        match Hosts::new(config).check(&uri.parse().unwrap(), &headers) {
            Ok(()) => 200,
            Err(error) => error.status().as_u16(),
        }
    }

    #[test]
    fn only_the_public_host_is_accepted_in_prod() {
        let config = prod("https://portal.example.com");
        for host in [
            "portal.example.com",
            "Portal.Example.COM",
            "portal.example.com:443",
        ] {
            assert_eq!(status(&config, "/", &[host]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "portal.example.com.evil.example",
            "evil.portal.example.com",
            "portal.example.com:80",
            "portal.example.com:8443",
            "portal.example.com.",
            "portal.example.com@evil.example",
            "localhost",
            "127.0.0.1:8000",
            "[::1]",
            "",
        ] {
            assert_eq!(status(&config, "/", &[host]), 421, "{host}");
        }
        let config = prod("http://localhost:9000");
        assert_eq!(status(&config, "/", &["localhost:9000"]), 200);
        assert_eq!(status(&config, "/", &["localhost"]), 421);
        assert_eq!(status(&config, "/", &["127.0.0.1:9000"]), 421);
    }

    #[test]
    fn request_without_exactly_one_host_is_rejected() {
        let config = prod("https://a.example");
        assert_eq!(status(&config, "/", &[]), 400);
        assert_eq!(status(&config, "/", &["a.example", "a.example"]), 400);
        assert_eq!(status(&config, "/", &["a.example", "evil.example"]), 400);
        // The URI contains the host if it is in absolute form, as always in HTTP/2.
        assert_eq!(status(&config, "https://a.example/", &[]), 200);
        assert_eq!(status(&config, "https://a.example/", &["a.example"]), 200);
        assert_eq!(
            status(&config, "https://evil.example/", &["a.example"]),
            421
        );
        assert_eq!(
            status(&config, "https://a.example/", &["evil.example"]),
            421
        );
    }

    #[test]
    fn all_loopback_names_are_accepted_in_dev() {
        let dev = config(&[("APP_ENV", "DEV")]);
        for host in [
            "localhost:8000",
            "LOCALHOST",
            "127.0.0.1:4711",
            "127.1.2.3",
            "[::1]:8000",
        ] {
            assert_eq!(status(&dev, "/", &[host]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8000",
            "localhost:evil.example",
            "evil@localhost",
            "10.0.0.5:8000",
            "[2001:db8::1]:8000",
        ] {
            assert_eq!(status(&dev, "/", &[host]), 421, "{host}");
        }
        let open = config(&[("APP_ENV", "DEV"), ("HOST", "0.0.0.0")]);
        assert_eq!(status(&open, "/", &["10.0.0.5:8000"]), 200);
        assert_eq!(status(&open, "/", &["[2001:db8::1]:8000"]), 200);
        assert_eq!(status(&open, "/", &["evil.example:8000"]), 421);
    }
}
