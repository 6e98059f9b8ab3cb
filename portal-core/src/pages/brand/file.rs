//! Brand file: an immutable, precompressed HTTP response.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::PREFIX;
use crate::pages::assets::fingerprint;
use crate::pages::encoding::{accepts_coding, brotli, gzip};

/// Immutable file: its name changes with its content.
pub(super) struct BrandFile {
    url: String,
    etag: HeaderValue,
    media_type: &'static str,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

impl BrandFile {
    /// Creates a file and adds the fingerprint of its content to its name.
    pub(super) fn new(name: &str, media_type: &'static str, bytes: Vec<u8>) -> Self {
        let hash = fingerprint(&bytes);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        // Fonts and PNGs are already compressed.
        let is_text = media_type.starts_with("text/") || media_type == "image/svg+xml";
        Self {
            url: format!("{PREFIX}{stem}.{hash}.{extension}"),
            etag: HeaderValue::try_from(format!("\"{hash}\""))
                .unwrap_or(HeaderValue::from_static("\"\"")),
            media_type,
            brotli: is_text.then(|| Bytes::from(brotli(&bytes))),
            gzip: is_text.then(|| Bytes::from(gzip(&bytes))),
            plain: Bytes::from(bytes),
        }
    }

    /// Returns the path, below the portal's base path.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the last segment of the path.
    pub(super) fn name(&self) -> &str {
        self.url.strip_prefix(PREFIX).unwrap_or(&self.url)
    }

    pub(super) fn media_type(&self) -> &'static str {
        self.media_type
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.plain).unwrap()
    }

    /// Returns the smallest encoding that the client accepts, with its `Content-Encoding`.
    fn encoded(&self, request: &HeaderMap) -> (Bytes, Option<&'static str>) {
        for (coding, body) in [("br", &self.brotli), ("gzip", &self.gzip)] {
            if let Some(body) = body
                && accepts_coding(request, coding)
            {
                return (body.clone(), Some(coding));
            }
        }
        (self.plain.clone(), None)
    }

    pub(super) fn respond(&self, request: &HeaderMap) -> Response<Body> {
        let mut known = request.get_all(header::IF_NONE_MATCH).iter();
        let is_known = known.any(|value| value == self.etag);
        let (body, coding) = match is_known {
            true => (Bytes::new(), None),
            false => self.encoded(request),
        };
        let mut response = Response::new(Body::from(body));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        let fixed = HeaderValue::from_static;
        headers.insert(header::CONTENT_TYPE, fixed(self.media_type));
        headers.insert(
            header::CACHE_CONTROL,
            fixed("public, max-age=31536000, immutable"),
        );
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::VARY, fixed("accept-encoding"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, fixed(coding));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_compressed_cacheable_and_immutable() {
        let css = "a{color:red}\n".repeat(100);
        let file = BrandFile::new("brand.css", "text/css; charset=utf-8", css.into_bytes());
        let mut request = HeaderMap::new();
        request.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br"),
        );
        let response = file.respond(&request);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
        request.insert(
            header::IF_NONE_MATCH,
            response.headers()[header::ETAG].clone(),
        );
        assert_eq!(file.respond(&request).status(), 304);
        let plain = file.respond(&HeaderMap::new());
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        let font = BrandFile::new("font.woff2", "font/woff2", vec![0; 100]);
        assert!(font.brotli.is_none() && font.gzip.is_none());
    }
}
