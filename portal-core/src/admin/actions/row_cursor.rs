//! Reading the selected rows of an action in batches, saving changes and counting outcomes.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::field_type::plain_text;
use super::super::model::AdminModel;
use super::super::model_view::ModelView;
use super::super::models::{Models, checked, typed};
use super::super::precondition::Precondition;
use super::super::query::ListQuery;
use super::super::record::{Record, row_not_found};
use super::super::repository::ModelTable;
use super::super::scope::RowScope;
use super::super::selection::RowSelection;
use super::execution::ActionRun;
use super::report::{ActionReport, FailedRow, RowOutcome};
use crate::auth::{Actor, User};
use crate::error::{Error, Result};
use crate::store::Connection;
use crate::tasks::{TaskContext, TaskError};

/// Codes of tasks that must stop.
pub(super) const CANCELLED: &str = "cancelled";
pub(super) const SUPERSEDED: &str = "superseded";

/// Number of rows that are read, and changed in one transaction, at once.
const BATCH: usize = 100;

/// Reads the selected rows in batches, regardless of their type.
#[derive(Debug)]
pub(crate) struct RowCursor {
    models: Models,
    model: &'static str,
    user: User,
    actor: Actor,
    scope: RowScope,
    run: ActionRun,
    selection: RowSelection,
    position: Position,
    /// Task in which the action runs.
    task: Option<TaskContext>,
    /// Shared with the caller of the action, who also needs it if the action fails.
    report: Arc<Mutex<ActionReport>>,
}

/// Rows that have not been read yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    /// Number of keys of the selection that have been read.
    keys: usize,
    /// Key of the last row that was read.
    after: Option<Value>,
    /// Key of the last row when the action started, so that it ends although rows are added.
    last: Option<Value>,
    /// Number of rows when the action started.
    total: u64,
}

/// Checkpoint of an action that runs in a task.
#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    position: Position,
    report: ActionReport,
}

impl RowCursor {
    /// Creates a cursor for the rows of a table, which is limited to the scope of the user. In a
    /// task, it continues where the previous attempt has stopped.
    pub(in super::super) async fn new(
        models: &Models,
        table: &ModelTable<'_>,
        (user, actor): (&User, &Actor),
        run: ActionRun,
        selection: RowSelection,
        task: Option<TaskContext>,
    ) -> Result<Self> {
        let selection = match selection {
            RowSelection::Keys(keys) => {
                let mut seen = HashSet::new();
                let keys = keys.into_iter().filter(|key| seen.insert(key.clone()));
                RowSelection::Keys(keys.collect())
            }
            matching => matching,
        };
        let restored: Option<Checkpoint> = match &task {
            Some(task) => task.restore().map_err(|error| stopped(&error))?,
            None => None,
        };
        let (position, report) = match restored {
            Some(checkpoint) => (checkpoint.position, checkpoint.report),
            None => (
                start(table, &selection, task.is_some()).await?,
                ActionReport::default(),
            ),
        };
        Ok(Self {
            models: models.clone(),
            model: table.model.name,
            user: user.clone(),
            actor: actor.clone(),
            scope: table.scope.clone(),
            run,
            selection,
            position,
            task,
            report: Arc::new(Mutex::new(report)),
        })
    }

    /// Returns the report, which grows while the action runs.
    pub(super) fn report(&self) -> Arc<Mutex<ActionReport>> {
        Arc::clone(&self.report)
    }

    pub(super) fn user(&self) -> &User {
        &self.user
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }

    fn table(&self) -> Result<ModelTable<'_>> {
        let table = self.models.table(self.model)?.changed_by(&self.actor);
        Ok(table.during(&self.run).within(self.scope.clone()))
    }

    /// Returns the next rows; `None` after the last ones. Keys without a row become failures.
    pub(super) async fn next_batch(&mut self) -> Result<Option<Vec<Record>>> {
        loop {
            self.report_progress().await?;
            let (records, missing) = self.read_batch().await?;
            let is_end = records.is_empty() && missing.is_empty();
            for key in missing {
                let failed = FailedRow::new(key.clone(), key, &row_not_found());
                self.count(RowOutcome::Failed(failed));
            }
            if is_end {
                return Ok(None);
            }
            if !records.is_empty() {
                return Ok(Some(records));
            }
        }
    }

    /// Reads the next rows, and returns the keys that have none.
    async fn read_batch(&mut self) -> Result<(Vec<Record>, Vec<String>)> {
        let table = self.table()?;
        let (records, missing, position) = match &self.selection {
            RowSelection::Keys(keys) => {
                let keys: Vec<&String> = keys.iter().skip(self.position.keys).take(BATCH).collect();
                let (records, missing) = by_keys(&table, &keys).await?;
                let position = Position {
                    keys: self.position.keys + keys.len(),
                    ..self.position.clone()
                };
                (records, missing, position)
            }
            RowSelection::Matching { query, .. } => {
                let records = matching(&table, query, &self.position).await?;
                let key = table.model.key().name;
                let next = records.last().and_then(|it| it.values.get(key)).cloned();
                let position = Position {
                    after: next.or_else(|| self.position.after.clone()),
                    ..self.position.clone()
                };
                (records, Vec::new(), position)
            }
        };
        self.position = position;
        Ok((records, missing))
    }

    /// Stores the position of a task and its progress. Fails if the task is cancelled.
    async fn report_progress(&self) -> Result<()> {
        let Some(task) = &self.task else {
            return Ok(());
        };
        let checkpoint = Checkpoint {
            position: self.position.clone(),
            report: self.report.lock().clone(),
        };
        let (done, total) = (checkpoint.report.rows(), self.position.total);
        let percent = (done.min(total) * 100).checked_div(total).unwrap_or(0);
        let update = task
            .update()
            .progress(u8::try_from(percent).unwrap_or(100))
            .message(format!("{done} of {total} rows"));
        update.send().map_err(|error| stopped(&error))?;
        task.checkpoint(&checkpoint)
            .await
            .map_err(|error| stopped(&error))
    }

    /// Changes the rows of a batch in one transaction, and counts them after it has committed.
    pub(super) async fn change_batch<M, F>(
        &self,
        records: Vec<Record>,
        change: &mut F,
    ) -> Result<()>
    where
        M: AdminModel,
        F: FnMut(&mut M) -> Result<()> + Send,
    {
        let table = self.table()?;
        let mut transaction = self.models.begin().await?;
        let mut outcomes = Vec::with_capacity(records.len());
        for record in &records {
            let mut row: M = typed(record.clone())?;
            let outcome = match change(&mut row) {
                Ok(()) => {
                    let connection = Connection::Transaction(&mut transaction);
                    save(&table, connection, record, &row).await
                }
                Err(error) => Err(error),
            };
            outcomes.push(self.outcome(record, outcome)?);
        }
        transaction.commit().await?;
        let mut report = self.report.lock();
        outcomes.into_iter().for_each(|outcome| report.add(outcome));
        Ok(())
    }

    /// Saves a row in a separate transaction; returns `false` if it needs no change.
    pub(super) async fn save<M: AdminModel>(&self, record: &Record, row: &M) -> Result<bool> {
        let connection = Connection::Pool(self.models.store());
        save(&self.table()?, connection, record, row).await
    }

    /// Deletes a row in a separate transaction.
    pub(super) async fn delete(&self, record: &Record) -> Result<()> {
        let table = self.table()?;
        let key = table.model.key_of(&record.values);
        let expected = Precondition::OneOf(vec![record.version]);
        table.delete(&key, &expected).await
    }

    /// Returns the outcome for a row. Fails with a server error, which concerns the whole action.
    pub(super) fn outcome(&self, record: &Record, changed: Result<bool>) -> Result<RowOutcome> {
        match changed {
            Ok(true) => Ok(RowOutcome::Changed),
            Ok(false) => Ok(RowOutcome::Unchanged),
            Err(error) if error.status().is_server_error() => Err(error),
            Err(error) => Ok(RowOutcome::Failed(self.failed(record, error))),
        }
    }

    /// Describes a row that failed, as the user may see it.
    pub(super) fn failed(&self, record: &Record, error: Error) -> FailedRow {
        let Ok(table) = self.models.table(self.model) else {
            return FailedRow::new(String::new(), String::new(), &error);
        };
        let view = ModelView::new(table.model, &self.user);
        let (key, shown) = (view.key_of(&record.values), view.show(record.clone()));
        FailedRow::new(key, view.label_of(&shown.values), &view.redact(error))
    }

    pub(super) fn count(&self, outcome: RowOutcome) {
        self.report.lock().add(outcome);
    }

    /// Replaces the outcome of a row that was counted as unchanged.
    pub(super) fn recount(&self, outcome: RowOutcome) {
        self.report.lock().replace_unchanged(outcome);
    }
}

/// Returns the position before the first row. Only tasks need the number of rows.
async fn start(
    table: &ModelTable<'_>,
    selection: &RowSelection,
    counts_rows: bool,
) -> Result<Position> {
    let (last, total) = match selection {
        RowSelection::Keys(keys) => (None, keys.len() as u64),
        RowSelection::Matching { query, .. } => {
            let total = match counts_rows {
                true => table.count_up_to(query, u64::from(u32::MAX)).await?,
                false => 0,
            };
            (table.last_key(query).await?, total)
        }
    };
    Ok(Position {
        keys: 0,
        after: None,
        last,
        total,
    })
}

/// Returns the rows with one of the keys, and the keys that have none.
async fn by_keys(table: &ModelTable<'_>, keys: &[&String]) -> Result<(Vec<Record>, Vec<String>)> {
    let parsed: Vec<Value> = keys.iter().filter_map(|it| table.parse_key(it)).collect();
    let records = table.get_all(&parsed.iter().collect::<Vec<_>>()).await?;
    let of_record = |record: &Record| table.model.key_of(&record.values);
    let found: HashSet<String> = records.iter().map(of_record).collect();
    let is_missing = |key: &&&String| {
        let value = table.parse_key(key);
        value.is_none_or(|value| !found.contains(&plain_text(&value)))
    };
    let missing = keys.iter().filter(is_missing).map(|key| (*key).clone());
    Ok((records, missing.collect()))
}

async fn matching(
    table: &ModelTable<'_>,
    query: &ListQuery,
    position: &Position,
) -> Result<Vec<Record>> {
    // Without a last key, no row matched when the action started.
    let Some(last) = &position.last else {
        return Ok(Vec::new());
    };
    let range = (position.after.as_ref(), Some(last));
    table.batch(query, range, BATCH as u64).await
}

/// Saves a row; returns `false` if it needs no change.
async fn save<M: AdminModel>(
    table: &ModelTable<'_>,
    connection: Connection<'_>,
    record: &Record,
    row: &M,
) -> Result<bool> {
    let values = checked(table.model, row)?;
    // A write that changes nothing must not make the row stale for other writers.
    if values == record.values {
        return Ok(false);
    }
    let key = table.model.key_of(&record.values);
    let stored = table.update_on(connection, &key, record, &values).await?;
    Ok(stored != *record)
}

/// Converts the reason why a task must stop, or why its position could not be stored.
fn stopped(error: &TaskError) -> Error {
    match error.code() {
        CANCELLED | SUPERSEDED => {
            Error::conflict(error.code().to_owned(), error.message().to_owned())
        }
        _ => Error::unavailable("the progress could not be stored"),
    }
}
