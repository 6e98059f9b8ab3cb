//! Details of a task that are shown only on pages.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Query};
use uuid::Uuid;

use crate::store::{Store, StoreError};
use crate::tasks::table_columns::{self as columns, TABLE};

/// Details of a task beyond its record.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tasks) struct DetailFields {
    /// Schedule that enqueued the task: the group and name of its task type.
    pub(in crate::tasks) schedule: Option<String>,
    /// Scheduled time that the task was enqueued for.
    pub(in crate::tasks) scheduled_for: Option<DateTime<Utc>>,
    pub(in crate::tasks) priority: i32,
    /// Number of times that a process died while running the task.
    pub(in crate::tasks) crashes: u32,
    /// `true` if a cancellation is pending.
    pub(in crate::tasks) is_cancelling: bool,
}

pub(in crate::tasks) async fn read(
    store: &Store,
    id: Uuid,
) -> Result<Option<DetailFields>, StoreError> {
    let select = Query::select()
        .columns([
            columns::SCHEDULE,
            columns::SCHEDULED_FOR,
            columns::PRIORITY,
            columns::CRASH_COUNT,
            columns::CANCEL_REQUESTED,
        ])
        .from(TABLE)
        .and_where(Expr::col("id").eq(id))
        .take();
    let Some(row) = store.fetch_optional(&select).await? else {
        return Ok(None);
    };
    Ok(Some(DetailFields {
        schedule: row.get("schedule")?,
        scheduled_for: row.get("scheduled_for")?,
        priority: row.get("priority")?,
        crashes: row.get::<i32>("crash_count")?.unsigned_abs(),
        is_cancelling: row.get("cancel_requested")?,
    }))
}

/// Returns those of the given running tasks whose cancellation is pending.
pub(in crate::tasks) async fn cancelling(
    store: &Store,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashSet<Uuid>, StoreError> {
    let ids: Vec<_> = ids.collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let select = Query::select()
        .column("id")
        .from(TABLE)
        .and_where(Expr::col("id").is_in(ids))
        .and_where(Expr::col("cancel_requested").eq(true))
        .take();
    let rows = store.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}
