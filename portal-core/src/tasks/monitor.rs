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
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
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

const GOING_AWAY: u16 = 1001;
const DONE: u16 = 1000;
const TOKEN_WITHDRAWN: u16 = 4401;

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
    let token = state
        .borrow::<ClientTokens>()?
        .verify(&path.client_token)
        .await?;
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
    let notifications = tasks.0.store.notifications();
    Ok(upgrade
        // Small buffers: a portal holds many sockets, each of them mostly idle.
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(4096)
        .on_upgrade(move |socket| async move {
            let present = present.into_iter().rev().map(Arc::new).collect();
            if let Err(error) = monitor.serve(socket, present, notifications).await {
                tracing::debug!(%error, "a monitor went away");
            }
        }))
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
        mut notifications: tokio::sync::broadcast::Receiver<Notification>,
    ) -> Result<(), axum::Error> {
        if self.send(&mut socket, present).await? {
            return close(socket, DONE, "the task has ended").await;
        }
        let mut ping = interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                changed = self.subscription.changes() => {
                    if self.send(&mut socket, changed).await? {
                        return close(socket, DONE, "the task has ended").await;
                    }
                }
                message = socket.next() => match message {
                    None | Some(Ok(Message::Close(_))) => return Ok(()),
                    Some(Err(error)) => return Err(error),
                    Some(Ok(_)) => heard = Instant::now(),
                },
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return Ok(());
                    }
                    socket.send(Message::Ping(Vec::new().into())).await?;
                }
                hint = notifications.recv() => match hint {
                    Ok(Notification::ClientTokenDeleted { id }) if id == self.token_id => {
                        return close(socket, TOKEN_WITHDRAWN, "the client token has been withdrawn").await;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                    _ => {}
                },
                () = self.stop.cancelled() => return close(socket, GOING_AWAY, "the server is shutting down").await,
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
                self.seen.remove(&record.id);
                ended = self.single;
            }
        }
        socket.flush().await?;
        Ok(ended)
    }
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) -> Result<(), axum::Error> {
    socket
        .send(Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        })))
        .await?;
    // The peer answers with a close frame of its own; a peer that does not is dropped.
    let _ = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
    })
    .await;
    Ok(())
}
