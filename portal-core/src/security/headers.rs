//! Headers of all responses.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::auth::CspSources;
use crate::config::OWN_HOST;

/// Header with the id of a request, which is also logged.
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
    // Pages on other sites must not be able to load a response into their process's memory, where
    // it could be read.
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // Features that the portal's pages do not use are disabled, so that injected scripts cannot use
    // them either.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ),
];

/// Headers whose value depends on the response. Almost all responses have them, so the map contains
/// an entry for each.
const PER_RESPONSE: [HeaderName; 3] = [
    REQUEST_ID,
    header::CONTENT_TYPE,
    // This header is added last, after the application's layers.
    header::CONTENT_LENGTH,
];

/// Initial capacity of the map, because growing it costs as much as adding all headers.
const CAPACITY: usize = 20;

/// Value of `Vary` for responses that are compressed if the client accepts it.
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Headers of all responses. The map is built once, because cloning it for each response is cheaper
/// than filling it.
#[derive(Clone)]
pub(crate) struct ResponseHeaders {
    always: Arc<HeaderMap>,
    https: bool,
}

impl ResponseHeaders {
    pub(crate) fn new(https: bool, sources: &CspSources) -> Self {
        let mut always = HeaderMap::with_capacity(CAPACITY);
        always.extend(HEADERS.map(|(name, value)| (Some(name), value)));
        always.insert(header::VARY, ACCEPT_ENCODING);
        always.insert(header::CONTENT_SECURITY_POLICY, sources.header());
        if https {
            always.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        for name in PER_RESPONSE {
            always.insert(name, HeaderValue::from_static(""));
        }
        Self {
            always: Arc::new(always),
            https,
        }
    }

    /// Returns all headers of a response; those set by its handler take precedence.
    ///
    /// `varies` is `true` if the response is compressed for some clients.
    pub(crate) fn complete(
        &self,
        mut own: HeaderMap,
        request_id: HeaderValue,
        varies: bool,
    ) -> HeaderMap {
        let [mut has_type, mut has_length, mut has_vary] = [false; 3];
        // Comparing the few names set by a handler takes less time than looking them up.
        for name in own.keys() {
            has_type |= *name == header::CONTENT_TYPE;
            has_length |= *name == header::CONTENT_LENGTH;
            has_vary |= *name == header::VARY;
        }
        if has_vary && varies {
            own.append(header::VARY, ACCEPT_ENCODING);
        }
        let mut all = HeaderMap::clone(&self.always);
        all.extend(own);
        if let Some(id) = all.get_mut(&REQUEST_ID) {
            *id = request_id;
        }
        for (name, is_present) in [
            (header::CONTENT_TYPE, has_type),
            (header::CONTENT_LENGTH, has_length),
            (header::VARY, has_vary || varies),
        ] {
            if !is_present {
                all.remove(name);
            }
        }
        if self.https {
            secure_cookies(&mut all);
        }
        all
    }
}

/// Restricts the portal's own cookies to HTTPS if the portal uses it. Their names get a prefix that
/// browsers accept only from the host itself, which prevents a page on a sibling domain from
/// planting a message.
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
        completed(https, own, false)
    }

    fn completed(https: bool, own: &[(&'static str, &'static str)], varies: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let defaults = ResponseHeaders::new(https, &CspSources::default());
        defaults.complete(headers, HeaderValue::from_static("id"), varies)
    }

    #[test]
    fn handler_headers_take_precedence() {
        let plain = complete(false, &[]);
        assert_eq!(plain[header::CACHE_CONTROL], "private, no-store");
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::VARY] {
            assert!(!plain.contains_key(name));
        }
        let own = [
            ("cache-control", "public, max-age=60"),
            ("content-security-policy", "default-src 'none'"),
            ("x-request-id", "forged"),
        ];
        let headers = complete(false, &own);
        for (name, value) in [own[0], own[1], ("x-request-id", "id")] {
            let found: Vec<_> = headers.get_all(name).iter().collect();
            assert_eq!(found, [value], "{name}");
        }
    }

    #[test]
    fn varying_encoding_is_added_to_vary() {
        let vary = |own: &[_], varies| -> Vec<String> {
            let headers = completed(false, own, varies);
            let values = headers.get_all(header::VARY).iter();
            values.map(|it| it.to_str().unwrap().to_owned()).collect()
        };
        let own = [("vary", "cookie"), ("vary", "origin")];
        assert_eq!(vary(&[], true), ["accept-encoding"]);
        assert_eq!(vary(&own, true), ["cookie", "origin", "accept-encoding"]);
        assert_eq!(vary(&own, false), ["cookie", "origin"]);
    }

    #[test]
    fn all_cookies_are_kept_and_portal_cookies_are_secure() {
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
    fn csp_of_every_response_contains_provider_sources() {
        let sources = CspSources {
            connect: vec!["https://clerk.example.com".to_owned()],
            ..CspSources::default()
        };
        let defaults = ResponseHeaders::new(true, &sources);
        let headers = defaults.complete(HeaderMap::new(), HeaderValue::from_static("id"), false);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("connect-src 'self' https://clerk.example.com;"));
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
