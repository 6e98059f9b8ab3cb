//! Monitors over WebSockets.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{FAREWELL, Monitor, Snapshot};

const PING_INTERVAL: Duration = Duration::from_secs(30);
const SILENCE_LIMIT: Duration = Duration::from_secs(90);

const GOING_AWAY: u16 = 1001;
const DONE: u16 = 1000;
const TOKEN_WITHDRAWN: u16 = 4401;

pub(super) fn serve(monitor: Monitor, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        // Small buffers: a portal holds many sockets, each of them mostly idle.
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(4096)
        .on_upgrade(move |socket| async move {
            if let Err(error) = run(monitor, socket).await {
                tracing::debug!(%error, "a monitor went away");
            }
        })
}

/// Why nothing is shown any more.
enum Ended {
    Task,
    Peer,
    Withdrawn,
    Stopped,
}

async fn run(mut monitor: Monitor, mut socket: WebSocket) -> Result<(), axum::Error> {
    let ended = show(&mut monitor, &mut socket).await?;
    let (code, reason) = match ended {
        Ended::Task => (DONE, "the task has ended"),
        Ended::Peer => return Ok(()),
        Ended::Withdrawn => (TOKEN_WITHDRAWN, "the client token has been withdrawn"),
        Ended::Stopped => (GOING_AWAY, "the server is shutting down"),
    };
    close(socket, code, reason).await
}

/// Shows every change until there is nothing more to show, or nobody to show it to.
async fn show(monitor: &mut Monitor, socket: &mut WebSocket) -> Result<Ended, axum::Error> {
    let mut ping = interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut heard = Instant::now();
    let mut states = std::mem::take(&mut monitor.present);
    loop {
        if !states.is_empty() {
            let (fresh, ended) = monitor.fresh(std::mem::take(&mut states));
            // Whatever ends the monitor ends it also while it waits for a peer that does not read.
            tokio::select! {
                sent = timeout(SILENCE_LIMIT, send(socket, &fresh)) => match sent {
                    Ok(sent) => sent?,
                    // A peer that takes nothing for so long answers no ping either.
                    Err(_) => return Ok(Ended::Peer),
                },
                () = monitor.subscription.withdrawn() => return Ok(Ended::Withdrawn),
                () = monitor.stop.cancelled() => return Ok(Ended::Stopped),
            }
            if ended {
                return Ok(Ended::Task);
            }
        }
        tokio::select! {
            changed = monitor.subscription.changes() => states = changed,
            message = socket.next() => match message {
                None | Some(Ok(Message::Close(_))) => return Ok(Ended::Peer),
                Some(Err(error)) => return Err(error),
                Some(Ok(_)) => heard = Instant::now(),
            },
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_LIMIT {
                    return Ok(Ended::Peer);
                }
                socket.send(Message::Ping(Vec::new().into())).await?;
            }
            () = monitor.subscription.withdrawn() => return Ok(Ended::Withdrawn),
            () = monitor.stop.cancelled() => return Ok(Ended::Stopped),
        }
    }
}

async fn send(socket: &mut WebSocket, states: &[Arc<Snapshot>]) -> Result<(), axum::Error> {
    for state in states {
        socket.feed(Message::Text(state.message())).await?;
    }
    socket.flush().await
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) -> Result<(), axum::Error> {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
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
