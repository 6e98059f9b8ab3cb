//! Databases of the measures: made, filled, looked at.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::http::POSTGRES;

/// How long rows may take to become final.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where databases are made.
pub(super) struct Databases {
    server: String,
    directory: TempDir,
}

impl Databases {
    pub(super) fn new() -> Result<Self> {
        let server = std::env::var(POSTGRES)
            .with_context(|| format!("{POSTGRES} is not set: call `cargo xtask bench tasks`"))?;
        Ok(Self {
            server,
            directory: tempfile::tempdir()?,
        })
    }

    /// The URI of a new database of the PostgreSQL server.
    pub(super) async fn postgres(&self, name: &str) -> Result<String> {
        let pool = PgPool::connect(&self.server).await?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            run(&pool, &statement).await?;
        }
        pool.close().await;
        let (root, _) = self.server.rsplit_once('/').context("no database")?;
        Ok(format!("{root}/{name}"))
    }

    /// The URI of a new SQLite file.
    pub(super) fn sqlite(&self, name: &str) -> String {
        let file = self.directory.path().join(name).with_extension("db");
        format!("sqlite://{}", file.display())
    }
}

/// Connections to PostgreSQL, as many as the portal has.
pub(super) async fn postgres_pool(uri: &str) -> Result<PgPool> {
    let options: PgConnectOptions = uri.parse()?;
    let pool = PgPoolOptions::new().max_connections(20);
    Ok(pool.connect_with(options).await?)
}

/// Connections to SQLite, as durable as the portal's.
pub(super) async fn sqlite_pool(uri: &str, connections: u32) -> Result<SqlitePool> {
    let options = uri
        .parse::<SqliteConnectOptions>()?
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(5))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new().max_connections(connections);
    Ok(pool.connect_with(options).await?)
}

/// Runs statements of PostgreSQL.
pub(super) async fn run(pool: &PgPool, statements: &str) -> Result<()> {
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(pool).await?;
    Ok(())
}

/// Runs statements of SQLite.
pub(super) async fn run_sqlite(pool: &SqlitePool, statements: &str) -> Result<()> {
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(pool).await?;
    Ok(())
}

/// Deletes all tasks that were started.
pub(super) async fn clear(pool: &PgPool) -> Result<()> {
    let others = "DELETE FROM portal_tasks WHERE id >= '01000000-0000-0000-0000-000000000000'";
    run(pool, others).await
}

/// Stores pending tasks of one type, in place of all that were started.
pub(super) async fn fill(pool: &PgPool, tasks: usize) -> Result<()> {
    fill_types(pool, tasks, 1).await
}

/// Stores pending tasks of several types, in place of all that were started.
pub(super) async fn fill_types(pool: &PgPool, tasks: usize, types: usize) -> Result<()> {
    clear(pool).await?;
    add_types(pool, tasks, types).await?;
    run(pool, "VACUUM ANALYZE portal_tasks").await
}

async fn add_types(pool: &PgPool, tasks: usize, types: usize) -> Result<()> {
    // With their turns, as a start stores them.
    let insert = format!(
        "INSERT INTO portal_tasks (id, state, name, args, status, run_at, created_at, updated_at, \
                                   turn, stored_bytes) \
         SELECT ('01a00000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bench', \
                concat('noop', nullif(n % {types}, 0)), '{{}}', 'PENDING', now(), now(), now(), n, 2 \
         FROM generate_series(1, {tasks}) AS n"
    );
    run(pool, &insert).await
}

/// Stores tasks that have ended; [`fill`] leaves them there.
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

/// The same as [`fill`] on SQLite.
pub(super) async fn fill_sqlite(pool: &SqlitePool, tasks: usize) -> Result<()> {
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

/// Waits until a statement says that nothing is left.
pub(super) async fn until_none(
    mut left: impl AsyncFnMut() -> Result<bool>,
    pause: Duration,
) -> Result<()> {
    let begin = Instant::now();
    while left().await? {
        if begin.elapsed() > PATIENCE {
            bail!("the tasks have not ended after {} s", PATIENCE.as_secs());
        }
        sleep(pause).await;
    }
    Ok(())
}

/// Whether tasks of a portal on PostgreSQL have not ended.
pub(super) async fn is_active(pool: &PgPool) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM portal_tasks WHERE status = 'PENDING') \
             OR EXISTS (SELECT FROM portal_tasks WHERE status = 'PROCESSING')",
    )
    .fetch_one(pool)
    .await?)
}
