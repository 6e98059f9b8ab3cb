//! Replica processes: starts, signals and supervises them.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portal_testkit::launch::free_ports;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::recorder::{Recorder, promise};
use super::replica::READY;

const POLL_INTERVAL: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(60);

/// All replicas. A process that exits is restarted, as a supervisor would do.
pub(super) struct Replicas {
    replicas: Vec<Replica>,
    database: String,
    lease: Duration,
    /// Directory for the replicas' logs.
    logs: Option<PathBuf>,
    book: Arc<Recorder>,
}

struct Replica {
    port: u16,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    process: Option<Process>,
    /// `true` if the process should be restarted when it exits.
    wanted: bool,
    starts: u32,
}

struct Process {
    child: Child,
    id: u32,
    /// `true` if the process was signaled to exit.
    signalled: bool,
    /// Standard input of the replica. It is closed when this process exits, which makes the replica
    /// exit too.
    _input: Option<ChildStdin>,
    ready: Arc<AtomicBool>,
}

impl Process {
    fn signal(&self, signal: Signal) {
        // A process that has already exited cannot be signaled.
        if let Some(id) = Pid::from_raw(self.id.cast_signed()).filter(|_| self.child.id().is_some())
        {
            let _ = kill_process(id, signal);
        }
    }
}

impl Replicas {
    /// Starts `size` replicas that share a database.
    pub(super) async fn start(
        size: usize,
        database: String,
        lease: Duration,
        logs: Option<PathBuf>,
        book: Arc<Recorder>,
    ) -> Result<Self> {
        let ports = free_ports(size)?.into_iter();
        let replicas = ports.map(|port| Replica {
            port,
            slot: Mutex::default(),
        });
        let fleet = Self {
            replicas: replicas.collect(),
            database,
            lease,
            logs,
            book,
        };
        for index in 0..size {
            fleet.revive(index).await?;
        }
        fleet.wait_until_ready().await?;
        Ok(fleet)
    }

    /// Returns the ports of all replicas.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.replicas.iter().map(|replica| replica.port).collect()
    }

    /// Sends a signal if the process is running.
    pub(super) async fn signal(&self, index: usize, signal: Signal) -> Result<()> {
        let slot = self.slot(index)?.lock().await;
        if let Some(process) = &slot.process {
            process.signal(signal);
        }
        Ok(())
    }

    /// Stops a replica and waits until it exits; it stays stopped until it is revived.
    pub(super) async fn end(&self, index: usize, signal: Signal) -> Result<()> {
        let mut slot = self.slot(index)?.lock().await;
        slot.wanted = false;
        let Some(process) = &mut slot.process else {
            return Ok(());
        };
        process.signalled = true;
        process.signal(signal);
        let id = process.id;
        drop(slot);
        let begin = Instant::now();
        loop {
            // The lock is not held while waiting, because a frozen replica must first be resumed by
            // another task.
            sleep(POLL_INTERVAL).await;
            let mut slot = self.slot(index)?.lock().await;
            let Some(process) = slot.process.as_mut().filter(|process| process.id == id) else {
                // A concurrent call has also stopped this replica and may already have revived it.
                return Ok(());
            };
            if process.child.try_wait()?.is_some() {
                slot.process = None;
                return Ok(());
            }
            if begin.elapsed() > TIMEOUT {
                let what = format!("replica {index} did not exit after {signal:?}");
                self.book.violation(promise::ENDS, what);
                process.child.kill().await?;
            }
        }
    }

    /// Starts a stopped replica.
    pub(super) async fn revive(&self, index: usize) -> Result<()> {
        let replica = self.replicas.get(index).context("unknown replica")?;
        let mut slot = replica.slot.lock().await;
        slot.wanted = true;
        if slot.process.is_none() {
            slot.starts += 1;
            slot.process = Some(self.spawn(index, replica.port, slot.starts)?);
        }
        Ok(())
    }

    /// Restarts replicas that exit on their own; never returns.
    pub(super) async fn supervise(&self) {
        loop {
            sleep(POLL_INTERVAL).await;
            for (index, replica) in self.replicas.iter().enumerate() {
                let mut slot = replica.slot.lock().await;
                if !slot.wanted {
                    continue;
                }
                let Some(process) = &mut slot.process else {
                    continue;
                };
                let Ok(Some(status)) = process.child.try_wait() else {
                    continue;
                };
                // A replica that is not ready yet may exit because its database is unavailable.
                if process.ready.load(Ordering::Relaxed) && !process.signalled {
                    let what = format!("replica {index} exited on its own ({status})");
                    self.book.violation(promise::STAYS_UP, what);
                }
                slot.starts += 1;
                match self.spawn(index, replica.port, slot.starts) {
                    Ok(process) => slot.process = Some(process),
                    Err(error) => {
                        slot.process = None;
                        eprintln!("replica {index}: {error:#}");
                    }
                }
            }
        }
    }

    /// Waits until every replica is ready.
    pub(super) async fn wait_until_ready(&self) -> Result<()> {
        let begin = Instant::now();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .build()?;
        for (index, port) in self.ports().into_iter().enumerate() {
            loop {
                let response = http.get(format!("http://127.0.0.1:{port}/readyz"));
                if response
                    .send()
                    .await
                    .is_ok_and(|response| response.status() == 200)
                {
                    break;
                }
                if begin.elapsed() > TIMEOUT {
                    bail!("replica {index} is not ready after a minute");
                }
                // This detects a replica that exits during start-up, before it is supervised.
                let mut slot = self.slot(index)?.lock().await;
                if let Some(process) = &mut slot.process
                    && let Some(status) = process.child.try_wait()?
                    && slot.starts == 1
                {
                    bail!("replica {index} exited during start-up ({status})");
                }
                drop(slot);
                sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    fn slot(&self, index: usize) -> Result<&Mutex<Slot>> {
        let replica = self.replicas.get(index).context("unknown replica")?;
        Ok(&replica.slot)
    }

    fn spawn(&self, index: usize, port: u16, start: u32) -> Result<Process> {
        let writer = format!("replica-{index}.{start}");
        // The ledger reads the writer from the connection's settings.
        let database = format!("{}?options[chaos.writer]={writer}", self.database);
        let log = match &self.logs {
            Some(directory) => File::create(directory.join(format!("{writer}.log")))?.into(),
            None => Stdio::null(),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["replica", "--port", &port.to_string()])
            .args(["--database", &database])
            .args(["--lease", &self.lease.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("failed to start a replica")?;
        let ready = Arc::new(AtomicBool::new(false));
        let output = child
            .stdout
            .take()
            .context("the replica's output is not piped")?;
        tokio::spawn({
            let ready = Arc::clone(&ready);
            async move {
                let mut lines = BufReader::new(output).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == READY {
                        ready.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        Ok(Process {
            _input: child.stdin.take(),
            id: child.id().context("the replica has no process id")?,
            signalled: false,
            child,
            ready,
        })
    }
}
