//! Requests a second of each subject, compared in rounds.

use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tempfile::TempDir;

use crate::load::Round;
use crate::server::Server;
use crate::spread::Spread;
use crate::subject::{SUBJECTS, Subject};

/// The variable that names a PostgreSQL server to measure on.
pub(crate) const POSTGRES: &str = "PORTAL_BENCH_POSTGRES";

/// What is measured, and how.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) load: Load,
    /// Only these subjects beside the first one
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// How it is measured.
#[derive(Args)]
pub(crate) struct Load {
    /// How often each subject has its turn
    #[arg(long, default_value_t = 60)]
    pub(crate) rounds: usize,
    /// Seconds of a turn
    #[arg(long, default_value_t = 0.25)]
    seconds: f64,
    /// Connections that ask at the same time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Threads of each server
    #[arg(long, default_value_t = 1)]
    server_threads: usize,
    /// Threads that ask
    #[arg(long, default_value_t = 1)]
    pub(crate) client_threads: usize,
}

/// Measures the chosen subjects.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    compare(&chosen(&settings.only)?, &settings.load).await
}

/// Starts every subject, measures in turns, prints the ratios to the first one.
pub(crate) async fn compare(subjects: &[&'static Subject], load: &Load) -> Result<()> {
    let duration =
        Duration::try_from_secs_f64(load.seconds).context("`--seconds` is no length of time")?;
    let directory = tempfile::tempdir()?;
    let mut servers = Vec::new();
    for subject in subjects {
        let database = database_of(subject, &directory);
        servers.push(Server::start(subject, &database, load.server_threads).await?);
    }
    same_answers(&servers)?;

    for server in &servers {
        // The first requests fill caches and pools; they do not count.
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

fn chosen(only: &[String]) -> Result<Vec<&'static Subject>> {
    for name in only {
        crate::subject::named(name)?;
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    let subjects = SUBJECTS.iter().enumerate();
    let chosen = subjects.filter(|(index, subject)| *index == 0 || wanted(subject.name));
    Ok(chosen.map(|(_, subject)| subject).collect())
}

/// PostgreSQL if there is one (all subjects share it), else a SQLite file of its own.
fn database_of(subject: &Subject, directory: &TempDir) -> String {
    env::var(POSTGRES).unwrap_or_else(|_| {
        let file = directory.path().join(subject.name).with_extension("db");
        format!("sqlite://{}", file.display())
    })
}

/// A subject that answers something else is not comparable.
fn same_answers(servers: &[Server]) -> Result<()> {
    for pair in servers.windows(2) {
        if let [one, other] = pair
            && one.answer != other.answer
        {
            bail!(
                "`{}` and `{}` answer different things: {:?} and {:?}",
                one.subject.name,
                other.subject.name,
                one.answer,
                other.answer,
            );
        }
    }
    Ok(())
}

/// Prints what each subject did, and its share of what the first one did in the same round.
fn report(servers: &[Server], turns: &[Vec<Round>]) {
    println!("each as min / median / max over {} rounds", turns.len());
    for (index, server) in servers.iter().enumerate() {
        let rounds = || turns.iter().filter_map(|turn| turn.get(index));
        let ratios = turns.iter().filter_map(|turn| {
            let baseline = turn.first()?.rate();
            Some(turn.get(index)?.rate() / baseline)
        });
        println!("{}: {}", server.subject.name, server.subject.about);
        line("share of the first", Spread::of(ratios), 3);
        line("requests/s", Spread::of(rounds().map(Round::rate)), 0);
        line(
            "server µs/request",
            Spread::of(rounds().filter_map(Round::cost)),
            1,
        );
    }
}

fn line(what: &str, spread: Option<Spread>, decimals: usize) {
    if let Some(spread) = spread {
        println!("  {what:<20} {spread:.decimals$}");
    }
}
