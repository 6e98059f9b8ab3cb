//! Size limits for request heads, and rejected methods.

use axum::http::{HeaderMap, Method, StatusCode, Uri};

use crate::config::Limits;
use crate::error::Error;

/// Rejects heads that exceed the limits, and methods for proxies.
///
/// `TRACE` would reveal to a page the headers that the browser adds to its requests; `CONNECT` is
/// for tunnels.
pub(crate) fn check_head(
    limits: &Limits,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Error> {
    if *method == Method::TRACE || *method == Method::CONNECT {
        return Err(Error::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this portal does not support this method",
        ));
    }
    if uri.path().len() + uri.query().map_or(0, str::len) > limits.url {
        return Err(Error::new(
            StatusCode::URI_TOO_LONG,
            "url_too_long",
            format!("path and query must have at most {} bytes", limits.url),
        ));
    }
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > limits.headers {
        return Err(Error::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            format!(
                "the request headers must have at most {} bytes",
                limits.headers
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, uri: &str, header: &str) -> u16 {
        let limits = Limits::default();
        let headers = HeaderMap::from_iter([("cookie".parse().unwrap(), header.parse().unwrap())]);
        match check_head(&limits, &method, &uri.parse().unwrap(), &headers) {
            Ok(()) => 200,
            Err(error) => error.status().as_u16(),
        }
    }

    #[test]
    fn oversized_heads_are_rejected() {
        let path = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert_eq!(status(Method::GET, &path(8 * 1024), ""), 200);
        assert_eq!(status(Method::GET, &path(8 * 1024 + 1), ""), 414);
        let query = format!("/?{}", "a".repeat(8 * 1024));
        assert_eq!(status(Method::GET, &query, ""), 414);
        let fits = 32 * 1024 - "cookie".len();
        assert_eq!(status(Method::GET, "/", &"a".repeat(fits)), 200);
        assert_eq!(status(Method::GET, "/", &"a".repeat(fits + 1)), 431);
    }

    #[test]
    fn proxy_methods_are_rejected() {
        assert_eq!(status(Method::TRACE, "/", ""), 405);
        assert_eq!(status(Method::CONNECT, "/", ""), 405);
        assert_eq!(status(Method::DELETE, "/", ""), 200);
    }
}
