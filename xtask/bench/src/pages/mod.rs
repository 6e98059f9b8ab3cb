//! Server-side cost of pages.

mod render;
mod targets;

use anyhow::Result;
use clap::Args;

use crate::http::{self, Load};
pub(crate) use targets::{PACKED, PLAIN};

/// Options for the page benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) load: Load,
}

/// Renders a table, then compares a page with a constant that has the same content, plain and
/// compressed.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    render::run();
    for (what, subjects) in [("uncompressed", PLAIN), ("compressed", PACKED)] {
        println!("\na page without database, {what}; goal: a share of at least 0.65");
        let subjects: Vec<_> = subjects.iter().collect();
        http::compare(&subjects, &settings.load).await?;
    }
    Ok(())
}
