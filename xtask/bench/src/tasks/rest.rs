//! Cost of enqueueing and status requests over REST.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::Bench;
use super::child::Child;
use super::report::Line;
use super::server::Server;
use crate::connection::request;

/// Compares enqueue requests with inserts.
pub(super) async fn start(bench: &Bench) -> Result<Vec<Line>> {
    let time = bench.turn();
    // The portal only enqueues tasks, because the baseline does not run them either.
    let ours = bench.databases.postgres("start").await?;
    let ours = Child::start(Server::Portal, &ours, 0).await?;
    let token = ours.client_token().await?;
    let baseline = bench.databases.postgres("start_baseline").await?;
    let insert = Child::start(Server::Insert, &baseline, 0).await?;
    let notify = Child::start(Server::InsertNotify, &baseline, 0).await?;
    let (mut one, mut one_baseline) = (Vec::new(), Vec::new());
    let (mut many, mut many_baseline) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        one.push(ours.start_rate(&token, 1, time).await?);
        one_baseline.push(baseline_rate(&insert, 1, time).await?);
        many.push(ours.start_rate(&token, 16, time).await?);
        many_baseline.push(baseline_rate(&notify, 16, time).await?);
    }
    Ok(vec![
        Line::compared(
            "start over REST, 1 client / plain insert",
            "starts/s",
            &one,
            &one_baseline,
            "≥ 0.5",
        ),
        Line::compared(
            "start over REST, 16 clients / single inserts with NOTIFY",
            "starts/s",
            &many,
            &many_baseline,
            "≥ 4",
        ),
    ])
}

async fn baseline_rate(child: &Child, connections: usize, time: Duration) -> Result<f64> {
    let request = request("POST", "/start", child.address, "", "{}");
    child.rate(request, connections, time).await
}

/// Compares status requests with reads by key.
pub(super) async fn status(bench: &Bench) -> Result<Vec<Line>> {
    let time = bench.turn();
    let database = bench.databases.postgres("status").await?;
    let ours = Child::start(Server::Portal, &database, 50).await?;
    let baseline = Child::start(Server::Read, &database, 50).await?;
    let token = ours.client_token().await?;
    let id = ours.begin(&token, "noop", &json!({})).await?;
    let (mut rates, mut others) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        rates.push(ours.status_rate(&token, &id, 16, time).await?);
        let read = request("GET", &format!("/read/{id}"), baseline.address, "", "");
        others.push(baseline.rate(read, 16, time).await?);
    }
    let name = "status over REST, 16 clients / read by key";
    Ok(vec![Line::compared(
        name,
        "responses/s",
        &rates,
        &others,
        "≥ 0.7",
    )])
}
