//! Whether a request comes from the portal's own pages.

use axum::http::{HeaderMap, Method, header};

use crate::config::Config;
use crate::error::Error;

/// The origins that are the portal's own.
pub(crate) struct Origins(Vec<String>);

impl Origins {
    pub(crate) fn new(config: &Config) -> Self {
        Self(config.own_origins())
    }

    /// Refuses a state-changing request that another site may have made a browser send.
    ///
    /// A browser adds cookies by itself, so a request with one has to prove where it comes from;
    /// a bearer token is added by code that knows it, which other sites do not.
    pub(crate) fn check_change(&self, method: &Method, headers: &HeaderMap) -> Result<(), Error> {
        if method.is_safe() || *method == Method::TRACE || has_bearer(headers) {
            return Ok(());
        }
        match self.sender(headers) {
            Sender::Own => Ok(()),
            Sender::Foreign => Err(foreign()),
            Sender::Unknown if headers.contains_key(header::COOKIE) => Err(foreign()),
            Sender::Unknown => Ok(()),
        }
    }

    /// Refuses the upgrade of a socket that another site's page asked for.
    pub(crate) fn check_socket(&self, headers: &HeaderMap) -> Result<(), Error> {
        match headers.get(header::ORIGIN) {
            None => Ok(()),
            Some(origin) if self.is_own(origin.as_bytes()) => Ok(()),
            Some(_) => Err(foreign()),
        }
    }

    fn sender(&self, headers: &HeaderMap) -> Sender {
        if let Some(origin) = headers.get(header::ORIGIN) {
            return if self.is_own(origin.as_bytes()) {
                Sender::Own
            } else {
                Sender::Foreign
            };
        }
        match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
            Some(b"same-origin" | b"none") => Sender::Own,
            Some(_) => Sender::Foreign,
            None => Sender::Unknown,
        }
    }

    fn is_own(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|own| own.as_bytes() == origin)
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

fn has_bearer(headers: &HeaderMap) -> bool {
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

    fn check(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Origins(vec!["http://own:1".to_owned()])
            .check_change(&parts.method, &parts.headers)
            .is_ok()
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
}
