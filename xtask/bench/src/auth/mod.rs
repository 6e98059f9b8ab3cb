//! What it costs to know who is calling, and what strangers can do about it.

mod cold;
mod flood;
mod warm;

use anyhow::Result;
use clap::Args;

use crate::{http, subject};

/// How it is measured.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) load: http::Load,
    /// Calls of a round where one thing is measured in this process
    #[arg(long, default_value_t = 2000)]
    calls: usize,
    /// Rounds with and without strangers
    #[arg(long, default_value_t = 15)]
    flood_rounds: usize,
}

/// Throughput of signed-in requests, the cost of a check, and the effect of made-up keys.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    println!("# requests of signed-in users, as share of bare axum with as many bytes");
    let subjects = ["bare-token", "session", "sessions"].map(subject::named);
    let subjects = subjects.into_iter().collect::<Result<Vec<_>>>()?;
    http::compare(&subjects, &settings.load).await?;
    println!("# a check of a known session, in this process");
    warm::run(settings.load.rounds, settings.calls).await?;
    println!("# a session token that was never seen before, in this process");
    cold::run(settings.load.rounds, settings.calls).await?;
    println!("# strangers with made-up keys beside signed-in users");
    flood::run(settings.flood_rounds).await
}
