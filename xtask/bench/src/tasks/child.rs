//! The client's view of a task server that runs in a separate process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use portal_testkit::Person;
use portal_testkit::worker::Worker;
use serde_json::{Value, json};
use tokio::task::{JoinSet, block_in_place};

use super::server::{Announcement, Server};
use super::workloads::{Pace, STATE};
use crate::connection::{Connection, request};

const USER: Person<'_> = Person {
    email: "bench@example.com",
    first_name: "Bench",
    last_name: "User",
};

/// A running task server, killed on drop.
pub(super) struct Child {
    pub(super) address: SocketAddr,
    process: Worker,
}

impl Child {
    /// Starts this program again as a server.
    pub(super) async fn start(subject: Server, database: &str, concurrency: usize) -> Result<Self> {
        let name = subject.to_possible_value().context("unknown target")?;
        let name = name.get_name();
        let concurrency = concurrency.to_string();
        let arguments = [
            "task-server",
            name,
            "--database",
            database,
            "--concurrency",
            &concurrency,
        ];
        let started = block_in_place(|| Worker::start::<Announcement>(&arguments));
        let (process, Announcement { address }) =
            started.with_context(|| format!("failed to start {subject:?}"))?;
        Ok(Self { address, process })
    }

    pub(super) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Sends one request and returns the response.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Value> {
        let request = request(method, path, self.address, headers, body);
        let mut connection = Connection::open(self.address).await?;
        let response = connection.ask(&request).await;
        let response = response.with_context(|| format!("{method} {path}"))?;
        Ok(serde_json::from_slice(&response).unwrap_or_default())
    }

    /// Creates a client token.
    pub(super) async fn client_token(&self) -> Result<String> {
        let origin = format!("http://{}", self.address);
        let session = block_in_place(|| USER.sign_in(&origin))?;
        let headers = format!("Authorization: Bearer {session}\r\nContent-Length: 0\r\n");
        let token = self.ask("POST", "/api/client-tokens", &headers, "").await?;
        let token = token["client_token"].as_str().context("no client token")?;
        Ok(token.to_owned())
    }

    /// Enqueues a task and returns its id.
    pub(super) async fn begin(&self, token: &str, kind: &str, args: &Value) -> Result<String> {
        let path = start_path(token, kind);
        let response = self.ask("POST", &path, "", &args.to_string()).await?;
        Ok(response["task_id"]
            .as_str()
            .context("no task id")?
            .to_owned())
    }

    /// Enqueues a task that repeatedly reports the time.
    pub(super) async fn ticks(&self, token: &str, pace: &Pace) -> Result<String> {
        self.begin(token, "ticks", &json!(pace)).await
    }

    /// Sends the same request repeatedly; returns the number of responses per second.
    pub(super) async fn rate(
        &self,
        request: Vec<u8>,
        connections: usize,
        time: Duration,
    ) -> Result<f64> {
        let request: Arc<[u8]> = request.into();
        let mut open = Vec::new();
        for _ in 0..connections {
            let mut connection = Connection::open(self.address).await?;
            connection.exchange(&request).await?;
            open.push(connection);
        }
        let begin = Instant::now();
        let mut loads = JoinSet::new();
        for mut connection in open {
            let request = Arc::clone(&request);
            loads.spawn(async move {
                let mut responses = 0_u32;
                while begin.elapsed() < time {
                    connection.exchange(&request).await?;
                    responses += 1;
                }
                anyhow::Ok(responses)
            });
        }
        let mut responses = 0;
        while let Some(load) = loads.join_next().await {
            responses += load??;
        }
        Ok(f64::from(responses) / begin.elapsed().as_secs_f64())
    }

    /// Measures the number of no-op tasks accepted per second.
    pub(super) async fn start_rate(
        &self,
        token: &str,
        connections: usize,
        time: Duration,
    ) -> Result<f64> {
        let request = request("POST", &start_path(token, "noop"), self.address, "", "{}");
        self.rate(request, connections, time).await
    }

    /// Measures the number of status requests per second.
    pub(super) async fn status_rate(
        &self,
        token: &str,
        id: &str,
        connections: usize,
        time: Duration,
    ) -> Result<f64> {
        let path = format!("/api/{STATE}/tasks/{token}/status/{id}");
        let request = request("GET", &path, self.address, "", "");
        self.rate(request, connections, time).await
    }
}

fn start_path(token: &str, kind: &str) -> String {
    format!("/api/{STATE}/tasks/{token}/start/{kind}")
}
