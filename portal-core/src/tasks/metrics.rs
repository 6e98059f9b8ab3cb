//! Prometheus metrics: task execution in this process, and the depth of the queue.

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

use super::queue_depth::{self, QueueDepth};
use super::record::{TaskRecord, TaskStatus};
use super::registry::TaskRegistry;
use super::service::Tasks;
use crate::auth::{Access, Routes};
use crate::error::{Error, Result};
use crate::state::PortalState;
use crate::store::now;

/// Time for which a queue depth is cached, so that concurrent scrapers cause one query.
const KEEP_BACKLOG: Duration = Duration::from_secs(3);
/// Time for which a scrape waits for the database before it responds without its values.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Codes with a separate series.
///
/// An application may create codes at run time, so all others are counted as one.
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

/// Creates a histogram from 1 ms to 4.7 hours, each bound four times the previous one.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 13))
}

/// Metrics of one task type.
struct TaskTypeMetrics {
    started: Counter,
    retried: Counter,
    completed: Counter,
    running: Gauge,
    waiting: Histogram,
    run_time: Histogram,
}

/// Metrics of every registered task type; no label comes from outside.
pub(super) struct TaskMetrics {
    registry: Registry,
    kinds: HashMap<String, HashMap<&'static str, TaskTypeMetrics>>,
    finished: Family<Labels, Counter>,
    queued: Family<Labels, Gauge>,
    lag: Family<Labels, Gauge<f64, AtomicU64>>,
    /// Time at which `queued` and `lag` were read; locked while they are in use.
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

        let mut kinds: HashMap<String, HashMap<&'static str, TaskTypeMetrics>> = HashMap::new();
        for definition in known.all() {
            let (state, name) = (&definition.state, definition.name);
            let labels = labels(state, name);
            let kind = TaskTypeMetrics {
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
        registry.register("started", "Tasks stored by this replica", started);
        registry.register(
            "finished",
            "Tasks whose final status was stored by this replica",
            finished.clone(),
        );
        registry.register("retried", "Tasks requeued by this replica", retried);
        registry.register("running", "Tasks running on this replica", running);
        registry.register(
            "queued",
            "Tasks that have not started, across all replicas",
            queued.clone(),
        );
        registry.register(
            "oldest_due_seconds",
            "Seconds since the oldest task that has not started became due, across all replicas",
            lag.clone(),
        );
        registry.register(
            "wait_seconds",
            "Seconds from the time a task became due until it started",
            waiting,
        );
        registry.register("run_seconds", "Duration of an attempt in seconds", run_time);
        Self {
            registry,
            kinds,
            finished,
            queued,
            lag,
            backlog_read: Mutex::new(None),
        }
    }

    fn kind(&self, state: &str, name: &str) -> Option<&TaskTypeMetrics> {
        self.kinds.get(state)?.get(name)
    }

    /// Counts a stored task.
    pub(super) fn started(&self, state: &str, name: &str) {
        if let Some(kind) = self.kind(state, name) {
            kind.started.inc();
        }
    }

    /// Counts an attempt that starts; it runs until the guard is dropped.
    pub(super) fn attempt_started(&self, record: &TaskRecord) -> Option<RunningGuard> {
        let kind = self.kind(&record.group, &record.name)?;
        let due = record.run_at.max(record.created_at);
        kind.waiting.observe(seconds(now() - due));
        kind.running.inc();
        Some(RunningGuard {
            running: kind.running.clone(),
            run_time: kind.run_time.clone(),
            since: Instant::now(),
        })
    }

    /// Counts a stored state that is not that of a running task.
    pub(super) fn ended(&self, record: &TaskRecord) {
        let Some(kind) = self.kind(&record.group, &record.name) else {
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
                let labels = outcome(&record.group, &record.name, "error", code);
                self.finished.get_or_create(&labels).inc();
            }
            TaskStatus::Pending => {
                kind.retried.inc();
            }
            TaskStatus::Processing => {}
        }
    }

    /// Renders every series as text, without values from the database while it is unavailable.
    async fn text(&self, tasks: &Tasks) -> Result<String> {
        let mut read = self.backlog_read.lock().await;
        if read.is_none_or(|at| at.elapsed() > KEEP_BACKLOG) {
            let backlog = queue_depth::by_type(&tasks.0.store, TaskStatus::Pending);
            match timeout(QUERY_TIMEOUT, backlog).await {
                Ok(Ok(backlog)) => {
                    self.fill(&backlog, now());
                    *read = Some(Instant::now());
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "failed to read the queue depth");
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

    fn fill(&self, backlog: &[QueueDepth], now: DateTime<Utc>) {
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

/// Converts to seconds, at least 0: clocks of replicas differ, and a task may be due later.
fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

/// Guard of a running attempt.
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
    Routes::new()
        .get("/metrics", Access::Public, metrics)
        .probe()
}

/// Responds with OpenMetrics text, labeled as Prometheus text for clients that do not accept it.
///
/// To Prometheus parsers, the additions are comments.
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
    use crate::tasks::starter::Initiator;
    use crate::tasks::{NoArgs, Task, TaskSettings};

    /// Creates tasks without a worker: enqueued tasks stay in the queue.
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
    async fn oldest_due_task_sets_the_lag() {
        let (tasks, store) = tasks().await;
        let definition = tasks.registry().get("probe", "work").unwrap();
        for minutes in [2, 10] {
            let (id, _) = tasks
                .enqueue_json(definition, json!({}), Initiator::default(), None)
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
    async fn requeued_task_is_counted_as_retried() {
        let (tasks, store) = tasks().await;
        let definition = tasks.registry().get("probe", "work").unwrap();
        let (id, _) = tasks
            .enqueue_json(definition, json!({}), Initiator::default(), None)
            .await
            .unwrap();
        let record = crate::tasks::queue::get(&store, id).await.unwrap().unwrap();
        drop(tasks.0.metrics.attempt_started(&record).unwrap());
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
