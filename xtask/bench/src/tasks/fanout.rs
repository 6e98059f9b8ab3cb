//! Many subscribers to the same task.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portal_testkit::process::resident_memory;
use serde_json::json;
use tokio::time::sleep;

use super::Bench;
use super::child::Child;
use super::monitor_client::{self, MonitorClient, Seen};
use super::report::{Line, quantile};
use super::server::Server;
use super::workloads::Pace;
use crate::process_stats;

/// Number of files that the process opens in addition to the measured connections.
const OTHER_FILES: usize = 200;
/// Time for memory to settle.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// A portal and a baseline server, measured in turn.
struct Pair {
    ours: Child,
    token: String,
    baseline: Child,
}

impl Pair {
    async fn start(bench: &Bench, name: &str) -> Result<Self> {
        let database = bench.databases.postgres(name).await?;
        let ours = Child::start(Server::Portal, &database, 50).await?;
        Ok(Self {
            token: ours.client_token().await?,
            ours,
            baseline: Child::start(Server::Broadcast, &database, 50).await?,
        })
    }

    /// Monitors one of the portal's tasks.
    async fn ours(&self, monitors: usize, pace: &Pace) -> Result<Watched> {
        let id = self.ours.ticks(&self.token, pace).await?;
        // The subscribers connect while the task is still waiting.
        let begin = Instant::now() + Duration::from_millis(pace.wait);
        let path = format!("/api/tasks/{}/{id}/monitor", self.token);
        let watches = MonitorClient::open_many(monitors, self.ours.address, &path).await?;
        if Instant::now() > begin {
            bail!("failed to open {monitors} monitors in time");
        }
        let seen = monitor_client::until_end(watches).await?;
        Ok(Watched::new(seen, begin))
    }

    /// Receives messages from the baseline server.
    async fn baseline(&self, monitors: usize, pace: &Pace) -> Result<Watched> {
        let watches = MonitorClient::open_many(monitors, self.baseline.address, "/watch").await?;
        let publish = json!({"count": pace.count, "pause": pace.pause});
        let publish = publish.to_string();
        self.baseline.ask("POST", "/publish", "", &publish).await?;
        let begin = Instant::now();
        let seen = monitor_client::until_end(watches).await?;
        Ok(Watched::new(seen, begin))
    }
}

/// The messages received by all subscribers, from the first update on.
struct Watched {
    seen: Vec<Seen>,
    time: Duration,
}

impl Watched {
    fn new(seen: Vec<Seen>, begin: Instant) -> Self {
        Self {
            seen,
            time: begin.elapsed(),
        }
    }

    /// Returns the 99th percentile of the delay of updates, in milliseconds.
    fn p99(self) -> f64 {
        let seen = self.seen.into_iter();
        let mut delays: Vec<f64> = seen.flat_map(|seen| seen.delays).collect();
        quantile(&mut delays, 0.99)
    }

    /// Returns the total number of messages per second across all subscribers.
    fn rate(&self) -> f64 {
        let messages: usize = self.seen.iter().map(|seen| seen.messages).sum();
        messages as f64 / self.time.as_secs_f64()
    }

    /// Returns the number of subscribers that did not receive the final state.
    fn missed(&self) -> f64 {
        self.seen.iter().filter(|seen| !seen.ended).count() as f64
    }
}

/// Measures the delay of updates that are sent to a thousand subscribers to one task.
pub(super) async fn monitors(bench: &Bench) -> Result<Vec<Line>> {
    let monitors = bench.scaled(1000);
    let pair = Pair::start(bench, "monitors").await?;
    let pace = Pace {
        count: 15,
        pause: 150,
        // This is long enough for all subscribers to connect.
        wait: 4000,
    };
    let (mut ours, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        ours.push(pair.ours(monitors, &pace).await?.p99());
        baseline.push(pair.baseline(monitors, &pace).await?.p99());
    }
    let name = format!("update → {monitors} monitors, p99 / plain fan-out");
    Ok(vec![Line::compared(name, "ms", &ours, &baseline, "≤ 1.5")])
}

/// Measures a saturated portal: received messages, and subscribers that miss the final state.
pub(super) async fn saturated(bench: &Bench) -> Result<Vec<Line>> {
    let monitors = bench.scaled(200);
    let pair = Pair::start(bench, "saturated").await?;
    let pace = Pace {
        count: 2000,
        pause: 1,
        wait: 1500,
    };
    let (mut ours, mut baseline, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let watched = pair.ours(monitors, &pace).await?;
        lost.push(watched.missed());
        ours.push(watched.rate());
        baseline.push(pair.baseline(monitors, &pace).await?.rate());
    }
    Ok(vec![
        Line::compared(
            "saturated fan-out / plain fan-out",
            "messages/s",
            &ours,
            &baseline,
            "≥ 0.7",
        ),
        Line::alone("monitors that missed the final state", "", &lost, "0"),
    ])
}

/// Measures the memory used by ten thousand monitors that one process holds open.
pub(super) async fn memory(bench: &Bench) -> Result<Vec<Line>> {
    let wanted = bench.scaled(10_000);
    // Child processes inherit the limit of their parent.
    let limit = process_stats::raise_file_limit()?;
    let monitors = wanted.min(limit.saturating_sub(OTHER_FILES));
    if monitors < wanted {
        eprintln!(
            "limited to {monitors} monitors: a process can open at most {limit} files on this machine"
        );
    }
    let database = bench.databases.postgres("memory").await?;
    let child = Child::start(Server::Portal, &database, 50).await?;
    let token = child.client_token().await?;
    let path = format!("/api/tasks/{token}/monitor");
    // Warm-up: the first monitors fill pools and caches.
    drop(MonitorClient::open_many(100.min(monitors), child.address, &path).await?);
    sleep(SETTLE_TIME).await;
    let resident = || resident_memory(child.process_id()).context("failed to read /proc");
    let before = resident()?;
    let watches = MonitorClient::open_many(monitors, child.address, &path).await?;
    sleep(SETTLE_TIME).await;
    let grown = resident()?.saturating_sub(before) as f64;
    child.begin(&token, "noop", &json!({})).await?;
    let seen = monitor_client::until_end(watches).await?;
    let held = seen.iter().filter(|seen| seen.ended).count();
    let each = [grown / monitors as f64];
    Ok(vec![
        Line::alone("memory per open monitor", "KiB", &each, "≤ 8"),
        Line::alone("monitors held", "", &[held as f64], "10000"),
    ])
}
