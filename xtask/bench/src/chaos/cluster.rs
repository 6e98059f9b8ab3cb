//! The PostgreSQL server, which is stopped and started again.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::time::sleep;

/// The variable that says how the server is started, as JSON; `cargo xtask chaos` sets it.
const CLUSTER: &str = "PORTAL_BENCH_CLUSTER";
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How the server is started.
#[derive(Deserialize)]
struct Order {
    program: PathBuf,
    arguments: Vec<String>,
    directory: PathBuf,
    /// User and group, where it may not run as the caller.
    account: Option<[u32; 2]>,
    /// Where it writes how far it is.
    lock: PathBuf,
    uri: String,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It ends its sessions and writes everything down.
    Fast,
    /// It drops everything, and recovers at its next start.
    Immediate,
}

/// The server; dropping it stops it.
pub(super) struct Cluster {
    order: Order,
    server: Option<Child>,
}

impl Cluster {
    /// Starts the server that the environment describes.
    pub(super) async fn start_new() -> Result<Self> {
        let order = std::env::var(CLUSTER)
            .with_context(|| format!("{CLUSTER} is not set: call `cargo xtask chaos`"))?;
        let mut cluster = Self {
            order: serde_json::from_str(&order).with_context(|| format!("{CLUSTER} is wrong"))?,
            server: None,
        };
        cluster.start().await?;
        Ok(cluster)
    }

    /// The URI of a database of the server.
    pub(super) fn uri(&self, database: &str) -> String {
        let root = self.order.uri.rsplit_once('/').map(|(root, _)| root);
        format!("{}/{database}", root.unwrap_or(&self.order.uri))
    }

    /// Starts the server and waits until it answers.
    pub(super) async fn start(&mut self) -> Result<()> {
        let begin = Instant::now();
        let mut server = self.spawn()?;
        while !self.is_ready(&server) {
            if begin.elapsed() > PATIENCE {
                let _ = server.kill();
                bail!("PostgreSQL does not start");
            }
            sleep(LOOK_AGAIN).await;
            if server.try_wait()?.is_some() {
                // Processes of the one before may still hold its memory.
                sleep(LOOK_AGAIN * 5).await;
                server = self.spawn()?;
            }
        }
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server and waits for its end.
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
            if begin.elapsed() > PATIENCE {
                bail!("PostgreSQL does not stop");
            }
            sleep(LOOK_AGAIN).await;
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
            // It is told how to stop, and not by a signal to everybody.
            .process_group(0);
        if let Some([user, group]) = order.account {
            command.uid(user).gid(group);
        }
        command.spawn().context("PostgreSQL does not start")
    }

    /// Whether this very process says that it is ready: the file of the one before may be there.
    fn is_ready(&self, server: &Child) -> bool {
        let lock = fs::read_to_string(&self.order.lock).unwrap_or_default();
        let mut lines = lock.lines().map(str::trim);
        lines.next() == Some(server.id().to_string().as_str()) && lines.nth(6) == Some("ready")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        // It may have ended by itself, then there is nothing to stop.
        let _ = kill_process(Pid::from_child(&server), Signal::INT);
        let begin = Instant::now();
        while matches!(server.try_wait(), Ok(None)) && begin.elapsed() < PATIENCE {
            std::thread::sleep(LOOK_AGAIN);
        }
        let _ = server.kill();
        let _ = server.wait();
    }
}
