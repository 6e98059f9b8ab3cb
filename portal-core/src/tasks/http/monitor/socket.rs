//! Monitors served over WebSockets.

use std::future::Future;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::{CLOSE_TIMEOUT, CloseReason, Monitor, Snapshot};

const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Maximum size of a message from a peer; monitors ignore its content.
const MAX_FRAME: usize = 4096;
/// Time that a peer has to read the reason why its connection closes.
const LINGER: Duration = Duration::from_secs(1);
const SILENCE_LIMIT: Duration = Duration::from_secs(90);

const DONE: CloseReason = CloseReason {
    code: 1000,
    reason: "the task has finished",
};

const TOO_LARGE: CloseReason = CloseReason {
    code: 1009,
    reason: "a frame is larger than 4096 bytes",
};

pub(super) fn serve(monitor: Monitor, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        // The buffers are small, because a portal holds many, mostly idle sockets.
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(MAX_FRAME)
        // Without this limit, a frame of any announced length would be buffered until it is
        // complete.
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move {
            if let Err(error) = run(monitor, socket).await {
                tracing::debug!(%error, "monitor connection lost");
            }
        })
}

async fn run(mut monitor: Monitor, mut socket: WebSocket) -> Result<(), axum::Error> {
    match show(&mut monitor, &mut socket).await? {
        Some(closed) => close(socket, closed).await,
        None => Ok(()),
    }
}

/// Sends every change until the monitor closes; returns `None` if the peer has disconnected.
async fn show(
    monitor: &mut Monitor,
    socket: &mut WebSocket,
) -> Result<Option<CloseReason>, axum::Error> {
    let mut ping = interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut last_received = Instant::now();
    let mut states = present(monitor).await?;
    let mut presenting = !states.is_empty();
    loop {
        if !states.is_empty() {
            let (fresh, ended) = monitor.unseen(std::mem::take(&mut states));
            if let Break(end) = unless(monitor.closed(), send(socket, &fresh)).await? {
                return Ok(end);
            }
            if ended {
                return Ok(Some(DONE));
            }
            if presenting {
                states = present(monitor).await?;
                presenting = !states.is_empty();
                continue;
            }
        }
        tokio::select! {
            changed = monitor.subscription.changes() => states = changed,
            message = socket.next() => match message {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Err(error)) => return too_large(error).map(Some),
                Some(Ok(_)) => last_received = Instant::now(),
            },
            _ = ping.tick() => {
                if last_received.elapsed() > SILENCE_LIMIT {
                    return Ok(None);
                }
                let ping = socket.send(Message::Ping(Vec::new().into()));
                if let Break(end) = unless(monitor.closed(), ping).await? {
                    return Ok(end);
                }
            }
            closed = monitor.closed() => return Ok(Some(closed)),
        }
    }
}

/// Returns the next batch of states to show at the start.
///
/// If this fails, the socket is closed, and the peer may reconnect.
async fn present(monitor: &mut Monitor) -> Result<Vec<Arc<Snapshot>>, axum::Error> {
    monitor.next_present().await.map_err(axum::Error::new)
}

/// Sends unless the monitor closes first, even while sending is blocked by a peer that does not
/// read.
async fn unless<E>(
    closed: impl Future<Output = CloseReason>,
    sending: impl Future<Output = Result<(), E>>,
) -> Result<ControlFlow<Option<CloseReason>>, E> {
    tokio::select! {
        biased;
        closed = closed => Ok(Break(Some(closed))),
        sent = timeout(SILENCE_LIMIT, sending) => match sent {
            Ok(sent) => sent.map(Continue),
            // A peer that has read nothing for this long does not respond to pings either.
            Err(_) => Ok(Break(None)),
        },
    }
}

/// Returns a reason with code `1009` if the peer sent too large a frame; otherwise, the error.
fn too_large(error: axum::Error) -> Result<CloseReason, axum::Error> {
    let inner = error.into_inner();
    match inner.downcast_ref() {
        Some(tungstenite::Error::Capacity(_)) => Ok(TOO_LARGE),
        _ => Err(axum::Error::new(inner)),
    }
}

async fn send(socket: &mut WebSocket, states: &[Arc<Snapshot>]) -> Result<(), axum::Error> {
    for state in states {
        socket.feed(Message::Text(state.message())).await?;
    }
    socket.flush().await
}

async fn close(mut socket: WebSocket, closed: CloseReason) -> Result<(), axum::Error> {
    let frame = CloseFrame {
        code: closed.code,
        reason: closed.reason.into(),
    };
    // The peer should respond with a close frame; if it does not, the connection is dropped.
    let closing = async {
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
        if closed.code == TOO_LARGE.code {
            // The rest of the frame remains unread. Dropping the socket now would reset the
            // connection before the peer has read the reason.
            sleep(LINGER).await;
        }
        Ok(())
    };
    timeout(CLOSE_TIMEOUT, closing).await.unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn stalled_peer_does_not_delay_closing() {
        let stuck = pending::<Result<(), axum::Error>>();
        let end = unless(ready(DONE), stuck).await.unwrap();
        assert!(matches!(end, Break(Some(closed)) if closed.code == 1000));
        let sent = ready(Ok::<_, axum::Error>(()));
        let end = unless(pending(), sent).await.unwrap();
        assert!(matches!(end, Continue(())));
    }
}
