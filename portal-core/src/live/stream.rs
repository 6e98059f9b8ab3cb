//! The stream of one tab: the names of the topics that change, and nothing else.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, stream};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::hub::Watch;
use super::mark::Mark;
use super::places::Place;
use super::service::Live;
use crate::auth::{AccessWatch, Auth, Revoked};
use crate::state::PortalState;

/// Proxies close a stream that is silent for about a minute, and a tab takes it for lost.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream goes on. Then the tab connects again, which costs it nothing and spreads tabs
/// over replicas that came later.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);
/// How long a client is to wait before it connects again, in milliseconds.
const RECONNECT: u32 = 2000;

/// Who reads a stream, and whether he may go on.
pub(super) struct Reader {
    pub(super) id: Uuid,
    pub(super) watch: AccessWatch,
}

pub(super) struct Stream {
    live: Live,
    watch: Watch,
    /// `None` for guests.
    reader: Option<Reader>,
    denied: Vec<String>,
    stop: CancellationToken,
    state: PortalState,
    ends: Instant,
    phase: Phase,
    _place: Option<Place>,
    /// Counted as open until it is dropped.
    _open: TaskTrackerToken,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Begins,
    GoesOn,
    Ended,
}

/// Why a stream ends, in the words of the close codes of WebSockets.
#[derive(Clone, Copy)]
struct Closed {
    code: u16,
    reason: &'static str,
}

const GOING_AWAY: Closed = Closed {
    code: 1001,
    reason: "the server is shutting down",
};

impl From<Revoked> for Closed {
    fn from(revoked: Revoked) -> Self {
        Self {
            code: revoked.code(),
            reason: revoked.reason(),
        }
    }
}

pub(super) fn answer(stream: Stream) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        // Proxies are not to collect what is sent.
        ("x-accel-buffering", "no"),
    ];
    let body = Body::from_stream(stream::unfold(stream, |mut stream| async {
        let frame = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(frame)), stream))
    }));
    (headers, body).into_response()
}

impl Stream {
    pub(super) fn new(
        live: Live,
        watch: Watch,
        reader: Option<Reader>,
        denied: Vec<String>,
        stop: CancellationToken,
        state: PortalState,
        place: Option<Place>,
    ) -> Self {
        Self {
            // Not all at once that have begun at once.
            ends: Instant::now() + LIFETIME
                - Duration::from_secs(Uuid::new_v4().as_u64_pair().0 % 600),
            _open: live.0.open.token(),
            live,
            watch,
            reader,
            denied,
            stop,
            state,
            phase: Phase::Begins,
            _place: place,
        }
    }

    /// What is to be sent next; it is asked for only when the peer can take it.
    async fn next(&mut self) -> Option<String> {
        if self.phase == Phase::Begins {
            self.phase = Phase::GoesOn;
            return Some(self.begin());
        }
        let beat = Instant::now() + KEEP_ALIVE;
        loop {
            if self.phase == Phase::Ended {
                return None;
            }
            if let Some(closed) = self.closed().now_or_never() {
                return Some(self.end(closed));
            }
            let (changed, mark) = self.watch.take();
            if changed != 0 {
                match self.allowed(changed).await {
                    Ok(0) => {}
                    Ok(allowed) => return Some(self.changed(allowed, mark)),
                    Err(closed) => return Some(self.end(closed)),
                }
            }
            tokio::select! {
                biased;
                closed = self.closed() => return Some(self.end(closed)),
                () = self.watch.changed() => {}
                () = sleep_until(beat) => {
                    // Whoever is told that nothing has changed knows everything up to now.
                    let (changed, mark) = self.watch.take();
                    if changed == 0 {
                        return Some(format!(": nothing has changed\nid: {mark}\n\n"));
                    }
                    self.watch.put_back(changed);
                }
                () = sleep_until(self.ends) => return None,
            }
        }
    }

    /// Which of the topics that have changed the reader may hear of, as he is at this moment.
    async fn allowed(&self, changed: u64) -> Result<u64, Closed> {
        let Some(reader) = &self.reader else {
            return Ok(changed);
        };
        let user = loop {
            let asked = match self.state.borrow::<Auth>() {
                Ok(auth) => auth.user(reader.id).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(user) => break user.ok_or(Revoked::UserDeleted)?,
                // He is told nothing until it is known whether he may hear it.
                Err(error) => {
                    tracing::debug!(%error, "whether a stream may go on could not be looked up");
                    tokio::select! {
                        closed = self.closed() => return Err(closed),
                        () = sleep(RETRY) => {}
                    }
                }
            }
        };
        let mut allowed = 0;
        for (bit, key) in self.watch.keys().iter().enumerate() {
            let is_allowed = self.live.0.topics.key_for(key.topic, Some(&user)) == Some(*key);
            if is_allowed {
                allowed |= changed & (1 << bit);
            }
        }
        Ok(allowed)
    }

    /// Why nothing may be told any more, or need not, once that is so.
    async fn closed(&self) -> Closed {
        let revoked = async {
            match &self.reader {
                Some(reader) => reader.watch.revoked().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            revoked = revoked => revoked.into(),
            () = self.stop.cancelled() => GOING_AWAY,
        }
    }

    fn begin(&self) -> String {
        let data = json!({"topics": self.names(u64::MAX), "denied": self.denied});
        format!("retry: {RECONNECT}\nevent: ready\ndata: {data}\n\n")
    }

    fn changed(&self, topics: u64, mark: Mark) -> String {
        let data = json!(self.names(topics));
        format!("id: {mark}\nevent: changed\ndata: {data}\n\n")
    }

    /// The last event; what has not been sent yet is not sent any more.
    fn end(&mut self, closed: Closed) -> String {
        self.phase = Phase::Ended;
        let data = json!({"code": closed.code, "reason": closed.reason});
        format!("event: closed\ndata: {data}\n\n")
    }

    fn names(&self, topics: u64) -> Vec<&str> {
        let keys = self.watch.keys().iter().enumerate();
        let named = keys.filter(|(bit, _)| topics & (1 << bit) != 0);
        named
            .filter_map(|(_, key)| self.live.0.topics.get(key.topic))
            .map(|topic| topic.name.as_str())
            .collect()
    }
}
