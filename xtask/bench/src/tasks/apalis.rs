//! Baseline: apalis, the queue that an application would otherwise use.

use std::time::{Duration, Instant};

use anyhow::Result;
use apalis::prelude::*;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{PgPool, SqlitePool};
use tokio::time::sleep;

use super::database::{self, until_none};

const QUEUE: &str = "bench";
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Configuration of apalis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tuning {
    /// Default settings.
    AsItComes,
    /// Large batches, and no second lock for each task.
    Tuned,
}

/// apalis queue on PostgreSQL.
pub(super) struct Postgres(PgPool);

impl Postgres {
    pub(super) async fn new(uri: &str) -> Result<Self> {
        let pool = database::postgres_pool(uri).await?;
        PostgresStorage::setup(&pool).await?;
        Ok(Self(pool))
    }

    /// Stores tasks and returns the number run and acknowledged per second.
    pub(super) async fn drain(
        &self,
        tasks: usize,
        concurrency: usize,
        tuning: Tuning,
    ) -> Result<f64> {
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

/// apalis queue on SQLite.
pub(super) struct Sqlite(SqlitePool);

impl Sqlite {
    pub(super) async fn new(uri: &str) -> Result<Self> {
        let pool = database::sqlite_pool(uri, 5).await?;
        SqliteStorage::setup(&pool).await?;
        Ok(Self(pool))
    }

    /// Stores tasks and returns the number run and acknowledged per second within `bound`.
    pub(super) async fn drain(
        &self,
        tasks: usize,
        concurrency: usize,
        bound: Duration,
    ) -> Result<f64> {
        let fill = format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {tasks}) \
             INSERT INTO Jobs (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata) \
             SELECT CAST('0' AS BLOB), printf('%026d', n), '{QUEUE}', 'Pending', 0, 25, strftime('%s', 'now'), 0, '{{}}' \
             FROM numbers; ANALYZE"
        );
        database::run_sqlite(&self.0, &fill).await?;
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
