//! `cargo xtask chaos`: replicas and their database are killed, no task may be lost.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::process;
use crate::server::{Cluster, Durability, without_settings};
use crate::step::step;
use crate::tools::{Tool, Tools};

/// What `portal-bench` reads: how the server is started that it kills.
const CLUSTER: &str = "PORTAL_BENCH_CLUSTER";

/// How long the run is that belongs to the tests.
const SHORT: u64 = 8;

/// For how long, and in which order.
#[derive(Args)]
pub(crate) struct Settings {
    /// Seconds of disorder
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Decides what happens when; chosen and printed if it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Passed on to `portal-bench chaos`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds the replicas, makes a cluster, lets the disorder begin.
pub(crate) fn run(cargo: &Cargo, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let bench = step("build portal-bench", || {
        cargo.build_binary("portal-bench", &["--package", "portal-bench"], interrupt)
    })?;
    run_with(&bench, settings, interrupt)
}

/// A short run, as a test; built like the other tests.
pub(crate) fn run_short(cargo: &Cargo, build: &[&str], interrupt: &Interrupt) -> Result<()> {
    let bench = step("build portal-bench", || {
        let build = [build, &["--bin", "portal-bench"]].concat();
        cargo.build_binary("portal-bench", &build, interrupt)
    })?;
    let settings = Settings {
        seconds: SHORT,
        seed: None,
        arguments: Vec::new(),
    };
    run_with(&bench, &settings, interrupt)
}

fn run_with(bench: &Path, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let tools = Tools::provide(&[Tool::Postgres])?;
    let directory = tempfile::Builder::new().prefix("portal-chaos-").tempdir()?;
    let cluster = step("make a PostgreSQL cluster", || {
        Cluster::create(&tools, directory.path(), Durability::Server, interrupt)
    })?;
    let mut chaos = Command::new(bench);
    without_settings(&mut chaos);
    chaos.env(CLUSTER, cluster.order().to_string());
    chaos
        .arg("chaos")
        .args(["--seconds", &settings.seconds.to_string()]);
    if let Some(seed) = settings.seed {
        chaos.args(["--seed", &seed.to_string()]);
    }
    chaos.args(&settings.arguments);
    step("chaos", || {
        process::run("portal-bench chaos", &mut chaos, interrupt)
    })
}
