//! Writing rows: each change with its hooks, its audit entry and its event, as a whole or not at
//! all.

use std::borrow::Cow;

use sea_query::{Expr, LockType, OnConflict, Query, SelectStatement};
use serde_json::Value;

use super::super::audit_diff;
use super::super::field::FieldSpec;
use super::super::field_type::KeySource;
use super::super::hooks::HookContext;
use super::super::policy::not_permitted;
use super::super::precondition::{Precondition, stale};
use super::super::record::{Record, row_not_found};
use super::super::row_version::RowVersion;
use super::super::scope::RowScope;
use super::super::spec::{ModelSpec, RowValues};
use super::{ModelTable, bind, equals, read_record, read_returned, returning};
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Connection, Dialect, StoreError, Transaction, Write};

/// Reason why a change failed.
pub(super) enum WriteError {
    /// The database rejected the change.
    Store(StoreError),
    /// No row has the key and the expected version.
    Missed,
    Rejected(Error),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Rejected(error)
    }
}

impl ModelTable<'_> {
    /// Adds a checked row.
    pub(crate) async fn insert(&self, values: &RowValues) -> Result<Record> {
        self.insert_on(Connection::Pool(self.store), values).await
    }

    /// Does the same as [`insert`](Self::insert) on a connection.
    pub(crate) async fn insert_on(
        &self,
        mut connection: Connection<'_>,
        values: &RowValues,
    ) -> Result<Record> {
        let mut write = connection.write().await?;
        let outcome = self.insert_row(write.transaction(), values).await;
        match finish(write, outcome).await {
            Ok(record) => Ok(record),
            Err(WriteError::Missed) => Err(Error::internal("an insert returned no row")),
            Err(error) => Err(self.reason(connection, error, "", values).await?),
        }
    }

    /// Adds a checked row within a transaction, unless a row with the same unique value exists.
    /// Returns `false` if it exists.
    pub(crate) async fn insert_if_missing(
        &self,
        transaction: &mut Transaction,
        values: &RowValues,
    ) -> Result<bool> {
        let mut connection = Connection::Transaction(transaction);
        let mut write = connection.write().await?;
        let outcome = self
            .insert_row_if_missing(write.transaction(), values)
            .await;
        match finish(write, outcome).await {
            Ok(()) => Ok(true),
            Err(WriteError::Missed) => Ok(false),
            Err(error) => Err(self.reason(connection, error, "", values).await?),
        }
    }

    /// Writes a checked row if its version is still the same as in `present`.
    pub(crate) async fn update(
        &self,
        key: &str,
        present: &Record,
        values: &RowValues,
    ) -> Result<Record> {
        let connection = Connection::Pool(self.store);
        self.update_on(connection, key, present, values).await
    }

    /// Does the same as [`update`](Self::update) on a connection.
    pub(crate) async fn update_on(
        &self,
        mut connection: Connection<'_>,
        key: &str,
        present: &Record,
        values: &RowValues,
    ) -> Result<Record> {
        let mut write = connection.write().await?;
        let outcome = self.update_row(write.transaction(), key, present, values);
        let outcome = outcome.await;
        match finish(write, outcome).await {
            Ok(record) => Ok(record),
            Err(error) => Err(self.reason(connection, error, key, values).await?),
        }
    }

    async fn insert_row(
        &self,
        transaction: &mut Transaction,
        values: &RowValues,
    ) -> Result<Record, WriteError> {
        let values = self.before_save(transaction, None, values).await?;
        let insert = insert_statement(self.model, &values)?;
        let row = transaction.fetch_optional(&insert).await?;
        let row = row.ok_or(WriteError::Missed)?;
        self.catch_up(transaction, &values).await?;
        let record = read_returned(self.model, &row, &values)?;
        self.write_joined(transaction, &record, None).await?;
        self.confirm_scope(transaction, &record).await?;
        self.record_change(transaction, None, Some(&record.values))
            .await?;
        self.after_save(transaction, None, &record.values).await?;
        Ok(record)
    }

    async fn insert_row_if_missing(
        &self,
        transaction: &mut Transaction,
        values: &RowValues,
    ) -> Result<(), WriteError> {
        let values = self.before_save(transaction, None, values).await?;
        let mut insert = insert_statement(self.model, &values)?;
        insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        let Some(row) = transaction.fetch_optional(&insert).await? else {
            return Err(WriteError::Missed);
        };
        self.catch_up(transaction, &values).await?;
        let record = read_returned(self.model, &row, &values)?;
        self.write_joined(transaction, &record, None).await?;
        self.publish(transaction);
        Ok(self.after_save(transaction, None, &record.values).await?)
    }

    pub(super) async fn update_row(
        &self,
        transaction: &mut Transaction,
        key: &str,
        present: &Record,
        values: &RowValues,
    ) -> Result<Record, WriteError> {
        let key = self.parse_key(key).ok_or_else(row_not_found)?;
        let old = Some(&present.values);
        let values = self.before_save(transaction, old, values).await?;
        let version = self.model.version;
        let condition = version.is_one_of(&[present.version]);
        let must_lock = condition.is_none();
        let mut update = Query::update();
        update
            .table(self.model.table)
            .and_where(equals(self.model.key(), &key)?)
            .and_where_option(condition)
            .cond_where(self.scope.condition())
            .returning(returning(self.model));
        version.advance(&mut update, present.version);
        let is_written =
            |field: &&'static FieldSpec| !field.primary_key && version.column() != Some(field.name);
        for field in self.model.columns().filter(is_written) {
            // Unchanged values are not written, so that a document that could not be read in full
            // is preserved.
            let is_changed = |value: &&Value| present.values.get(field.name) != Some(*value);
            if let Some(value) = values.get(field.name).filter(is_changed) {
                update.value(field.name, bind(field, value)?);
            }
        }
        if update.get_values().is_empty() {
            return Ok(present.clone());
        }
        if must_lock {
            let expected = Precondition::OneOf(vec![present.version]);
            self.lock(transaction, &key, &expected).await?;
        }
        let row = transaction.fetch_optional(&update).await?;
        let record = read_returned(self.model, &row.ok_or(WriteError::Missed)?, &values)?;
        self.write_joined(transaction, &record, old).await?;
        self.confirm_scope(transaction, &record).await?;
        self.record_change(transaction, old, Some(&record.values))
            .await?;
        self.after_save(transaction, old, &record.values).await?;
        Ok(record)
    }

    /// Locks a row until the transaction ends, and returns it. Fails if its version is not the
    /// expected version.
    pub(super) async fn lock(
        &self,
        transaction: &mut Transaction,
        key: &Value,
        expected: &Precondition,
    ) -> Result<Record, WriteError> {
        let mut select = self.select();
        // SQLite has no row locks; its transactions that write exclude each other.
        select
            .and_where(equals(self.model.key(), key)?)
            .lock(LockType::Update);
        let row = transaction.fetch_optional(&select).await?;
        let record = read_record(self.model, &row.ok_or(WriteError::Missed)?)?;
        match expected.is_met_by(&record) {
            true => Ok(record),
            false => Err(WriteError::Missed),
        }
    }

    /// Fails with `403 not_permitted` if a written row is outside of the scope.
    async fn confirm_scope(&self, transaction: &mut Transaction, record: &Record) -> Result<()> {
        let RowScope::Where(scope) = &self.scope else {
            return Ok(());
        };
        let key = self.model.key();
        let value = record.values.get(key.name).unwrap_or(&Value::Null);
        let select = Query::select()
            .expr(Expr::val(1))
            .from(self.model.table)
            .and_where(equals(key, value)?)
            .cond_where(scope.clone())
            .take();
        match transaction.fetch_optional(&select).await? {
            Some(_) => Ok(()),
            None => Err(not_permitted(
                "the row would not be among the rows that your account can see".to_owned(),
            )),
        }
    }

    /// Publishes a change to a row and records it in the audit log, in the transaction of the
    /// change.
    pub(super) async fn record_change(
        &self,
        transaction: &mut Transaction,
        old: Option<&RowValues>,
        new: Option<&RowValues>,
    ) -> Result<()> {
        self.publish(transaction);
        match self.actor {
            Some(actor) => {
                let recorded =
                    audit_diff::record(transaction, actor, self.run, self.model, old, new);
                recorded.await
            }
            None => Ok(()),
        }
    }

    pub(super) fn publish(&self, transaction: &mut Transaction) {
        transaction.publish(ClusterEvent::TopicChanged {
            topic: format!("model:{}", self.model.name),
        });
    }

    /// Runs the hooks before a row is added or changed, and returns the row to write.
    async fn before_save<'v>(
        &self,
        transaction: &mut Transaction,
        old: Option<&RowValues>,
        new: &'v RowValues,
    ) -> Result<Cow<'v, RowValues>> {
        let Some(hooks) = self.model.hooks else {
            return Ok(Cow::Borrowed(new));
        };
        let context = self.hook_context(transaction);
        let row = hooks.before_save(self.model, old, new, context).await?;
        Ok(Cow::Owned(row))
    }

    async fn after_save(
        &self,
        transaction: &mut Transaction,
        old: Option<&RowValues>,
        new: &RowValues,
    ) -> Result<()> {
        match self.model.hooks {
            Some(hooks) => {
                hooks
                    .after_save(old, new, self.hook_context(transaction))
                    .await
            }
            None => Ok(()),
        }
    }

    pub(super) async fn before_delete(
        &self,
        transaction: &mut Transaction,
        row: &RowValues,
    ) -> Result<()> {
        match self.model.hooks {
            Some(hooks) => {
                hooks
                    .before_delete(row, self.hook_context(transaction))
                    .await
            }
            None => Ok(()),
        }
    }

    pub(super) async fn after_delete(
        &self,
        transaction: &mut Transaction,
        row: &RowValues,
    ) -> Result<()> {
        match self.model.hooks {
            Some(hooks) => {
                hooks
                    .after_delete(row, self.hook_context(transaction))
                    .await
            }
            None => Ok(()),
        }
    }

    fn hook_context<'c>(&'c self, transaction: &'c mut Transaction) -> HookContext<'c> {
        HookContext {
            transaction,
            registry: self.registry,
            store: self.store,
            actor: self.actor,
        }
    }

    /// Returns the error for a change that failed.
    pub(super) async fn reason(
        &self,
        connection: Connection<'_>,
        error: WriteError,
        key: &str,
        values: &RowValues,
    ) -> Result<Error> {
        Ok(match error {
            WriteError::Rejected(error) => error,
            WriteError::Store(error) => self.explain(connection, error, values).await,
            WriteError::Missed => match self.get_on(connection, key).await? {
                Some(_) => stale(),
                None => row_not_found(),
            },
        })
    }

    /// Advances the PostgreSQL sequence past an assigned key; SQLite does so automatically.
    async fn catch_up(&self, transaction: &mut Transaction, values: &RowValues) -> Result<()> {
        if transaction.dialect() == Dialect::Postgres
            && let Some(statement) = catch_up_statement(self.model, values)
        {
            transaction.fetch_all(&statement).await?;
        }
        Ok(())
    }
}

/// Keeps a change that succeeded and undoes one that failed.
pub(super) async fn finish<T, E: From<StoreError>>(
    write: Write<'_>,
    outcome: Result<T, E>,
) -> Result<T, E> {
    match outcome {
        Ok(value) => {
            write.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // If this fails too, the connection is lost or the transaction cannot be committed.
            let _ = write.roll_back().await;
            Err(error)
        }
    }
}

fn catch_up_statement(model: &ModelSpec, values: &RowValues) -> Option<SelectStatement> {
    let key = model.key();
    let is_counted = matches!(key.kind.key_source(), Some(KeySource::Database));
    if !is_counted || !values.contains_key(key.name) {
        return None;
    }
    let (table, column) = (model.table, key.name);
    let sequence = format!("pg_get_serial_sequence('\"{table}\"', '{column}')");
    let statement = format!(
        "setval({sequence}, GREATEST((SELECT MAX(\"{column}\") FROM \"{table}\"), \
         COALESCE(pg_sequence_last_value({sequence}::regclass), 1)))"
    );
    Some(Query::select().expr(Expr::cust(statement)).take())
}

fn insert_statement(model: &ModelSpec, values: &RowValues) -> Result<sea_query::InsertStatement> {
    let mut columns = Vec::new();
    let mut row: Vec<Expr> = Vec::new();
    for field in model.columns() {
        if let Some(value) = values.get(field.name) {
            columns.push(field.name);
            row.push(Expr::val(bind(field, value)?));
        }
    }
    if let RowVersion::Counter(column) = model.version
        && model.field(column).is_none()
    {
        columns.push(column);
        row.push(Expr::val(1_i64));
    }
    let mut insert = Query::insert();
    insert.into_table(model.table);
    if columns.is_empty() {
        insert.or_default_values().returning(returning(model));
        return Ok(insert);
    }
    insert
        .columns(columns)
        .values(row)
        .map_err(Error::internal)?
        .returning(returning(model));
    Ok(insert)
}
