//! Baseline: apalis, the queue that an application would otherwise use.

use std::time::{Duration, Instant};

use anyhow::Result;
use apalis::prelude::*;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tokio::time::sleep;

use super::database::{self, until_none};
use super::report::Line;
use super::workloads::Ran;
use super::{Bench, portal, throughput};

/// Maximum duration of a measurement on SQLite, which could otherwise take minutes.
const BOUND: Duration = Duration::from_secs(10);
const QUEUE: &str = "bench";
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Compares the portal on PostgreSQL with apalis.
pub(super) async fn postgres(bench: &Bench) -> Result<Vec<Line>> {
    let tasks = bench.scaled(20_000);
    let ours = bench.databases.postgres("drain").await?;
    portal::migrate(&ours).await?;
    let pool = database::postgres_pool(&ours).await?;
    let apalis = Postgres::new(&bench.databases.postgres("drain_apalis").await?).await?;
    let (mut rates, mut plain, mut tuned) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        database::fill(&pool, tasks).await?;
        rates.push(throughput::drain(&ours, &pool, tasks, 50).await?);
        // A tenth of the tasks is enough to measure the rate.
        plain.push(apalis.drain(tasks / 10, 50, Tuning::AsItComes).await?);
        tuned.push(apalis.drain(tasks, 50, Tuning::Tuned).await?);
    }
    let line = |name: &str, baseline: &[f64], aim| {
        let name = format!("PostgreSQL, no-op tasks, 50 at once / {name}");
        Line::compared(name, "tasks/s", &rates, baseline, aim)
    };
    Ok(vec![
        line("apalis-postgres", &plain, "≥ 5"),
        line("apalis-postgres, tuned", &tuned, "≥ 1.5"),
    ])
}

/// Compares the portal on SQLite with apalis.
pub(super) async fn sqlite(bench: &Bench) -> Result<Vec<Line>> {
    let tasks = bench.scaled(20_000);
    let ours = bench.databases.sqlite("drain");
    portal::migrate(&ours).await?;
    let (mut rates, mut others) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds {
        let pool = sqlite_pool(&ours, 1).await?;
        fill_sqlite(&pool, tasks).await?;
        rates.push(drain_sqlite(&ours, &pool, tasks).await?);
        pool.close().await;
        let name = format!("drain_apalis_{round}");
        let apalis = Sqlite::new(&bench.databases.sqlite(&name)).await?;
        others.push(apalis.drain(tasks, 50, BOUND).await?);
    }
    let name = format!("SQLite, {tasks} tasks / apalis-sqlite");
    Ok(vec![Line::compared(
        name, "tasks/s", &rates, &others, "≥ 10",
    )])
}

async fn drain_sqlite(uri: &str, pool: &sqlx::SqlitePool, tasks: usize) -> Result<f64> {
    let ran = Ran::default();
    let begin = Instant::now();
    let portal = portal::build(uri, 50, ran.clone()).await?;
    until_none(async || Ok(ran.count() < tasks), POLL_INTERVAL).await?;
    let active =
        "SELECT EXISTS (SELECT 1 FROM portal_tasks WHERE status IN ('PENDING', 'PROCESSING'))";
    until_none(
        async || Ok(sqlx::query_scalar(active).fetch_one(pool).await?),
        POLL_INTERVAL,
    )
    .await?;
    let rate = tasks as f64 / begin.elapsed().as_secs_f64();
    portal.shutdown().await;
    portal.store().close().await;
    Ok(rate)
}

/// Configuration of apalis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tuning {
    /// Default settings.
    AsItComes,
    /// Large batches, and no second lock for each task.
    Tuned,
}

/// An apalis queue on PostgreSQL.
struct Postgres(PgPool);

impl Postgres {
    async fn new(uri: &str) -> Result<Self> {
        let pool = database::postgres_pool(uri).await?;
        PostgresStorage::setup(&pool).await?;
        Ok(Self(pool))
    }

    /// Stores tasks and returns the number executed and acknowledged per second.
    async fn drain(&self, tasks: usize, concurrency: usize, tuning: Tuning) -> Result<f64> {
        let fill = format!(
            "TRUNCATE apalis.jobs; \
             INSERT INTO apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, metadata) \
             SELECT lpad(n::text, 26, '0'), '{QUEUE}', '\\x30', 'Pending', 0, 25, now(), 0, ''::hstore \
             FROM generate_series(1, {tasks}) AS n"
        );
        database::run(&self.0, &fill).await?;
        database::run(&self.0, "VACUUM ANALYZE apalis.jobs").await?;
        let config = apalis_postgres::Config::default().queue(QUEUE);
        let config = match tuning {
            Tuning::AsItComes => config,
            Tuning::Tuned => config.batch_size(100).lock_tasks(false),
        };
        let storage = PostgresStorage::<u32>::new(&self.0).with_config(config);
        // The name is unique, because apalis still counts stopped workers as running.
        let worker = WorkerBuilder::new(format!("bench-{}", uuid::Uuid::new_v4()))
            .backend(storage)
            .concurrency(concurrency)
            .parallelize(tokio::spawn)
            .build(noop);
        let begin = Instant::now();
        let worker = tokio::spawn(worker.run());
        let left = "SELECT EXISTS (SELECT FROM apalis.jobs WHERE status <> 'Done')";
        let drained = until_none(
            async || Ok(sqlx::query_scalar(left).fetch_one(&self.0).await?),
            POLL_INTERVAL,
        );
        let drained = drained.await;
        let rate = tasks as f64 / begin.elapsed().as_secs_f64();
        worker.abort();
        let _ = worker.await;
        drained.map(|()| rate)
    }
}

/// An apalis queue on SQLite.
struct Sqlite(SqlitePool);

impl Sqlite {
    async fn new(uri: &str) -> Result<Self> {
        let pool = sqlite_pool(uri, 5).await?;
        SqliteStorage::setup(&pool).await?;
        Ok(Self(pool))
    }

    /// Stores tasks and returns the number executed and acknowledged per second, within `bound`.
    async fn drain(&self, tasks: usize, concurrency: usize, bound: Duration) -> Result<f64> {
        let fill = format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {tasks}) \
             INSERT INTO Jobs (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata) \
             SELECT CAST('0' AS BLOB), printf('%026d', n), '{QUEUE}', 'Pending', 0, 25, strftime('%s', 'now'), 0, '{{}}' \
             FROM numbers; ANALYZE"
        );
        run_sqlite(&self.0, &fill).await?;
        let config = apalis_sqlite::Config::default().queue(QUEUE);
        let storage = SqliteStorage::<u32>::new(&self.0).with_config(config);
        let worker = WorkerBuilder::new("bench")
            .backend(storage)
            .concurrency(concurrency)
            .parallelize(tokio::spawn)
            .build(noop);
        let begin = Instant::now();
        let worker = tokio::spawn(worker.run());
        let done = "SELECT count(*) FROM Jobs WHERE status = 'Done'";
        let rate = loop {
            sleep(bound / 100).await;
            let count: i64 = sqlx::query_scalar(done).fetch_one(&self.0).await?;
            if count >= tasks as i64 || begin.elapsed() > bound {
                break count as f64 / begin.elapsed().as_secs_f64();
            }
        };
        worker.abort();
        let _ = worker.await;
        self.0.close().await;
        Ok(rate)
    }
}

async fn noop(_task: u32) -> Result<(), BoxDynError> {
    Ok(())
}

/// Opens a SQLite pool with the same durability as the portal's.
async fn sqlite_pool(uri: &str, connections: u32) -> Result<SqlitePool> {
    let options = uri
        .parse::<SqliteConnectOptions>()?
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(5))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(connections);
    Ok(pool.connect_with(options).await?)
}

/// Runs statements on SQLite.
async fn run_sqlite(pool: &SqlitePool, statements: &str) -> Result<()> {
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(pool).await?;
    Ok(())
}

/// Replaces all enqueued tasks with pending tasks of one type on SQLite.
async fn fill_sqlite(pool: &SqlitePool, tasks: usize) -> Result<()> {
    let fill = format!(
        "DELETE FROM portal_tasks; \
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {tasks}), \
              time(at) AS (SELECT strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) \
         INSERT INTO portal_tasks (id, state, name, args, status, run_at, created_at, updated_at, \
                                   turn, stored_bytes) \
         SELECT unhex(printf('01a0000000007000800%013x', n)), 'bench', 'noop', '{{}}', 'PENDING', at, at, at, n, 2 \
         FROM numbers, time; \
         ANALYZE"
    );
    run_sqlite(pool, &fill).await
}
