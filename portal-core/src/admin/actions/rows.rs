//! Rows on which an action runs: reading them in batches, saving changes and counting outcomes.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::vec;

use parking_lot::Mutex;
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

/// Number of rows that are read, and changed in one transaction, at once.
const BATCH: u64 = 100;

/// The rows on which an action runs, in the scope of the user who runs it.
///
/// Rows are read in batches, so that memory does not grow with their number. Each change runs the
/// model's hooks, is recorded in the audit log, and fails if someone else has changed the row since
/// it was read. A row that fails does not affect the others.
///
/// ```
/// use portal_core::admin::{ActionReport, Rows};
/// use portal_core::prelude::*;
///
/// /// A plan
/// #[admin_model]
/// struct Plan { id: i64, name: String, price: i64 }
///
/// /// Raise prices
/// #[admin_action(Plan)]
/// async fn raise_prices(rows: Rows<Plan>) -> Result<ActionReport> {
///     rows.for_each(|plan| {
///         if plan.price == 0 {
///             return Err(Error::conflict("free_plan", "the plan is free"));
///         }
///         plan.price += 100;
///         Ok(())
///     })
///     .await
/// }
///
/// /// Rename
/// #[admin_action(Plan)]
/// async fn rename(mut rows: Rows<Plan>, models: Data<Models>) -> Result<ActionReport> {
///     while let Some(mut plan) = rows.next().await? {
///         let number = models.query::<Plan>().filter(Plan::PRICE.lt(plan.price)).count().await?;
///         plan.name = format!("Plan {number}");
///         rows.save(plan).await?;
///     }
///     Ok(rows.into_report())
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Rows<M> {
    cursor: RowCursor,
    batch: vec::IntoIter<Record>,
    model: PhantomData<fn() -> M>,
}

/// A row on which an action runs. It dereferences to the model's struct.
#[derive(Debug)]
pub struct ActionRow<M> {
    row: M,
    record: Record,
}

impl<M> Deref for ActionRow<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.row
    }
}

impl<M> DerefMut for ActionRow<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.row
    }
}

impl<M: AdminModel> Rows<M> {
    pub(super) fn new(cursor: RowCursor) -> Self {
        Self {
            cursor,
            batch: Vec::new().into_iter(),
            model: PhantomData,
        }
    }

    /// Returns the user who runs the action.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.cursor.user
    }

    /// Returns the actor of the action, for audit entries and for changes to other data.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.cursor.actor
    }

    /// Changes every row with a function, and saves those that it changes. Rows for which it fails
    /// stay unchanged; the report contains the reason.
    ///
    /// The rows of a batch are stored in one transaction.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable, a stored row does not match the struct, or the
    /// function returns a server error. Batches that are already stored remain stored.
    pub async fn for_each<F>(mut self, mut change: F) -> Result<ActionReport>
    where
        F: FnMut(&mut M) -> Result<()> + Send,
    {
        while let Some(records) = self.cursor.next_batch().await? {
            self.cursor.change_batch(records, &mut change).await?;
        }
        Ok(self.into_report())
    }

    /// Returns the next row, or `None` after the last one.
    ///
    /// A row that is not passed to [`save`](Self::save), [`delete`](Self::delete) or
    /// [`fail`](Self::fail) counts as unchanged.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable, or a stored row does not match the struct.
    pub async fn next(&mut self) -> Result<Option<ActionRow<M>>> {
        let record = loop {
            if let Some(record) = self.batch.next() {
                break record;
            }
            match self.cursor.next_batch().await? {
                Some(records) => self.batch = records.into_iter(),
                None => return Ok(None),
            }
        };
        let row = typed(record.clone())?;
        self.cursor.count(RowOutcome::Unchanged);
        Ok(Some(ActionRow { row, record }))
    }

    /// Saves a row in a separate transaction. A row that cannot be saved is part of the report.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn save(&mut self, row: ActionRow<M>) -> Result<()> {
        let ActionRow { row, record } = row;
        let outcome = {
            let table = self.cursor.table()?;
            let connection = Connection::Pool(self.cursor.models.store());
            save(&table, connection, &record, &row).await
        };
        self.settle(&record, outcome)
    }

    /// Deletes a row in a separate transaction. A row that cannot be deleted is part of the report.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn delete(&mut self, row: ActionRow<M>) -> Result<()> {
        let record = row.record;
        let outcome = {
            let table = self.cursor.table()?;
            let key = table.model.key_of(&record.values);
            let expected = Precondition::OneOf(vec![record.version]);
            table.delete(&key, &expected).await
        };
        self.settle(&record, outcome.map(|()| true))
    }

    /// Adds a row that is not changed to the report, with the reason.
    pub fn fail(&mut self, row: ActionRow<M>, reason: impl Into<String>) {
        let error = Error::conflict("action_failed", reason.into());
        let failed = self.cursor.failed(&row.record, error);
        self.cursor.recount(RowOutcome::Failed(failed));
    }

    /// Returns the report on the rows so far.
    #[must_use]
    pub fn into_report(self) -> ActionReport {
        self.cursor.report.lock().clone()
    }

    /// Counts the outcome for a row that [`next`](Self::next) has counted as unchanged.
    fn settle(&self, record: &Record, outcome: Result<bool>) -> Result<()> {
        let outcome = self.cursor.outcome(record, outcome)?;
        self.cursor.recount(outcome);
        Ok(())
    }
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

/// Reads the selected rows in batches, regardless of their type.
#[derive(Debug)]
pub(crate) struct RowCursor {
    models: Models,
    model: &'static str,
    user: User,
    actor: Actor,
    scope: RowScope,
    run: ActionRun,
    position: Position,
    /// Shared with the caller of the action, who also needs it if the action fails.
    report: Arc<Mutex<ActionReport>>,
}

/// Rows that have not been read yet.
#[derive(Debug)]
enum Position {
    Keys(vec::IntoIter<String>),
    Matching {
        query: Box<ListQuery>,
        /// Key of the last row that was read.
        after: Option<Value>,
        /// Key of the last row when the action started, so that it ends although rows are added.
        last: Option<Value>,
    },
}

impl RowCursor {
    /// Creates a cursor for the rows of a table, which is limited to the scope of the user.
    pub(in super::super) async fn new(
        models: &Models,
        table: &ModelTable<'_>,
        user: &User,
        actor: &Actor,
        run: ActionRun,
        selection: RowSelection,
    ) -> Result<Self> {
        let position = match selection {
            RowSelection::Keys(keys) => {
                let mut seen = HashSet::new();
                let keys = keys.into_iter().filter(|key| seen.insert(key.clone()));
                Position::Keys(keys.collect::<Vec<_>>().into_iter())
            }
            RowSelection::Matching { query, .. } => Position::Matching {
                last: table.last_key(&query).await?,
                after: None,
                query: Box::new(query),
            },
        };
        Ok(Self {
            models: models.clone(),
            model: table.model.name,
            user: user.clone(),
            actor: actor.clone(),
            scope: table.scope.clone(),
            run,
            position,
            report: Arc::default(),
        })
    }

    /// Returns the report, which grows while the action runs.
    pub(super) fn report(&self) -> Arc<Mutex<ActionReport>> {
        Arc::clone(&self.report)
    }

    fn table(&self) -> Result<ModelTable<'_>> {
        let table = self.models.table(self.model)?.changed_by(&self.actor);
        Ok(table.during(&self.run).within(self.scope.clone()))
    }

    /// Returns the next rows; `None` after the last ones. Keys without a row become failures.
    async fn next_batch(&mut self) -> Result<Option<Vec<Record>>> {
        loop {
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
        match &mut self.position {
            Position::Keys(keys) => {
                let keys: Vec<String> = keys.take(BATCH as usize).collect();
                let table = self.table()?;
                let parsed: Vec<_> = keys.iter().filter_map(|key| table.parse_key(key)).collect();
                let records = table.get_all(&parsed.iter().collect::<Vec<_>>()).await?;
                let found: HashSet<String> = records
                    .iter()
                    .map(|record| table.model.key_of(&record.values))
                    .collect();
                let is_missing = |key: &&String| match table.parse_key(key) {
                    Some(value) => !found.contains(&plain_text(&value)),
                    None => true,
                };
                let missing = keys.iter().filter(is_missing).cloned().collect();
                Ok((records, missing))
            }
            Position::Matching { last: None, .. } => Ok((Vec::new(), Vec::new())),
            Position::Matching { .. } => {
                let records = {
                    let Position::Matching { query, after, last } = &self.position else {
                        return Ok((Vec::new(), Vec::new()));
                    };
                    let range = (after.as_ref(), last.as_ref());
                    self.table()?.batch(query, range, BATCH).await?
                };
                let key = self.table()?.model.key().name;
                let next = records.last().and_then(|it| it.values.get(key)).cloned();
                if let (Position::Matching { after, .. }, Some(next)) = (&mut self.position, next) {
                    *after = Some(next);
                }
                Ok((records, Vec::new()))
            }
        }
    }

    /// Changes the rows of a batch in one transaction, and counts them after it has committed.
    async fn change_batch<M, F>(&self, records: Vec<Record>, change: &mut F) -> Result<()>
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

    /// Returns the outcome for a row. Fails with a server error, which concerns the whole action.
    fn outcome(&self, record: &Record, changed: Result<bool>) -> Result<RowOutcome> {
        match changed {
            Ok(true) => Ok(RowOutcome::Changed),
            Ok(false) => Ok(RowOutcome::Unchanged),
            Err(error) if error.status().is_server_error() => Err(error),
            Err(error) => Ok(RowOutcome::Failed(self.failed(record, error))),
        }
    }

    /// Describes a row that failed, as the user may see it.
    fn failed(&self, record: &Record, error: Error) -> FailedRow {
        let Ok(table) = self.models.table(self.model) else {
            return FailedRow::new(String::new(), String::new(), &error);
        };
        let view = ModelView::new(table.model, &self.user);
        let (key, shown) = (view.key_of(&record.values), view.show(record.clone()));
        FailedRow::new(key, view.label_of(&shown.values), &view.redact(error))
    }

    fn count(&self, outcome: RowOutcome) {
        self.report.lock().add(outcome);
    }

    /// Replaces the outcome of a row that was counted as unchanged.
    fn recount(&self, outcome: RowOutcome) {
        self.report.lock().replace_unchanged(outcome);
    }
}
