//! Development commands of the project: `cargo xtask test`, `check`, `tidy`, `features`, `assets`,
//! `screenshots`, `bench`, `chaos`.

mod assets;
mod bench;
mod cargo;
mod chaos;
mod check;
mod demo_portal;
mod features;
mod fixture;
mod progress;
mod screenshots;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use portal_testkit::process::CommandFailed;
use portal_testkit::{Interrupt, Interrupted};

use crate::cargo::Cargo;

/// The project's development commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests, with the servers and the browser that they need
    Test {
        /// Arguments for `cargo test`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run the CI checks: format, clippy, tidy, test
    Check,
    /// Check file lengths, import directions, forbidden words and prose
    Tidy {
        /// List every match of the prose lint, including those within its limits
        #[arg(long)]
        prose: bool,
    },
    /// Retake the screenshots for the documentation
    Screenshots(screenshots::Settings),
    /// Check that each feature builds on its own
    Features,
    /// Format, lint and bundle scripts and styles; fetch vendored packages
    Assets(assets::Settings),
    /// Check that no task is lost while replicas and the database are killed
    Chaos(chaos::Settings),
    /// Run a benchmark
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit_code(&error)
        }
    }
}

fn run(command: Command) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let cargo = Cargo::locate()?;
    match command {
        Command::Test { arguments } => test::run(&cargo, &arguments, &interrupt),
        Command::Check => check::run(&cargo, &interrupt),
        Command::Tidy { prose: true } => tidy::list_prose(cargo.root()),
        Command::Tidy { prose: false } => tidy::run(cargo.root()),
        Command::Assets(settings) => assets::run(cargo.root(), &settings, &interrupt),
        Command::Screenshots(settings) => screenshots::run(&cargo, &settings, &interrupt),
        Command::Features => features::run(&cargo, &interrupt),
        Command::Chaos(settings) => chaos::run(&cargo, &settings, &interrupt),
        Command::Bench(bench) => bench::run(&cargo, &bench, &interrupt),
    }
}

/// Returns the exit code of the failed command, such as cargo's.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(failed) = error.downcast_ref::<CommandFailed>() {
        failed.exit_code()
    } else if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
        interrupted.exit_code()
    } else {
        ExitCode::FAILURE
    }
}
