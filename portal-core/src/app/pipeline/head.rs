//! Request head: the values that the pipeline steps read from the headers of a request.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::compression::Encoding;
use super::request_id::request_id;
use crate::pages::accepts_html;
use crate::security::{REQUEST_ID, is_bearer};

/// Header in which a browser states the destination of a request.
const FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Values that the pipeline steps read from the headers of a request.
pub(super) struct Head {
    pub(super) request_id: HeaderValue,
    /// `true` if the client accepts HTML, as browsers do.
    pub(super) accepts_html: bool,
    /// `true` if a browser is opening a page. Without `Sec-Fetch-Dest`, `true` if the client
    /// prefers HTML.
    pub(super) opens_page: bool,
    /// `true` if the request has a bearer token; a `401` response then concerns that token.
    pub(super) sends_bearer: bool,
    pub(super) encoding: Encoding,
}

impl Head {
    /// Reads the headers in one pass: looking up an absent header takes as long as comparing ten
    /// names.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let [mut accept, mut authorization, mut destination, mut id] = [None; 4];
        let mut accepts_encodings = false;
        for (name, value) in headers {
            // If a header occurs more than once, its first value counts.
            if *name == header::ACCEPT {
                accept.get_or_insert(value);
            } else if *name == header::ACCEPT_ENCODING {
                accepts_encodings = true;
            } else if *name == header::AUTHORIZATION {
                authorization.get_or_insert(value);
            } else if *name == FETCH_DESTINATION {
                destination.get_or_insert(value);
            } else if *name == REQUEST_ID {
                id.get_or_insert(value);
            }
        }
        Self {
            request_id: request_id(id),
            accepts_html: accept.is_some() && accepts_html(headers),
            opens_page: opens_page(destination, accept),
            sends_bearer: authorization.is_some_and(is_bearer),
            encoding: match accepts_encodings {
                true => Encoding::of(headers),
                false => Encoding::Identity,
            },
        }
    }
}

fn opens_page(destination: Option<&HeaderValue>, accept: Option<&HeaderValue>) -> bool {
    match (destination, accept) {
        (Some(destination), _) => matches!(destination.as_bytes(), b"document" | b"iframe"),
        (None, Some(accept)) => accept.as_bytes().starts_with(b"text/html"),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Head {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Head::read(&map)
    }

    #[test]
    fn only_navigations_count_as_opening_a_page() {
        let html = ("accept", "text/html,*/*;q=0.8");
        for (headers, expected) in [
            (&[][..], false),
            (&[html], true),
            (&[("accept", "application/json, text/html")], false),
            (&[("sec-fetch-dest", "document")], true),
            (&[("sec-fetch-dest", "iframe"), html], true),
            (&[("sec-fetch-dest", "empty"), html], false),
            (&[("accept", "*/*"), html], false),
        ] {
            assert_eq!(read(headers).opens_page, expected, "{headers:?}");
        }
    }

    #[test]
    fn first_value_of_a_header_counts() {
        let head = read(&[
            ("authorization", "Basic a"),
            ("authorization", "Bearer b"),
            ("x-request-id", "first"),
            ("x-request-id", "second"),
        ]);
        assert!(!head.sends_bearer);
        assert_eq!(head.request_id, "first");
        assert!(read(&[("authorization", "bearer b")]).sends_bearer);
    }

    #[test]
    fn response_is_not_compressed_without_an_accepted_encoding() {
        assert_eq!(read(&[]).encoding, Encoding::Identity);
        let gzip = [("accept-encoding", "gzip")];
        assert_eq!(read(&gzip).encoding, Encoding::Gzip);
    }
}
