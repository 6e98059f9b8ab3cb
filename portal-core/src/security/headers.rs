//! Headers of all responses.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::auth::CspSources;
use crate::config::OWN_HOST;

/// Id of a request, in its response and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    // The content of a response depends on the caller, unless its handler states otherwise.
    (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // No page of another site may load a response into its process memory, where it could be read.
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // Features that no page of a portal uses are disabled for injected scripts too.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ),
];

/// Headers that most responses set themselves; `Content-Length` is added last.
const PREALLOCATED: [HeaderName; 3] = [header::CONTENT_TYPE, header::VARY, header::CONTENT_LENGTH];

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Headers of all responses. Built once: cloning a map is cheaper per request than filling one.
#[derive(Clone)]
pub(crate) struct ResponseHeaders {
    always: Arc<HeaderMap>,
    https: bool,
}

impl ResponseHeaders {
    pub(crate) fn new(https: bool, sources: &CspSources) -> Self {
        let mut always = HeaderMap::from_iter(HEADERS);
        always.insert(header::CONTENT_SECURITY_POLICY, sources.header());
        if https {
            always.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        // Reserve entries for headers that almost all responses have, so that the clone need not
        // grow.
        for name in [REQUEST_ID].into_iter().chain(PREALLOCATED) {
            always.insert(name, HeaderValue::from_static(""));
        }
        Self {
            always: Arc::new(always),
            https,
        }
    }

    /// Returns all headers of a response; those set by its handler take precedence.
    pub(crate) fn complete(&self, own: HeaderMap, request_id: HeaderValue) -> HeaderMap {
        let missing = PREALLOCATED.map(|name| (!own.contains_key(&name)).then_some(name));
        let mut all = HeaderMap::clone(&self.always);
        all.extend(own);
        all.insert(REQUEST_ID, request_id);
        for name in missing.into_iter().flatten() {
            all.remove(name);
        }
        if self.https {
            secure_cookies(&mut all);
        }
        all
    }
}

/// Restricts the portal's own cookies to HTTPS, if the portal uses it. Their names get a prefix
/// that browsers accept from no other host, so that a page on a sibling domain cannot plant a
/// message.
fn secure_cookies(headers: &mut HeaderMap) {
    let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) else {
        return;
    };
    for cookie in cookies.iter_mut() {
        let Ok(text) = cookie.to_str() else { continue };
        if !text.starts_with("portal_") {
            continue;
        }
        let secure = if text.contains("; Secure") {
            ""
        } else {
            "; Secure"
        };
        if let Ok(renamed) = HeaderValue::try_from(format!("{OWN_HOST}{text}{secure}")) {
            *cookie = renamed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(https: bool, own: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let answer = ResponseHeaders::new(https, &CspSources::default());
        answer.complete(headers, HeaderValue::from_static("id"))
    }

    #[test]
    fn headers_of_a_handler_take_precedence() {
        let plain = complete(false, &[]);
        assert_eq!(plain[header::CACHE_CONTROL], "private, no-store");
        for name in PREALLOCATED {
            assert!(!plain.contains_key(name));
        }
        let own = [
            ("cache-control", "public, max-age=60"),
            ("content-security-policy", "default-src 'none'"),
            ("x-request-id", "forged"),
        ];
        let varying = complete(false, &[("vary", "cookie"), ("vary", "accept-encoding")]);
        let found: Vec<_> = varying.get_all(header::VARY).iter().collect();
        assert_eq!(found, ["cookie", "accept-encoding"]);
        let headers = complete(false, &own);
        for (name, value) in [own[0], own[1], ("x-request-id", "id")] {
            let found: Vec<_> = headers.get_all(name).iter().collect();
            assert_eq!(found, [value], "{name}");
        }
    }

    #[test]
    fn all_cookies_are_kept_and_own_ones_are_secure() {
        let own = [
            ("set-cookie", "portal_theme=a; Path=/"),
            ("set-cookie", "__session=b"),
        ];
        let found = |https| -> Vec<String> {
            let headers = complete(https, &own);
            let cookies = headers.get_all(header::SET_COOKIE).iter();
            cookies
                .map(|value| value.to_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(found(false), ["portal_theme=a; Path=/", "__session=b"]);
        assert_eq!(
            found(true),
            ["__Host-portal_theme=a; Path=/; Secure", "__session=b"]
        );
    }

    #[test]
    fn csp_of_all_responses_contains_provider_sources() {
        let sources = CspSources {
            connect: vec!["https://clerk.example.com".to_owned()],
            ..CspSources::default()
        };
        let answer = ResponseHeaders::new(true, &sources);
        let headers = answer.complete(HeaderMap::new(), HeaderValue::from_static("id"));
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("connect-src 'self' https://clerk.example.com;"));
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
