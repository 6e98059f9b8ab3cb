//! Rows on which an action runs, as the action receives them.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::vec;

use super::super::model::AdminModel;
use super::super::models::typed;
use super::super::record::Record;
use super::report::{ActionReport, RowOutcome};
use super::row_cursor::RowCursor;
use crate::auth::{Actor, User};
use crate::error::{Error, Result};

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
        self.cursor.user()
    }

    /// Returns the actor of the action, for audit entries and for changes to other data.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        self.cursor.actor()
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
        let outcome = self.cursor.save(&record, &row).await;
        self.settle(&record, outcome)
    }

    /// Deletes a row in a separate transaction. A row that cannot be deleted is part of the report.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn delete(&mut self, row: ActionRow<M>) -> Result<()> {
        let record = row.record;
        let outcome = self.cursor.delete(&record).await;
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
        self.cursor.report().lock().clone()
    }

    /// Counts the outcome for a row that [`next`](Self::next) has counted as unchanged.
    fn settle(&self, record: &Record, outcome: Result<bool>) -> Result<()> {
        let outcome = self.cursor.outcome(record, outcome)?;
        self.cursor.recount(outcome);
        Ok(())
    }
}
