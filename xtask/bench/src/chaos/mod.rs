//! Replicas and their database are killed while tasks run; in the end nothing may be lost.
//!
//! Run by `cargo xtask chaos`.

mod book;
mod client;
mod cluster;
mod disorder;
mod fleet;
mod kinds;
mod proof;
mod replica;
mod starter;
mod watcher;

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

use self::book::{Book, promise};
use self::client::Client;
use self::cluster::Cluster;
use self::disorder::Disorder;
use self::fleet::Fleet;
use self::starter::Starter;

const DATABASE: &str = "chaos";
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// For how long, and how much.
#[derive(Args)]
pub(crate) struct Settings {
    /// Seconds of disorder
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Decides what happens when; chosen and printed if it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Replicas
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// Clients that start tasks at the same time
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// Milliseconds without a sign of life after which a replica loses its tasks
    #[arg(long, default_value_t = 1500)]
    lease: u64,
    /// Seconds after the disorder in which every task has to end
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// A directory for what the replicas log
    #[arg(long)]
    logs: Option<PathBuf>,
}

/// Starts everything, lets things happen, puts them right, and proves that nothing was lost.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let seed = settings.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let seconds = settings.seconds;
    println!("chaos for {seconds} s, --seed {seed}");
    let lease = Duration::from_millis(settings.lease);
    let mut cluster = Cluster::start_new().await?;
    let database = create_database(&cluster).await?;
    let book = Arc::new(Book::default());
    let fleet = Fleet::start(
        settings.replicas,
        database.clone(),
        lease,
        settings.logs.clone(),
        Arc::clone(&book),
    );
    let fleet = Arc::new(fleet.await?);
    proof::install_ledger(&database).await?;
    let client = Client::sign_in(fleet.ports()).await?;

    let supervisor = tokio::spawn({
        let fleet = Arc::clone(&fleet);
        async move { fleet.supervise().await }
    });
    let enough = CancellationToken::new();
    let mut starters = JoinSet::new();
    for name in 0..settings.clients {
        let starter = Starter {
            name,
            seed,
            client: client.clone(),
            book: Arc::clone(&book),
            enough: enough.clone(),
        };
        starters.spawn(starter.run());
    }
    let mut disorder = Disorder {
        chance: fastrand::Rng::with_seed(seed.wrapping_add(1 << 32)),
        fleet: Arc::clone(&fleet),
        lease,
        database: database.clone(),
    };
    let disturbed = disorder.run(&mut cluster, Duration::from_secs(seconds));
    disturbed.await.context("the disorder itself failed")?;
    fleet.wait_until_ready().await?;
    enough.cancel();
    eprintln!("everything runs again");

    let patience = Patience(Instant::now() + Duration::from_secs(settings.patience));
    // Held until the proof: dropping a set ends those in it.
    let mut watchers = Vec::new();
    while let Some(starter) = patience.with(starters.join_next()).await.flatten() {
        watchers.push(starter?);
    }
    if !starters.is_empty() {
        let what = format!("{} clients still ask", starters.len());
        book.violation(promise::ANSWERED, what);
    }
    while proof::active(&database).await? > 0 && !patience.is_over() {
        sleep(LOOK_AGAIN).await;
    }
    let patience = Patience(Instant::now() + Duration::from_secs(10));
    while !book.watching().is_empty() && !patience.is_over() {
        sleep(LOOK_AGAIN).await;
    }
    for id in book.watching() {
        let what = format!("{id}: not within 10 seconds after the last task has ended");
        book.violation(promise::SAW_END, what);
    }
    let proved = proof::prove(&database, &book).await;
    supervisor.abort();
    for replica in 0..settings.replicas {
        fleet.end(replica, rustix::process::Signal::KILL).await?;
    }
    proved.with_context(|| format!("chaos --seconds {seconds} --seed {seed}"))
}

async fn create_database(cluster: &Cluster) -> Result<String> {
    let mut connection = PgConnection::connect(&cluster.uri("postgres")).await?;
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {DATABASE}"));
    sqlx::raw_sql(create).execute(&mut connection).await?;
    connection.close().await?;
    Ok(cluster.uri(DATABASE))
}

/// A time that is waited at the most.
struct Patience(Instant);

impl Patience {
    fn is_over(&self) -> bool {
        Instant::now() > self.0
    }

    async fn with<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.0.into(), work).await.ok()
    }
}
