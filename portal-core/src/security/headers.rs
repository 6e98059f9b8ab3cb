//! Headers that every answer carries.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::auth::ContentSources;
use crate::config::OWN_HOST;

/// Names a request, in its answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    // What an answer shows depends on who asks, unless its handler says otherwise.
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
    // No other site's page may have an answer in its memory, where it could be read from.
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // What no page of a portal uses, injected script is not to use either.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ),
];

/// What most answers have, and say themselves; their length is added last of all.
const OFTEN: [HeaderName; 3] = [header::CONTENT_TYPE, header::VARY, header::CONTENT_LENGTH];

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The headers that every answer carries. Put together once: to copy a map costs a request less
/// than to fill one.
#[derive(Clone)]
pub(crate) struct AnswerHeaders {
    always: Arc<HeaderMap>,
    https: bool,
}

impl AnswerHeaders {
    pub(crate) fn new(https: bool, sources: &ContentSources) -> Self {
        let mut always = HeaderMap::from_iter(HEADERS);
        always.insert(header::CONTENT_SECURITY_POLICY, sources.header());
        if https {
            always.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        // Keep the places of what nearly every answer has, so that its copy need not grow.
        for name in [REQUEST_ID].into_iter().chain(OFTEN) {
            always.insert(name, HeaderValue::from_static(""));
        }
        Self {
            always: Arc::new(always),
            https,
        }
    }

    /// All headers of an answer; what its handler has set itself counts.
    pub(crate) fn complete(&self, own: HeaderMap, request_id: HeaderValue) -> HeaderMap {
        let missing = OFTEN.map(|name| (!own.contains_key(&name)).then_some(name));
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

/// Keeps the portal's own cookies off plain HTTP where the portal itself is not on it, and under a
/// name that browsers let no other host set: a page of a sibling domain cannot plant a message.
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
        let answer = AnswerHeaders::new(https, &ContentSources::default());
        answer.complete(headers, HeaderValue::from_static("id"))
    }

    #[test]
    fn what_a_handler_sets_itself_counts() {
        let plain = complete(false, &[]);
        assert_eq!(plain[header::CACHE_CONTROL], "private, no-store");
        for name in OFTEN {
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
    fn every_cookie_is_kept_and_the_portals_own_are_secure() {
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
    fn a_providers_sources_are_in_the_policy_of_every_answer() {
        let sources = ContentSources {
            connect: vec!["https://clerk.example.com".to_owned()],
            ..ContentSources::default()
        };
        let answer = AnswerHeaders::new(true, &sources);
        let headers = answer.complete(HeaderMap::new(), HeaderValue::from_static("id"));
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("connect-src 'self' https://clerk.example.com;"));
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
