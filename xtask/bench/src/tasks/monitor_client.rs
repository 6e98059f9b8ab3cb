//! WebSocket clients that only count messages, so that many of them fit into one process.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::workloads::now_micros;

/// Time without a message after which a client stops reading.
const SILENCE: Duration = Duration::from_secs(20);
/// Number of monitors opened concurrently.
const AT_ONCE: usize = 50;

/// A client with an open monitor.
pub(super) struct MonitorClient(WebSocketStream<TcpStream>);

/// Summary of the messages received from a monitor.
#[derive(Default)]
pub(super) struct Seen {
    /// Delay of each update, in milliseconds.
    pub(super) delays: Vec<f64>,
    pub(super) messages: usize,
    /// `true` if the final state was received.
    pub(super) ended: bool,
}

impl MonitorClient {
    /// Opens a monitor.
    pub(super) async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(1024)
            .write_buffer_size(0);
        let url = format!("ws://{address}{path}");
        let opened = tokio_tungstenite::client_async_with_config(url, stream, Some(config));
        let (socket, _) = timeout(SILENCE, opened).await.context("no response")??;
        Ok(Self(socket))
    }

    /// Opens many monitors of the same task.
    pub(super) async fn open_many(
        count: usize,
        address: SocketAddr,
        path: &str,
    ) -> Result<Vec<Self>> {
        let mut opening = JoinSet::new();
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            if opening.len() >= AT_ONCE
                && let Some(opened) = opening.join_next().await
            {
                open.push(opened??);
            }
            let path = path.to_owned();
            opening.spawn(async move { Self::open(address, &path).await });
        }
        while let Some(opened) = opening.join_next().await {
            open.push(opened??);
        }
        Ok(open)
    }

    /// Reads until a task's final state, or until no message has arrived for [`SILENCE`].
    pub(super) async fn until_end(&mut self) -> Seen {
        let mut seen = Seen::default();
        while let Ok(Some(Ok(message))) = timeout(SILENCE, self.0.next()).await {
            let Message::Text(text) = message else {
                continue;
            };
            seen.messages += 1;
            let ended = text.contains(r#""status":"COMPLETED""#);
            // The first message is the current state, which may be older than the subscription.
            if seen.messages > 1
                && !ended
                && let Some(sent) = sent(&text)
            {
                let delay = now_micros().saturating_sub(sent);
                seen.delays.push(delay as f64 / 1e3);
            }
            if ended {
                seen.ended = true;
                break;
            }
        }
        seen
    }
}

/// Reads from all monitors until each has received the final state.
pub(super) async fn until_end(watches: Vec<MonitorClient>) -> Result<Vec<Seen>> {
    let mut reading = JoinSet::new();
    for mut watch in watches {
        reading.spawn(async move { watch.until_end().await });
    }
    let mut seen = Vec::new();
    while let Some(read) = reading.join_next().await {
        seen.push(read?);
    }
    Ok(seen)
}

/// Extracts the time of an update; parsing the whole message would distort the measurement.
fn sent(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(r#""message":""#)?;
    let (micros, _) = rest.split_once('"')?;
    micros.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::sent;

    #[test]
    fn sent_time_is_found_in_a_message() {
        let text = r#"{"data":{"status":"PROCESSING","message":"17","result":null}}"#;
        assert_eq!(sent(text), Some(17));
        assert_eq!(sent(r#"{"data":{"message":null}}"#), None);
    }
}
