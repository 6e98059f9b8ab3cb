//! WebSockets that show the changes of tasks as they happen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::client_token::ClientTokens;
use super::hub::{Subscription, Watch};
use super::queue::Filter;
use super::record::TaskRecord;
use super::service::{Tasks, task_not_found};
use crate::error::{Error, Result};
use crate::security::Origins;
use crate::state::PortalState;
use crate::store::Notification;

const PING_INTERVAL: Duration = Duration::from_secs(30);
const SILENCE_LIMIT: Duration = Duration::from_secs(90);
/// What a peer gets to take the close frame in.
const FAREWELL: Duration = Duration::from_secs(5);

const GOING_AWAY: u16 = 1001;
const DONE: u16 = 1000;
const TOKEN_WITHDRAWN: u16 = 4401;

/// The monitors of this process that are open: a portal that stops lets them say so.
#[derive(Debug, Default, Clone)]
pub(crate) struct OpenMonitors(TaskTracker);

impl OpenMonitors {
    /// Waits until each has closed, or has had its time to.
    pub(crate) async fn closed(&self) {
        self.0.close();
        let _ = timeout(FAREWELL, self.0.wait()).await;
    }
}

pub(super) fn routes() -> Router<PortalState> {
    Router::new()
        .route("/api/tasks/{client_token}/monitor", any(monitor))
        .route("/api/tasks/{client_token}/{task_id}/monitor", any(monitor))
        .route("/ws/{state}/tasks/{client_token}", any(monitor))
        .route("/ws/{state}/tasks/{client_token}/{task_id}", any(monitor))
}

#[derive(Deserialize)]
struct MonitorPath {
    client_token: String,
    state: Option<String>,
    task_id: Option<String>,
}

async fn monitor(
    State(state): State<PortalState>,
    Path(path): Path<MonitorPath>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    state.borrow::<Origins>()?.check_socket(&headers)?;
    let tasks = state.borrow::<Tasks>()?;
    let tokens = state.borrow::<ClientTokens>()?.clone();
    // Before the token is read: it may be withdrawn in between.
    let notifications = tasks.0.store.notifications();
    let token = tokens.verify(&path.client_token).await?;
    if let Some(name) = &path.state {
        tasks.registry().require_state(name)?;
    }
    let mut watch = Watch {
        client_token_id: Some(token.id),
        state: path.state,
        task_id: None,
    };
    // Before the state is read: what changes in between is seen twice rather than never.
    let (subscription, present) = match &path.task_id {
        Some(id) => {
            let id: Uuid = id.parse().map_err(|_| task_not_found())?;
            watch.task_id = Some(id);
            let subscription = tasks.watch(watch.clone());
            let record = tasks
                .get(id)
                .await?
                .filter(|record| record.client_token_id == Some(token.id))
                .filter(|record| {
                    watch
                        .state
                        .as_ref()
                        .is_none_or(|state| record.state == *state)
                })
                .ok_or_else(task_not_found)?;
            (subscription, vec![record])
        }
        None => {
            let subscription = tasks.watch(watch.clone());
            let filter = Filter {
                client_token_id: watch.client_token_id,
                state: watch.state.clone(),
                active_only: true,
                limit: 10_000,
                ..Filter::default()
            };
            (subscription, tasks.list_with(&filter).await?)
        }
    };
    let upgrade = upgrade.map_err(|rejection| {
        let status = if rejection.status() == StatusCode::METHOD_NOT_ALLOWED {
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::UPGRADE_REQUIRED
        };
        Error::new(
            status,
            "websocket_required",
            "this address speaks WebSocket: send an upgrade request",
        )
    })?;
    let monitor = Monitor {
        token_id: token.id,
        single: watch.task_id.is_some(),
        subscription,
        seen: HashMap::new(),
        stop: CancellationToken::clone(state.borrow::<CancellationToken>()?),
    };
    let open = state.borrow::<OpenMonitors>()?.0.token();
    Ok(upgrade
        // Small buffers: a portal holds many sockets, each of them mostly idle.
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(4096)
        .on_upgrade(move |socket| async move {
            let present = present.into_iter().rev().map(Arc::new).collect();
            let served = monitor.serve(socket, present, notifications, tokens).await;
            if let Err(error) = served {
                tracing::debug!(%error, "a monitor went away");
            }
            drop(open);
        }))
}

/// Why nothing is shown any more.
enum Ended {
    Task,
    Peer,
}

/// One open socket.
struct Monitor {
    token_id: Uuid,
    single: bool,
    subscription: Subscription,
    /// The newest `seq` that each task was shown with.
    seen: HashMap<Uuid, i64>,
    stop: CancellationToken,
}

#[derive(Serialize)]
struct StateUpdate<'a> {
    r#type: &'static str,
    seq: i64,
    data: &'a TaskRecord,
}

impl Monitor {
    async fn serve(
        mut self,
        mut socket: WebSocket,
        present: Vec<Arc<TaskRecord>>,
        mut notifications: Receiver<Notification>,
        tokens: ClientTokens,
    ) -> Result<(), axum::Error> {
        let (token_id, stop) = (self.token_id, self.stop.clone());
        // Whatever ends the monitor ends it also while it waits for a peer that does not read.
        let (code, reason) = tokio::select! {
            ended = self.show(&mut socket, present) => match ended? {
                Ended::Task => (DONE, "the task has ended"),
                Ended::Peer => return Ok(()),
            },
            () = withdrawn(&mut notifications, &tokens, token_id) => {
                (TOKEN_WITHDRAWN, "the client token has been withdrawn")
            }
            () = stop.cancelled() => (GOING_AWAY, "the server is shutting down"),
        };
        close(socket, code, reason).await
    }

    /// Shows every change until the only task has ended or the peer is gone.
    async fn show(
        &mut self,
        socket: &mut WebSocket,
        present: Vec<Arc<TaskRecord>>,
    ) -> Result<Ended, axum::Error> {
        if self.send(socket, present).await? {
            return Ok(Ended::Task);
        }
        let mut ping = interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                changed = self.subscription.changes() => {
                    // A peer that takes nothing for so long answers no ping either.
                    match timeout(SILENCE_LIMIT, self.send(socket, changed)).await {
                        Ok(sent) => if sent? {
                            return Ok(Ended::Task);
                        },
                        Err(_) => return Ok(Ended::Peer),
                    }
                }
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
            }
        }
    }

    /// Shows what is new; `true` once the only task of this monitor has ended.
    async fn send(
        &mut self,
        socket: &mut WebSocket,
        records: Vec<Arc<TaskRecord>>,
    ) -> Result<bool, axum::Error> {
        let mut ended = false;
        for record in records {
            let seen = self.seen.entry(record.id).or_default();
            if record.version <= *seen {
                continue;
            }
            *seen = record.version;
            let update = StateUpdate {
                r#type: "state_update",
                seq: record.version,
                data: &record,
            };
            let text = serde_json::to_string(&update).map_err(axum::Error::new)?;
            socket.feed(Message::Text(text.into())).await?;
            if record.status.is_final() {
                ended = self.single;
            }
        }
        socket.flush().await?;
        Ok(ended)
    }
}

/// Resolves when the client token does not stand any more.
async fn withdrawn(hints: &mut Receiver<Notification>, tokens: &ClientTokens, id: Uuid) {
    loop {
        match hints.recv().await {
            Ok(Notification::ClientTokenDeleted { id: deleted }) if deleted == id => return,
            // The hint may be among those that were lost.
            Ok(Notification::Lagged) | Err(RecvError::Lagged(_)) => {
                let known = tokens.read(id).await;
                if known.is_err_and(|error| error.status() == StatusCode::NOT_FOUND) {
                    return;
                }
            }
            Ok(_) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
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
