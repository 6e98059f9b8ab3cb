//! Figures for Prometheus: what this process has done with tasks, and what waits in the queue.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::backlog::{self, Backlog};
use super::record::{TaskRecord, TaskStatus};
use super::registry::TaskRegistry;
use super::service::Tasks;
use crate::auth::{Access, Routes};
use crate::error::{Error, Result};
use crate::state::PortalState;
use crate::store::now;

/// How long an answer of the database serves: several scrapers at once ask it once.
const KEEP_BACKLOG: Duration = Duration::from_secs(3);
/// How long a scrape waits for the database before it answers without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The codes that have a series of their own. An application may make up codes as it runs, so all
/// others count as one.
const CODES: [&str; 8] = [
    "cancelled",
    "crashed",
    "forbidden",
    "internal",
    "invalid_parameters",
    "result_too_large",
    "timeout",
    OTHER_CODES,
];
const OTHER_CODES: &str = "task_failed";

type Labels = Vec<(&'static str, String)>;
type NewHistogram = fn() -> Histogram;

/// From a millisecond to nine hours, each bound four times the one before.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 13))
}

/// The figures of one kind of task.
struct Kind {
    started: Counter,
    retried: Counter,
    completed: Counter,
    running: Gauge,
    waiting: Histogram,
    run_time: Histogram,
}

/// The figures of every kind that the portal knows: no label comes from outside.
pub(super) struct TaskMetrics {
    registry: Registry,
    kinds: HashMap<String, HashMap<&'static str, Kind>>,
    finished: Family<Labels, Counter>,
    queued: Family<Labels, Gauge>,
    lag: Family<Labels, Gauge<f64, AtomicU64>>,
    /// When `queued` and `lag` were read; locked as long as they are in use.
    backlog_read: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for TaskMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskMetrics")
    }
}

fn labels(state: &str, name: &str) -> Labels {
    vec![("state", state.to_owned()), ("name", name.to_owned())]
}

fn outcome(state: &str, name: &str, outcome: &str, code: &str) -> Labels {
    let mut labels = labels(state, name);
    labels.push(("outcome", outcome.to_owned()));
    labels.push(("code", code.to_owned()));
    labels
}

impl TaskMetrics {
    pub(super) fn new(known: &TaskRegistry) -> Self {
        let started = Family::<Labels, Counter>::default();
        let retried = Family::<Labels, Counter>::default();
        let finished = Family::<Labels, Counter>::default();
        let running = Family::<Labels, Gauge>::default();
        let queued = Family::<Labels, Gauge>::default();
        let lag = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        let waiting = Family::<Labels, Histogram, NewHistogram>::new_with_constructor(histogram);
        let run_time = Family::<Labels, Histogram, NewHistogram>::new_with_constructor(histogram);

        let mut kinds: HashMap<String, HashMap<&'static str, Kind>> = HashMap::new();
        for definition in known.all() {
            let (state, name) = (&definition.state, definition.name);
            let labels = labels(state, name);
            let kind = Kind {
                started: started.get_or_create_owned(&labels),
                retried: retried.get_or_create_owned(&labels),
                completed: finished.get_or_create_owned(&outcome(state, name, "completed", "")),
                running: running.get_or_create_owned(&labels),
                waiting: waiting.get_or_create_owned(&labels),
                run_time: run_time.get_or_create_owned(&labels),
            };
            kinds.entry(state.clone()).or_default().insert(name, kind);
        }

        let mut registry = Registry::with_prefix("portal_tasks");
        registry.register("started", "Tasks that this process has stored", started);
        registry.register(
            "finished",
            "Tasks whose final state this process has stored",
            finished.clone(),
        );
        registry.register(
            "retried",
            "Tasks that this process has put back into the queue",
            retried,
        );
        registry.register("running", "Tasks that this process is running", running);
        registry.register(
            "queued",
            "Tasks that no process has begun, in the whole portal",
            queued.clone(),
        );
        registry.register(
            "oldest_due_seconds",
            "For how long the oldest task that is due has not been begun, in the whole portal",
            lag.clone(),
        );
        registry.register(
            "wait_seconds",
            "From when a task was due until it was begun",
            waiting,
        );
        registry.register("run_seconds", "How long an attempt has taken", run_time);
        Self {
            registry,
            kinds,
            finished,
            queued,
            lag,
            backlog_read: Mutex::new(None),
        }
    }

    fn kind(&self, state: &str, name: &str) -> Option<&Kind> {
        self.kinds.get(state)?.get(name)
    }

    /// A task has been stored.
    pub(super) fn started(&self, state: &str, name: &str) {
        if let Some(kind) = self.kind(state, name) {
            kind.started.inc();
        }
    }

    /// An attempt begins; it runs until the guard is dropped.
    pub(super) fn begun(&self, record: &TaskRecord) -> Option<RunningGuard> {
        let kind = self.kind(&record.state, &record.name)?;
        let due = record.run_at.max(record.created_at);
        kind.waiting.observe(seconds(now() - due));
        kind.running.inc();
        Some(RunningGuard {
            running: kind.running.clone(),
            run_time: kind.run_time.clone(),
            since: Instant::now(),
        })
    }

    /// A state has been stored that is not that of a running task.
    pub(super) fn ended(&self, record: &TaskRecord) {
        let Some(kind) = self.kind(&record.state, &record.name) else {
            return;
        };
        match record.status {
            TaskStatus::Completed => {
                kind.completed.inc();
            }
            TaskStatus::Error => {
                let code = record.code.as_deref().unwrap_or_default();
                let code = CODES
                    .into_iter()
                    .find(|known| *known == code)
                    .unwrap_or(OTHER_CODES);
                let labels = outcome(&record.state, &record.name, "error", code);
                self.finished.get_or_create(&labels).inc();
            }
            TaskStatus::Pending => {
                kind.retried.inc();
            }
            TaskStatus::Processing => {}
        }
    }

    /// Every series as text. What only the database knows is left out while it is away.
    async fn text(&self, tasks: &Tasks) -> Result<String> {
        let mut read = self.backlog_read.lock().await;
        if read.is_none_or(|at| at.elapsed() > KEEP_BACKLOG) {
            let backlog = backlog::by_kind(&tasks.0.store, TaskStatus::Pending);
            match timeout(PATIENCE, backlog).await {
                Ok(Ok(backlog)) => {
                    self.fill(&backlog, now());
                    *read = Some(Instant::now());
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the queue could not be measured");
                    self.clear(&mut read);
                }
                Err(_) => self.clear(&mut read),
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(Error::internal)?;
        Ok(text)
    }

    fn clear(&self, read: &mut Option<Instant>) {
        *read = None;
        self.queued.clear();
        self.lag.clear();
    }

    fn fill(&self, backlog: &[Backlog], now: DateTime<Utc>) {
        let kinds = self.kinds.iter();
        for (state, name) in
            kinds.flat_map(|(state, kinds)| kinds.keys().map(move |name| (state, *name)))
        {
            let waiting = backlog
                .iter()
                .find(|waiting| waiting.state == *state && waiting.name == name);
            let tasks = waiting.map_or(0, |waiting| waiting.tasks);
            let lag = waiting.and_then(|waiting| waiting.oldest);
            let labels = labels(state, name);
            self.queued.get_or_create(&labels).set(tasks.cast_signed());
            self.lag
                .get_or_create(&labels)
                .set(lag.map_or(0.0, |oldest| seconds(now - oldest)));
        }
    }
}

/// Not less than nothing: clocks of replicas differ, and a task may be due later.
fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

/// An attempt that is running.
#[derive(Debug)]
pub(super) struct RunningGuard {
    running: Gauge,
    run_time: Histogram,
    since: Instant,
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.running.dec();
        self.run_time.observe(self.since.elapsed().as_secs_f64());
    }
}

/// `GET /metrics`.
pub(crate) fn metrics_routes() -> Routes {
    Routes::new().get("/metrics", Access::Public, metrics)
}

/// The text of OpenMetrics, which is the older Prometheus text for those who do not ask for it:
/// what it has more are comments to them.
async fn metrics(State(state): State<PortalState>, headers: HeaderMap) -> Result<Response> {
    let tasks = state.borrow::<Tasks>()?;
    let text = tasks.0.metrics.text(tasks).await?;
    let accepts_openmetrics = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.contains("application/openmetrics-text"));
    let content_type = if accepts_openmetrics {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

#[cfg(test)]
mod tests {
    use sea_query::Query;
    use serde_json::json;

    use super::*;
    use crate::source;
    use crate::store::Store;
    use crate::tasks::queue::TABLE;
    use crate::tasks::starter::Starter;
    use crate::tasks::{NoArgs, Task, TaskSettings};

    /// Tasks without a worker: what is started stays in the queue.
    async fn tasks() -> (Tasks, Store) {
        let store = Store::connect("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let work: Task<NoArgs, ()> = Task::new(source!(work), "probe", "work", |_, _, _| {
            Box::pin(async { Ok(()) })
        });
        let mut registry = TaskRegistry::default();
        registry.insert(work.into_definition()).unwrap();
        (
            Tasks::new(store.clone(), registry, TaskSettings::default()),
            store,
        )
    }

    async fn text(tasks: &Tasks) -> String {
        tasks.0.metrics.text(tasks).await.unwrap()
    }

    #[tokio::test]
    async fn the_oldest_due_task_tells_how_far_the_workers_are_behind() {
        let (tasks, store) = tasks().await;
        let definition = tasks.registry().get("probe", "work").unwrap();
        for minutes in [2, 10] {
            let (id, _) = tasks
                .start_json(definition, json!({}), Starter::default(), None)
                .await
                .unwrap();
            let update = Query::update()
                .table(TABLE)
                .value("run_at", now() - TimeDelta::minutes(minutes))
                .and_where(sea_query::ExprTrait::eq(sea_query::Expr::col("id"), id))
                .take();
            store.execute(&update).await.unwrap();
        }
        let text = text(&tasks).await;
        let labels = "{state=\"probe\",name=\"work\"}";
        assert!(
            text.contains(&format!("portal_tasks_queued{labels} 2\n")),
            "{text}"
        );
        let lag = text
            .lines()
            .find_map(|line| {
                line.strip_prefix(&format!("portal_tasks_oldest_due_seconds{labels} "))
            })
            .and_then(|lag| lag.parse::<f64>().ok())
            .unwrap();
        assert!((600.0..700.0).contains(&lag), "{lag}");
    }

    #[tokio::test]
    async fn a_task_that_goes_back_into_the_queue_is_counted() {
        let (tasks, store) = tasks().await;
        let definition = tasks.registry().get("probe", "work").unwrap();
        let (id, _) = tasks
            .start_json(definition, json!({}), Starter::default(), None)
            .await
            .unwrap();
        let record = crate::tasks::queue::get(&store, id).await.unwrap().unwrap();
        drop(tasks.0.metrics.begun(&record).unwrap());
        tasks.0.metrics.ended(&record);
        let text = text(&tasks).await;
        let labels = "{state=\"probe\",name=\"work\"}";
        for line in [
            format!("portal_tasks_retried_total{labels} 1\n"),
            format!("portal_tasks_run_seconds_count{labels} 1\n"),
            format!("portal_tasks_running{labels} 0\n"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
