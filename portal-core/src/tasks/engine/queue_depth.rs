//! Waiting and running tasks by type, across all replicas.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Func, Query};

use crate::store::{Store, StoreError};
use crate::tasks::record::TaskStatus;
use crate::tasks::table_columns::TABLE;

/// The tasks of one type that have one status.
#[derive(Debug)]
pub(in crate::tasks) struct QueueDepth {
    pub(in crate::tasks) group: String,
    pub(in crate::tasks) name: String,
    pub(in crate::tasks) tasks: u64,
    /// Earliest time at which one of the tasks may start or might have started.
    pub(in crate::tasks) oldest: Option<DateTime<Utc>>,
}

/// Counts active tasks by type, one status at a time, since each has its own partial index.
pub(in crate::tasks) async fn by_type(
    store: &Store,
    status: TaskStatus,
) -> Result<Vec<QueueDepth>, StoreError> {
    let select = Query::select()
        .columns(["state", "name"])
        .expr_as(Func::count(Expr::col("id")), "tasks")
        .expr_as(Func::min(Expr::col("run_at")), "oldest")
        .from(TABLE)
        .and_where(Expr::col("status").eq(status.as_str()))
        .group_by_columns(["state", "name"])
        .take();
    let rows = store.fetch_all(&select).await?;
    rows.iter()
        .map(|row| {
            Ok(QueueDepth {
                group: row.get("state")?,
                name: row.get("name")?,
                tasks: row.get::<i64>("tasks")?.unsigned_abs(),
                oldest: row.get("oldest")?,
            })
        })
        .collect()
}
