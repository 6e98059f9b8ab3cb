//! Monitors served as event streams.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;

use super::{CloseReason, Cursor, Monitor, Snapshot};
use crate::live::{self, EventStream, RECONNECT_DELAY, event_stream, last_event_id};

/// Interval between keep-alives; proxies close a stream that is silent for about a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

pub(super) fn are_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Returns the last cursor that the client received; ignores a cursor that this portal did not
/// issue.
pub(super) fn last_seen(headers: &HeaderMap) -> Option<Cursor> {
    last_event_id(headers)?.trim().parse().ok()
}

pub(super) fn serve(monitor: Monitor, cursor: Option<Cursor>) -> Response {
    let has_seen_the_end = monitor.single
        && monitor.present.iter().any(|state| {
            let record = state.record();
            record.status.is_final() && cursor == Some(Cursor::of(record))
        });
    if has_seen_the_end {
        // Browsers reconnect whenever a stream ends, unless the response has this status.
        return StatusCode::NO_CONTENT.into_response();
    }
    // An id without data is not an event, but a client that is disconnected before the first event
    // resumes from this id.
    let start = Cursor::start();
    let from = cursor.unwrap_or(start);
    event_stream(Stream {
        ready: VecDeque::from([format!("retry: {RECONNECT_DELAY}\nid: {from}\n\n").into()]),
        monitor,
        start: Some(start),
        ended: false,
    })
}

struct Stream {
    monitor: Monitor,
    ready: VecDeque<Bytes>,
    /// Cursor from which the client can resume once the current states have been sent.
    start: Option<Cursor>,
    /// `true` if no further frames will be added to the ready ones.
    ended: bool,
}

impl Stream {
    fn add(&mut self, states: Vec<Arc<Snapshot>>) {
        let (fresh, ended) = self.monitor.unseen(states);
        self.ready.extend(fresh.iter().map(|state| state.event()));
        self.ended = ended;
    }

    /// Returns the last event and drops everything that has not been sent yet.
    fn end(&mut self, closed: CloseReason) -> Bytes {
        self.ready.clear();
        self.ended = true;
        let data = serde_json::to_string(&closed).unwrap_or_default();
        format!("event: closed\ndata: {data}\n\n").into()
    }
}

impl EventStream for Stream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if !self.ended
                && let Some(closed) = self.monitor.closed().now_or_never()
            {
                return Some(self.end(closed));
            }
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            if let Some(start) = self.start {
                // A client that is disconnected here resumes from the last event that it received.
                let present = self.monitor.next_present().await.ok()?;
                if present.is_empty() {
                    self.start = None;
                    // The current states may be old, but no change before `start` is missing.
                    self.ready.push_back(format!("id: {start}\n\n").into());
                } else {
                    self.add(present);
                }
                continue;
            }
            let changed = tokio::select! {
                closed = self.monitor.closed() => return Some(self.end(closed)),
                changed = timeout(KEEP_ALIVE, self.monitor.subscription.changes()) => changed,
            };
            match changed {
                Ok(changed) => self.add(changed),
                Err(_) => return Some(live::KEEP_ALIVE),
            }
        }
    }
}
