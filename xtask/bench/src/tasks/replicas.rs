//! Throughput of several replicas together.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::Bench;
use super::child::Child;
use super::database::{self, until_none};
use super::report::Line;
use super::server::Server;

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Compares two and three replicas on one PostgreSQL server with a single replica.
pub(super) async fn run(bench: &Bench) -> Result<Vec<Line>> {
    let tasks = bench.scaled(20_000);
    let uri = bench.databases.postgres("replicas").await?;
    let pool = database::postgres_pool(&uri).await?;
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..bench.rounds {
        for (index, rates) in rates.iter_mut().enumerate() {
            let mut children = Vec::new();
            for _ in 0..=index {
                children.push(Child::start(Server::Portal, &uri, 50).await?);
            }
            rates.push(drain(&children, &pool, tasks).await?);
        }
    }
    let [one, two, three] = &rates;
    let line = |name: &str, more: &[f64]| {
        Line::compared(
            format!("{name} replicas / one"),
            "tasks/s",
            more,
            one,
            "≥ 1",
        )
    };
    Ok(vec![line("two", two), line("three", three)])
}

async fn drain(replicas: &[Child], pool: &sqlx::PgPool, tasks: usize) -> Result<f64> {
    let mut tokens = Vec::new();
    for replica in replicas {
        tokens.push(replica.client_token().await?);
    }
    // Idle replicas occasionally poll the queue, so they may claim the tasks immediately.
    database::fill(pool, tasks).await?;
    let begin = Instant::now();
    // Enqueueing a task notifies every replica that tasks are due.
    for (replica, token) in replicas.iter().zip(&tokens) {
        replica.begin(token, "noop", &json!({})).await?;
    }
    until_none(async || database::is_active(pool).await, POLL_INTERVAL).await?;
    Ok(tasks as f64 / begin.elapsed().as_secs_f64())
}
