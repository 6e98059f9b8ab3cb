//! The project's own commands: `cargo xtask test`, `check`, `tidy`, `features`, `assets`,
//! `screenshots`, `bench`, `chaos`.

mod assets;
mod bench;
mod browser;
mod cargo;
mod chaos;
mod check;
mod features;
mod interrupt;
mod process;
mod screenshots;
mod server;
mod stage;
mod step;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cargo::Cargo;
use crate::interrupt::{Interrupt, Interrupted};
use crate::process::CommandFailed;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test, with the servers and the browser that they need
    Test {
        /// Passed on to `cargo test`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run what CI runs: format, clippy, tidy, test
    Check,
    /// Check file lengths, import directions, forbidden words and prose
    Tidy {
        /// List every match of the prose lint, also those within its limits
        #[arg(long)]
        prose: bool,
    },
    /// Take the pictures of the documentation anew
    Screenshots(screenshots::Settings),
    /// Check that every feature builds alone
    Features,
    /// Fetch the vendored packages again, and make the tokens and icons of them
    Assets(assets::Settings),
    /// Prove that no task is lost while replicas and the database are killed
    Chaos(chaos::Settings),
    /// Measure
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

/// The code of the command that failed, so that a caller sees cargo's own.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(failed) = error.downcast_ref::<CommandFailed>() {
        failed.exit_code()
    } else if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
        interrupted.exit_code()
    } else {
        ExitCode::FAILURE
    }
}
