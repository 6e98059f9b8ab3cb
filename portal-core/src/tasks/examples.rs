//! Ended tasks that never ran: so that whoever develops a portal sees its pages filled.

use chrono::TimeDelta;
use sea_query::{Expr, ExprTrait, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use super::record::TaskStatus;
use super::service::Tasks;
use crate::auth::id_at;
use crate::error::Result;
use crate::store::now;

const TABLE: &str = "portal_tasks";
/// What examples have in the place of the request that started them.
const MARK: &str = "example-data";
/// How far back they go.
const DAYS: i64 = 90;
/// How many are stored with one statement.
const ROWS: usize = 400;

impl Tasks {
    /// Adds ended tasks of the portal's kinds over 90 days, unless there are some; they belong to
    /// the given users. For development: they never ran. Says how many there are.
    pub async fn add_examples(&self, owners: &[Uuid]) -> Result<u64> {
        let count = Query::select()
            .expr(sea_query::Func::count(Expr::col("id")))
            .from(TABLE)
            .and_where(Expr::col("trace_parent").eq(MARK))
            .take();
        let known = self.0.store.fetch_count(&count).await?.unsigned_abs();
        let kinds: Vec<_> = self.registry().all().collect();
        if known > 0 || kinds.is_empty() {
            return Ok(known);
        }
        let mut random = fastrand::Rng::with_seed(11);
        let now = now();
        let mut rows: Vec<[Expr; 17]> = Vec::new();
        for day in 0..DAYS {
            // More lately than long ago, and fewer at weekends.
            let busy = if (day % 7) < 2 { 4 } else { 14 } + (DAYS - day) / 9;
            for _ in 0..random.i64(busy / 2..=busy) {
                let created = now - TimeDelta::minutes(day * 1440 + random.i64(1..1440));
                let kind = kinds[random.usize(..kinds.len())];
                // Most are quick and some are slow.
                let took =
                    TimeDelta::milliseconds((300.0 * 12_f64.powf(random.f64() * 1.6)) as i64);
                let started = created + TimeDelta::milliseconds(random.i64(2..400));
                let end = std::cmp::Ord::min(started + took, now);
                let (status, result, error, code): (_, Option<Value>, _, _) = match random.u8(..100)
                {
                    0..=6 => (
                        TaskStatus::Error,
                        None,
                        Some("An example of a failure"),
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
                        Some(json!("An example of a result")),
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
                    kind.state.as_str().into(),
                    kind.name.into(),
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
                "id",
                "state",
                "name",
                "owner_user_id",
                "args",
                "status",
                "progress",
                "result",
                "error",
                "code",
                "run_at",
                "created_at",
                "started_at",
                "finished_at",
                "updated_at",
                "attempt",
                "trace_parent",
            ]);
            for row in some {
                insert.values_panic(row.iter().cloned());
            }
            transaction.execute(&insert).await?;
        }
        transaction.commit().await?;
        Ok(all)
    }

    /// Removes the example tasks, and says how many there were.
    pub async fn remove_examples(&self) -> Result<u64> {
        let delete = Query::delete()
            .from_table(TABLE)
            .and_where(Expr::col("trace_parent").eq(MARK))
            .take();
        Ok(self.0.store.execute(&delete).await?)
    }
}
