//! The PostgreSQL server, which is stopped and restarted during the test.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use portal_testkit::{Cluster, Durability, Interrupt, Postgres, Signal};
use tokio::task::block_in_place;

const TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The server's shutdown mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ends all sessions and writes all data.
    Fast,
    /// Aborts immediately and recovers at the next start.
    Immediate,
}

/// A server on a new cluster, stopped on drop.
///
/// Its methods block the calling task. The thread of that task must outlive the server.
pub(super) struct PostgresServer {
    server: Postgres,
    cluster: Cluster,
    interrupt: Interrupt,
}

impl PostgresServer {
    /// Creates a cluster below `directory` and starts a server on it.
    pub(super) fn start_new(programs: &Path, directory: &Path) -> Result<Self> {
        let interrupt = Interrupt::never();
        block_in_place(|| {
            let cluster = Cluster::create(programs, directory, Durability::Server, &interrupt)?;
            Ok(Self {
                server: cluster.start(&interrupt)?,
                cluster,
                interrupt,
            })
        })
    }

    /// Returns the URI of one of the server's databases.
    pub(super) fn uri(&self, database: &str) -> String {
        self.server.uri_of(database)
    }

    /// Starts the server again and waits until it is ready.
    pub(super) fn start(&mut self) -> Result<()> {
        let begin = Instant::now();
        self.server = block_in_place(|| {
            loop {
                match self.cluster.start(&self.interrupt) {
                    // Processes of the previous server may still be using its shared memory.
                    Err(_) if begin.elapsed() < TIMEOUT => sleep(POLL_INTERVAL),
                    started => return started,
                }
            }
        })?;
        Ok(())
    }

    /// Stops the server and waits until it exits.
    pub(super) fn stop(&mut self, how: Stop) -> Result<()> {
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        block_in_place(|| self.server.process().signal_and_wait(signal))?;
        Ok(())
    }
}
