//! Monitor: a client that monitors one task until it receives the final state.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use super::client::Client;
use super::recorder::{Recorder, promise};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Timeout: a frozen replica accepts connections but never responds.
const TIMEOUT: Duration = Duration::from_secs(2);
/// WebSocket code with which a monitor is closed after the final state.
const DONE: u16 = 1000;

/// Client that monitors one task.
pub(super) struct Monitor {
    pub(super) id: Uuid,
    pub(super) client: Client,
    pub(super) book: Arc<Recorder>,
    pub(super) chance: fastrand::Rng,
}

/// Summary of the messages received on one connection.
#[derive(Default)]
struct Seen {
    seq: i64,
    attempt: u64,
    progress: u64,
    last: Option<String>,
}

impl Monitor {
    /// Reconnects until the final state is received.
    pub(super) async fn run(mut self) {
        self.book.begin_watching(self.id);
        while !self.connect().await {
            self.book.count("monitors reopened");
            sleep(Duration::from_millis(self.chance.u64(50..250))).await;
        }
        self.book.end_watching(self.id);
    }

    /// Monitors the task on one connection; returns `true` once the final state is received.
    async fn connect(&mut self) -> bool {
        let address = self.client.monitor(&mut self.chance, self.id);
        let socket = match timeout(TIMEOUT, tokio_tungstenite::connect_async(address)).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(Error::Http(response))) if response.status() != 503 => {
                let body = response.body().as_deref().unwrap_or_default();
                let body = String::from_utf8_lossy(body);
                let what = format!("{}: {}: {body}", self.id, response.status());
                self.book.violation(promise::WATCHABLE, what);
                return false;
            }
            Ok(Err(_)) | Err(_) => return false,
        };
        self.book.count("monitors opened");
        // Some clients disconnect on purpose and continue on another replica.
        let leave = match self.chance.u32(..100) {
            0..30 => Duration::from_millis(self.chance.u64(100..1500)),
            _ => Duration::from_secs(24 * 60 * 60),
        };
        self.follow(socket, Instant::now() + leave).await
    }

    async fn follow(&self, mut socket: Socket, leave: Instant) -> bool {
        let mut seen = Seen::default();
        loop {
            let Ok(message) = timeout_at(leave, socket.next()).await else {
                return seen.is_final();
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.book.count("monitor messages");
                    self.show(&mut seen, &text);
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map(|frame| u16::from(frame.code));
                    if code == Some(DONE) && !seen.is_final() {
                        let what = format!("{}: {:?}", self.id, seen.last);
                        self.book.violation(promise::CLOSED, what);
                    }
                    return seen.is_final();
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return seen.is_final(),
            }
        }
    }

    /// Checks a message from a monitor against the previous ones.
    fn show(&self, seen: &mut Seen, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let task = &message["data"];
        let wrong = |what: &str| {
            self.book
                .violation(promise::IN_ORDER, format!("{}: {what}: {text}", self.id));
        };
        let (Some(status), Some(seq)) = (task["status"].as_str(), message["seq"].as_i64()) else {
            return wrong("no state");
        };
        if task["task_id"].as_str() != Some(self.id.to_string().as_str()) {
            wrong("another task");
        }
        let attempt = task["attempt"].as_u64().unwrap_or_default();
        let progress = task["progress"].as_u64().unwrap_or_default();
        if seq < seen.seq || attempt < seen.attempt {
            wrong("an older state");
        }
        let running = status == "PROCESSING" && seen.last.as_deref() == Some("PROCESSING");
        if running && attempt == seen.attempt && progress < seen.progress {
            wrong("progress decreases");
        }
        if seen.is_final() && seen.last.as_deref() != Some(status) {
            wrong("a change after the final state");
        }
        *seen = Seen {
            seq,
            attempt,
            progress,
            last: Some(status.to_owned()),
        };
        if seen.is_final() {
            self.book.saw(self.id, status);
        }
    }
}

impl Seen {
    fn is_final(&self) -> bool {
        matches!(self.last.as_deref(), Some("COMPLETED" | "ERROR"))
    }
}
