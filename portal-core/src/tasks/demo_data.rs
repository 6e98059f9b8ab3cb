//! Demo data: finished tasks that never ran, to fill the pages of a portal in development.

use chrono::TimeDelta;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use super::record::TaskStatus;
use super::service::Tasks;
use super::table_columns::{self as columns, TABLE};
use crate::auth::id_at;
use crate::error::Result;
use crate::store::now;

/// Value of `trace_parent` that marks demo tasks, in place of a request's trace.
const MARK: &str = "example-data";
/// Age of the oldest demo tasks, in days.
const DAYS: i64 = 90;
/// Maximum number of rows per statement.
const ROWS: usize = 400;

impl Tasks {
    /// Adds finished demo tasks spread over the last 90 days unless some exist; returns how many.
    ///
    /// Demo tasks are for development; they never ran. They use the portal's task types and belong
    /// to the given users.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read or written.
    pub async fn add_demo_tasks(&self, owners: &[Uuid]) -> Result<u64> {
        let count = Query::select()
            .expr(sea_query::Func::count(Expr::col("id")))
            .from(TABLE)
            .and_where(Expr::col("trace_parent").eq(MARK))
            .take();
        let existing = self.0.store.fetch_count(&count).await?.unsigned_abs();
        let task_types: Vec<_> = self.registry().all().collect();
        if existing > 0 || task_types.is_empty() {
            return Ok(existing);
        }
        let mut random = fastrand::Rng::with_seed(11);
        let now = now();
        let mut rows: Vec<[Expr; 17]> = Vec::new();
        for day in 0..DAYS {
            // Recent days have more tasks than earlier days, and weekends have fewer than weekdays.
            let busy = if (day % 7) < 2 { 4 } else { 14 } + (DAYS - day) / 9;
            for _ in 0..random.i64(busy / 2..=busy) {
                let created = now - TimeDelta::minutes(day * 1440 + random.i64(1..1440));
                let task_type = task_types[random.usize(..task_types.len())];
                // Most tasks are quick and some are slow.
                let took =
                    TimeDelta::milliseconds((300.0 * 12_f64.powf(random.f64() * 1.6)) as i64);
                let started = created + TimeDelta::milliseconds(random.i64(2..400));
                let end = std::cmp::Ord::min(started + took, now);
                let (status, result, error, code): (_, Option<Value>, _, _) = match random.u8(..100)
                {
                    0..=6 => (
                        TaskStatus::Error,
                        None,
                        Some("Example failure"),
                        Some("example"),
                    ),
                    7..=9 => (
                        TaskStatus::Error,
                        None,
                        Some("cancelled"),
                        Some("cancelled"),
                    ),
                    _ => (
                        TaskStatus::Completed,
                        Some(json!("Example result")),
                        None,
                        None,
                    ),
                };
                let progress = if error.is_some() {
                    random.i32(0..90)
                } else {
                    100
                };
                rows.push([
                    id_at(created).into(),
                    task_type.group.as_str().into(),
                    task_type.name.into(),
                    random.choice(owners).copied().into(),
                    json!({}).into(),
                    status.as_str().into(),
                    progress.into(),
                    result.into(),
                    error.into(),
                    code.into(),
                    created.into(),
                    created.into(),
                    started.into(),
                    end.into(),
                    end.into(),
                    1_i32.into(),
                    MARK.into(),
                ]);
            }
        }
        let all = rows.len() as u64;
        let mut transaction = self.0.store.begin().await?;
        for some in rows.chunks(ROWS) {
            let mut insert = Query::insert();
            insert.into_table(TABLE).columns([
                columns::ID,
                columns::GROUP,
                columns::NAME,
                columns::OWNER_USER_ID,
                columns::ARGS,
                columns::STATUS,
                columns::PROGRESS,
                columns::RESULT,
                columns::ERROR,
                columns::CODE,
                columns::RUN_AT,
                columns::CREATED_AT,
                columns::STARTED_AT,
                columns::FINISHED_AT,
                columns::UPDATED_AT,
                columns::ATTEMPT,
                columns::TRACE_PARENT,
            ]);
            for row in some {
                insert.values_panic(row.iter().cloned());
            }
            transaction.execute(&insert).await?;
        }
        transaction.commit().await?;
        Ok(all)
    }

    /// Removes the demo tasks and returns how many were removed.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be written.
    pub async fn remove_demo_tasks(&self) -> Result<u64> {
        let delete = Query::delete()
            .from_table(TABLE)
            .and_where(Expr::col("trace_parent").eq(MARK))
            .take();
        Ok(self.0.store.execute(&delete).await?)
    }
}
