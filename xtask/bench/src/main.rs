//! Benchmarks and chaos tests for Portal; run by `cargo xtask bench` and `cargo xtask chaos`.

mod admin;
mod auth;
mod chaos;
mod connection;
mod http;
mod live;
mod load;
mod pages;
mod process_stats;
mod serve;
mod server;
mod startup;
mod summary;
mod target;
mod tasks;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Benchmarks and chaos tests for Portal.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare the requests per second of each target with those of the first one, in rounds
    Http(http::Settings),
    /// Measure the server-side cost of pages
    Pages(pages::Settings),
    /// Compare typed queries of admin models with the same queries written with sqlx
    Admin(admin::Settings),
    /// Measure the cost of identifying the caller and the effect of requests with forged tokens
    Auth(auth::Settings),
    /// Measure the time until a portal's first response, and its memory usage when idle
    Startup(startup::Settings),
    /// Compare the cost of the task engine with baselines
    Tasks(tasks::Settings),
    /// Serve a target of `tasks`
    #[command(hide = true)]
    TaskServer(tasks::ServerSettings),
    /// Measure how soon open tabs receive a change and its content
    Live(live::Settings),
    /// Kill replicas and their database and check that no task is lost
    Chaos(chaos::Settings),
    /// Run one replica; started by `chaos`
    #[command(hide = true)]
    Replica(chaos::ReplicaSettings),
    /// Serve one target; started by `http`
    #[command(hide = true)]
    Serve(serve::Settings),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Http(settings) => on_threads(settings.load.client_threads, http::run(&settings)),
        Command::Admin(settings) => on_threads(2, admin::run(&settings)),
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
