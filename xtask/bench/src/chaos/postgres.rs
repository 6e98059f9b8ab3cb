//! PostgreSQL server that is stopped and restarted.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::time::sleep;

/// Environment variable with the server's start command as JSON; set by `cargo xtask chaos`.
const CLUSTER: &str = "PORTAL_BENCH_CLUSTER";
const TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Instructions for starting the server.
#[derive(Deserialize)]
struct Order {
    program: PathBuf,
    arguments: Vec<String>,
    directory: PathBuf,
    /// User and group, if the server must not run as the caller.
    account: Option<[u32; 2]>,
    /// File that contains the state of the server.
    lock: PathBuf,
    uri: String,
}

/// Shutdown mode of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ends all sessions and writes all data.
    Fast,
    /// Aborts immediately and recovers at the next start.
    Immediate,
}

/// Running server; stopped on drop.
pub(super) struct PostgresServer {
    order: Order,
    server: Option<Child>,
}

impl PostgresServer {
    /// Starts the server described by the environment.
    pub(super) async fn start_new() -> Result<Self> {
        let order = std::env::var(CLUSTER)
            .with_context(|| format!("{CLUSTER} is not set; run `cargo xtask chaos`"))?;
        let mut cluster = Self {
            order: serde_json::from_str(&order).with_context(|| format!("{CLUSTER} is invalid"))?,
            server: None,
        };
        cluster.start().await?;
        Ok(cluster)
    }

    /// Returns the URI of a database of the server.
    pub(super) fn uri(&self, database: &str) -> String {
        let root = self.order.uri.rsplit_once('/').map(|(root, _)| root);
        format!("{}/{database}", root.unwrap_or(&self.order.uri))
    }

    /// Starts the server and waits until it is ready.
    pub(super) async fn start(&mut self) -> Result<()> {
        let begin = Instant::now();
        let mut server = self.spawn()?;
        while !self.is_ready(&server) {
            if begin.elapsed() > TIMEOUT {
                let _ = server.kill();
                bail!("PostgreSQL did not start");
            }
            sleep(POLL_INTERVAL).await;
            if server.try_wait()?.is_some() {
                // Processes of the previous server may still hold its shared memory.
                sleep(POLL_INTERVAL * 5).await;
                server = self.spawn()?;
            }
        }
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server and waits until it exits.
    pub(super) async fn stop(&mut self, how: Stop) -> Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        kill_process(Pid::from_child(&server), signal)?;
        let begin = Instant::now();
        while server.try_wait()?.is_none() {
            if begin.elapsed() > TIMEOUT {
                bail!("PostgreSQL did not stop");
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    fn spawn(&self) -> Result<Child> {
        let order = &self.order;
        let mut command = Command::new(&order.program);
        command
            .args(&order.arguments)
            .current_dir(&order.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The server has a separate process group, so that a signal to this group does not stop
            // it.
            .process_group(0);
        if let Some([user, group]) = order.account {
            command.uid(user).gid(group);
        }
        command.spawn().context("failed to start PostgreSQL")
    }

    /// Returns `true` if this process is ready; the lock file may belong to a previous process.
    fn is_ready(&self, server: &Child) -> bool {
        let lock = fs::read_to_string(&self.order.lock).unwrap_or_default();
        let mut lines = lock.lines().map(str::trim);
        lines.next() == Some(server.id().to_string().as_str()) && lines.nth(6) == Some("ready")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        // The server may already have exited.
        let _ = kill_process(Pid::from_child(&server), Signal::INT);
        let begin = Instant::now();
        while matches!(server.try_wait(), Ok(None)) && begin.elapsed() < TIMEOUT {
            std::thread::sleep(POLL_INTERVAL);
        }
        let _ = server.kill();
        let _ = server.wait();
    }
}
