//! Baseline queue with minimal SQL: claims fifty tasks, then acknowledges them.

use std::time::Instant;

use anyhow::Result;
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::database;

const TABLES: &str = "
    CREATE TABLE bare_tasks (
        id           UUID PRIMARY KEY,
        args         JSONB NOT NULL,
        status       TEXT NOT NULL,
        attempt      INTEGER NOT NULL DEFAULT 0,
        result       JSONB,
        created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
        finished_at  TIMESTAMPTZ
    );
    CREATE INDEX bare_tasks_claim ON bare_tasks (id) WHERE status = 'PENDING';
";
const CLAIM: &str = "
    WITH next AS MATERIALIZED (
        SELECT id FROM bare_tasks WHERE status = 'PENDING' ORDER BY id LIMIT 50 FOR UPDATE SKIP LOCKED
    )
    UPDATE bare_tasks SET status = 'PROCESSING', attempt = attempt + 1
    WHERE id IN (SELECT id FROM next) RETURNING id, args
";
const ACKNOWLEDGE: &str = "
    UPDATE bare_tasks SET status = 'COMPLETED', result = 'null', finished_at = now() WHERE id = ANY($1)
";
/// Number of connections; with only a few cores, more would not help.
const CONNECTIONS: usize = 2;

/// Baseline for queue throughput.
pub(super) struct Queue(PgPool);

impl Queue {
    pub(super) async fn new(uri: &str) -> Result<Self> {
        let pool = database::postgres_pool(uri).await?;
        database::run(&pool, TABLES).await?;
        Ok(Self(pool))
    }

    /// Stores tasks and returns the number claimed and acknowledged per second.
    pub(super) async fn drain(&self, tasks: usize) -> Result<f64> {
        let fill = format!(
            "TRUNCATE bare_tasks; \
             INSERT INTO bare_tasks (id, args, status) \
             SELECT ('01a00000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '{{}}', 'PENDING' \
             FROM generate_series(1, {tasks}) AS n"
        );
        database::run(&self.0, &fill).await?;
        database::run(&self.0, "VACUUM ANALYZE bare_tasks").await?;
        let begin = Instant::now();
        let mut loops = JoinSet::new();
        for _ in 0..CONNECTIONS {
            loops.spawn(work(self.0.clone()));
        }
        while let Some(done) = loops.join_next().await {
            done??;
        }
        Ok(tasks as f64 / begin.elapsed().as_secs_f64())
    }
}

async fn work(pool: PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    loop {
        let claimed: Vec<(Uuid, serde_json::Value)> =
            sqlx::query_as(CLAIM).fetch_all(&mut *connection).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = claimed.into_iter().map(|(id, _)| id).collect();
        let acknowledge = sqlx::query(ACKNOWLEDGE).bind(ids);
        acknowledge.execute(&mut *connection).await?;
    }
}
