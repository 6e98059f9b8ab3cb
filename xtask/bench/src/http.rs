//! Compares the requests per second that each target handles, in rounds.

use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tempfile::TempDir;

use crate::load::Round;
use crate::server::Server;
use crate::summary::Summary;
use crate::target::{SUBJECTS, Target};

/// Environment variable with the URI of a PostgreSQL server to use for measurements.
pub(crate) const POSTGRES: &str = "PORTAL_BENCH_POSTGRES";

/// Options for the request benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) load: Load,
    /// Measure only the first target and these
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Settings for the generated load.
#[derive(Args)]
pub(crate) struct Load {
    /// Number of rounds per target
    #[arg(long, default_value_t = 60)]
    pub(crate) rounds: usize,
    /// Seconds per round
    #[arg(long, default_value_t = 0.25)]
    seconds: f64,
    /// Number of concurrent connections
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Number of threads per server
    #[arg(long, default_value_t = 1)]
    server_threads: usize,
    /// Number of load generator threads
    #[arg(long, default_value_t = 1)]
    pub(crate) client_threads: usize,
}

/// Measures the selected targets.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    compare(&chosen(&settings.only)?, &settings.load).await
}

/// Starts all targets, measures them in turn, and prints their ratios to the first one.
pub(crate) async fn compare(subjects: &[&'static Target], load: &Load) -> Result<()> {
    let duration =
        Duration::try_from_secs_f64(load.seconds).context("invalid duration in `--seconds`")?;
    let directory = tempfile::tempdir()?;
    let mut servers = Vec::new();
    for subject in subjects {
        let database = database_of(subject, &directory);
        servers.push(Server::start(subject, &database, load.server_threads).await?);
    }
    require_same_responses(&servers)?;

    for server in &servers {
        // Warm-up: the first requests fill caches and pools, and are not counted.
        Round::measure(server, load.connections, duration / 3).await?;
    }
    let mut turns: Vec<Vec<Round>> = Vec::new();
    for round in 1..=load.rounds {
        eprintln!("round {round} of {}", load.rounds);
        let mut turn = Vec::new();
        for server in &servers {
            turn.push(Round::measure(server, load.connections, duration).await?);
        }
        turns.push(turn);
    }
    report(&servers, &turns);
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Target>> {
    for name in only {
        crate::target::named(name)?;
    }
    let is_selected = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    let subjects = SUBJECTS.iter().enumerate();
    let chosen = subjects.filter(|(index, subject)| *index == 0 || is_selected(subject.name));
    Ok(chosen.map(|(_, subject)| subject).collect())
}

/// Returns the URI of the shared PostgreSQL database if it is configured, otherwise of a separate
/// SQLite file.
fn database_of(subject: &Target, directory: &TempDir) -> String {
    env::var(POSTGRES).unwrap_or_else(|_| {
        let file = directory.path().join(subject.name).with_extension("db");
        format!("sqlite://{}", file.display())
    })
}

/// Checks that all targets send the same response; otherwise, they are not comparable.
fn require_same_responses(servers: &[Server]) -> Result<()> {
    for pair in servers.windows(2) {
        if let [one, other] = pair
            && one.response != other.response
        {
            bail!(
                "`{}` and `{}` send different responses: {:?} and {:?}",
                one.subject.name,
                other.subject.name,
                one.response,
                other.response,
            );
        }
    }
    Ok(())
}

/// Prints each target's results, and its ratio to the first target in the same round.
fn report(servers: &[Server], turns: &[Vec<Round>]) {
    println!("each as min / median / max over {} rounds", turns.len());
    for (index, server) in servers.iter().enumerate() {
        let rounds = || turns.iter().filter_map(|turn| turn.get(index));
        let ratios = turns.iter().filter_map(|turn| {
            let baseline = turn.first()?.rate();
            Some(turn.get(index)?.rate() / baseline)
        });
        println!("{}: {}", server.subject.name, server.subject.about);
        line("ratio to the first", Summary::of(ratios), 3);
        line("requests/s", Summary::of(rounds().map(Round::rate)), 0);
        line(
            "server µs/request",
            Summary::of(rounds().filter_map(Round::cost)),
            1,
        );
    }
}

fn line(what: &str, spread: Option<Summary>, decimals: usize) {
    if let Some(spread) = spread {
        println!("  {what:<20} {spread:.decimals$}");
    }
}
