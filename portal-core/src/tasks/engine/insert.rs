//! Insertion of new tasks: one within a caller's transaction, or many in one commit.

#[cfg(feature = "postgres")]
use std::borrow::Cow;
#[cfg(feature = "postgres")]
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::queue::{args_in, select};
#[cfg(feature = "postgres")]
use crate::store::RawSql;
use crate::store::{Dialect, Executor, Store, StoreError, now};
use crate::tasks::definition::args::AcceptedArgs;
use crate::tasks::record::{TaskRecord, TaskStatus};
use crate::tasks::table_columns::{self as columns, TABLE};

/// Task to be stored.
#[derive(Debug, Clone, Serialize)]
pub(in crate::tasks) struct NewTask {
    /// Id, which sorts by creation time.
    pub(in crate::tasks) id: Uuid,
    #[serde(rename = "state")]
    pub(in crate::tasks) group: String,
    pub(in crate::tasks) name: &'static str,
    pub(in crate::tasks) client_token_id: Option<Uuid>,
    pub(in crate::tasks) owner_user_id: Option<Uuid>,
    pub(in crate::tasks) args: Value,
    /// Size of the arguments as JSON, in bytes.
    pub(super) stored_bytes: i64,
    /// Position among the pending tasks of its type; `None` if the next claim assigns one.
    pub(in crate::tasks) turn: Option<i64>,
    pub(in crate::tasks) priority: i32,
    pub(in crate::tasks) run_at: DateTime<Utc>,
    pub(in crate::tasks) max_attempts: i32,
    pub(in crate::tasks) idempotency_key: Option<String>,
    /// Key that must be unique among active tasks.
    pub(in crate::tasks) unique_key: Option<String>,
    /// Schedule that enqueued the task, if any.
    pub(in crate::tasks) schedule: Option<String>,
    /// Scheduled time that the task was enqueued for.
    pub(in crate::tasks) scheduled_for: Option<DateTime<Utc>>,
    /// Request that enqueued the task: its trace parent, or its id.
    pub(in crate::tasks) trace_parent: Option<String>,
    pub(in crate::tasks) created_at: DateTime<Utc>,
}

impl NewTask {
    /// Creates a task of a type; the task is due immediately.
    pub(in crate::tasks) fn new(
        group: impl Into<String>,
        name: &'static str,
        args: impl Into<AcceptedArgs>,
    ) -> Self {
        let (now, args) = (now(), args.into());
        Self {
            id: Uuid::now_v7(),
            group: group.into(),
            name,
            client_token_id: None,
            owner_user_id: None,
            stored_bytes: i64::try_from(args.bytes).unwrap_or(i64::MAX),
            args: args.value,
            turn: None,
            priority: 0,
            run_at: now,
            max_attempts: 1,
            idempotency_key: None,
            unique_key: None,
            schedule: None,
            scheduled_for: None,
            trace_parent: None,
            created_at: now,
        }
    }

    /// Returns the record of the task as it is once stored.
    pub(in crate::tasks) fn record(&self) -> TaskRecord {
        TaskRecord {
            id: self.id,
            group: self.group.clone(),
            name: self.name.to_owned(),
            title: self.name.into(),
            client_token_id: self.client_token_id,
            owner_user_id: self.owner_user_id,
            status: TaskStatus::Pending,
            progress: 0,
            message: None,
            result: None,
            error: None,
            code: None,
            attempt: 0,
            max_attempts: self.max_attempts.unsigned_abs(),
            run_at: self.run_at,
            created_at: self.created_at,
            started_at: None,
            finished_at: None,
            updated_at: self.created_at,
            version: 1,
            trace_parent: self.trace_parent.clone(),
        }
    }
}

/// Result of storing a task.
#[derive(Debug)]
pub(in crate::tasks) enum InsertOutcome {
    Inserted,
    /// The same task was already stored for this idempotency key.
    Duplicate(Uuid),
    /// A task with the same unique key is active; it belongs to this client and owner.
    AlreadyActive {
        id: Uuid,
        client_token_id: Option<Uuid>,
        owner_user_id: Option<Uuid>,
    },
    /// The idempotency key was used for a different task.
    KeyReused,
}

/// Stores a task within a transaction.
pub(in crate::tasks) async fn insert(
    executor: &mut impl Executor,
    task: &NewTask,
) -> Result<InsertOutcome, StoreError> {
    // The conflicting task may finish before it can be read; the insertion is then retried.
    for _ in 0..5 {
        if insert_unless_clash(executor, task).await? {
            return Ok(InsertOutcome::Inserted);
        }
        if let Some(clash) = find_conflict(executor, task).await? {
            return Ok(clash);
        }
    }
    Err(StoreError::UniqueViolation {
        constraint: "unique_key".to_owned(),
    })
}

/// Stores many tasks in one commit; they are durable when this returns.
///
/// The results are in the order of the tasks.
pub(in crate::tasks) async fn insert_all(
    store: &Store,
    tasks: Vec<NewTask>,
) -> Vec<Result<InsertOutcome, StoreError>> {
    let stored = match try_insert_all(store, &tasks).await {
        Ok(stored) => stored,
        Err(StoreError::Unavailable(error)) => {
            tracing::warn!(%error, "failed to store tasks");
            return tasks.iter().map(|_| Err(unavailable())).collect();
        }
        // One of the tasks cannot be stored at all; it must not cause the others to fail.
        Err(_) => vec![false; tasks.len()],
    };
    let mut outcomes = Vec::with_capacity(tasks.len());
    for (task, stored) in tasks.iter().zip(stored) {
        outcomes.push(if stored {
            Ok(InsertOutcome::Inserted)
        } else {
            insert_alone(store, task).await
        });
    }
    outcomes
}

/// Returns the error that each caller of a failed batch receives; the cause is in the log.
pub(in crate::tasks) fn unavailable() -> StoreError {
    StoreError::Unavailable(sqlx::Error::WorkerCrashed)
}

async fn insert_alone(store: &Store, task: &NewTask) -> Result<InsertOutcome, StoreError> {
    let mut transaction = store.begin().await?;
    let stored = insert(&mut transaction, task).await?;
    transaction.commit().await?;
    Ok(stored)
}

/// Stores the tasks that do not conflict; returns `true` for each task that was stored.
async fn try_insert_all(store: &Store, tasks: &[NewTask]) -> Result<Vec<bool>, StoreError> {
    match store.dialect() {
        Dialect::Sqlite => {
            let mut transaction = store.begin().await?;
            let mut stored = Vec::with_capacity(tasks.len());
            for task in tasks {
                stored.push(insert_unless_clash(&mut transaction, task).await?);
            }
            transaction.commit().await?;
            Ok(stored)
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let rows = store.fetch_all(&insert_many(tasks)?).await?;
            let new = ids(&rows)?;
            Ok(tasks.iter().map(|task| new.contains(&task.id)).collect())
        }
        #[cfg(not(feature = "postgres"))]
        Dialect::Postgres => Err(StoreError::FeatureMissing("postgres")),
    }
}

#[cfg(feature = "postgres")]
pub(in crate::tasks) fn ids(
    rows: &[crate::store::Row],
) -> Result<std::collections::HashSet<Uuid>, StoreError> {
    rows.iter().map(|row| row.get("id")).collect()
}

#[cfg(feature = "postgres")]
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| {
    let names = columns::list(&columns::NEW, str::to_owned);
    let read = columns::list(&columns::NEW, |name| {
        if name == columns::ARGS.name {
            "coalesce(args, 'null')".to_owned()
        } else {
            name.to_owned()
        }
    });
    format!(
        "INSERT INTO {TABLE} ({names}, status, updated_at, version) \
         SELECT {read}, 'PENDING', created_at, 1 \
         FROM jsonb_to_recordset($1) AS task({}) ON CONFLICT DO NOTHING RETURNING id",
        columns::typed(&columns::NEW),
    )
});

/// Returns a statement that does not depend on the number of rows, so that it is planned once.
#[cfg(feature = "postgres")]
fn insert_many(tasks: &[NewTask]) -> Result<RawSql<true>, StoreError> {
    let rows = serde_json::to_value(tasks)
        .map_err(|error| StoreError::Other(sqlx::Error::Encode(error.into())))?;
    Ok(RawSql {
        sql: Cow::Borrowed(INSERT_MANY.as_str()),
        values: vec![rows.into()],
    })
}

/// Stores a task unless it conflicts with another one; returns `true` if it was stored.
pub(super) async fn insert_unless_clash(
    executor: &mut impl Executor,
    task: &NewTask,
) -> Result<bool, StoreError> {
    let values = [
        (columns::ID, task.id.into()),
        (columns::GROUP, task.group.as_str().into()),
        (columns::NAME, task.name.into()),
        (columns::CLIENT_TOKEN_ID, task.client_token_id.into()),
        (columns::OWNER_USER_ID, task.owner_user_id.into()),
        (columns::ARGS, task.args.clone().into()),
        (columns::STORED_BYTES, task.stored_bytes.into()),
        (columns::TURN, task.turn.into()),
        (columns::STATUS, TaskStatus::Pending.as_str().into()),
        (columns::PRIORITY, task.priority.into()),
        (columns::RUN_AT, task.run_at.into()),
        (columns::MAX_ATTEMPTS, task.max_attempts.into()),
        (
            columns::IDEMPOTENCY_KEY,
            task.idempotency_key.clone().into(),
        ),
        (columns::UNIQUE_KEY, task.unique_key.clone().into()),
        (columns::SCHEDULE, task.schedule.clone().into()),
        (columns::SCHEDULED_FOR, task.scheduled_for.into()),
        (columns::TRACE_PARENT, task.trace_parent.clone().into()),
        (columns::CREATED_AT, task.created_at.into()),
        (columns::UPDATED_AT, task.created_at.into()),
        (columns::VERSION, 1_i64.into()),
    ];
    let (columns, values): (Vec<_>, Vec<Expr>) = values.into_iter().unzip();
    let insert = Query::insert()
        .into_table(TABLE)
        .columns(columns)
        .values_panic(values)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .returning(Query::returning().column("id"))
        .take();
    Ok(!executor.fetch_all(&insert).await?.is_empty())
}

/// Finds the task that conflicts with the given one, in a separate transaction.
pub(in crate::tasks) async fn find_clash_in(
    store: &Store,
    task: &NewTask,
) -> Result<Option<InsertOutcome>, StoreError> {
    if task.idempotency_key.is_none() && task.unique_key.is_none() {
        return Ok(None);
    }
    let mut transaction = store.begin().await?;
    find_conflict(&mut transaction, task).await
}

/// Finds the task that conflicts with the given one.
async fn find_conflict(
    executor: &mut impl Executor,
    task: &NewTask,
) -> Result<Option<InsertOutcome>, StoreError> {
    if let (Some(client_token_id), Some(key)) = (task.client_token_id, &task.idempotency_key) {
        let same_key = Expr::col("client_token_id")
            .eq(client_token_id)
            .and(Expr::col("idempotency_key").eq(key.as_str()));
        if let Some(before) = find(executor, same_key).await? {
            let same = before.group == task.group
                && before.name == task.name
                && args_in(executor, before.id).await?.as_ref() == Some(&task.args);
            return Ok(Some(if same {
                InsertOutcome::Duplicate(before.id)
            } else {
                InsertOutcome::KeyReused
            }));
        }
    }
    let Some(key) = &task.unique_key else {
        return Ok(None);
    };
    let active = Expr::col("unique_key")
        .eq(key.as_str())
        .and(Expr::col("status").is_in(["PENDING", "PROCESSING"]));
    Ok(find(executor, active)
        .await?
        .map(|active| InsertOutcome::AlreadyActive {
            id: active.id,
            client_token_id: active.client_token_id,
            owner_user_id: active.owner_user_id,
        }))
}

async fn find(
    executor: &mut impl Executor,
    condition: Expr,
) -> Result<Option<TaskRecord>, StoreError> {
    let select = select().and_where(condition).limit(1).take();
    let rows = executor.fetch_all(&select).await?;
    rows.first().map(TaskRecord::from_row).transpose()
}
