//! `cargo xtask chaos`: kills replicas and their database and checks that no task is lost.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::Args;
use portal_testkit::Interrupt;
use portal_testkit::postgres::without_settings;
use portal_testkit::process;

use crate::cargo::Cargo;
use crate::progress::step;
use crate::tools::{Tool, Tools};

/// Duration of the chaos test in `cargo xtask test`, in seconds.
const SHORT: u64 = 8;

/// Options for `cargo xtask chaos`.
#[derive(Args)]
pub(crate) struct Settings {
    /// Duration of the failure injection in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed for the sequence of failures; chosen at random and printed if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Arguments for `portal-bench chaos`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds the benchmark program and runs the chaos test.
pub(crate) fn run(cargo: &Cargo, settings: &Settings, interrupt: &Interrupt) -> Result<()> {
    let bench = step("build portal-bench", || {
        cargo.build_binary("portal-bench", &["--package", "portal-bench"], interrupt)
    })?;
    run_with(&bench, settings, interrupt)
}

/// Runs a short chaos test with a program that is built like the other tests.
pub(crate) fn run_short(cargo: &Cargo, build: &[&str], interrupt: &Interrupt) -> Result<()> {
    let bench = step("build portal-bench", || {
        cargo.build_binary("portal-bench", build, interrupt)
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
    let mut chaos = Command::new(bench);
    without_settings(&mut chaos);
    chaos
        .arg("chaos")
        .arg("--programs")
        .arg(tools.path(Tool::Postgres)?)
        .arg("--directory")
        .arg(directory.path())
        .args(["--seconds", &settings.seconds.to_string()]);
    if let Some(seed) = settings.seed {
        chaos.args(["--seed", &seed.to_string()]);
    }
    chaos.args(&settings.arguments);
    step("chaos", || {
        process::run("portal-bench chaos", &mut chaos, interrupt)
    })
}
