//! Cost of identifying the caller, and the effect of requests with forged tokens.

mod cold;
mod flood;
mod warm;

use anyhow::Result;
use clap::Args;

use crate::{http, target};

/// Options for the sign-in benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) load: http::Load,
    /// Calls per round, for measurements within this process
    #[arg(long, default_value_t = 2000)]
    calls: usize,
    /// Rounds with, and as many without, requests with forged tokens
    #[arg(long, default_value_t = 15)]
    flood_rounds: usize,
}

/// Measures requests from signed-in users, the cost of checking a token, and the effect of forged
/// key ids.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    println!(
        "# requests from signed-in users, as a share of plain axum with the same number of bytes"
    );
    let subjects = ["plain-axum-token", "session", "sessions"].map(target::named);
    let subjects = subjects.into_iter().collect::<Result<Vec<_>>>()?;
    http::compare(&subjects, &settings.load).await?;
    println!("# check of a cached session, in this process");
    warm::run(settings.load.rounds, settings.calls).await?;
    println!("# verification of an uncached session token, in this process");
    cold::run(settings.load.rounds, settings.calls).await?;
    println!("# requests with forged key ids, while signed-in users send requests");
    flood::run(settings.flood_rounds).await
}
