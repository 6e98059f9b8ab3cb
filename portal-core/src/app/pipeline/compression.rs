//! Response compression for clients that accept it.
//!
//! Uses gzip, not brotli: for data the size of a page, brotli's output is 4% smaller but takes five
//! times as long. `pages::assets` serves immutable files with both.

use std::cell::RefCell;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::pages::accepts_coding;

/// Minimum size in bytes; smaller responses fit into one packet uncompressed.
const MIN_SIZE: u64 = 1024;
/// Maximum size in bytes; compressing larger responses would block other requests on the same
/// thread.
const MAX_SIZE: u64 = 512 * 1024;

/// Magic number, deflate method, no flags, no timestamp, no extra flags, unknown operating system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

thread_local! {
    // The encoder is reused because allocating its tables takes longer than compressing a page.
    static ENCODER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(6), false));
}

/// Encoding of a response, chosen by the headers of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Uncompressed for every client: compression is disabled.
    Disabled,
    /// Uncompressed for this client.
    Identity,
    /// Compressed with gzip.
    Gzip,
}

impl Encoding {
    /// Chooses the encoding from the headers of a request.
    ///
    /// The response to a cross-site request with cookies is not compressed; otherwise, another site
    /// could request chosen URLs and infer secrets from the length of the responses (BREACH).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if !accepts_coding(headers, "gzip")
            || is_foreign(headers) && headers.contains_key(header::COOKIE)
        {
            return Self::Identity;
        }
        Self::Gzip
    }
}

/// Returns `true` if the browser states that a page on another site triggered the request.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Returns `true` if the encoding of a response depends on the client.
pub(super) fn varies(encoding: Encoding, response: &Response) -> bool {
    encoding != Encoding::Disabled && is_compressible(response)
}

/// Returns `true` if a response whose encoding varies should be compressed.
///
/// A response to `HEAD` is compressed too: its body is removed later.
pub(super) fn is_required(encoding: Encoding, response: &Response) -> bool {
    let length = response.body().size_hint().exact();
    encoding == Encoding::Gzip
        && length.is_some_and(|length| (MIN_SIZE..=MAX_SIZE).contains(&length))
}

/// Compresses a response.
pub(super) async fn compress(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(plain) = to_bytes(body, usize::MAX).await else {
        // The body could not be read, so the original headers no longer apply.
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

/// Returns `true` for complete text responses whose encoding may be changed.
///
/// A response with an `ETag` is left unchanged: the tag identifies the uncompressed bytes, and
/// clients send it back.
fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let media_type = headers.get(header::CONTENT_TYPE);
    // A single pass is faster because handlers set fewer headers than this function looks for.
    media_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(is_text)
        && !headers
            .iter()
            .any(|(name, value)| fixes_encoding(name, value))
}

/// Returns `true` if a response with this header must not be compressed.
fn fixes_encoding(name: &HeaderName, value: &HeaderValue) -> bool {
    if *name == header::CACHE_CONTROL {
        return value
            .to_str()
            .is_ok_and(|text| text.contains("no-transform"));
    }
    [
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::ETAG,
    ]
    .contains(name)
}

/// Returns `true` for text, except for event streams, which never end.
fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    (essence.starts_with("text/") && essence != "text/event-stream")
        || essence == "application/json"
        || essence.ends_with("+json")
        || essence == "application/javascript"
        || essence.ends_with("xml")
}

/// Compresses bytes; returns `None` if the result would not be smaller.
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

    async fn apply(encoding: Encoding, response: Response) -> Response {
        match varies(encoding, &response) && is_required(encoding, &response) {
            true => compress(response).await,
            false => response,
        }
    }

    fn response(own: &[(&'static str, &'static str)], body: &str) -> Response {
        let mut response = Response::new(Body::from(body.to_owned()));
        response.headers_mut().extend(headers(own));
        response
    }

    const PAGE: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    async fn encoding(own: &[(&'static str, &'static str)], body: &str) -> Option<String> {
        let response = apply(Encoding::Gzip, response(own, body)).await;
        let coding = response.headers().get(header::CONTENT_ENCODING);
        coding.map(|coding| coding.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn compressed_body_decompresses_to_the_original() {
        let text = "<p>A line of a page.</p>".repeat(200);
        for _ in 0..2 {
            let response = apply(Encoding::Gzip, response(&[PAGE], &text)).await;
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
            let packed = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert!(packed.len() < 300, "{}", packed.len());
            let mut read = String::new();
            let mut decoder = flate2::read::GzDecoder::new(&*packed);
            decoder.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[tokio::test]
    async fn only_suitable_text_responses_are_compressed() {
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
        // A stream's length is unknown, and it must not be buffered.
        let parts = futures_util::stream::iter([Ok::<_, std::io::Error>(text)]);
        let mut stream = Response::new(Body::from_stream(parts));
        stream.headers_mut().extend(headers(&[PAGE]));
        let stream = apply(Encoding::Gzip, stream).await;
        assert!(!stream.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn cross_site_request_with_cookie_is_not_compressed() {
        let encoding = |pairs: &[_]| Encoding::of(&headers(pairs));
        let gzip = ("accept-encoding", "gzip, deflate, br");
        let cookie = ("cookie", "__session=1");
        assert_eq!(encoding(&[cookie]), Encoding::Identity);
        assert_eq!(encoding(&[gzip, cookie]), Encoding::Gzip);
        assert_eq!(
            encoding(&[gzip, ("sec-fetch-site", "cross-site")]),
            Encoding::Gzip
        );
        for site in ["cross-site", "same-site"] {
            assert_eq!(
                encoding(&[gzip, cookie, ("sec-fetch-site", site)]),
                Encoding::Identity
            );
        }
        for site in ["same-origin", "none"] {
            assert_eq!(
                encoding(&[gzip, cookie, ("sec-fetch-site", site)]),
                Encoding::Gzip
            );
        }
    }
}
