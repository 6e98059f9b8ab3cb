//! A client of server-sent events, as a browser reads them.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::{Answer, Client};

/// An open stream.
pub(crate) struct EventStream {
    response: Response,
    text: String,
    /// What a browser would send as `Last-Event-ID`.
    pub(crate) last_id: String,
    /// After how many milliseconds a browser would connect again.
    pub(crate) retry: Option<u64>,
    /// What the last event said, if the portal closed the stream.
    pub(crate) closed: Option<Value>,
}

impl EventStream {
    /// Opens a stream; the answer if it is refused.
    pub(crate) async fn ask(
        client: &Client,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        let mut request = client.request(Method::GET, path);
        request = request.header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.try_clone().expect("it has no body").send().await;
        let response = response.expect("the portal answers");
        if response.status() != 200 {
            return Err(Answer::of(request).await);
        }
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
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

    /// Opens a stream again as a browser does that was cut off.
    pub(crate) async fn resume(client: &Client, path: &str, last_id: &str) -> Self {
        let stream = Self::ask(client, path, &[("last-event-id", last_id)]).await;
        stream.unwrap_or_else(|answer| panic!("{path}: {answer:?}"))
    }

    /// The next event; `None` at the end of the stream.
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
                    self.closed = Some(serde_json::from_str(&data).expect("it is JSON"));
                } else if !data.is_empty() {
                    assert_eq!(self.closed, None, "nothing comes after it");
                    assert_eq!(name, "state_update");
                    let message: Value = serde_json::from_str(&data).expect("it is JSON");
                    assert_eq!(message["type"], "state_update");
                    return Some(message);
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await;
            let chunk = chunk.expect("something is heard within a minute");
            let chunk = chunk.expect("the stream ends well")?;
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("frames are whole"));
        }
    }

    /// Reads until an event fits, and gives it.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the stream goes on");
            if fits(&message) {
                return message;
            }
        }
    }

    /// Everything until the end of the stream.
    pub(crate) async fn rest(mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }
}
