//! Headers that every answer carries.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// No nonce and no exception is needed, since nothing in the portal's pages is inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: https:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// Names a request, in its answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
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
];

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The headers that every answer carries. Put together once: to copy a map costs a request less
/// than to fill one.
#[derive(Clone)]
pub(crate) struct AnswerHeaders {
    always: Arc<HeaderMap>,
    https: bool,
}

impl AnswerHeaders {
    pub(crate) fn new(https: bool) -> Self {
        let mut always = HeaderMap::from_iter(HEADERS);
        if https {
            always.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        // Keep the places of what nearly every answer has, so that its copy need not grow.
        always.insert(REQUEST_ID, HeaderValue::from_static(""));
        always.insert(header::CONTENT_TYPE, HeaderValue::from_static(""));
        Self {
            always: Arc::new(always),
            https,
        }
    }

    /// All headers of an answer; what its handler has set itself counts.
    pub(crate) fn complete(&self, own: HeaderMap, request_id: HeaderValue) -> HeaderMap {
        let is_typed = own.contains_key(header::CONTENT_TYPE);
        let mut all = HeaderMap::clone(&self.always);
        all.extend(own);
        all.insert(REQUEST_ID, request_id);
        if !is_typed {
            all.remove(header::CONTENT_TYPE);
        }
        if self.https {
            secure_cookies(&mut all);
        }
        all
    }
}

/// Keeps the portal's own cookies off plain HTTP, where the portal itself is not on it.
fn secure_cookies(headers: &mut HeaderMap) {
    let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) else {
        return;
    };
    for cookie in cookies.iter_mut() {
        let Ok(text) = cookie.to_str() else { continue };
        if text.starts_with("portal_")
            && !text.contains("; Secure")
            && let Ok(secure) = HeaderValue::try_from(format!("{text}; Secure"))
        {
            *cookie = secure;
        }
    }
}
