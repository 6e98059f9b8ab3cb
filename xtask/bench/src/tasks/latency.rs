//! Latency of task starts and updates.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portal_core::tasks::{NoArgs, Tasks};
use tokio::time::sleep;

use super::child::Child;
use super::monitor_client::MonitorClient;
use super::report::{Line, quantile};
use super::server::Server;
use super::workloads::{self, Pace, Ran};
use super::{Bench, portal};

/// Idle time before the next task.
const PEACE: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Measures the time from the enqueue call to the task's first line of code, on an idle portal.
pub(super) async fn begin(bench: &Bench) -> Result<Vec<Line>> {
    let postgres = bench.databases.postgres("latency").await?;
    let sqlite = bench.databases.sqlite("latency");
    let mut lines = Vec::new();
    for (name, uri, aims) in [
        ("PostgreSQL", postgres, ["≤ 3", "≤ 8"]),
        ("SQLite", sqlite, ["≤ 2", "≤ 4"]),
    ] {
        let ran = Ran::default();
        let portal = portal::build(&uri, 50, ran.clone()).await?;
        let tasks = portal
            .state()
            .get::<Tasks>()
            .context("the portal has no task handle")?;
        let (mut halves, mut tails) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let mut delays = Vec::new();
            for _ in 0..bench.scaled(200) {
                sleep(PEACE).await;
                delays.push(delay(&tasks, &ran).await?);
            }
            halves.push(quantile(&mut delays, 0.5));
            tails.push(quantile(&mut delays, 0.99));
        }
        portal.shutdown().await;
        let [half, tail] = aims;
        let line = |what: &str, numbers: &[f64], aim| {
            Line::alone(
                format!("enqueue → running, {name}, {what}"),
                "ms",
                numbers,
                aim,
            )
        };
        lines.push(line("p50", &halves, half));
        lines.push(line("p99", &tails, tail));
    }
    Ok(lines)
}

async fn delay(tasks: &Tasks, ran: &Ran) -> Result<f64> {
    let called = Instant::now();
    let _handle = tasks.enqueue(workloads::noop, NoArgs {}).await?;
    loop {
        if let Some(begun) = ran.take_begun() {
            return Ok(begun.duration_since(called).as_secs_f64() * 1e3);
        }
        if called.elapsed() > TIMEOUT {
            bail!("a task did not start within {} s", TIMEOUT.as_secs());
        }
        sleep(Duration::from_micros(200)).await;
    }
}

/// Measures the time until an update reaches a subscribed client, within one process.
pub(super) async fn update(bench: &Bench) -> Result<Vec<Line>> {
    let database = bench.databases.postgres("update").await?;
    let runs = Child::start(Server::Portal, &database, 50).await?;
    let line = "update → WebSocket, in one process, p99";
    Ok(vec![updates(bench, &runs, &runs, line, "≤ 10").await?])
}

/// Measures the time until an update on one replica reaches a client of another replica.
pub(super) async fn update_across(bench: &Bench) -> Result<Vec<Line>> {
    let database = bench.databases.postgres("update_across").await?;
    let runs = Child::start(Server::Portal, &database, 50).await?;
    let shows = Child::start(Server::Viewer, &database, 50).await?;
    let line = "update → WebSocket, across replicas, p99";
    Ok(vec![updates(bench, &runs, &shows, line, "≤ 100").await?])
}

async fn updates(
    bench: &Bench,
    runs: &Child,
    shows: &Child,
    line: &str,
    aim: &'static str,
) -> Result<Line> {
    let token = runs.client_token().await?;
    let pace = Pace {
        count: u32::try_from(bench.scaled(150))?,
        pause: 10,
        wait: 300,
    };
    let mut tails = Vec::new();
    for _ in 0..bench.rounds {
        let id = runs.ticks(&token, &pace).await?;
        let path = format!("/api/tasks/{token}/{id}/monitor");
        let mut seen = MonitorClient::open(shows.address, &path)
            .await?
            .until_end()
            .await;
        if !seen.ended {
            bail!("the final state was not received");
        }
        tails.push(quantile(&mut seen.delays, 0.99));
    }
    Ok(Line::alone(line, "ms", &tails, aim))
}
