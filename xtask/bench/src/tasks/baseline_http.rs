//! Baseline servers that use only axum and sqlx.

use std::time::Duration;

use anyhow::Result;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row as _};
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::database;
use super::workloads::now_micros;

/// Number of messages by which a slow WebSocket can lag before it misses some.
const BEHIND: usize = 16;

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS bare_starts (
        id          UUID PRIMARY KEY,
        name        TEXT NOT NULL,
        args        JSONB NOT NULL,
        status      TEXT NOT NULL,
        created_at  TIMESTAMPTZ NOT NULL DEFAULT now()
    );
    CREATE INDEX IF NOT EXISTS bare_starts_claim ON bare_starts (id) WHERE status = 'PENDING';
";
const INSERT: &str =
    "INSERT INTO bare_starts (id, name, args, status) VALUES ($1, $2, $3, 'PENDING')";
const INSERT_NOTIFY: &str = "
    WITH stored AS (
        INSERT INTO bare_starts (id, name, args, status) VALUES ($1, $2, $3, 'PENDING') RETURNING id
    )
    SELECT pg_notify('baseline', id::text) FROM stored
";

/// Stores a row for each request; with `notify`, the same statement also sends a notification.
pub(super) async fn insert(uri: &str, notify: bool) -> Result<Router> {
    let pool = database::postgres_pool(uri).await?;
    database::run(&pool, TABLE).await?;
    let statement = if notify { INSERT_NOTIFY } else { INSERT };
    let start = move |State(pool): State<PgPool>, Json(args): Json<Value>| async move {
        let id = Uuid::now_v7();
        let insert = sqlx::query(statement).bind(id).bind("noop").bind(args);
        match insert.execute(&pool).await {
            Ok(_) => (StatusCode::ACCEPTED, Json(json!({ "task_id": id }))),
            Err(error) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Json(json!({ "error": error.to_string() })),
            ),
        }
    };
    Ok(Router::new().route("/start", post(start)).with_state(pool))
}

/// A task's row, as read and serialized.
#[derive(Serialize)]
struct Row {
    id: Uuid,
    state: String,
    name: String,
    status: String,
    progress: i32,
    message: Option<String>,
    result: Option<Value>,
    error: Option<String>,
    code: Option<String>,
    attempt: i32,
    max_attempts: i32,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    updated_at: String,
}

/// Implemented without `derive`, because sqlx's macros are not enabled.
impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            state: row.try_get("state")?,
            name: row.try_get("name")?,
            status: row.try_get("status")?,
            progress: row.try_get("progress")?,
            message: row.try_get("message")?,
            result: row.try_get("result")?,
            error: row.try_get("error")?,
            code: row.try_get("code")?,
            attempt: row.try_get("attempt")?,
            max_attempts: row.try_get("max_attempts")?,
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Reads a task by its key.
pub(super) async fn read(uri: &str) -> Result<Router> {
    let pool = database::postgres_pool(uri).await?;
    let read = |State(pool): State<PgPool>, Path(id): Path<Uuid>| async move {
        let select = "SELECT id, state, name, status, progress, message, result, error, code, attempt, \
                      max_attempts, created_at::text, started_at::text, finished_at::text, \
                      updated_at::text FROM portal_tasks WHERE id = $1";
        let row: Result<Option<Row>, _> =
            sqlx::query_as(select).bind(id).fetch_optional(&pool).await;
        match row {
            Ok(Some(row)) => Ok(Json(row)),
            Ok(None) => Err(StatusCode::NOT_FOUND),
            Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    };
    Ok(Router::new()
        .route("/read/{id}", get(read))
        .with_state(pool))
}

/// Number and interval of messages.
#[derive(Deserialize)]
struct Pace {
    count: u32,
    pause: u64,
}

/// Sends each published message to every WebSocket.
pub(super) fn broadcast() -> Router {
    let messages: Sender<Utf8Bytes> = Sender::new(BEHIND);
    Router::new()
        .route("/watch", get(watch))
        .route("/publish", post(publish))
        .with_state(messages)
}

async fn watch(State(messages): State<Sender<Utf8Bytes>>, upgrade: WebSocketUpgrade) -> Response {
    let messages = messages.subscribe();
    upgrade
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .on_upgrade(|socket| pass_on(messages, socket))
}

async fn pass_on(mut messages: Receiver<Utf8Bytes>, mut socket: WebSocket) {
    loop {
        match messages.recv().await {
            Ok(text) => {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn publish(State(messages): State<Sender<Utf8Bytes>>, Json(pace): Json<Pace>) -> StatusCode {
    tokio::spawn(async move {
        let mut tick = interval(Duration::from_millis(pace.pause.max(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for seq in 0..=pace.count {
            tick.tick().await;
            let status = match seq == pace.count {
                true => "COMPLETED",
                false => "PROCESSING",
            };
            // Sending fails if there are no subscribers, which is fine.
            let _ = messages.send(state(seq, status).into());
        }
    });
    StatusCode::ACCEPTED
}

/// Returns a message as long as a task state sent by a monitor.
fn state(seq: u32, status: &str) -> String {
    let id = "01a20600-0000-7000-8000-000000000000";
    let at = "2026-01-01T00:00:00.000000Z";
    json!({"type": "state_update", "seq": seq, "data": {
        "task_id": id, "id": id, "state": "bench", "name": "ticks", "title": "Report the time",
        "status": status, "active": true, "progress": 0, "message": now_micros().to_string(),
        "result": null, "error": null, "code": null, "attempt": 1, "max_attempts": 1,
        "created_at": at, "started_at": at, "finished_at": null, "updated_at": at,
    }})
    .to_string()
}
