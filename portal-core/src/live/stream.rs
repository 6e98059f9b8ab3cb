//! Event stream to a browser tab; it contains only the names of changed topics.

use std::time::Duration;

use axum::body::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::cursor::Cursor;
use super::event_stream::{EventStream, RECONNECT_DELAY};
use super::hub::TopicSubscription;
use super::service::Live;
use super::stream_limit::StreamPermit;
use crate::auth::{Auth, Revocation, RevocationToken};
use crate::state::PortalState;

/// Interval between keep-alive frames: proxies close a stream after about a minute of silence, and
/// a tab treats a silent stream as lost.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Lifetime of a stream. Afterwards, the tab reconnects, which is cheap and distributes tabs to
/// replicas that were added later.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Delay before the next attempt if the database is unreachable.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// A stream's user, and the signal that their access was revoked.
pub(super) struct StreamUser {
    pub(super) id: Uuid,
    pub(super) watch: RevocationToken,
}

pub(super) struct Stream {
    live: Live,
    watch: TopicSubscription,
    /// `None` for guests.
    stream_user: Option<StreamUser>,
    denied: Vec<String>,
    stop: CancellationToken,
    state: PortalState,
    ends: Instant,
    phase: Phase,
    _place: Option<StreamPermit>,
    /// The stream counts as open until this is dropped.
    _open: TaskTrackerToken,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Opening,
    Open,
    Finished,
}

/// Reason why a stream ends, and the corresponding WebSocket close code.
#[derive(Clone, Copy)]
struct CloseReason {
    code: u16,
    reason: &'static str,
}

const GOING_AWAY: CloseReason = CloseReason {
    code: 1001,
    reason: "the server is shutting down",
};

impl From<Revocation> for CloseReason {
    fn from(revoked: Revocation) -> Self {
        Self {
            code: revoked.code(),
            reason: revoked.reason(),
        }
    }
}

impl EventStream for Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if self.phase == Phase::Opening {
            self.phase = Phase::Open;
            return Some(self.begin());
        }
        let beat = Instant::now() + KEEP_ALIVE;
        loop {
            if self.phase == Phase::Finished {
                return None;
            }
            if let Some(closed) = self.closed().now_or_never() {
                return Some(self.end(closed));
            }
            let (changed, mark) = self.watch.take_changes();
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
                    // The recipient of this event has seen all changes up to now.
                    let (changed, mark) = self.watch.take_changes();
                    if changed == 0 {
                        return Some(format!(": nothing has changed\nid: {mark}\n\n").into());
                    }
                    self.watch.put_back(changed);
                }
                () = sleep_until(self.ends) => return None,
            }
        }
    }
}

impl Stream {
    pub(super) fn new(
        live: Live,
        watch: TopicSubscription,
        stream_user: Option<StreamUser>,
        denied: Vec<String>,
        stop: CancellationToken,
        state: PortalState,
        place: Option<StreamPermit>,
    ) -> Self {
        Self {
            // The lifetime is randomized so that streams which started together do not end
            // together.
            ends: Instant::now() + LIFETIME
                - Duration::from_secs(Uuid::new_v4().as_u64_pair().0 % 600),
            _open: live.0.open.token(),
            live,
            watch,
            stream_user,
            denied,
            stop,
            state,
            phase: Phase::Opening,
            _place: place,
        }
    }

    /// Returns the changed topics that the user's current permissions allow them to access.
    async fn allowed(&self, changed: u64) -> Result<u64, CloseReason> {
        let Some(stream_user) = &self.stream_user else {
            return Ok(changed);
        };
        let user = loop {
            let asked = match self.state.borrow::<Auth>() {
                Ok(auth) => auth.user(stream_user.id).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(user) => break user.ok_or(Revocation::UserDeleted)?,
                // Nothing is sent before the user's access has been checked.
                Err(error) => {
                    tracing::debug!(%error, "failed to check access to a live stream; retrying");
                    tokio::select! {
                        closed = self.closed() => return Err(closed),
                        () = sleep(RETRY_DELAY) => {}
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

    /// Waits until the stream must end, and returns the reason.
    async fn closed(&self) -> CloseReason {
        let revoked = async {
            match &self.stream_user {
                Some(stream_user) => stream_user.watch.revoked().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            revoked = revoked => revoked.into(),
            () = self.stop.cancelled() => GOING_AWAY,
        }
    }

    fn begin(&self) -> Bytes {
        let data = json!({"topics": self.names(u64::MAX), "denied": self.denied});
        format!("retry: {RECONNECT_DELAY}\nevent: ready\ndata: {data}\n\n").into()
    }

    fn changed(&self, topics: u64, mark: Cursor) -> Bytes {
        let data = json!(self.names(topics));
        format!("id: {mark}\nevent: changed\ndata: {data}\n\n").into()
    }

    /// Returns the last event; changes that have not been sent are discarded.
    fn end(&mut self, closed: CloseReason) -> Bytes {
        self.phase = Phase::Finished;
        let data = json!({"code": closed.code, "reason": closed.reason});
        format!("event: closed\ndata: {data}\n\n").into()
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
