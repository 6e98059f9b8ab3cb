//! Request validation, which precedes all other processing.

use axum::extract::Request;

use super::hosts::Hosts;
use super::nul;
use super::size::check_head;
use crate::auth::{RouteInfo, RouteKind};
use crate::config::{Config, Limits};
use crate::error::Error;

/// Checks that only need the request head.
pub(crate) struct RequestValidator {
    hosts: Hosts,
    pub(crate) limits: Limits,
}

impl RequestValidator {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            hosts: Hosts::new(config),
            limits: config.limits,
        }
    }

    /// Rejects requests that are too large, contain U+0000 in the URL or are intended for a
    /// different host.
    pub(crate) fn check<B>(
        &self,
        request: &Request<B>,
        route: Option<&RouteInfo>,
    ) -> Result<(), Error> {
        let (uri, headers) = (request.uri(), request.headers());
        check_head(&self.limits, request.method(), uri, headers)?;
        nul::check_url(uri)?;
        match route.map(|route| route.kind) {
            // Load balancers and monitoring systems send the IP address as the host.
            Some(RouteKind::Probe) => Ok(()),
            _ => self.hosts.check(uri, headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Access;
    use crate::config::Settings;

    #[test]
    fn probes_accept_ip_addresses() {
        let settings = Settings::from_pairs([
            ("APP_ENV", "PROD"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("DB_CONN_URI", "postgres://a@b/c"),
            ("PUBLIC_URL", "https://a.example"),
        ]);
        let validator = RequestValidator::new(&Config::from_settings(settings).unwrap());
        let route = |kind| RouteInfo::new(kind, None, "/healthz", Access::Public);
        let status = |request: &Request<()>, kind| {
            let found = validator.check(request, Some(&route(kind)));
            found.map_or_else(|error| error.status().as_u16(), |()| 200)
        };
        let by_address = Request::get("/healthz").header("host", "10.0.0.5:8000");
        let by_address = by_address.body(()).unwrap();
        let without_host = Request::get("/healthz").body(()).unwrap();
        assert_eq!(status(&by_address, RouteKind::Probe), 200);
        assert_eq!(status(&without_host, RouteKind::Probe), 200);
        assert_eq!(status(&by_address, RouteKind::Api), 421);
        assert_eq!(status(&without_host, RouteKind::Api), 400);
        assert!(validator.check(&by_address, None).is_err());
    }
}
