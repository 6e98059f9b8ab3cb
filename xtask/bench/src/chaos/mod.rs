//! Chaos test: kills replicas and their database while tasks run, and checks that no task is lost.
//!
//! Run by `cargo xtask chaos`.

mod checker;
mod client;
mod generator;
mod monitor;
mod nemesis;
mod postgres;
mod recorder;
mod replica;
mod replicas;
mod workloads;

pub(crate) use self::replica::{Settings as ReplicaSettings, run as run_replica};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::client::Client;
use self::generator::Generator;
use self::nemesis::Nemesis;
use self::postgres::PostgresServer;
use self::recorder::{Recorder, promise};
use self::replicas::Replicas;

const DATABASE: &str = "chaos";
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Options for the chaos test.
#[derive(Args)]
pub(crate) struct Settings {
    /// Directory containing the PostgreSQL binaries
    #[arg(long)]
    programs: PathBuf,
    /// Empty directory for PostgreSQL's data
    #[arg(long)]
    directory: PathBuf,
    /// Duration of the failure injection in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed for the sequence of failures; chosen at random and printed if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Number of replicas
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// Number of clients that enqueue tasks concurrently
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// Milliseconds without a heartbeat after which a replica loses its tasks
    #[arg(long, default_value_t = 1500)]
    lease: u64,
    /// Seconds within which every task must finish after the last failure
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Directory for the replicas' logs
    #[arg(long)]
    logs: Option<PathBuf>,
}

/// Starts all processes, injects failures, restores everything and checks that no task was lost.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let seed = settings.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let seconds = settings.seconds;
    println!("running the chaos test for {seconds} s with --seed {seed}");
    let lease = Duration::from_millis(settings.lease);
    let mut cluster = PostgresServer::start_new(&settings.programs, &settings.directory)?;
    let database = create_database(&cluster).await?;
    let book = Arc::new(Recorder::default());
    let fleet = Replicas::start(
        settings.replicas,
        database.clone(),
        lease,
        settings.logs.clone(),
        Arc::clone(&book),
    );
    let fleet = Arc::new(fleet.await?);
    checker::install_ledger(&database).await?;
    let client = Client::sign_in(fleet.ports()).await?;

    let supervisor = tokio::spawn({
        let fleet = Arc::clone(&fleet);
        async move { fleet.supervise().await }
    });
    let enough = CancellationToken::new();
    let mut starters = JoinSet::new();
    for name in 0..settings.clients {
        let starter = Generator {
            name,
            seed,
            client: client.clone(),
            book: Arc::clone(&book),
            enough: enough.clone(),
        };
        starters.spawn(starter.run());
    }
    let mut disorder = Nemesis {
        chance: fastrand::Rng::with_seed(seed.wrapping_add(1 << 32)),
        fleet: Arc::clone(&fleet),
        lease,
        database: database.clone(),
    };
    let disturbed = disorder.run(&mut cluster, Duration::from_secs(seconds));
    disturbed.await.context("failed to inject failures")?;
    fleet.wait_until_ready().await?;
    enough.cancel();
    eprintln!("all replicas are running again");

    let patience = Patience(Instant::now() + Duration::from_secs(settings.patience));
    // Keep the sets alive until the checks have run, because dropping a set aborts the clients in
    // it.
    let mut monitors = Vec::new();
    while let Some(starter) = patience.with(starters.join_next()).await.flatten() {
        monitors.push(starter?);
    }
    if !starters.is_empty() {
        let what = format!("{} clients are still waiting", starters.len());
        book.violation(promise::ANSWERED, what);
    }
    while checker::active(&database).await? > 0 && !patience.is_over() {
        sleep(POLL_INTERVAL).await;
    }
    let patience = Patience(Instant::now() + Duration::from_secs(10));
    while !book.watching().is_empty() && !patience.is_over() {
        sleep(POLL_INTERVAL).await;
    }
    for id in book.watching() {
        let what = format!("{id}: no final state within 10 seconds after the last task finished");
        book.violation(promise::SAW_END, what);
    }
    let proved = checker::prove(&database, &book).await;
    supervisor.abort();
    for replica in 0..settings.replicas {
        fleet.end(replica, rustix::process::Signal::KILL).await?;
    }
    proved.with_context(|| format!("chaos --seconds {seconds} --seed {seed}"))
}

async fn create_database(cluster: &PostgresServer) -> Result<String> {
    let mut connection = PgConnection::connect(&cluster.uri("postgres")).await?;
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {DATABASE}"));
    sqlx::raw_sql(create).execute(&mut connection).await?;
    connection.close().await?;
    Ok(cluster.uri(DATABASE))
}

/// Time at which the test stops waiting.
struct Patience(Instant);

impl Patience {
    fn is_over(&self) -> bool {
        Instant::now() > self.0
    }

    async fn with<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.0.into(), work).await.ok()
    }
}
