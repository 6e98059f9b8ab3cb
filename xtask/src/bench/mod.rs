//! `cargo xtask bench`: builds the benchmark in release mode and runs it.

mod pages;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};
use portal_testkit::process;
use portal_testkit::{Durability, Interrupt, Postgres};

use crate::cargo::Cargo;
use crate::progress::step;
use crate::tools::{Tool, Tools};

/// Environment variable for `portal-bench`: URI of a database server to which it can write.
const POSTGRES: &str = "PORTAL_BENCH_POSTGRES";

/// The benchmarks.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Compare requests per second with plain axum, then measure start-up time and memory
    Http(Http),
    /// Compare typed queries of admin models with the same queries written with sqlx
    Admin(Admin),
    /// Measure requests from signed-in users, token verification, and requests with forged tokens
    Auth(Auth),
    /// Measure pages: bytes, requests, throughput, live tabs, and browser timings on a slow network
    Pages(pages::Pages),
    /// Compare the task engine with plain loops, inserts and fan-outs, and with the queue apalis
    Tasks(Tasks),
    /// Measure how soon a thousand open tabs receive a change and its content
    Live(Live),
}

/// Options for the request benchmark.
#[derive(Args)]
pub(crate) struct Http {
    /// Use a temporary PostgreSQL that syncs its commits instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// Arguments for `portal-bench http`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Options for the benchmark of admin models.
#[derive(Args)]
pub(crate) struct Admin {
    /// Arguments for `portal-bench admin`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Options for the sign-in benchmark.
#[derive(Args)]
pub(crate) struct Auth {
    /// Arguments for `portal-bench auth`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Options for the live-update benchmark.
#[derive(Args)]
pub(crate) struct Live {
    /// Arguments for `portal-bench live`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Options for the task benchmark.
#[derive(Args)]
pub(crate) struct Tasks {
    /// Run only these measurements, separated by commas
    #[arg(long)]
    only: Option<String>,
    /// Arguments for `portal-bench tasks`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Builds the programs to be measured and runs the benchmark.
pub(crate) fn run(cargo: &Cargo, bench: &Bench, interrupt: &Interrupt) -> Result<()> {
    match bench {
        Bench::Http(settings) => http(cargo, settings, interrupt),
        Bench::Admin(settings) => admin(cargo, settings, interrupt),
        Bench::Auth(settings) => auth(cargo, settings, interrupt),
        Bench::Pages(settings) => pages::run(cargo, settings, interrupt),
        Bench::Tasks(settings) => tasks(cargo, settings, interrupt),
        Bench::Live(settings) => live(cargo, settings, interrupt),
    }
}

fn http(cargo: &Cargo, settings: &Http, interrupt: &Interrupt) -> Result<()> {
    let portal = build(cargo, "reference-portal", interrupt)?;
    let bench = build(cargo, "portal-bench", interrupt)?;

    let directory = tempfile::Builder::new().prefix("portal-bench-").tempdir()?;
    let mut http = Command::new(&bench);
    http.arg("http").args(&settings.arguments);
    let mut startup = Command::new(&bench);
    startup.arg("startup").arg(&portal);
    let postgres = settings
        .postgres
        .then(|| start_postgres(directory.path(), interrupt));
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

fn admin(cargo: &Cargo, settings: &Admin, interrupt: &Interrupt) -> Result<()> {
    let bench = build(cargo, "portal-bench", interrupt)?;
    let directory = tempfile::Builder::new().prefix("portal-bench-").tempdir()?;
    let postgres = start_postgres(directory.path(), interrupt)?;
    let mut admin = Command::new(bench);
    admin.arg("admin").env(POSTGRES, postgres.uri());
    admin.args(&settings.arguments);
    process::run("portal-bench admin", &mut admin, interrupt)
}

fn auth(cargo: &Cargo, settings: &Auth, interrupt: &Interrupt) -> Result<()> {
    let bench = build(cargo, "portal-bench", interrupt)?;
    let mut auth = Command::new(bench);
    auth.arg("auth")
        .args(&settings.arguments)
        .env_remove(POSTGRES);
    process::run("portal-bench auth", &mut auth, interrupt)
}

fn tasks(cargo: &Cargo, settings: &Tasks, interrupt: &Interrupt) -> Result<()> {
    let bench = build_with(cargo, "portal-bench", &["--features", "apalis"], interrupt)?;
    let directory = tempfile::Builder::new().prefix("portal-bench-").tempdir()?;
    let postgres = start_postgres(directory.path(), interrupt)?;
    let mut tasks = Command::new(bench);
    tasks.arg("tasks").env(POSTGRES, postgres.uri());
    if let Some(only) = &settings.only {
        tasks.args(["--only", only]);
    }
    tasks.args(&settings.arguments);
    process::run("portal-bench tasks", &mut tasks, interrupt)
}

fn live(cargo: &Cargo, settings: &Live, interrupt: &Interrupt) -> Result<()> {
    let bench = build(cargo, "portal-bench", interrupt)?;
    let mut live = Command::new(bench);
    live.arg("live")
        .args(&settings.arguments)
        .env_remove(POSTGRES);
    process::run("portal-bench live", &mut live, interrupt)
}

fn build(cargo: &Cargo, package: &'static str, interrupt: &Interrupt) -> Result<PathBuf> {
    build_with(cargo, package, &[], interrupt)
}

fn build_with(
    cargo: &Cargo,
    package: &'static str,
    features: &[&'static str],
    interrupt: &Interrupt,
) -> Result<PathBuf> {
    let arguments = [&["--release", "--package", package], features].concat();
    step(&format!("build {package} for release"), || {
        cargo.build_binary(package, &arguments, interrupt)
    })
}

/// Starts a server with the same durability settings as in production.
fn start_postgres(directory: &std::path::Path, interrupt: &Interrupt) -> Result<Postgres> {
    let tools = Tools::provide(&[Tool::Postgres])?;
    step("start PostgreSQL", || {
        let programs = tools.path(Tool::Postgres)?;
        Postgres::start(programs, directory, Durability::On, interrupt)
    })
}
