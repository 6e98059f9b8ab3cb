//! Statistics about finished tasks: counts by outcome, and durations.

mod charts;
mod metrics;

use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Cond, Expr, ExprTrait, Func, Order, Query};
use uuid::Uuid;

use self::metrics::TaskMetrics;
use super::definition::registry::TaskRegistry;
use super::record::TaskStatus;
use super::service::Tasks;
use super::table_columns::TABLE;
use crate::error::Result;
use crate::store::{Buckets, Counts, SingleFlight, TimeRange};

/// Maximum number of tasks from which durations are computed; the newest tasks are used.
const SAMPLE: u64 = 20_000;

/// Tasks to count; each field that is set narrows the scope further.
///
/// ```
/// use portal_core::tasks::TaskScope;
///
/// let nightly = TaskScope { name: Some("import".to_owned()), ..TaskScope::default() };
/// assert_ne!(nightly, TaskScope::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TaskScope {
    /// Only this user's tasks.
    pub owner_user_id: Option<Uuid>,
    /// Only tasks in this group.
    pub group: Option<String>,
    /// Only tasks with this name.
    pub name: Option<String>,
}

impl TaskScope {
    /// Returns the scope that covers the tasks of one user.
    #[must_use]
    pub fn of_user(id: Uuid) -> Self {
        Self {
            owner_user_id: Some(id),
            ..Self::default()
        }
    }

    fn condition(&self) -> Cond {
        let text = |column: &'static str, value: &Option<String>| {
            value.as_deref().map(|value| Expr::col(column).eq(value))
        };
        let owner = self
            .owner_user_id
            .map(|id| Expr::col("owner_user_id").eq(id));
        let parts = [owner, text("state", &self.group), text("name", &self.name)];
        parts.into_iter().flatten().fold(Cond::all(), Cond::add)
    }
}

/// Numbers of finished tasks by outcome and by the time at which they finished.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskCounts {
    /// Tasks with a result.
    pub completed: Counts,
    /// Tasks with an error.
    pub failed: Counts,
    /// Cancelled tasks; the API reports them as failed with the code `cancelled`.
    pub cancelled: Counts,
}

impl TaskCounts {
    fn none(buckets: Buckets) -> Self {
        Self {
            completed: Counts::zero(buckets),
            failed: Counts::zero(buckets),
            cancelled: Counts::zero(buckets),
        }
    }

    /// Returns the buckets of all three counts.
    #[must_use]
    pub const fn buckets(&self) -> &Buckets {
        &self.completed.buckets
    }

    /// Returns the counts of all finished tasks.
    #[must_use]
    pub fn finished(&self) -> Counts {
        let mut all = self.completed.clone();
        for other in [&self.failed, &self.cancelled] {
            for (value, more) in all.values.iter_mut().zip(&other.values) {
                *value += more;
            }
            all.total += other.total;
            all.previous += other.previous;
        }
        all
    }

    /// Returns the percentage of failures among tasks that were not cancelled.
    ///
    /// The first value is for the range, the second for the previous period. A value is `None` if
    /// no such task finished in that period.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        rate(self.failed.total, self.completed.total)
    }

    /// Returns the failure percentage for the previous period.
    #[must_use]
    pub fn previous_failure_rate(&self) -> Option<f64> {
        rate(self.failed.previous, self.completed.previous)
    }

    /// Returns the failure percentage for each bucket.
    #[must_use]
    pub fn failure_rate_by_bucket(&self) -> Vec<Option<f64>> {
        let both = self.failed.values.iter().zip(&self.completed.values);
        both.map(|(failed, completed)| rate(*failed, *completed))
            .collect()
    }
}

fn rate(part: u64, rest: u64) -> Option<f64> {
    let all = part as f64 + rest as f64;
    (all > 0.0).then(|| part as f64 / all * 100.0)
}

/// Durations of completed tasks from first start to finish, in seconds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskDurations {
    /// Buckets, by the time at which a task finished.
    pub buckets: Buckets,
    /// Median of each bucket; `None` if no task finished in it.
    pub median: Vec<Option<f64>>,
    /// 95th percentile of each bucket; `None` if no task finished in it.
    pub p95: Vec<Option<f64>>,
    /// Median over all buckets.
    pub overall_median: Option<f64>,
    /// `true` if there were too many tasks to read; the values then cover only the newest 20,000.
    pub is_sample: bool,
}

/// The metrics for this process and the reads in progress.
#[derive(Debug)]
pub(super) struct Statistics {
    pub(super) metrics: TaskMetrics,
    reads: Reads,
}

impl Statistics {
    pub(super) fn new(registry: &TaskRegistry) -> Self {
        Self {
            metrics: TaskMetrics::new(registry),
            reads: Reads::default(),
        }
    }
}

/// Reads in progress, shared by all callers that request the same values concurrently.
#[derive(Debug)]
struct Reads {
    counts: SingleFlight<(TaskScope, TimeRange), TaskCounts>,
    durations: SingleFlight<(TaskScope, TimeRange), TaskDurations>,
}

impl Default for Reads {
    fn default() -> Self {
        Self {
            counts: SingleFlight::new(),
            durations: SingleFlight::new(),
        }
    }
}

impl Tasks {
    /// Counts stored finished tasks by outcome in each bucket of a range.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use portal_core::pages::components::{Chart, Tone};
    /// use portal_core::prelude::*;
    /// use portal_core::store::TimeRange;
    /// use portal_core::tasks::TaskScope;
    ///
    /// async fn chart(tasks: Data<Tasks>) -> Result<Chart> {
    ///     let counts = tasks.counts(TimeRange::Week, &TaskScope::default()).await?;
    ///     Ok(Chart::bar("Tasks")
    ///         .buckets(counts.buckets())
    ///         .counts("Completed", Tone::Success, &counts.completed.values)
    ///         .counts("Failed", Tone::Danger, &counts.failed.values))
    /// }
    /// ```
    pub async fn counts(&self, range: TimeRange, scope: &TaskScope) -> Result<TaskCounts> {
        let key = (scope.clone(), range);
        let read = self.read_ended(range, scope);
        self.0.statistics.reads.counts.get(key, read).await
    }

    /// Returns the durations of stored completed tasks in each bucket of a range.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub async fn durations(&self, range: TimeRange, scope: &TaskScope) -> Result<TaskDurations> {
        let key = (scope.clone(), range);
        let read = self.read_durations(range, scope);
        self.0.statistics.reads.durations.get(key, read).await
    }

    async fn read_ended(&self, range: TimeRange, scope: &TaskScope) -> Result<TaskCounts> {
        let buckets = range.buckets();
        let bucket = buckets.column(self.0.store.dialect(), "finished_at");
        let select = Query::select()
            .expr_as(bucket, "bucket")
            .column("status")
            .expr_as(
                Expr::col("code")
                    .eq("cancelled")
                    .and(Expr::col("code").is_not_null()),
                "stopped",
            )
            .expr_as(Func::count(Expr::col("id")), "count")
            .from(TABLE)
            .cond_where(buckets.cover("finished_at"))
            .cond_where(scope.condition())
            .group_by_columns(["bucket", "status", "stopped"])
            .take();
        let mut counts = TaskCounts::none(buckets);
        for row in self.0.store.fetch_all(&select).await? {
            let status: String = row.get("status")?;
            let count: i64 = row.get("count")?;
            let part = if status == TaskStatus::Completed.as_str() {
                &mut counts.completed
            } else if row.get("stopped")? {
                &mut counts.cancelled
            } else {
                &mut counts.failed
            };
            part.add(buckets.read(&row, "bucket")?, count.unsigned_abs());
        }
        Ok(counts)
    }

    async fn read_durations(&self, range: TimeRange, scope: &TaskScope) -> Result<TaskDurations> {
        let buckets = range.buckets();
        let select = Query::select()
            .columns(["started_at", "finished_at"])
            .from(TABLE)
            .and_where(Expr::col("finished_at").gte(buckets.start()))
            .and_where(Expr::col("finished_at").lt(buckets.end()))
            .and_where(Expr::col("status").eq(TaskStatus::Completed.as_str()))
            .and_where(Expr::col("started_at").is_not_null())
            .cond_where(scope.condition())
            .order_by("finished_at", Order::Desc)
            .limit(SAMPLE)
            .take();
        let rows = self.0.store.fetch_all(&select).await?;
        let mut taken = vec![Vec::new(); range.bucket_count()];
        for row in &rows {
            let finished: DateTime<Utc> = row.get("finished_at")?;
            let took = finished - row.get::<DateTime<Utc>>("started_at")?;
            if let Some(of_bucket) = buckets.index_of(finished).and_then(|at| taken.get_mut(at)) {
                of_bucket.push(took);
            }
        }
        let mut all: Vec<TimeDelta> = taken.iter().flatten().copied().collect();
        let mut share = |percent| {
            taken
                .iter_mut()
                .map(|taken| quantile(taken, percent))
                .collect()
        };
        Ok(TaskDurations {
            buckets,
            median: share(50),
            p95: share(95),
            overall_median: quantile(&mut all, 50),
            is_sample: rows.len() as u64 >= SAMPLE,
        })
    }
}

/// Returns the smallest duration, in seconds, that at least `percent` % of the durations do not
/// exceed.
fn quantile(taken: &mut [TimeDelta], percent: usize) -> Option<f64> {
    let rank = (taken.len() * percent).div_ceil(100).checked_sub(1)?;
    let (_, found, _) = taken.select_nth_unstable(rank);
    Some(found.as_seconds_f64().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_observed_values() {
        let of = |millis: &[i64], percent| {
            let mut taken: Vec<_> = millis
                .iter()
                .copied()
                .map(TimeDelta::milliseconds)
                .collect();
            quantile(&mut taken, percent)
        };
        assert_eq!(of(&[], 50), None);
        assert_eq!(of(&[300], 95), Some(0.3));
        assert_eq!(of(&[400, 100, 300, 200], 50), Some(0.2));
        let hundred: Vec<i64> = (1..=100).rev().map(|number| number * 1000).collect();
        assert_eq!(of(&hundred, 95), Some(95.0));
        assert_eq!(of(&[-5], 50), Some(0.0), "a clock was set back");
    }

    #[test]
    fn rate_without_tasks_is_missing() {
        assert_eq!(rate(0, 0), None);
        assert_eq!(rate(1, 3), Some(25.0));
    }
}
