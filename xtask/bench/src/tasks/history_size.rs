//! Effect of the number of stored finished tasks on throughput.

use anyhow::Result;
use serde_json::json;

use super::Bench;
use super::child::Child;
use super::report::Line;
use super::server::Server;
use super::{database, portal, throughput};

/// Runs the same measurements with a million finished tasks and without any.
pub(super) async fn run(bench: &Bench) -> Result<Vec<Line>> {
    let finished = bench.scaled(1_000_000);
    let tasks = bench.scaled(10_000);
    let empty = bench.databases.postgres("stored_none").await?;
    let full = bench.databases.postgres("stored_many").await?;
    let mut sides = Vec::new();
    for uri in [&full, &empty] {
        portal::migrate(uri).await?;
        let pool = database::postgres_pool(uri).await?;
        if uri == &full {
            database::add_finished(&pool, finished).await?;
        }
        sides.push(Side {
            uri,
            pool,
            starts: Vec::new(),
            claims: Vec::new(),
            statuses: Vec::new(),
        });
    }
    for _ in 0..bench.rounds {
        for side in &mut sides {
            side.measure(bench, tasks).await?;
        }
    }
    let [full, empty] = sides.as_slice() else {
        return Ok(Vec::new());
    };
    let line = |what: &str, full: &[f64], empty: &[f64]| {
        let name = format!("{what} with {finished} finished tasks / with none");
        Line::compared(name, "1/s", full, empty, "≥ 0.8")
    };
    Ok(vec![
        line("start", &full.starts, &empty.starts),
        line("claim", &full.claims, &empty.claims),
        line("status", &full.statuses, &empty.statuses),
    ])
}

struct Side<'a> {
    uri: &'a str,
    pool: sqlx::PgPool,
    starts: Vec<f64>,
    claims: Vec<f64>,
    statuses: Vec<f64>,
}

impl Side<'_> {
    async fn measure(&mut self, bench: &Bench, tasks: usize) -> Result<()> {
        database::fill(&self.pool, tasks).await?;
        self.claims
            .push(throughput::drain(self.uri, &self.pool, tasks, 50).await?);
        let child = Child::start(Server::Portal, self.uri, 0).await?;
        let token = child.client_token().await?;
        let id = child.begin(&token, "noop", &json!({})).await?;
        self.starts
            .push(child.start_rate(&token, 16, bench.turn()).await?);
        self.statuses
            .push(child.status_rate(&token, &id, 16, bench.turn()).await?);
        Ok(())
    }
}
