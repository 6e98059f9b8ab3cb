//! Compressing answers for clients that take it.
//!
//! What is gzip here and not brotli: at the size of a page brotli saves four bytes in a hundred and
//! takes five times as long. Files that do not change are served by `pages::assets`, with both.

use std::cell::RefCell;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::pages::accepts_coding;

/// Smaller answers fit into one packet as they are.
const SMALLEST: u64 = 1024;
/// Larger ones would hold up other requests of the thread.
const LARGEST: u64 = 512 * 1024;

/// Magic number, deflate, no flags, no time, no hint, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

thread_local! {
    // Its tables take longer to make than a page takes to compress.
    static ENCODER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(6), false));
}

/// What a request says of the form of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// As it is, whatever the client takes: nothing is compressed here.
    Never,
    /// As it is, for this client.
    Plain,
    /// Compressed.
    Gzip,
}

impl Wish {
    /// Reads the head of a request.
    ///
    /// A page that another site has the browser ask for in a user's name stays plain: from the
    /// length of compressed answers to chosen addresses the secrets in them can be guessed (BREACH).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if !accepts_coding(headers, "gzip")
            || is_foreign(headers) && headers.contains_key(header::COOKIE)
        {
            return Self::Plain;
        }
        Self::Gzip
    }
}

/// Whether the browser says that a page of another site is behind the request.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// The answer in the form that is wished for.
pub(super) async fn apply(wish: Wish, mut response: Response) -> Response {
    if wish == Wish::Never || !may_change(&response) {
        return response;
    }
    let vary = HeaderValue::from_static("accept-encoding");
    response.headers_mut().append(header::VARY, vary);
    match wish {
        Wish::Never | Wish::Plain => response,
        // To HEAD as well: what is not sent is cut off further out.
        Wish::Gzip => compressed(response).await,
    }
}

async fn compressed(response: Response) -> Response {
    let length = response.body().size_hint().exact();
    if !length.is_some_and(|length| (SMALLEST..=LARGEST).contains(&length)) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(plain) = to_bytes(body, usize::MAX).await else {
        // It has failed while it was read; its headers are those of an answer that is not there.
        let mut broken = Response::new(Body::empty());
        *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return broken;
    };
    let body = match gzip(&plain) {
        Some(packed) if packed.len() < plain.len() => {
            parts.headers.remove(header::CONTENT_LENGTH);
            let coding = HeaderValue::from_static("gzip");
            parts.headers.insert(header::CONTENT_ENCODING, coding);
            Body::from(packed)
        }
        _ => Body::from(plain),
    };
    Response::from_parts(parts, body)
}

/// Whether the answer is text as a whole, and nobody has said how it is to be kept or sent.
///
/// An answer with an `ETag` is left alone: the tag names its bytes, and clients send it back.
fn may_change(response: &Response) -> bool {
    let headers = response.headers();
    let is_text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(is_text);
    let is_fixed = [
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::ETAG,
    ]
    .iter()
    .any(|name| headers.contains_key(name));
    let no_transform = headers.get_all(header::CACHE_CONTROL).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|text| text.contains("no-transform"))
    });
    is_text && !is_fixed && !no_transform
}

/// Streams of events are text too, but they are not waited for.
fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    (essence.starts_with("text/") && essence != "text/event-stream")
        || essence == "application/json"
        || essence.ends_with("+json")
        || essence == "application/javascript"
        || essence.ends_with("xml")
}

/// `None` where it would not get smaller.
fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    ENCODER.with_borrow_mut(|encoder| {
        encoder.reset();
        let mut packed = Vec::with_capacity(plain.len());
        packed.extend_from_slice(&GZIP_HEADER);
        let status = encoder.compress_vec(plain, &mut packed, FlushCompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) {
            return None;
        }
        let mut sum = Crc::new();
        sum.update(plain);
        packed.extend_from_slice(&sum.sum().to_le_bytes());
        packed.extend_from_slice(&sum.amount().to_le_bytes());
        Some(packed)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    fn answer(own: &[(&'static str, &'static str)], body: &str) -> Response {
        let mut response = Response::new(Body::from(body.to_owned()));
        response.headers_mut().extend(headers(own));
        response
    }

    const PAGE: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    async fn encoding(own: &[(&'static str, &'static str)], body: &str) -> Option<String> {
        let response = apply(Wish::Gzip, answer(own, body)).await;
        let coding = response.headers().get(header::CONTENT_ENCODING);
        coding.map(|coding| coding.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn what_is_compressed_reads_the_same_again() {
        let text = "<p>A line of a page.</p>".repeat(200);
        for _ in 0..2 {
            let response = apply(Wish::Gzip, answer(&[PAGE], &text)).await;
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            let packed = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert!(packed.len() < 300, "{}", packed.len());
            let mut read = String::new();
            let mut decoder = flate2::read::GzDecoder::new(&*packed);
            decoder.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[tokio::test]
    async fn only_texts_that_are_worth_it_are_compressed() {
        let text = "A line of a text.".repeat(200);
        assert_eq!(encoding(&[PAGE], &text).await.as_deref(), Some("gzip"));
        assert_eq!(encoding(&[PAGE], "short").await, None);
        assert_eq!(encoding(&[PAGE], &text.repeat(200)).await, None);
        let problem = ("content-type", "application/problem+json");
        assert_eq!(encoding(&[problem], &text).await.as_deref(), Some("gzip"));
        for own in [
            &[("content-type", "text/event-stream")] as &[_],
            &[("content-type", "image/png")],
            &[],
            &[PAGE, ("etag", "\"1\"")],
            &[PAGE, ("content-encoding", "br")],
            &[PAGE, ("content-range", "bytes 0-1/2")],
            &[PAGE, ("cache-control", "public, no-transform")],
        ] {
            let coding = encoding(own, &text).await;
            assert_ne!(coding.as_deref(), Some("gzip"), "{own:?}");
        }
        // Nobody knows how long it gets, and nobody wants to wait for its end.
        let parts = futures_util::stream::iter([Ok::<_, std::io::Error>(text)]);
        let mut stream = Response::new(Body::from_stream(parts));
        stream.headers_mut().extend(headers(&[PAGE]));
        let stream = apply(Wish::Gzip, stream).await;
        assert!(!stream.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn a_page_that_another_site_asks_for_in_a_users_name_stays_plain() {
        let wish = |pairs: &[_]| Wish::of(&headers(pairs));
        let gzip = ("accept-encoding", "gzip, deflate, br");
        let cookie = ("cookie", "__session=1");
        assert_eq!(wish(&[cookie]), Wish::Plain);
        assert_eq!(wish(&[gzip, cookie]), Wish::Gzip);
        assert_eq!(wish(&[gzip, ("sec-fetch-site", "cross-site")]), Wish::Gzip);
        for site in ["cross-site", "same-site"] {
            assert_eq!(wish(&[gzip, cookie, ("sec-fetch-site", site)]), Wish::Plain);
        }
        for site in ["same-origin", "none"] {
            assert_eq!(wish(&[gzip, cookie, ("sec-fetch-site", site)]), Wish::Gzip);
        }
    }
}
