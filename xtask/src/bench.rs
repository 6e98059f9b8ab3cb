//! `cargo xtask bench`: builds the benchmark in release mode and runs it.

use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cargo::Cargo;
use crate::interrupt::Interrupt;
use crate::process;
use crate::server::{Durability, Postgres};
use crate::step::step;
use crate::tools::{Tool, Tools};

/// What `portal-bench` reads: the URI of a database server that it may fill.
const POSTGRES: &str = "PORTAL_BENCH_POSTGRES";

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Requests a second against bare axum; then start-up time and memory
    Http(Settings),
}

/// How it is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Measure on a throw-away PostgreSQL that syncs its commits, not on SQLite
    #[arg(long)]
    postgres: bool,
    /// Passed on to `portal-bench http`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds what is measured, runs the measures.
pub(crate) fn run(cargo: &Cargo, bench: &Bench, interrupt: &Interrupt) -> Result<()> {
    let Bench::Http(settings) = bench;
    let build = |package: &'static str| {
        step(&format!("build {package} for release"), || {
            cargo.build_binary(package, &["--release", "--package", package], interrupt)
        })
    };
    let portal = build("reference-portal")?;
    let bench = build("portal-bench")?;

    let directory = tempfile::Builder::new().prefix("portal-bench-").tempdir()?;
    let mut http = Command::new(&bench);
    http.arg("http").args(&settings.arguments);
    let mut startup = Command::new(&bench);
    startup.arg("startup").arg(&portal);
    let postgres = settings.postgres.then(|| {
        let tools = Tools::provide(&[Tool::Postgres])?;
        step("start PostgreSQL", || {
            Postgres::start(&tools, directory.path(), Durability::On, interrupt)
        })
    });
    let postgres = postgres.transpose()?;
    for command in [&mut http, &mut startup] {
        match &postgres {
            Some(postgres) => command.env(POSTGRES, postgres.uri()),
            None => command.env_remove(POSTGRES),
        };
    }
    process::run("portal-bench http", &mut http, interrupt)?;
    process::run("portal-bench startup", &mut startup, interrupt)
}
