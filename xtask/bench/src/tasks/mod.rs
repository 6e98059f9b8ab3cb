//! Cost of the task engine, compared with baselines that do the same work without it.
//!
//! Run by `cargo xtask bench tasks`. To add a measurement, write a function such as
//! [`rest::status`] and list it in [`MEASURES`].

#[cfg(feature = "apalis")]
mod apalis;
mod baseline_http;
mod baseline_queue;
mod child;
mod database;
mod fanout;
mod history_size;
mod latency;
mod monitor_client;
mod portal;
mod replicas;
mod report;
mod rest;
mod server;
mod throughput;
mod workloads;

pub(crate) use self::server::{Settings as ServerSettings, run as run_server};

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::database::Databases;
use self::report::Line;

/// A measurement that can be selected by name.
struct Measure {
    name: &'static str,
    run: for<'a> fn(&'a Bench) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Line>>> + 'a>>;

/// All measurements, in the order in which the table lists them.
const MEASURES: &[Measure] = &[
    Measure {
        name: "postgres",
        run: |bench| Box::pin(throughput::postgres(bench)),
    },
    #[cfg(feature = "apalis")]
    Measure {
        name: "apalis-postgres",
        run: |bench| Box::pin(apalis::postgres(bench)),
    },
    #[cfg(feature = "apalis")]
    Measure {
        name: "apalis-sqlite",
        run: |bench| Box::pin(apalis::sqlite(bench)),
    },
    Measure {
        name: "start",
        run: |bench| Box::pin(rest::start(bench)),
    },
    Measure {
        name: "status",
        run: |bench| Box::pin(rest::status(bench)),
    },
    Measure {
        name: "begin",
        run: |bench| Box::pin(latency::begin(bench)),
    },
    Measure {
        name: "update",
        run: |bench| Box::pin(latency::update(bench)),
    },
    Measure {
        name: "update-across",
        run: |bench| Box::pin(latency::update_across(bench)),
    },
    Measure {
        name: "monitors",
        run: |bench| Box::pin(fanout::monitors(bench)),
    },
    Measure {
        name: "fanout",
        run: |bench| Box::pin(fanout::saturated(bench)),
    },
    Measure {
        name: "memory",
        run: |bench| Box::pin(fanout::memory(bench)),
    },
    Measure {
        name: "stored",
        run: |bench| Box::pin(history_size::run(bench)),
    },
    Measure {
        name: "replicas",
        run: |bench| Box::pin(replicas::run(bench)),
    },
];

/// Options for the task benchmark.
#[derive(Args)]
pub(crate) struct Settings {
    /// Number of rounds per target
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds per round of a timed measurement
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Factor that scales the numbers of rows and connections, for quick trials
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Run only these measurements
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Environment shared by all measurements.
struct Bench {
    databases: Databases,
    rounds: usize,
    turn: Duration,
    scale: f64,
}

impl Bench {
    /// Returns the duration of a timed round.
    fn turn(&self) -> Duration {
        self.turn
    }

    /// Scales a number of rows or connections by the factor in the options.
    fn scaled(&self, count: usize) -> usize {
        ((count as f64 * self.scale).round() as usize).max(1)
    }
}

/// Runs the measurements and prints the table; if a measurement fails, the others still run.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let bench = Bench {
        databases: Databases::new()?,
        rounds: settings.rounds.max(1),
        turn: Duration::try_from_secs_f64(settings.seconds)
            .context("invalid duration in `--seconds`")?,
        scale: settings.scale,
    };
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for measure in chosen(&settings.only)? {
        let begin = Instant::now();
        match (measure.run)(&bench).await {
            Ok(measured) => lines.extend(measured),
            Err(error) => {
                eprintln!("{}: {error:#}", measure.name);
                failed.push(measure.name);
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        eprintln!("{}: {seconds:.1} s", measure.name);
    }
    println!("each as min / median / max over {} rounds", bench.rounds);
    report::print(&lines);
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Measure>> {
    for name in only {
        if !MEASURES.iter().any(|measure| measure.name == name) {
            let known: Vec<_> = MEASURES.iter().map(|measure| measure.name).collect();
            bail!(
                "unknown measurement `{name}`; choose from `{}`",
                known.join("`, `")
            );
        }
    }
    let is_selected = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    let measures = MEASURES.iter();
    Ok(measures
        .filter(|measure| is_selected(measure.name))
        .collect())
}
