//! Client side of a task server in a separate process.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child as Process, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::server::{Announcement, Server};
use super::workloads::{Pace, STATE};
use crate::connection::{Connection, request};

const USER: &str = r#"{"email":"bench@example.com","first_name":"Bench","last_name":"User"}"#;

/// Running task server; killed on drop.
pub(super) struct Child {
    pub(super) address: SocketAddr,
    process: Process,
}

impl Child {
    /// Starts this program again as a server.
    pub(super) async fn start(subject: Server, database: &str, concurrency: usize) -> Result<Self> {
        let name = subject.to_possible_value().context("unknown target")?;
        let mut process = Command::new(env::current_exe()?)
            .args(["task-server", name.get_name(), "--database", database])
            .args(["--concurrency", &concurrency.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("its output is not piped")?;
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        // From here on, the process is killed if a step fails.
        let mut child = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            process,
        };
        let announcement: Announcement = serde_json::from_str(&line.await??)
            .with_context(|| format!("{subject:?} did not print its address"))?;
        child.address = announcement.address;
        Ok(child)
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
        let session = self.ask("POST", "/dev/token", "", USER).await?;
        let session = session["token"].as_str().context("no session token")?;
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

    /// Enqueues a task that reports the time.
    pub(super) async fn ticks(&self, token: &str, pace: &Pace) -> Result<String> {
        self.begin(token, "ticks", &json!(pace)).await
    }

    /// Sends the same request repeatedly; returns the responses per second.
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

    /// Measures the no-op tasks accepted per second.
    pub(super) async fn start_rate(
        &self,
        token: &str,
        connections: usize,
        time: Duration,
    ) -> Result<f64> {
        let request = request("POST", &start_path(token, "noop"), self.address, "", "{}");
        self.rate(request, connections, time).await
    }

    /// Measures the status requests per second.
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

impl Drop for Child {
    fn drop(&mut self) {
        // The process may already have exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start_path(token: &str, kind: &str) -> String {
    format!("/api/{STATE}/tasks/{token}/start/{kind}")
}
