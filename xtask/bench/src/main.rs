//! What the portal costs, and what it stands; run by `cargo xtask bench` and `cargo xtask chaos`.

mod auth;
mod chaos;
mod connection;
mod http;
mod live;
mod load;
mod pages;
mod serve;
mod server;
mod spread;
mod startup;
mod subject;
mod tasks;
mod usage;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// What the portal costs, and what it stands.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Requests a second of each subject, in rounds, against the first one
    Http(http::Settings),
    /// What pages cost the server
    Pages(pages::Settings),
    /// What it costs to know who is calling, and what strangers can do about it
    Auth(auth::Settings),
    /// Time to the first answer of a portal's program, and its memory at rest
    Startup(startup::Settings),
    /// What the task engine costs, beside what does the same without it
    Tasks(tasks::Settings),
    /// Serves what `tasks` measures
    #[command(hide = true)]
    TaskServer(tasks::ServerSettings),
    /// How soon open tabs hear of a change, and have what has changed
    Live(live::Settings),
    /// Kills replicas and their database, and proves that no task is lost
    Chaos(chaos::Settings),
    /// Runs one replica; started by `chaos`
    #[command(hide = true)]
    Replica(chaos::ReplicaSettings),
    /// Serves one subject; started by `http`
    #[command(hide = true)]
    Serve(serve::Settings),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Http(settings) => on_threads(settings.load.client_threads, http::run(&settings)),
        Command::Auth(settings) => on_threads(settings.load.client_threads, auth::run(&settings)),
        Command::Pages(settings) => on_threads(settings.load.client_threads, pages::run(&settings)),
        Command::Startup(settings) => startup::run(&settings),
        Command::Tasks(settings) => on_threads(2, tasks::run(&settings)),
        Command::TaskServer(settings) => on_threads(settings.threads, tasks::run_server(&settings)),
        Command::Live(settings) => on_threads(2, live::run(&settings)),
        Command::Chaos(settings) => on_threads(2, chaos::run(&settings)),
        Command::Replica(settings) => on_threads(settings.threads, chaos::run_replica(&settings)),
        Command::Serve(settings) => on_threads(settings.threads, serve::run(&settings)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn on_threads(threads: usize, work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .enable_all()
        .build()?
        .block_on(work)
}
