//! Unread request bodies: drained if they are small, so that the connection can be reused.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use futures_util::future::poll_fn;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;

/// Maximum number of bytes that are drained; if more data remains, the connection is closed.
const MAX_DRAINED: u64 = 64 * 1024;
/// Time limit for the client to send the rest.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Tracks whether the body of a request was read.
///
/// The server closes a connection if a body on it was not fully read. A client that is not informed
/// of this sends its next request on the same connection and gets no response.
pub(super) struct UnreadBody {
    /// Shared with the body; `None` if the request has no body.
    rest: Option<Arc<Mutex<Rest>>>,
    /// `true` if the client waits for `100 Continue` before it sends the body.
    expects: bool,
}

#[derive(Default)]
struct Rest {
    /// The body, if the handler dropped it before reading it fully.
    body: Option<Body>,
    is_polled: bool,
}

impl UnreadBody {
    /// Tracks the body of a request. Requests without a body, which are the majority, cost nothing.
    pub(super) fn watch(request: &mut Request) -> Self {
        // With HTTP/2 and later, the connection can be kept in any case.
        if request.version() > Version::HTTP_11 || request.body().is_end_stream() {
            return Self {
                rest: None,
                expects: false,
            };
        }
        let rest = Arc::new(Mutex::new(Rest::default()));
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Watched {
            body: Some(body),
            rest: Arc::clone(&rest),
            is_polled: false,
        });
        Self {
            rest: Some(rest),
            expects: request.headers().contains_key(header::EXPECT),
        }
    }

    /// Returns `true` if the handler dropped the body before reading it fully.
    pub(super) fn is_left(&self) -> bool {
        let rest = self.rest.as_ref();
        rest.is_some_and(|rest| rest.lock().body.is_some())
    }

    /// Drains the rest of the body; returns `true` if the HTTP/1 connection has to be closed.
    pub(super) async fn drain(&self) -> bool {
        let Some(rest) = &self.rest else {
            return false;
        };
        let (body, is_polled) = {
            let mut rest = rest.lock();
            (rest.body.take(), rest.is_polled)
        };
        let Some(body) = body else {
            return false;
        };
        // Reading the body now would make the client send it.
        if self.expects && !is_polled {
            return true;
        }
        let drained = tokio::time::timeout(DRAIN_TIMEOUT, drain(body));
        !drained.await.unwrap_or(false)
    }
}

/// Adds the header which announces that the connection will be closed.
pub(super) fn announce_close(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// Drains a body; returns `true` if its end was reached.
async fn drain(mut body: Body) -> bool {
    let mut drained = 0;
    loop {
        if drained + body.size_hint().lower() > MAX_DRAINED {
            return false;
        }
        match poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => drained += frame.data_ref().map_or(0, |data| data.len() as u64),
        }
    }
}

struct Watched {
    body: Option<Body>,
    rest: Arc<Mutex<Rest>>,
    is_polled: bool,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.is_polled {
            self.is_polled = true;
            let mut rest = self.rest.lock();
            rest.is_polled = true;
        }
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            // The body has ended or failed, so nothing is left to drain.
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        let mut rest = self.rest.lock();
        rest.body = Some(body);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    fn request(pieces: &[usize], expects: bool) -> Request {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|length| Ok::<_, axum::Error>(vec![b'x'; *length]))
            .collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let mut request = Request::new(body);
        if expects {
            let continues = HeaderValue::from_static("100-continue");
            request.headers_mut().insert(header::EXPECT, continues);
        }
        request
    }

    #[tokio::test]
    async fn only_a_small_rest_is_drained_to_keep_the_connection() {
        for (pieces, ends) in [
            (&[][..], false),
            (&[1], false),
            (&[60_000, 5_536], false),
            (&[60_000, 5_537], true),
            (&[10; 7_000], true),
        ] {
            let mut request = request(pieces, false);
            let unread = UnreadBody::watch(&mut request);
            drop(request);
            assert_eq!(unread.drain().await, ends, "{}", pieces.len());
        }
    }

    #[tokio::test]
    async fn fully_read_body_keeps_the_connection() {
        let mut request = request(&[70_000, 70_000], false);
        let unread = UnreadBody::watch(&mut request);
        assert_eq!(
            to_bytes(request.into_body(), usize::MAX)
                .await
                .unwrap()
                .len(),
            140_000
        );
        assert!(!unread.drain().await);
    }

    #[tokio::test]
    async fn unread_body_is_not_requested_from_a_waiting_client() {
        let mut waiting = request(&[1], true);
        let unread = UnreadBody::watch(&mut waiting);
        drop(waiting);
        assert!(unread.drain().await);
    }

    #[tokio::test]
    async fn stalled_body_is_not_drained_beyond_the_timeout() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>());
        let mut request = Request::new(body);
        let unread = UnreadBody::watch(&mut request);
        drop(request);
        assert!(unread.drain().await);
    }
}
