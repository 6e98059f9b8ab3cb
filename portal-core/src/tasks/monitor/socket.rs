//! Monitors over WebSockets.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Closed, FAREWELL, Monitor, Snapshot};

const PING_INTERVAL: Duration = Duration::from_secs(30);
const SILENCE_LIMIT: Duration = Duration::from_secs(90);

const DONE: Closed = Closed {
    code: 1000,
    reason: "the task has ended",
};

pub(super) fn serve(monitor: Monitor, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        // Small buffers: a portal holds many sockets, each of them mostly idle.
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(4096)
        // Or a frame is kept until it is whole, however large it says that it is.
        .max_frame_size(4096)
        .on_upgrade(move |socket| async move {
            if let Err(error) = run(monitor, socket).await {
                tracing::debug!(%error, "a monitor went away");
            }
        })
}

async fn run(mut monitor: Monitor, mut socket: WebSocket) -> Result<(), axum::Error> {
    match show(&mut monitor, &mut socket).await? {
        Some(closed) => close(socket, closed).await,
        None => Ok(()),
    }
}

/// Shows every change until there is nothing more to show, or nobody to show it to: `None`.
async fn show(
    monitor: &mut Monitor,
    socket: &mut WebSocket,
) -> Result<Option<Closed>, axum::Error> {
    let mut ping = interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut heard = Instant::now();
    let mut states = present(monitor).await?;
    let mut presenting = !states.is_empty();
    loop {
        if !states.is_empty() {
            let (fresh, ended) = monitor.fresh(std::mem::take(&mut states));
            // Whatever ends the monitor ends it also while it waits for a peer that does not read.
            tokio::select! {
                biased;
                closed = monitor.closed() => return Ok(Some(closed)),
                sent = timeout(SILENCE_LIMIT, send(socket, &fresh)) => match sent {
                    Ok(sent) => sent?,
                    // A peer that takes nothing for so long answers no ping either.
                    Err(_) => return Ok(None),
                },
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
                Some(Err(error)) => return Err(error),
                Some(Ok(_)) => heard = Instant::now(),
            },
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_LIMIT {
                    return Ok(None);
                }
                socket.send(Message::Ping(Vec::new().into())).await?;
            }
            closed = monitor.closed() => return Ok(Some(closed)),
        }
    }
}

/// The next part of the states to show first. A failure ends the socket, and the peer may reconnect.
async fn present(monitor: &mut Monitor) -> Result<Vec<Arc<Snapshot>>, axum::Error> {
    monitor.next_present().await.map_err(axum::Error::new)
}

async fn send(socket: &mut WebSocket, states: &[Arc<Snapshot>]) -> Result<(), axum::Error> {
    for state in states {
        socket.feed(Message::Text(state.message())).await?;
    }
    socket.flush().await
}

async fn close(mut socket: WebSocket, closed: Closed) -> Result<(), axum::Error> {
    let frame = CloseFrame {
        code: closed.code,
        reason: closed.reason.into(),
    };
    // The peer answers with a close frame of its own; a peer that does not is dropped.
    let farewell = async {
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
        Ok(())
    };
    timeout(FAREWELL, farewell).await.unwrap_or(Ok(()))
}
