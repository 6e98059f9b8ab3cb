//! Databases for the measurements: creation, test data and queries.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::http::POSTGRES;

/// Timeout for rows to become final.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Creates databases for measurements.
pub(super) struct Databases {
    server: String,
    directory: TempDir,
}

impl Databases {
    pub(super) fn new() -> Result<Self> {
        let server = std::env::var(POSTGRES)
            .with_context(|| format!("{POSTGRES} is not set; run `cargo xtask bench tasks`"))?;
        Ok(Self {
            server,
            directory: tempfile::tempdir()?,
        })
    }

    /// Creates a database on the PostgreSQL server and returns its URI.
    pub(super) async fn postgres(&self, name: &str) -> Result<String> {
        let pool = PgPool::connect(&self.server).await?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            run(&pool, &statement).await?;
        }
        pool.close().await;
        let (root, _) = self
            .server
            .rsplit_once('/')
            .context("the URI has no database")?;
        Ok(format!("{root}/{name}"))
    }

    /// Returns the URI of a new SQLite file.
    pub(super) fn sqlite(&self, name: &str) -> String {
        let file = self.directory.path().join(name).with_extension("db");
        format!("sqlite://{}", file.display())
    }
}

/// Opens a PostgreSQL pool of the same size as the portal's.
pub(super) async fn postgres_pool(uri: &str) -> Result<PgPool> {
    let options: PgConnectOptions = uri.parse()?;
    let pool = PgPoolOptions::new().max_connections(20);
    Ok(pool.connect_with(options).await?)
}

/// Runs statements on PostgreSQL.
pub(super) async fn run(pool: &PgPool, statements: &str) -> Result<()> {
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(pool).await?;
    Ok(())
}

/// Deletes all enqueued tasks.
pub(super) async fn clear(pool: &PgPool) -> Result<()> {
    let others = "DELETE FROM portal_tasks WHERE id >= '01000000-0000-0000-0000-000000000000'";
    run(pool, others).await
}

/// Replaces all enqueued tasks with pending tasks of one type.
pub(super) async fn fill(pool: &PgPool, tasks: usize) -> Result<()> {
    fill_types(pool, tasks, 1).await
}

/// Replaces all enqueued tasks with pending tasks of several types.
pub(super) async fn fill_types(pool: &PgPool, tasks: usize, types: usize) -> Result<()> {
    clear(pool).await?;
    add_types(pool, tasks, types).await?;
    run(pool, "VACUUM ANALYZE portal_tasks").await
}

async fn add_types(pool: &PgPool, tasks: usize, types: usize) -> Result<()> {
    // The statement sets `turn` in the same way as enqueueing.
    let insert = format!(
        "INSERT INTO portal_tasks (id, state, name, args, status, run_at, created_at, updated_at, \
                                   turn, stored_bytes) \
         SELECT ('01a00000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bench', \
                concat('noop', nullif(n % {types}, 0)), '{{}}', 'PENDING', now(), now(), now(), n, 2 \
         FROM generate_series(1, {tasks}) AS n"
    );
    run(pool, &insert).await
}

/// Stores finished tasks, which [`fill`] does not delete.
pub(super) async fn add_finished(pool: &PgPool, tasks: usize) -> Result<()> {
    let insert = format!(
        "INSERT INTO portal_tasks (id, state, name, args, status, progress, result, attempt, \
                                   run_at, created_at, updated_at, started_at, finished_at, version) \
         SELECT ('00a00000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bench', 'noop', '{{}}', \
                'COMPLETED', 100, 'null', 1, at, at, at, at, at, 2 \
         FROM generate_series(1, {tasks}) AS n, (SELECT now() AS at) AS time"
    );
    run(pool, &insert).await?;
    run(pool, "VACUUM ANALYZE portal_tasks").await
}

/// Waits until a check returns `false`.
pub(super) async fn until_none(
    mut left: impl AsyncFnMut() -> Result<bool>,
    pause: Duration,
) -> Result<()> {
    let begin = Instant::now();
    while left().await? {
        if begin.elapsed() > TIMEOUT {
            bail!("the tasks did not finish within {} s", TIMEOUT.as_secs());
        }
        sleep(pause).await;
    }
    Ok(())
}

/// Returns `true` if a portal on PostgreSQL has unfinished tasks.
pub(super) async fn is_active(pool: &PgPool) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM portal_tasks WHERE status = 'PENDING') \
             OR EXISTS (SELECT FROM portal_tasks WHERE status = 'PROCESSING')",
    )
    .fetch_one(pool)
    .await?)
}
