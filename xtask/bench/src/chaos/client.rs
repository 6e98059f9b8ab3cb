//! HTTP client for the replicas: sends each request to a random replica.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use uuid::Uuid;

use super::workloads::STATE;

const EMAIL: &str = "chaos@example.com";
/// Request timeout: a frozen replica accepts connections but never responds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A client for all replicas, authenticated by a client token.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    ports: Vec<u16>,
    token: String,
}

/// Outcome of a request.
pub(super) enum Answer {
    /// The request succeeded with this response.
    Done(Value),
    /// It is unknown whether the request was processed.
    Unclear,
    /// The request was not processed and can be retried.
    NotNow,
    /// The response is one that a correct client should never receive.
    Wrong(String),
}

impl Client {
    /// Signs in through the first replica and requests a client token.
    pub(super) async fn sign_in(ports: Vec<u16>) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let port = ports.first().context("there are no replicas")?;
        let root = format!("http://127.0.0.1:{port}");
        let who = json!({"email": EMAIL, "first_name": "Chaos", "last_name": "Monkey"});
        let request = http.post(format!("{root}/dev/token")).json(&who);
        let session: Value = request.send().await?.error_for_status()?.json().await?;
        let session = session["token"].as_str().context("no session token")?;
        let request = http.post(format!("{root}/api/client-tokens"));
        let request = request.bearer_auth(session);
        let token: Value = request.send().await?.error_for_status()?.json().await?;
        let Some(token) = token["client_token"].as_str() else {
            bail!("the response has no client token: {token}");
        };
        Ok(Self {
            http,
            token: token.to_owned(),
            ports,
        })
    }

    /// Enqueues a task through a random replica.
    pub(super) async fn start(
        &self,
        chance: &mut fastrand::Rng,
        kind: &str,
        number: u32,
        key: &str,
    ) -> Answer {
        let path = format!("/api/{STATE}/tasks/{}/start/{kind}", self.token);
        let request = self.http.post(self.somewhere(chance, "http", &path));
        let request = request.header("Idempotency-Key", key);
        ask(request.json(&json!({ "number": number }))).await
    }

    /// Cancels a task through a random replica.
    pub(super) async fn cancel(&self, chance: &mut fastrand::Rng, id: Uuid) -> Answer {
        let path = format!("/api/{STATE}/tasks/{}/cancel/{id}", self.token);
        ask(self.http.post(self.somewhere(chance, "http", &path))).await
    }

    /// Returns the URL of a task's monitor on a random replica.
    pub(super) fn monitor(&self, chance: &mut fastrand::Rng, id: Uuid) -> String {
        let path = format!("/api/tasks/{}/{id}/monitor", self.token);
        self.somewhere(chance, "ws", &path)
    }

    fn somewhere(&self, chance: &mut fastrand::Rng, scheme: &str, path: &str) -> String {
        let port = chance.choice(&self.ports).copied().unwrap_or_default();
        format!("{scheme}://127.0.0.1:{port}{path}")
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Answer {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Answer::NotNow,
        Err(_) => return Answer::Unclear,
    };
    let status = response.status();
    let retry_after = response.headers().contains_key("retry-after");
    let Ok(text) = response.text().await else {
        return Answer::Unclear;
    };
    match status.as_u16() {
        200 | 202 => match serde_json::from_str(&text) {
            Ok(value) => Answer::Done(value),
            Err(error) => Answer::Wrong(format!("{status}, {error}: {text}")),
        },
        503 if retry_after => Answer::NotNow,
        _ => Answer::Wrong(format!("{status}: {text}")),
    }
}
