//! Whether a request comes from the portal's own pages.

use axum::http::{HeaderMap, HeaderValue, Method, header};

use crate::config::Config;
use crate::error::Error;

/// The origins whose pages may ask for something, compared byte by byte as browsers write them.
pub(crate) struct Origins {
    /// The portal's own: they may change things.
    own: Vec<String>,
    /// Others that the operator has named: they may watch tasks whose client token they know.
    allowed: Vec<String>,
}

impl Origins {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            own: config.own_origins(),
            allowed: config.allowed_origins.clone(),
        }
    }

    /// Refuses a state-changing request that another site may have made a browser send.
    ///
    /// A browser adds cookies by itself, so a request with one has to prove where it comes from;
    /// a bearer token is added by code that knows it, which other sites do not.
    pub(crate) fn check_change(&self, method: &Method, headers: &HeaderMap) -> Result<(), Error> {
        if method.is_safe() || has_bearer(headers) {
            return Ok(());
        }
        match self.sender(headers, &[]) {
            Sender::Own => Ok(()),
            Sender::Foreign => Err(foreign()),
            Sender::Unknown if headers.contains_key(header::COOKIE) => Err(foreign()),
            Sender::Unknown => Ok(()),
        }
    }

    /// Refuses a stream, a WebSocket or server-sent events, that another site's page asked for.
    ///
    /// Browsers name the origin of every WebSocket, but not that of a `GET` to the page's own
    /// site; there `Sec-Fetch-Site` says it. A program says neither: its client token is
    /// credential enough. A cookie without either may have been added by any page.
    pub(crate) fn check_socket(&self, headers: &HeaderMap) -> Result<(), Error> {
        match self.sender(headers, &self.allowed) {
            Sender::Own => Ok(()),
            Sender::Foreign => Err(foreign()),
            Sender::Unknown if headers.contains_key(header::COOKIE) && !has_bearer(headers) => {
                Err(foreign())
            }
            Sender::Unknown => Ok(()),
        }
    }

    fn sender(&self, headers: &HeaderMap, also: &[String]) -> Sender {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if let Some(origin) = origins.next() {
            let known = |origin: &HeaderValue| {
                let is = |known: &String| known.as_bytes() == origin.as_bytes();
                self.own.iter().any(is) || also.iter().any(is)
            };
            // A browser names one. Of several it is not known which one others have looked at.
            return if known(origin) && origins.next().is_none() {
                Sender::Own
            } else {
                Sender::Foreign
            };
        }
        let mut sites = headers.get_all("sec-fetch-site").iter();
        match (sites.next().map(HeaderValue::as_bytes), sites.next()) {
            (None, _) => Sender::Unknown,
            (Some(b"same-origin" | b"none"), None) => Sender::Own,
            (Some(_), _) => Sender::Foreign,
        }
    }
}

enum Sender {
    Own,
    Foreign,
    Unknown,
}

fn foreign() -> Error {
    Error::forbidden("the request does not come from a page of this portal")
        .with_code("foreign_origin")
}

/// Whether a request carries a token that no browser adds by itself.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| {
        value
            .as_bytes()
            .get(..7)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> (Origins, axum::http::request::Parts) {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let origins = Origins {
            own: vec!["http://own:1".to_owned()],
            allowed: vec!["https://friend".to_owned()],
        };
        (origins, parts)
    }

    fn check(headers: &[(&str, &str)]) -> bool {
        let (origins, parts) = parts(headers);
        origins.check_change(&parts.method, &parts.headers).is_ok()
    }

    fn check_socket(headers: &[(&str, &str)]) -> bool {
        let (origins, parts) = parts(headers);
        origins.check_socket(&parts.headers).is_ok()
    }

    #[test]
    fn a_cookie_needs_the_portals_own_origin() {
        assert!(check(&[("cookie", "a=b"), ("origin", "http://own:1")]));
        assert!(check(&[
            ("cookie", "a=b"),
            ("sec-fetch-site", "same-origin")
        ]));
        for other in [
            "http://evil",
            "null",
            "http://own:12",
            "https://own:1",
            "http://sub.own:1",
        ] {
            assert!(!check(&[("cookie", "a=b"), ("origin", other)]), "{other}");
        }
        assert!(!check(&[
            ("cookie", "a=b"),
            ("sec-fetch-site", "same-site")
        ]));
        assert!(!check(&[("cookie", "a=b")]));
    }

    #[test]
    fn a_bearer_token_is_credential_enough() {
        assert!(check(&[("authorization", "bEaReR x"), ("cookie", "a=b")]));
        assert!(!check(&[("authorization", "Basic x"), ("cookie", "a=b")]));
        assert!(check(&[]));
        assert!(!check(&[("origin", "http://evil")]));
    }

    #[test]
    fn of_several_origins_none_counts() {
        let own = ("origin", "http://own:1");
        assert!(!check(&[own, own]));
        assert!(!check(&[own, ("origin", "http://evil")]));
        let site = ("sec-fetch-site", "same-origin");
        assert!(check(&[site]));
        assert!(!check(&[site, site]));
        assert!(!check(&[("sec-fetch-site", "cross-site"), site]));
    }

    #[test]
    fn an_allowed_origin_may_watch_and_not_change() {
        let friend = ("origin", "https://friend");
        assert!(check_socket(&[friend]));
        assert!(!check(&[friend]));
        assert!(!check(&[friend, ("cookie", "a=b")]));
    }

    #[test]
    fn every_other_name_of_a_method_is_ignored() {
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
        ] {
            assert!(!check(&[("cookie", "a=b"), (name, "GET")]), "{name}");
        }
    }

    #[test]
    fn a_stream_is_not_opened_for_another_sites_page() {
        let cookie = ("cookie", "a=b");
        for headers in [
            &[][..],
            &[("origin", "http://own:1")],
            &[cookie, ("origin", "http://own:1")],
            &[cookie, ("sec-fetch-site", "same-origin")],
            &[cookie, ("authorization", "Bearer x")],
        ] {
            assert!(check_socket(headers), "{headers:?}");
        }
        for headers in [
            &[cookie][..],
            &[("origin", "null")],
            &[("origin", "http://evil")],
            &[("origin", "http://sub.own:1")],
            &[("origin", "https://friend.evil")],
            &[("origin", "")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "http://evil"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(!check_socket(headers), "{headers:?}");
        }
    }
}
