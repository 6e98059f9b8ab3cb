//! Throughput of enqueued tasks, from the first claim until every task is finished.

use std::future::{Future, IntoFuture};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use portal_core::{NoArgs, Portal, Tasks};

use super::database::{self, until_none};
use super::report::Line;
use super::workloads::{self, Ran};
use super::{Bench, baseline_queue, portal};

const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Number of concurrent calls while tasks are enqueued one by one.
const AT_ONCE: usize = 64;

/// Compares the portal on PostgreSQL with a loop of SQL statements.
pub(super) async fn postgres(bench: &Bench) -> Result<Vec<Line>> {
    let tasks = bench.scaled(20_000);
    let ours = bench.databases.postgres("drain").await?;
    portal::migrate(&ours).await?;
    let pool = database::postgres_pool(&ours).await?;
    let baseline =
        baseline_queue::Queue::new(&bench.databases.postgres("drain_baseline").await?).await?;
    let (mut at_50, mut at_200, mut loops) = (Vec::new(), Vec::new(), Vec::new());
    let (mut one_by_one, mut of_ten_types) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        for (concurrency, rates) in [(50, &mut at_50), (200, &mut at_200)] {
            database::fill(&pool, tasks).await?;
            rates.push(drain(&ours, &pool, tasks, concurrency).await?);
        }
        start(&ours, &pool, tasks).await?;
        one_by_one.push(drain(&ours, &pool, tasks, 50).await?);
        database::fill_types(&pool, tasks, workloads::NOOPS).await?;
        let ran = Ran::default();
        let portal = portal::build_with_noops(&ours, 50, ran.clone());
        of_ten_types.push(drain_with(portal, &ran, &pool, tasks).await?);
        loops.push(baseline.drain(tasks).await?);
    }
    let line = |name: &str, ours: &[f64], baseline: &[f64], aim| {
        Line::compared(
            format!("PostgreSQL, no-op tasks, {name}"),
            "tasks/s",
            ours,
            baseline,
            aim,
        )
    };
    Ok(vec![
        line("50 at once / SQL loop", &at_50, &loops, "≥ 0.75"),
        line("200 at once / SQL loop", &at_200, &loops, "≥ 0.75"),
        line("200 at once / 50 at once", &at_200, &at_50, "≥ 1"),
        line(
            "50 at once, started one by one / stored with one statement",
            &one_by_one,
            &at_50,
            "≥ 0.8",
        ),
        line(
            "50 at once, of ten types / of one type",
            &of_ten_types,
            &at_50,
            "≥ 0.8",
        ),
    ])
}

/// Measures tasks per second. Unlike for baselines, the start-up time is included.
pub(super) async fn drain(
    uri: &str,
    pool: &sqlx::PgPool,
    tasks: usize,
    concurrency: usize,
) -> Result<f64> {
    let ran = Ran::default();
    let portal = portal::build(uri, concurrency, ran.clone());
    drain_with(portal, &ran, pool, tasks).await
}

/// Enqueues tasks as an application would, each with a separate call.
async fn start(uri: &str, pool: &sqlx::PgPool, tasks: usize) -> Result<()> {
    database::clear(pool).await?;
    let portal = portal::build(uri, 0, Ran::default()).await?;
    let handle = portal
        .state()
        .get::<Tasks>()
        .context("the portal has no task handle")?;
    let starts = (0..tasks).map(|_| handle.enqueue(workloads::noop, NoArgs {}).into_future());
    let started: Vec<_> = stream::iter(starts)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    debug_assert_eq!(started.len(), tasks);
    portal.shutdown().await;
    portal.store().close().await;
    database::run(pool, "VACUUM ANALYZE portal_tasks").await
}

async fn drain_with(
    portal: impl Future<Output = Result<Portal>>,
    ran: &Ran,
    pool: &sqlx::PgPool,
    tasks: usize,
) -> Result<f64> {
    let begin = Instant::now();
    let portal = portal.await?;
    until_none(async || Ok(ran.count() < tasks), POLL_INTERVAL).await?;
    until_none(async || database::is_active(pool).await, POLL_INTERVAL).await?;
    let rate = tasks as f64 / begin.elapsed().as_secs_f64();
    portal.shutdown().await;
    portal.store().close().await;
    Ok(rate)
}
