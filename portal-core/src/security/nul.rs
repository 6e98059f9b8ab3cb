//! Rejection of U+0000 in URLs and forms: values that are stored or compared must not contain it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, Uri, header};
use hyper::body::{Frame, SizeHint};
use memchr::memchr;

use crate::error::Error;

const MESSAGE: &str = "must not contain the character U+0000";

/// Rejects a URL with an encoded U+0000 in its path or query. PostgreSQL neither stores nor
/// compares such text, so without this check the request would fail much later.
pub(super) fn check_url(uri: &Uri) -> Result<(), Error> {
    let parts = [
        ("path", uri.path()),
        ("query", uri.query().unwrap_or_default()),
    ];
    match parts.iter().find(|(_, text)| has_nul(text)) {
        None => Ok(()),
        Some((part, _)) => Err(Error::bad_request(format!("the {part} of a URL {MESSAGE}"))),
    }
}

/// Searches part of a URL for U+0000, which a URL can only contain in encoded form.
fn has_nul(text: &str) -> bool {
    let encoded = memchr(b'%', text.as_bytes());
    encoded.is_some_and(|at| Scan::default().finds(&text.as_bytes()[at..]))
}

/// Makes reading a form fail if it contains U+0000, regardless of the extractor that reads the
/// body.
pub(crate) fn guard_form(request: Request) -> Request {
    if !is_form(request.headers()) {
        return request;
    }
    request.map(|body| {
        Body::new(FormBody {
            body,
            scan: Scan::default(),
        })
    })
}

fn is_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.as_bytes());
    media_type
        .and_then(|media_type| media_type.get(..FORM.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

/// Searches encoded text for U+0000, which may be split across chunks.
#[derive(Debug, Clone, Copy, Default)]
struct Scan {
    /// Number of bytes of an incomplete `%00` at the end of the text read so far.
    matched: u8,
}

impl Scan {
    fn finds(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            self.matched = match (self.matched, byte) {
                (2, b'0') | (_, 0) => return true,
                (1, b'0') => 2,
                (_, b'%') => 1,
                _ => 0,
            };
        }
        false
    }
}

/// Error for a form that contains U+0000.
#[derive(Debug, thiserror::Error)]
#[error("a form {MESSAGE}")]
struct NulInForm;

struct FormBody {
    body: Body,
    scan: Scan,
}

impl HttpBody for FormBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && this.scan.finds(data)
        {
            return Poll::Ready(Some(Err(axum::Error::new(NulInForm))));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_nul_is_found_at_any_position() {
        for (url, expected) in [
            ("/a?b=c%20%30%0%01%", 200),
            ("/a%2500?b=%2500", 200),
            ("/a%00", 400),
            ("/a/%00/b?c=d", 400),
            ("/?a=%00", 400),
            ("/?%00=a", 400),
            ("/?a=%%00", 400),
            ("/?a=%0%00", 400),
        ] {
            let status = match check_url(&url.parse().unwrap()) {
                Ok(()) => 200,
                Err(error) => error.status().as_u16(),
            };
            assert_eq!(status, expected, "{url}");
        }
    }

    async fn read(media_type: &str, pieces: &[&'static str]) -> Result<Bytes, axum::Error> {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, axum::Error>(*piece))
            .collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let request = Request::post("/").header(header::CONTENT_TYPE, media_type);
        let request = guard_form(request.body(body).unwrap());
        axum::body::to_bytes(request.into_body(), 1024).await
    }

    #[tokio::test]
    async fn form_with_nul_fails_at_any_chunk_boundary() {
        let form = "application/x-www-form-urlencoded";
        for pieces in [
            &["a=%00"][..],
            &["a=b%", "00"],
            &["a=b%0", "0&c=d"],
            &["%", "0", "0"],
            &["a=\0"],
        ] {
            let error = read(form, pieces).await.unwrap_err();
            assert!(error.to_string().contains("U+0000"), "{pieces:?}: {error}");
        }
        for pieces in [
            &["a=%0", "1%", "00".trim_end_matches("00")][..],
            &["a=%25", "00"],
        ] {
            assert!(read(form, pieces).await.is_ok(), "{pieces:?}");
        }
        assert!(
            read("Application/X-WWW-Form-Urlencoded; charset=utf-8", &["%00"])
                .await
                .is_err()
        );
        assert!(read("application/json", &["\"%00\""]).await.is_ok());
    }
}
