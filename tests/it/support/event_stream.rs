//! A client for server-sent events that reads them as a browser does.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::{Client, TestResponse};

/// An open event stream.
pub(crate) struct EventStream {
    response: Response,
    text: String,
    /// Value that a browser would send as `Last-Event-ID`.
    pub(crate) last_id: String,
    /// Milliseconds after which a browser would reconnect.
    pub(crate) retry: Option<u64>,
    /// Data of the `closed` event, if the portal closed the stream.
    pub(crate) closed: Option<Value>,
}

impl EventStream {
    /// Opens a stream, or returns the response if it is rejected.
    pub(crate) async fn ask(
        client: &Client,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, TestResponse> {
        let mut request = client.request(Method::GET, path);
        request = request.header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request
            .try_clone()
            .expect("the request has no body")
            .send()
            .await;
        let response = response.expect("the portal responds");
        if response.status() != 200 {
            return Err(TestResponse::of(request).await);
        }
        let header = |name: &str| {
            response.headers()[name]
                .to_str()
                .expect("the header value is text")
                .to_owned()
        };
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-accel-buffering"), "no");
        Ok(Self {
            response,
            text: String::new(),
            last_id: String::new(),
            retry: None,
            closed: None,
        })
    }

    pub(crate) async fn open(client: &Client, path: &str) -> Self {
        let stream = Self::ask(client, path, &[]).await;
        stream.unwrap_or_else(|answer| panic!("{path}: {answer:?}"))
    }

    /// Reopens a stream as a browser does after losing the connection.
    pub(crate) async fn resume(client: &Client, path: &str, last_id: &str) -> Self {
        let stream = Self::ask(client, path, &[("last-event-id", last_id)]).await;
        stream.unwrap_or_else(|answer| panic!("{path}: {answer:?}"))
    }

    /// Returns the next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let (mut name, mut data) = (String::new(), String::new());
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("event", text)) => name = text.to_owned(),
                        Some(("data", text)) => data.push_str(text),
                        Some(("id", text)) => self.last_id = text.to_owned(),
                        Some(("retry", text)) => self.retry = text.parse().ok(),
                        other => assert!(matches!(other, Some(("", _))), "{line}"),
                    }
                }
                if name == "closed" {
                    self.closed = Some(serde_json::from_str(&data).expect("the data is JSON"));
                } else if !data.is_empty() {
                    assert_eq!(self.closed, None, "`closed` is the last event");
                    assert_eq!(name, "state_update");
                    let message: Value = serde_json::from_str(&data).expect("the data is JSON");
                    assert_eq!(message["type"], "state_update");
                    return Some(message);
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await;
            let chunk = chunk.expect("data arrives within a minute");
            let chunk = chunk.expect("the stream ends without an error")?;
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("every chunk is valid UTF-8"));
        }
    }

    /// Reads until an event matches, and returns it.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the stream is open");
            if fits(&message) {
                return message;
            }
        }
    }

    /// Returns all events until the end of the stream.
    pub(crate) async fn rest(mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }
}
