//! Origin policy: decides whether a request comes from the portal's own pages.

use axum::http::{HeaderMap, HeaderValue, Method, header};

use crate::config::Config;
use crate::error::Error;

/// Origins whose pages may send requests, compared byte by byte in the form that browsers send.
pub(crate) struct OriginPolicy {
    /// The portal's own origins, whose pages may change data.
    own: Vec<String>,
    /// Other origins configured by the operator, whose pages may monitor tasks with a valid client
    /// token.
    allowed: Vec<String>,
}

impl OriginPolicy {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            own: config.own_origins(),
            allowed: config.allowed_origins.clone(),
        }
    }

    /// Rejects a state-changing request that may have been sent by a page on another site.
    ///
    /// A browser adds cookies automatically, so a request with a cookie must prove its origin. A
    /// bearer token is only added by code that has it, which excludes other sites.
    pub(crate) fn check_change(&self, method: &Method, headers: &HeaderMap) -> Result<(), Error> {
        if method.is_safe() || has_bearer(headers) {
            return Ok(());
        }
        match self.sender(headers, &[]) {
            RequestOrigin::Own => Ok(()),
            RequestOrigin::Foreign => Err(foreign()),
            RequestOrigin::Unknown if headers.contains_key(header::COOKIE) => Err(foreign()),
            RequestOrigin::Unknown => Ok(()),
        }
    }

    /// Rejects a stream (WebSocket or server-sent events) requested by a page on another site.
    ///
    /// Browsers send `Origin` with every WebSocket, but not with a same-site `GET`, for which they
    /// send `Sec-Fetch-Site`. Clients other than browsers send neither header; their client token
    /// is sufficient. If there is a cookie but neither header, a browser may have added the cookie
    /// on behalf of any page.
    pub(crate) fn check_socket(&self, headers: &HeaderMap) -> Result<(), Error> {
        match self.sender(headers, &self.allowed) {
            RequestOrigin::Own => Ok(()),
            RequestOrigin::Foreign => Err(foreign()),
            RequestOrigin::Unknown
                if headers.contains_key(header::COOKIE) && !has_bearer(headers) =>
            {
                Err(foreign())
            }
            RequestOrigin::Unknown => Ok(()),
        }
    }

    fn sender(&self, headers: &HeaderMap, also: &[String]) -> RequestOrigin {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if let Some(origin) = origins.next() {
            let known = |origin: &HeaderValue| {
                let is = |known: &String| known.as_bytes() == origin.as_bytes();
                self.own.iter().any(is) || also.iter().any(is)
            };
            // A browser sends exactly one origin. If there are several, it is unclear which one
            // intermediaries have checked.
            return if known(origin) && origins.next().is_none() {
                RequestOrigin::Own
            } else {
                RequestOrigin::Foreign
            };
        }
        let mut sites = headers.get_all("sec-fetch-site").iter();
        match (sites.next().map(HeaderValue::as_bytes), sites.next()) {
            (None, _) => RequestOrigin::Unknown,
            (Some(b"same-origin" | b"none"), None) => RequestOrigin::Own,
            (Some(_), _) => RequestOrigin::Foreign,
        }
    }
}

enum RequestOrigin {
    Own,
    Foreign,
    Unknown,
}

fn foreign() -> Error {
    Error::forbidden("the request was not sent by a page of this portal")
        .with_code("foreign_origin")
}

/// Returns `true` if a request contains a bearer token, which no browser adds automatically.
fn has_bearer(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(is_bearer)
}

/// Returns `true` if this value of `Authorization` is a bearer token, which no browser adds
/// automatically.
pub(crate) fn is_bearer(authorization: &HeaderValue) -> bool {
    let scheme = authorization.as_bytes().get(..7);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> (OriginPolicy, axum::http::request::Parts) {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let origins = OriginPolicy {
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
    fn request_with_cookie_requires_the_portal_origin() {
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
    fn bearer_token_needs_no_origin() {
        assert!(check(&[("authorization", "bEaReR x"), ("cookie", "a=b")]));
        assert!(!check(&[("authorization", "Basic x"), ("cookie", "a=b")]));
        assert!(check(&[]));
        assert!(!check(&[("origin", "http://evil")]));
    }

    #[test]
    fn multiple_origins_are_rejected() {
        let own = ("origin", "http://own:1");
        assert!(!check(&[own, own]));
        assert!(!check(&[own, ("origin", "http://evil")]));
        let site = ("sec-fetch-site", "same-origin");
        assert!(check(&[site]));
        assert!(!check(&[site, site]));
        assert!(!check(&[("sec-fetch-site", "cross-site"), site]));
    }

    #[test]
    fn allowed_origin_may_monitor_but_not_change() {
        let friend = ("origin", "https://friend");
        assert!(check_socket(&[friend]));
        assert!(!check(&[friend]));
        assert!(!check(&[friend, ("cookie", "a=b")]));
    }

    #[test]
    fn method_override_is_ignored() {
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
        ] {
            assert!(!check(&[("cookie", "a=b"), (name, "GET")]), "{name}");
        }
    }

    #[test]
    fn stream_request_from_another_site_is_rejected() {
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
