//! Prometheus metrics: task execution in this process, and the depth of the queue.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::store::now;
use crate::tasks::definition::registry::TaskRegistry;
use crate::tasks::engine::queue_depth::{self, QueueDepth};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::service::Tasks;

/// Time for which a queue depth is cached, so that concurrent scrapes share a single query.
const KEEP_BACKLOG: Duration = Duration::from_secs(3);
/// Time that a scrape waits for the database before responding without values from it.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Failure codes that have their own series.
///
/// An application may create codes at run time, so all other codes are counted together.
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

/// Creates a histogram from 1 ms to 4.7 hours, in which each bound is four times the previous one.
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

/// Metrics of every registered task type; no label values come from outside the program.
pub(in crate::tasks) struct TaskMetrics {
    registry: Registry,
    task_types: HashMap<String, HashMap<&'static str, TaskTypeMetrics>>,
    finished: Family<Labels, Counter>,
    queued: Family<Labels, Gauge>,
    lag: Family<Labels, Gauge<f64, AtomicU64>>,
    /// Time at which `queued` and `lag` were read; the lock is held while they are in use.
    backlog_read: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for TaskMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskMetrics")
    }
}

fn labels(group: &str, name: &str) -> Labels {
    vec![("state", group.to_owned()), ("name", name.to_owned())]
}

fn outcome(group: &str, name: &str, outcome: &str, code: &str) -> Labels {
    let mut labels = labels(group, name);
    labels.push(("outcome", outcome.to_owned()));
    labels.push(("code", code.to_owned()));
    labels
}

impl TaskMetrics {
    pub(in crate::tasks) fn new(known: &TaskRegistry) -> Self {
        let started = Family::<Labels, Counter>::default();
        let retried = Family::<Labels, Counter>::default();
        let finished = Family::<Labels, Counter>::default();
        let running = Family::<Labels, Gauge>::default();
        let queued = Family::<Labels, Gauge>::default();
        let lag = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        let waiting = Family::<Labels, Histogram, NewHistogram>::new_with_constructor(histogram);
        let run_time = Family::<Labels, Histogram, NewHistogram>::new_with_constructor(histogram);

        let mut task_types: HashMap<String, HashMap<&'static str, TaskTypeMetrics>> =
            HashMap::new();
        for definition in known.all() {
            let (group, name) = (&definition.group, definition.name);
            let labels = labels(group, name);
            let task_type = TaskTypeMetrics {
                started: started.get_or_create_owned(&labels),
                retried: retried.get_or_create_owned(&labels),
                completed: finished.get_or_create_owned(&outcome(group, name, "completed", "")),
                running: running.get_or_create_owned(&labels),
                waiting: waiting.get_or_create_owned(&labels),
                run_time: run_time.get_or_create_owned(&labels),
            };
            task_types
                .entry(group.clone())
                .or_default()
                .insert(name, task_type);
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
            "Seconds since the oldest waiting task became due, across all replicas",
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
            task_types,
            finished,
            queued,
            lag,
            backlog_read: Mutex::new(None),
        }
    }

    fn task_type(&self, group: &str, name: &str) -> Option<&TaskTypeMetrics> {
        self.task_types.get(group)?.get(name)
    }

    /// Counts a stored task.
    pub(in crate::tasks) fn started(&self, group: &str, name: &str) {
        if let Some(task_type) = self.task_type(group, name) {
            task_type.started.inc();
        }
    }

    /// Records the start of an attempt, which counts as running until the guard is dropped.
    pub(in crate::tasks) fn attempt_started(&self, record: &TaskRecord) -> Option<RunningGuard> {
        let task_type = self.task_type(&record.group, &record.name)?;
        let due = record.run_at.max(record.created_at);
        task_type.waiting.observe(seconds(now() - due));
        task_type.running.inc();
        Some(RunningGuard {
            running: task_type.running.clone(),
            run_time: task_type.run_time.clone(),
            since: Instant::now(),
        })
    }

    /// Counts a task whose state was stored as completed, failed or requeued.
    pub(in crate::tasks) fn ended(&self, record: &TaskRecord) {
        let Some(task_type) = self.task_type(&record.group, &record.name) else {
            return;
        };
        match record.status {
            TaskStatus::Completed => {
                task_type.completed.inc();
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
                task_type.retried.inc();
            }
            TaskStatus::Processing => {}
        }
    }

    /// Renders all series as text; omits values from the database while it is unavailable.
    pub(in crate::tasks) async fn text(&self, tasks: &Tasks) -> Result<String> {
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
        let task_types = self.task_types.iter();
        for (group, name) in task_types
            .flat_map(|(group, task_types)| task_types.keys().map(move |name| (group, *name)))
        {
            let waiting = backlog
                .iter()
                .find(|waiting| waiting.group == *group && waiting.name == name);
            let tasks = waiting.map_or(0, |waiting| waiting.tasks);
            let lag = waiting.and_then(|waiting| waiting.oldest);
            let labels = labels(group, name);
            self.queued.get_or_create(&labels).set(tasks.cast_signed());
            self.lag
                .get_or_create(&labels)
                .set(lag.map_or(0.0, |oldest| seconds(now - oldest)));
        }
    }
}

/// Converts a duration to seconds; a negative duration becomes 0. Durations can be negative because
/// the clocks of replicas differ and a task may not be due yet.
fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

/// Guard that counts an attempt as running until it is dropped.
#[derive(Debug)]
pub(in crate::tasks) struct RunningGuard {
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

#[cfg(test)]
mod tests {
    use sea_query::Query;
    use serde_json::json;

    use super::*;
    use crate::source;
    use crate::store::Store;
    use crate::tasks::initiator::Initiator;
    use crate::tasks::table_columns::TABLE;
    use crate::tasks::{NoArgs, Task, TaskSettings};

    /// Creates tasks without a worker, so that enqueued tasks stay in the queue.
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
        tasks.0.statistics.metrics.text(tasks).await.unwrap()
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
        let record = crate::tasks::engine::queue::get(&store, id)
            .await
            .unwrap()
            .unwrap();
        drop(tasks.0.statistics.metrics.attempt_started(&record).unwrap());
        tasks.0.statistics.metrics.ended(&record);
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
