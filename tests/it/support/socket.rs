//! A WebSocket client that reads messages from a monitor.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// An open monitor connection.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// A rejected upgrade.
#[derive(Debug)]
pub(crate) struct RejectedUpgrade {
    pub(crate) status: u16,
    pub(crate) problem: Value,
}

impl Socket {
    /// Opens a monitor without an `Origin` header, as non-browser clients do.
    pub(crate) async fn open(url: &str, path: &str) -> Self {
        Self::ask(url, path, None)
            .await
            .unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"))
    }

    /// Requests a monitor as a page from an origin would.
    pub(crate) async fn ask(
        url: &str,
        path: &str,
        origin: Option<&str>,
    ) -> Result<Self, RejectedUpgrade> {
        let origin = origin.map(|origin| ("origin", origin));
        Self::ask_with(url, path, origin.as_slice()).await
    }

    /// Requests a monitor with additional headers.
    pub(crate) async fn ask_with(
        url: &str,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, RejectedUpgrade> {
        let address = format!("{}{path}", url.replacen("http", "ws", 1));
        let mut request = address.into_client_request().expect("the URL is valid");
        for (name, value) in headers {
            let value = value.parse().expect("the header value is valid");
            request.headers_mut().insert(*name, value);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let problem = serde_json::from_slice(body).expect("the body is a problem document");
                let content_type = response.headers().get("content-type");
                assert_eq!(
                    content_type.expect("the response has a content type"),
                    "application/problem+json"
                );
                Err(RejectedUpgrade {
                    status: response.status().as_u16(),
                    problem,
                })
            }
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Returns the next message; `Err` contains the code with which the socket was closed.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(60), self.0.next()).await;
            match message.expect("a message arrives within a minute") {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("the message is JSON");
                    assert_eq!(message["type"], "state_update");
                    return Ok(message);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame
                        .expect("the close message has a close frame")
                        .code
                        .into());
                }
                Some(Ok(_)) => {}
                other => panic!("the connection ends without a close frame: {other:?}"),
            }
        }
    }

    /// Returns the next message; panics if the socket is closed.
    pub(crate) async fn update(&mut self) -> Value {
        self.next()
            .await
            .unwrap_or_else(|code| panic!("the socket is closed with {code}"))
    }

    /// Returns all messages until the socket is closed, and the close code.
    pub(crate) async fn rest(mut self) -> (Vec<Value>, u16) {
        let mut messages = Vec::new();
        loop {
            match self.next().await {
                Ok(message) => messages.push(message),
                Err(code) => return (messages, code),
            }
        }
    }

    /// Reads until a message matches, and returns it.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.update().await;
            if fits(&message) {
                return message;
            }
        }
    }

    /// Sends `text` as a single frame.
    pub(crate) async fn send_text(&mut self, text: String) {
        let sent = self.0.send(Message::Text(text.into())).await;
        sent.expect("the frame is sent");
    }

    /// Sends `text` as a single frame, which the portal may leave unread; returns the close code.
    pub(crate) async fn send_until_closed(self, text: String) -> u16 {
        let (mut sink, mut stream) = self.0.split();
        let closed = async {
            loop {
                let message = tokio::time::timeout(Duration::from_secs(60), stream.next()).await;
                match message.expect("a message arrives within a minute") {
                    Some(Ok(Message::Close(frame))) => {
                        return frame
                            .expect("the close message has a close frame")
                            .code
                            .into();
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the connection ends without a close frame: {other:?}"),
                }
            }
        };
        let (_, code) = tokio::join!(sink.send(Message::Text(text.into())), closed);
        code
    }

    pub(crate) async fn leave(mut self) {
        let _ = self.0.send(Message::Close(None)).await;
    }
}
