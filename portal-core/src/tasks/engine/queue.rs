//! Task queue in the database, as seen by clients: get, list, cancel.

use sea_query::{Cond, Expr, ExprTrait, Func, LikeExpr, Order, Query, SelectStatement};
use serde_json::Value;
use uuid::Uuid;

use super::results::{self, WithoutResults};
use crate::auth::escape_like;
use crate::store::{Executor, Store, StoreError, Transaction, now};
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::table_columns::{self as columns, TABLE};

/// Error code of a cancelled task.
const CANCELLED: &str = "cancelled";

/// Result of requesting the cancellation of a task.
#[derive(Debug)]
pub(in crate::tasks) enum CancelOutcome {
    /// The task had not started and is now finished.
    Finished(Box<TaskRecord>),
    /// The task is running; its current attempt is notified of the cancellation.
    Requested(Box<TaskRecord>),
    /// The task had already finished.
    AlreadyFinished,
    Unknown,
}

pub(in crate::tasks) fn select() -> SelectStatement {
    Query::select().columns(columns::RECORD).from(TABLE).take()
}

/// Reads a task with its result.
pub(in crate::tasks) async fn get(
    store: &Store,
    id: Uuid,
) -> Result<Option<TaskRecord>, StoreError> {
    let select = select()
        .column("result")
        .and_where(Expr::col("id").eq(id))
        .take();
    store
        .fetch_optional(&select)
        .await?
        .map(|row| TaskRecord::from_row_with_result(&row))
        .transpose()
}

fn select_args(id: Uuid) -> SelectStatement {
    Query::select()
        .column("args")
        .from(TABLE)
        .and_where(Expr::col("id").eq(id))
        .take()
}

/// Reads the arguments of a task.
pub(in crate::tasks) async fn args(store: &Store, id: Uuid) -> Result<Option<Value>, StoreError> {
    let row = store.fetch_optional(&select_args(id)).await?;
    row.map_or(Ok(None), |row| row.document("args"))
}

/// Reads the arguments of a task within a transaction.
pub(super) async fn args_in(
    executor: &mut impl Executor,
    id: Uuid,
) -> Result<Option<Value>, StoreError> {
    let rows = executor.fetch_all(&select_args(id)).await?;
    rows.first().map_or(Ok(None), |row| row.document("args"))
}

/// Reads those of the given tasks that exist, without their results.
pub(in crate::tasks) async fn get_all(
    store: &Store,
    ids: &[Uuid],
) -> Result<Vec<TaskRecord>, StoreError> {
    let ids = ids.iter().copied();
    let select = select().and_where(Expr::col("id").is_in(ids)).take();
    let rows = store.fetch_all(&select).await?;
    rows.iter().map(TaskRecord::from_row).collect()
}

/// Reads a task without its result, within a transaction.
pub(super) async fn get_in(
    transaction: &mut Transaction,
    id: Uuid,
) -> Result<Option<TaskRecord>, StoreError> {
    let select = select().and_where(Expr::col("id").eq(id)).take();
    let row = transaction.fetch_optional(&select).await?;
    row.map(|row| TaskRecord::from_row(&row)).transpose()
}

/// Filter for a list of tasks, newest first.
#[derive(Debug, Clone, Default)]
pub(in crate::tasks) struct QueueFilter {
    pub(in crate::tasks) client_token_id: Option<Uuid>,
    pub(in crate::tasks) owner_user_id: Option<Uuid>,
    pub(in crate::tasks) group: Option<String>,
    pub(in crate::tasks) name: Option<String>,
    /// Task types to exclude, by group and name.
    pub(in crate::tasks) without: Vec<(String, &'static str)>,
    pub(in crate::tasks) status: Option<TaskStatus>,
    /// Only cancelled tasks (`true`), or only tasks that were not cancelled (`false`).
    pub(in crate::tasks) cancelled: Option<bool>,
    pub(in crate::tasks) active_only: bool,
    /// Only tasks whose group, name, message or error contains this text, or whose id equals it.
    pub(in crate::tasks) text: Option<String>,
    /// Only tasks older than this one.
    pub(in crate::tasks) before: Option<Uuid>,
    pub(in crate::tasks) limit: u64,
}

impl QueueFilter {
    fn apply_to(&self, mut select: SelectStatement) -> SelectStatement {
        if let Some(id) = self.client_token_id {
            select.and_where(Expr::col("client_token_id").eq(id));
        }
        if let Some(id) = self.owner_user_id {
            select.and_where(Expr::col("owner_user_id").eq(id));
        }
        if let Some(group) = &self.group {
            select.and_where(Expr::col("state").eq(group.as_str()));
        }
        if let Some(name) = &self.name {
            select.and_where(Expr::col("name").eq(name.as_str()));
        }
        for (group, name) in &self.without {
            let is_type = Cond::all()
                .add(Expr::col("state").eq(group.as_str()))
                .add(Expr::col("name").eq(*name));
            select.cond_where(is_type.not());
        }
        if let Some(status) = self.status {
            select.and_where(Expr::col("status").eq(status.as_str()));
        }
        if let Some(cancelled) = self.cancelled {
            let code = Expr::col("code");
            select.cond_where(if cancelled {
                Cond::all().add(code.eq(CANCELLED))
            } else {
                Cond::any()
                    .add(code.clone().is_null())
                    .add(code.ne(CANCELLED))
            });
        }
        if self.active_only {
            select.and_where(Expr::col("status").is_in(["PENDING", "PROCESSING"]));
        }
        if let Some(text) = self.text.as_deref() {
            select.cond_where(contains_text(text));
        }
        if let Some(before) = self.before {
            select.and_where(Expr::col("id").lt(before));
        }
        // Ids are version 7 UUIDs, which sort by time.
        select.order_by("id", Order::Desc).limit(self.limit).take()
    }
}

/// Lists tasks without their results.
pub(in crate::tasks) async fn list(
    store: &Store,
    filter: &QueueFilter,
) -> Result<Vec<TaskRecord>, StoreError> {
    let rows = store.fetch_all(&filter.apply_to(select())).await?;
    rows.iter().map(TaskRecord::from_row).collect()
}

/// Lists tasks whose results are to be read afterwards.
pub(in crate::tasks) async fn list_for_results(
    store: &Store,
    filter: &QueueFilter,
) -> Result<WithoutResults, StoreError> {
    let select = filter.apply_to(results::select(store.dialect()));
    WithoutResults::from_rows(&store.fetch_all(&select).await?)
}

/// Returns the condition for a task to contain a string, ignoring case.
fn contains_text(text: &str) -> Cond {
    // PostgreSQL does not support this character in text.
    let text = text.replace('\0', "");
    let like = |text: &str| LikeExpr::new(format!("%{}%", escape_like(text))).escape('\\');
    let mut any = Cond::any();
    for column in ["state", "name", "message", "error"] {
        // SQLite converts the case of only ASCII letters.
        any = any
            .add(Expr::expr(Func::lower(Expr::col(column))).like(like(&text.to_lowercase())))
            .add(Expr::col(column).like(like(&text)));
    }
    match text.trim().parse::<Uuid>() {
        Ok(id) => any.add(Expr::col("id").eq(id)),
        Err(_) => any,
    }
}

/// Counts the tasks of each status.
pub(in crate::tasks) async fn count_by_status(
    store: &Store,
) -> Result<Vec<(TaskStatus, u64)>, StoreError> {
    let select = Query::select()
        .column("status")
        .expr_as(Func::count(Expr::col("id")), "tasks")
        .from(TABLE)
        .group_by_col("status")
        .take();
    let mut counts = Vec::new();
    for row in store.fetch_all(&select).await? {
        let status: String = row.get("status")?;
        if let Ok(status) = status.parse() {
            counts.push((status, row.get::<i64>("tasks")?.unsigned_abs()));
        }
    }
    Ok(counts)
}

/// Finishes a task that has not started, or requests the cancellation of a running one.
pub(in crate::tasks) async fn cancel_in(
    executor: &mut impl Executor,
    id: Uuid,
) -> Result<CancelOutcome, StoreError> {
    let now = now();
    let end = Query::update()
        .table(TABLE)
        .values([
            ("status", TaskStatus::Error.as_str().into()),
            ("error", CANCELLED.into()),
            ("code", CANCELLED.into()),
            ("finished_at", now.into()),
            ("updated_at", now.into()),
            ("version", Expr::col("version").add(1)),
        ])
        .and_where(Expr::col("id").eq(id))
        .and_where(Expr::col("status").eq(TaskStatus::Pending.as_str()))
        .returning(Query::returning().columns(columns::RECORD))
        .take();
    if let Some(row) = executor.fetch_all(&end).await?.first() {
        return Ok(CancelOutcome::Finished(Box::new(TaskRecord::from_row(
            row,
        )?)));
    }
    let ask = Query::update()
        .table(TABLE)
        .value("cancel_requested", true)
        .and_where(Expr::col("id").eq(id))
        .and_where(Expr::col("status").eq(TaskStatus::Processing.as_str()))
        .returning(Query::returning().columns(columns::RECORD))
        .take();
    if let Some(row) = executor.fetch_all(&ask).await?.first() {
        return Ok(CancelOutcome::Requested(Box::new(TaskRecord::from_row(
            row,
        )?)));
    }
    let known = select().and_where(Expr::col("id").eq(id)).take();
    Ok(if executor.fetch_all(&known).await?.is_empty() {
        CancelOutcome::Unknown
    } else {
        CancelOutcome::AlreadyFinished
    })
}

/// Cancels a task in a separate transaction.
#[cfg(test)]
pub(in crate::tasks) async fn cancel(store: &Store, id: Uuid) -> Result<CancelOutcome, StoreError> {
    let mut transaction = store.begin().await?;
    let cancelled = cancel_in(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(cancelled)
}
