//! Deleting rows, with the rows that refer to them, as the rules of their fields require.

use std::cmp::Reverse;
use std::collections::HashMap;

use sea_query::{Expr, ExprTrait, Func, LockType, Query};
use serde_json::Value;

use super::super::field_type::plain_text;
use super::super::on_delete::OnDelete;
use super::super::policy::not_permitted;
use super::super::precondition::Precondition;
use super::super::query::ListQuery;
use super::super::record::{Record, row_not_found};
use super::super::scope::RowScope;
use super::super::selection::{MAX_MATCHING, check_count};
use super::super::spec::{ModelSpec, RowValues};
use super::referring::{Lookup, ReferringRows};
use super::write::{WriteError, finish};
use super::{ModelTable, bind, equals, read_returned, returning};
use crate::error::{Error, Result};
use crate::store::{Connection, StoreError, Transaction};

/// Maximum number of rows that a deletion deletes or changes in addition to the requested rows.
const MAX_AFFECTED: usize = 10_000;

/// Rows of other models that a caller may delete, by model; a model without an entry may not be
/// deleted from.
#[derive(Debug, Clone, Default)]
pub(crate) enum CascadeRights {
    /// All rows, for the application's own code.
    #[default]
    Everything,
    Only(HashMap<&'static str, RowScope>),
}

impl ModelTable<'_> {
    /// Deletes a row if its version is the expected version.
    pub(crate) async fn delete(&self, key: &str, expected: &Precondition) -> Result<()> {
        self.delete_on(Connection::Pool(self.store), key, expected)
            .await
    }

    /// Does the same as [`delete`](Self::delete) on a connection.
    pub(crate) async fn delete_on(
        &self,
        mut connection: Connection<'_>,
        key: &str,
        expected: &Precondition,
    ) -> Result<()> {
        let value = self.parse_key(key).ok_or_else(row_not_found)?;
        let mut write = connection.write().await?;
        let mut budget = MAX_AFFECTED;
        let outcome = self.delete_row(write.transaction(), &value, expected, &mut budget);
        let outcome = outcome.await;
        match finish(write, outcome).await {
            Ok(()) => Ok(()),
            Err(WriteError::Store(error)) => Err(error.into()),
            Err(error) => Err(self
                .reason(connection, error, key, &RowValues::new())
                .await?),
        }
    }

    /// Deletes all of the rows or none, and returns the number of deleted rows. Rows that do not
    /// exist are ignored.
    pub(crate) async fn delete_all(&self, keys: &[String]) -> Result<u64> {
        let keys: Vec<Value> = keys.iter().filter_map(|key| self.parse_key(key)).collect();
        self.delete_all_on(Connection::Pool(self.store), &keys)
            .await
    }

    /// Deletes all rows that match a query or none, and returns the number of deleted rows. Fails if
    /// their number is not the confirmed number.
    pub(crate) async fn delete_matching(
        &self,
        query: &ListQuery,
        confirmed: Option<u64>,
    ) -> Result<u64> {
        let mut connection = Connection::Pool(self.store);
        let mut write = connection.write().await?;
        let outcome = self.delete_found(write.transaction(), query, confirmed);
        let outcome = outcome.await;
        finish(write, outcome).await
    }

    /// Does the same as [`delete_all`](Self::delete_all) on a connection.
    pub(crate) async fn delete_all_on(
        &self,
        mut connection: Connection<'_>,
        keys: &[Value],
    ) -> Result<u64> {
        let mut write = connection.write().await?;
        let outcome = self.delete_rows(write.transaction(), keys).await;
        finish(write, outcome).await
    }

    async fn delete_found(
        &self,
        transaction: &mut Transaction,
        query: &ListQuery,
        confirmed: Option<u64>,
    ) -> Result<u64> {
        let mut select = self.matching(query, MAX_MATCHING + 1)?;
        // A row that no longer matches must not be deleted.
        select.lock(LockType::Update);
        let rows = transaction.fetch_all(&select).await?;
        check_count(rows.len() as u64, confirmed)?;
        let key = self.model.key();
        let keys: Vec<Value> = rows
            .iter()
            .map(|row| key.kind.read(row, key.name))
            .collect::<Result<_, _>>()?;
        self.delete_rows(transaction, &keys).await
    }

    async fn delete_rows(&self, transaction: &mut Transaction, keys: &[Value]) -> Result<u64> {
        let mut deleted = 0;
        let mut budget = MAX_AFFECTED;
        for key in keys {
            let outcome = self.delete_row(transaction, key, &Precondition::Any, &mut budget);
            match outcome.await {
                Ok(()) => deleted += 1,
                Err(WriteError::Missed) => {}
                Err(WriteError::Rejected(error)) => return Err(error),
                Err(WriteError::Store(error @ StoreError::ForeignKeyViolation)) => {
                    return Err(Error::from(error).with_extension("id", key));
                }
                Err(WriteError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(deleted)
    }

    /// Deletes a row, after the rows that refer to it. `budget` is the number of these rows that may
    /// still be changed.
    async fn delete_row(
        &self,
        transaction: &mut Transaction,
        key: &Value,
        expected: &Precondition,
        budget: &mut usize,
    ) -> Result<(), WriteError> {
        let condition = match expected {
            Precondition::Any => None,
            Precondition::OneOf(versions) => self.model.version.is_one_of(versions),
        };
        let mut referring = self.registry.referring(self.model.name);
        let affects_others = referring.any(|(_, field)| field.on_delete != OnDelete::Restrict);
        let must_lock = matches!(expected, Precondition::OneOf(_)) && condition.is_none();
        let is_joined = self.registry.join_tables(self.model.name).next().is_some();
        let mut locked = RowValues::new();
        let is_locked = must_lock || affects_others || is_joined || self.model.hooks.is_some();
        if is_locked {
            locked = self.lock(transaction, key, expected).await?.values;
            self.before_delete(transaction, &locked).await?;
        }
        if affects_others {
            self.release(transaction, key, budget).await?;
        }
        self.delete_joined(transaction, key).await?;
        let mut delete = Query::delete();
        delete
            .from_table(self.model.table)
            .and_where(equals(self.model.key(), key)?)
            // The version of a locked row has been checked, and the deletion itself can advance it.
            .and_where_option(condition.filter(|_| !is_locked))
            .cond_where(self.scope.condition())
            .returning(returning(self.model));
        let row = transaction.fetch_optional(&delete).await?;
        let record = read_returned(self.model, &row.ok_or(WriteError::Missed)?, &locked)?;
        self.record_change(transaction, Some(&record.values), None)
            .await?;
        Ok(self.after_delete(transaction, &record.values).await?)
    }

    /// Empties the references to a row, or deletes the rows that refer to it.
    async fn release(
        &self,
        transaction: &mut Transaction,
        key: &Value,
        budget: &mut usize,
    ) -> Result<(), WriteError> {
        let lookup = Lookup {
            limit: *budget,
            with_restricted: false,
        };
        let mut connection = Connection::Transaction(transaction);
        let found = self
            .referring(&mut connection, vec![key.clone()], lookup, true)
            .await?;
        let count: usize = found.iter().map(|it| it.records.len()).sum();
        if count > *budget || found.iter().any(|it| it.is_cut) {
            return Err(too_many().into());
        }
        *budget -= count;
        for rows in &found {
            if rows.field.on_delete == OnDelete::Cascade {
                self.check_rights(transaction, rows).await?;
            }
        }
        for rows in &found {
            if rows.field.on_delete == OnDelete::SetNull {
                let table = self.of_model(rows.model);
                for record in &rows.records {
                    table.clear(transaction, record, rows.field.name).await?;
                }
            }
        }
        self.delete_referring(transaction, &found).await
    }

    /// Deletes rows that refer to a deleted row, each before the rows that it refers to.
    async fn delete_referring(
        &self,
        transaction: &mut Transaction,
        found: &[ReferringRows<'_>],
    ) -> Result<(), WriteError> {
        let is_deleted = |rows: &&ReferringRows<'_>| rows.field.on_delete == OnDelete::Cascade;
        let mut deleted: Vec<(&ModelSpec, &Record)> = found
            .iter()
            .filter(is_deleted)
            .flat_map(|rows| rows.records.iter().map(|record| (rows.model, record)))
            .collect();
        let order = self.registry.creation_order().unwrap_or_default();
        let place = |model: &ModelSpec| order.iter().position(|it| it.name == model.name);
        deleted.reverse();
        deleted.sort_by_key(|(model, _)| Reverse(place(model)));
        for (model, record) in deleted {
            let table = self.of_model(model);
            let outcome = table.delete_locked(transaction, record).await;
            outcome.map_err(of_other_row)?;
        }
        Ok(())
    }

    async fn delete_locked(
        &self,
        transaction: &mut Transaction,
        record: &Record,
    ) -> Result<(), WriteError> {
        self.before_delete(transaction, &record.values).await?;
        self.delete_joined(transaction, self.key_in(record)).await?;
        let mut delete = Query::delete();
        delete
            .from_table(self.model.table)
            .and_where(equals(self.model.key(), self.key_in(record))?)
            .returning(returning(self.model));
        // A hook can already have deleted the row.
        let Some(row) = transaction.fetch_optional(&delete).await? else {
            return Ok(());
        };
        let record = read_returned(self.model, &row, &record.values)?;
        self.record_change(transaction, Some(&record.values), None)
            .await?;
        Ok(self.after_delete(transaction, &record.values).await?)
    }

    /// Empties a reference of a row.
    async fn clear(
        &self,
        transaction: &mut Transaction,
        record: &Record,
        field: &str,
    ) -> Result<(), WriteError> {
        let key = self.key_in(record);
        // Another reference of the row, or a hook, can have changed the row since it was found.
        let present = match self.lock(transaction, key, &Precondition::Any).await {
            Err(WriteError::Missed) => return Ok(()),
            present => present?,
        };
        let mut values = present.values.clone();
        values.insert(field.to_owned(), Value::Null);
        let key = plain_text(key);
        let updated = self.update_row(transaction, &key, &present, &values).await;
        updated.map(drop).map_err(of_other_row)
    }

    /// Fails with `403 not_permitted` if the caller may not delete some of the rows.
    async fn check_rights(
        &self,
        transaction: &mut Transaction,
        rows: &ReferringRows<'_>,
    ) -> Result<()> {
        let denied = || {
            not_permitted(
                "rows that refer to the row would be deleted as well, which your account does not allow"
                    .to_owned(),
            )
        };
        let scope = match &self.cascade {
            CascadeRights::Everything => return Ok(()),
            CascadeRights::Only(rights) => rights.get(rows.model.name).ok_or_else(denied)?,
        };
        let RowScope::Where(scope) = scope else {
            return Ok(());
        };
        let table = self.of_model(rows.model);
        let key = rows.model.key();
        let keys = rows.records.iter().map(|it| bind(key, table.key_in(it)));
        let keys: Vec<_> = keys.collect::<Result<_>>()?;
        let count = Query::select()
            .expr_as(Func::count(Expr::val(1)), "visible")
            .from(rows.model.table)
            .and_where(Expr::col(key.name).is_in(keys))
            .cond_where(scope.clone())
            .take();
        let row = transaction.fetch_optional(&count).await?;
        let visible: i64 = row.map_or(Ok(0), |row| row.get("visible"))?;
        match usize::try_from(visible) == Ok(rows.records.len()) {
            true => Ok(()),
            false => Err(denied()),
        }
    }

    fn key_in<'r>(&self, record: &'r Record) -> &'r Value {
        let value = record.values.get(self.model.key().name);
        value.unwrap_or(&Value::Null)
    }
}

fn too_many() -> Error {
    Error::conflict(
        "too_many_referring",
        format!(
            "more than {MAX_AFFECTED} rows would be deleted or changed as well; delete some of them first"
        ),
    )
}

/// Converts an error in a row of another model. The caller may not see its fields.
fn of_other_row(error: WriteError) -> WriteError {
    match error {
        WriteError::Rejected(error) if !error.field_errors().is_empty() => {
            let detail = "a row that refers to the row cannot be changed or deleted";
            WriteError::Rejected(Error::conflict("referenced", detail).with_cause(error))
        }
        error => error,
    }
}
