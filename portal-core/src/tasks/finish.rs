//! What a worker writes of an attempt; each write carries the fencing token.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Query};
use serde_json::Value;
use uuid::Uuid;

use super::error::TaskError;
use super::queue::TABLE;
use super::record::{TaskRecord, TaskStatus, storable};
use crate::store::{Store, StoreError, now};

/// Saves how far attempts have come; gives those that have been superseded.
pub(super) async fn save_progress(
    store: &Store,
    records: &[std::sync::Arc<TaskRecord>],
) -> Result<Vec<Uuid>, StoreError> {
    let mut superseded = Vec::new();
    let mut transaction = store.begin().await?;
    for record in records {
        let update = Query::update()
            .table(TABLE)
            .values([
                ("progress", i32::from(record.progress).into()),
                ("message", record.message.clone().into()),
                ("updated_at", record.updated_at.into()),
                ("version", record.version.into()),
            ])
            .and_where(Expr::col("id").eq(record.id))
            .and_where(Expr::col("attempt").eq(record.attempt.cast_signed()))
            .and_where(Expr::col("status").eq(TaskStatus::Processing.as_str()))
            .take();
        if transaction.execute(&update).await? == 0 {
            superseded.push(record.id);
        }
    }
    transaction.commit().await?;
    Ok(superseded)
}

/// The last state of a task, from how its attempt ended.
fn final_record(last: &TaskRecord, outcome: Result<Value, TaskError>) -> TaskRecord {
    let now = now();
    let mut record = last.clone();
    record.version += 1;
    record.updated_at = now;
    record.finished_at = Some(now);
    match outcome {
        Ok(result) => {
            record.status = TaskStatus::Completed;
            record.progress = 100;
            record.result = Some(result);
        }
        Err(error) => {
            record.status = TaskStatus::Error;
            record.code = Some(storable(error.code().to_owned()));
            record.error = Some(storable(error.message().to_owned()));
        }
    }
    record
}

/// Writes the final state and gives it; `None` if another attempt has taken over in the meantime.
///
/// A task that was told to stop in time has been cancelled, however its code ended.
pub(super) async fn finish(
    store: &Store,
    last: &TaskRecord,
    outcome: &Result<Value, TaskError>,
) -> Result<Option<TaskRecord>, StoreError> {
    let cancelled = || final_record(last, Err(TaskError::cancelled()));
    let record = final_record(last, outcome.clone());
    let written = match write(store, &record, Unless::Cancelled).await {
        Err(StoreError::Other(error)) => {
            tracing::error!(%error, "the database refuses what a task ended with");
            let refused = TaskError::new("the result cannot be stored").with_code("internal");
            let record = final_record(last, Err(refused));
            write(store, &record, Unless::Cancelled).await?
        }
        written => written?,
    };
    match written {
        Some(record) => Ok(Some(record)),
        None => write(store, &cancelled(), Unless::Superseded).await,
    }
}

/// What keeps a final state from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unless {
    Superseded,
    /// Superseded, or told to stop.
    Cancelled,
}

async fn write(
    store: &Store,
    record: &TaskRecord,
    unless: Unless,
) -> Result<Option<TaskRecord>, StoreError> {
    let mut update = Query::update()
        .table(TABLE)
        .values([
            ("status", record.status.as_str().into()),
            ("progress", i32::from(record.progress).into()),
            ("message", record.message.clone().into()),
            ("result", record.result.clone().into()),
            ("error", record.error.clone().into()),
            ("code", record.code.clone().into()),
            ("updated_at", record.updated_at.into()),
            ("finished_at", record.finished_at.into()),
            ("lease_owner", Option::<Uuid>::None.into()),
            ("lease_until", Option::<DateTime<Utc>>::None.into()),
            ("version", record.version.into()),
        ])
        .and_where(Expr::col("id").eq(record.id))
        .and_where(Expr::col("attempt").eq(record.attempt.cast_signed()))
        .and_where(Expr::col("status").eq(TaskStatus::Processing.as_str()))
        .take();
    if unless == Unless::Cancelled {
        update.and_where(Expr::col("cancel_requested").eq(false));
    }
    Ok((store.execute(&update).await? > 0).then(|| record.clone()))
}
