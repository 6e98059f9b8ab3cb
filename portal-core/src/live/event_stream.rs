//! Event streams: responses that consist of server-sent events.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

/// Delay before a client reconnects, in milliseconds.
pub(crate) const RECONNECT_DELAY: u32 = 2000;

/// Comment frame that keeps an idle stream open.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// Source of the frames of an event stream.
pub(crate) trait EventStream: Send + 'static {
    /// Returns the next frame, or `None` at the end; only called when the peer can receive a frame.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// Responds with the frames of a stream.
pub(crate) fn event_stream(stream: impl EventStream) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        // This header keeps proxies from buffering the response.
        ("x-accel-buffering", "no"),
    ];
    let frames = stream::unfold(stream, |mut stream| async {
        let frame = stream.next().await?;
        Some((Ok::<_, Infallible>(frame), stream))
    });
    (headers, Body::from_stream(frames)).into_response()
}

/// Returns the id of the last event that a reconnecting client has received.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok()
}
