//! Database writes made by a worker for an attempt; each one checks the fencing token.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Query, UpdateStatement};
use serde_json::Value;
use uuid::Uuid;

use super::finish_notification::FinishNotification;
#[cfg(feature = "postgres")]
use super::insert::ids;
use super::insert::unavailable;
use crate::notifications::{Notification, send_in};
use crate::store::{Dialect, Store, StoreError, Transaction, now};
use crate::tasks::definition::args::json_length;
use crate::tasks::error::TaskError;
use crate::tasks::record::{TaskRecord, TaskStatus, storable};
use crate::tasks::table_columns::{self as columns, TABLE};

/// Saves the progress of attempts and returns the ids of tasks whose attempt was superseded.
pub(super) async fn save_progress(
    store: &Store,
    records: &[Arc<TaskRecord>],
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

/// Outcome of an attempt.
#[derive(Debug, Clone)]
pub(in crate::tasks) struct FinishedAttempt {
    /// Last state of the task before the attempt finished.
    pub(in crate::tasks) last: Arc<TaskRecord>,
    pub(in crate::tasks) outcome: Result<Value, TaskError>,
    /// Time of the retry, if there is one.
    pub(super) retry_at: Option<DateTime<Utc>>,
    /// Notification for the owner of the task, if there is one.
    pub(super) notification: Option<FinishNotification>,
}

impl FinishedAttempt {
    /// Creates an outcome that is final for the task.
    pub(in crate::tasks) fn last(last: Arc<TaskRecord>, outcome: Result<Value, TaskError>) -> Self {
        Self {
            last,
            outcome,
            retry_at: None,
            notification: None,
        }
    }

    /// Returns the notification to send when the task reaches the state in `record`, if any.
    fn message(&self, record: &TaskRecord) -> Option<OwnedNotification> {
        let (user, message) = self.notification.as_ref()?.message(record)?;
        Some((record.id, user, message))
    }

    /// Returns the state of the task after the attempt.
    fn record(&self) -> TaskRecord {
        let now = now();
        let mut record = TaskRecord::clone(&self.last);
        record.version += 1;
        record.updated_at = now;
        match (&self.outcome, self.retry_at) {
            (Ok(result), _) => {
                record.status = TaskStatus::Completed;
                record.progress = 100;
                record.result = Some(result.clone());
                record.finished_at = Some(now);
            }
            (Err(error), retry_at) => {
                record.code = Some(storable(error.code().to_owned()));
                record.error = Some(storable(error.message().to_owned()));
                if let Some(run_at) = retry_at {
                    record.status = TaskStatus::Pending;
                    record.run_at = run_at;
                } else {
                    record.status = TaskStatus::Error;
                    record.finished_at = Some(now);
                }
            }
        }
        record
    }
}

/// A task, the user to notify and the notification.
type OwnedNotification = (Uuid, Uuid, Notification);

/// Writes the outcomes of attempts in one commit and returns the new task states in order.
///
/// The state is `None` if the attempt was superseded before the write.
pub(super) async fn finish_all(
    store: &Store,
    endings: Vec<FinishedAttempt>,
) -> Vec<Result<Option<TaskRecord>, StoreError>> {
    let records: Vec<_> = endings.iter().map(FinishedAttempt::record).collect();
    let ends = endings.iter().zip(&records);
    let messages = ends.filter_map(|(ending, record)| ending.message(record));
    let written = match write_all(store, &records, messages.collect()).await {
        Ok(written) => written,
        Err(StoreError::Unavailable(error)) => {
            tracing::warn!(%error, "failed to store task outcomes");
            return endings.iter().map(|_| Err(unavailable())).collect();
        }
        // The database rejected one of the outcomes; it must not cause the others to fail.
        Err(_) => HashSet::new(),
    };
    let mut ended = Vec::with_capacity(records.len());
    for (ending, record) in endings.iter().zip(records) {
        ended.push(if written.contains(&record.id) {
            Ok(Some(record))
        } else {
            finish(store, ending).await
        });
    }
    ended
}

/// Writes the outcome of an attempt and returns the new state of its task.
///
/// Returns `None` if the attempt was superseded before the write. If cancellation was requested
/// before the write, the task is cancelled regardless of the outcome.
pub(in crate::tasks) async fn finish(
    store: &Store,
    ending: &FinishedAttempt,
) -> Result<Option<TaskRecord>, StoreError> {
    let record = ending.record();
    let instead = |error| FinishedAttempt::last(Arc::clone(&ending.last), Err(error)).record();
    let write = async |record: &TaskRecord, unless| {
        write_one(store, record, unless, ending.message(record)).await
    };
    let written = match write(&record, SkipIf::Cancelled).await {
        Err(StoreError::Other(error)) => {
            tracing::error!(%error, "the database rejected a task outcome");
            let refused = TaskError::new("the result cannot be stored").with_code("internal");
            write(&instead(refused), SkipIf::Cancelled).await?
        }
        written => written?,
    };
    match written {
        Some(record) => Ok(Some(record)),
        None => write(&instead(TaskError::cancelled()), SkipIf::Superseded).await,
    }
}

/// Saves a checkpoint for the next attempt; returns `false` if the current attempt was superseded.
pub(in crate::tasks) async fn save_checkpoint(
    store: &Store,
    record: &TaskRecord,
    checkpoint: &Value,
) -> Result<bool, StoreError> {
    let update = Query::update()
        .table(TABLE)
        .value("checkpoint", checkpoint.clone())
        .and_where(Expr::col("id").eq(record.id))
        .and_where(Expr::col("attempt").eq(record.attempt.cast_signed()))
        .and_where(Expr::col("status").eq(TaskStatus::Processing.as_str()))
        .take();
    Ok(store.execute(&update).await? > 0)
}

/// Condition on which writing a final state is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SkipIf {
    Superseded,
    /// The attempt was superseded, or the task's cancellation was requested.
    Cancelled,
}

fn update(record: &TaskRecord, unless: SkipIf) -> UpdateStatement {
    let mut update = Query::update()
        .table(TABLE)
        .values([
            (columns::STATUS, record.status.as_str().into()),
            (columns::PROGRESS, i32::from(record.progress).into()),
            (columns::MESSAGE, record.message.clone().into()),
            (columns::RESULT, record.result.clone().into()),
            (
                columns::STORED_BYTES,
                Expr::col(columns::STORED_BYTES).add(result_bytes(record)),
            ),
            // A claim assigns a new turn when the retry is due.
            (columns::TURN, Option::<i64>::None.into()),
            (columns::ERROR, record.error.clone().into()),
            (columns::CODE, record.code.clone().into()),
            (columns::RUN_AT, record.run_at.into()),
            (columns::UPDATED_AT, record.updated_at.into()),
            (columns::FINISHED_AT, record.finished_at.into()),
            (columns::LEASE_OWNER, Option::<Uuid>::None.into()),
            (columns::LEASE_UNTIL, Option::<DateTime<Utc>>::None.into()),
            (columns::VERSION, record.version.into()),
        ])
        .and_where(Expr::col("id").eq(record.id))
        .and_where(Expr::col("attempt").eq(record.attempt.cast_signed()))
        .and_where(Expr::col("status").eq(TaskStatus::Processing.as_str()))
        .take();
    if unless == SkipIf::Cancelled {
        update.and_where(Expr::col("cancel_requested").eq(false));
    }
    update
}

fn result_bytes(record: &TaskRecord) -> i64 {
    let bytes = record.result.as_ref().map_or(0, json_length);
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Atomically writes a final state and the notification about it.
async fn write_one(
    store: &Store,
    record: &TaskRecord,
    unless: SkipIf,
    message: Option<OwnedNotification>,
) -> Result<Option<TaskRecord>, StoreError> {
    let update = update(record, unless);
    let changed = match message {
        None => store.execute(&update).await?,
        Some(message) => match write_and_notify(store, record, &update, message).await {
            // The outcome of a task must not be lost because the notification failed.
            Err(StoreError::Other(error)) => {
                tracing::warn!(%error, "failed to notify the owner of a finished task");
                store.execute(&update).await?
            }
            changed => changed?,
        },
    };
    Ok((changed > 0).then(|| record.clone()))
}

async fn write_and_notify(
    store: &Store,
    record: &TaskRecord,
    update: &UpdateStatement,
    message: OwnedNotification,
) -> Result<u64, StoreError> {
    let mut transaction = store.begin().await?;
    let changed = transaction.execute(update).await?;
    if changed > 0 {
        let written = HashSet::from([record.id]);
        store_notifications(&mut transaction, &written, vec![message]).await?;
        transaction.commit().await?;
    }
    Ok(changed)
}

/// Writes task states and the notifications about them; returns the ids of the tasks written.
///
/// Skips superseded tasks and those whose cancellation was requested.
async fn write_all(
    store: &Store,
    records: &[TaskRecord],
    messages: Vec<OwnedNotification>,
) -> Result<HashSet<Uuid>, StoreError> {
    // If there are no notifications, one statement is enough.
    #[cfg(feature = "postgres")]
    if messages.is_empty() && store.dialect() == Dialect::Postgres {
        return ids(&store.fetch_all(&update_many(records)).await?);
    }
    let mut transaction = store.begin().await?;
    let written = write_all_in(&mut transaction, store.dialect(), records).await?;
    store_notifications(&mut transaction, &written, messages).await?;
    transaction.commit().await?;
    Ok(written)
}

async fn write_all_in(
    transaction: &mut Transaction,
    dialect: Dialect,
    records: &[TaskRecord],
) -> Result<HashSet<Uuid>, StoreError> {
    match dialect {
        Dialect::Sqlite => {
            let mut written = HashSet::new();
            for record in records {
                let update = update(record, SkipIf::Cancelled);
                if transaction.execute(&update).await? > 0 {
                    written.insert(record.id);
                }
            }
            Ok(written)
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => ids(&transaction.fetch_all(&update_many(records)).await?),
        #[cfg(not(feature = "postgres"))]
        Dialect::Postgres => Err(StoreError::FeatureMissing("postgres")),
    }
}

/// Stores the notifications about tasks that were written.
async fn store_notifications(
    transaction: &mut Transaction,
    written: &HashSet<Uuid>,
    messages: Vec<OwnedNotification>,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let messages = messages.into_iter();
    let messages = messages.filter(|(task, ..)| written.contains(task));
    send_in(
        transaction,
        messages.map(|(_, user, message)| (user, message)),
    )
    .await
}

/// SQL text for [`update`], independent of the number of rows.
///
/// `status || ''` keeps the planner from reading all running tasks through their index; the rows
/// are found by id instead.
#[cfg(feature = "postgres")]
static UPDATE_MANY: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let set = columns::list(&columns::OUTCOME, |name| format!("{name} = ended.{name}"));
    let keys = columns::typed(&[columns::ID, columns::ATTEMPT]);
    let typed = columns::typed(&columns::OUTCOME);
    format!(
        "UPDATE {TABLE} AS task SET {set}, lease_owner = NULL, lease_until = NULL, turn = NULL, \
         stored_bytes = task.stored_bytes + ended.result_bytes \
         FROM jsonb_to_recordset($1) AS ended({keys}, {typed}, result_bytes bigint) \
         WHERE task.id = ended.id AND task.attempt = ended.attempt \
         AND task.status || '' = 'PROCESSING' AND NOT task.cancel_requested RETURNING task.id"
    )
});

#[cfg(feature = "postgres")]
fn update_many(records: &[TaskRecord]) -> crate::store::RawSql<true> {
    let rows: Vec<_> = records
        .iter()
        .map(|record| {
            serde_json::json!({
                "id": record.id,
                "attempt": record.attempt,
                "status": record.status,
                "progress": record.progress,
                "message": record.message,
                "result": record.result,
                "result_bytes": result_bytes(record),
                "error": record.error,
                "code": record.code,
                "run_at": record.run_at,
                "updated_at": record.updated_at,
                "finished_at": record.finished_at,
                "version": record.version,
            })
        })
        .collect();
    crate::store::RawSql {
        sql: std::borrow::Cow::Borrowed(UPDATE_MANY.as_str()),
        values: vec![Value::Array(rows).into()],
    }
}
