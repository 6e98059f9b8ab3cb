//! Access to rows on one connection: the pool, or a transaction of the caller.

use sea_query::{Expr, ExprTrait};
use serde_json::Value;

use super::super::field::AdminField;
use super::super::field_type::KeySource;
use super::super::model::{AdminModel, mismatch};
use super::super::record::{Record, row_not_found};
use super::super::registry::ModelRegistry;
use super::super::repository::{ModelTable, bind};
use super::super::spec::{ModelSpec, RowValues};
use super::super::values::FieldValues;
use super::query::{ModelQuery, select_of};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::store::{Connection, Store};

/// Access to the rows of all models within a transaction, from
/// [`Models::within`](super::Models::within).
#[derive(Debug)]
pub struct ModelsWithin<'a> {
    store: &'a Store,
    registry: &'a ModelRegistry,
    connection: Connection<'a>,
    actor: Option<&'a Actor>,
}

impl<'a> ModelsWithin<'a> {
    pub(in super::super) fn new(
        store: &'a Store,
        registry: &'a ModelRegistry,
        connection: Connection<'a>,
        actor: Option<&'a Actor>,
    ) -> Self {
        Self {
            store,
            registry,
            connection,
            actor,
        }
    }

    /// Starts a query for the rows of a model.
    pub fn query<M: AdminModel>(&mut self) -> ModelQuery<'_, M> {
        ModelQuery::new(self.table::<M>(), self.connection.reborrow())
    }

    pub(super) fn into_query<M: AdminModel>(self) -> ModelQuery<'a, M> {
        ModelQuery::new(self.table::<M>(), self.connection)
    }

    /// Returns all rows, ordered by key.
    ///
    /// # Errors
    ///
    /// Same as [`Models::all`](super::Models::all).
    pub async fn all<M: AdminModel>(&mut self) -> Result<Vec<M>> {
        self.query().all().await
    }

    /// Returns the row with a key.
    ///
    /// # Errors
    ///
    /// Same as [`Models::get`](super::Models::get).
    pub async fn get<M: AdminModel>(&mut self, key: impl AdminField + Send) -> Result<Option<M>> {
        let table = self.table::<M>()?;
        let (model, key) = (table.model, key.to_value());
        if key == Value::Null {
            return Ok(None);
        }
        let value = bind(model.key(), &key)?;
        let dialect = self.connection.dialect();
        let select = model.key_query.statement(dialect, value, |value| {
            let key = Expr::col((M::NAME, model.key().name));
            select_of::<M>(&table).and_where(key.eq(value)).take()
        });
        let row = self.connection.fetch_optional(&select).await?;
        row.map(|row| M::from_row(&row, 0)).transpose()
    }

    /// Returns the newest row in which a field has a value.
    ///
    /// # Errors
    ///
    /// Same as [`Models::find_by`](super::Models::find_by).
    pub async fn find_by<M: AdminModel>(
        &mut self,
        field: &str,
        value: impl Into<Value> + Send,
    ) -> Result<Option<M>> {
        let value = value.into();
        let query = self.query::<M>();
        query.newest(|model| model.field(field), &value).await
    }

    /// Adds a row and returns it with its key.
    ///
    /// # Errors
    ///
    /// Same as [`Models::insert`](super::Models::insert).
    pub async fn insert<M: AdminModel>(&mut self, row: &M) -> Result<M> {
        let table = self.table::<M>()?;
        let values = checked(table.model, row)?;
        typed(table.insert_on(self.connection.reborrow(), &values).await?)
    }

    /// Replaces the row with the same key, regardless of its version.
    ///
    /// # Errors
    ///
    /// Same as [`Models::update`](super::Models::update).
    pub async fn update<M: AdminModel>(&mut self, row: &M) -> Result<M> {
        let table = self.table::<M>()?;
        let values = checked(table.model, row)?;
        let key = table.model.key_of(&values);
        loop {
            let present = table.get_on(self.connection.reborrow(), &key).await?;
            let present = present.ok_or_else(row_not_found)?;
            let connection = self.connection.reborrow();
            match table.update_on(connection, &key, &present, &values).await {
                // A concurrent change was stored first; the next attempt replaces its result, too.
                Err(error) if error.code() == "stale" => {}
                record => return typed(record?),
            }
        }
    }

    /// Deletes the row with a key; returns `false` if it does not exist.
    ///
    /// # Errors
    ///
    /// Same as [`Models::delete`](super::Models::delete).
    pub async fn delete<M: AdminModel>(&mut self, key: impl AdminField + Send) -> Result<bool> {
        let table = self.table::<M>()?;
        let keys = [key.to_value()];
        let deleted = table.delete_all_on(self.connection.reborrow(), &keys);
        Ok(deleted.await? > 0)
    }

    fn table<M: AdminModel>(&self) -> Result<ModelTable<'a>> {
        let model = self.registry.find(M::NAME).ok_or_else(|| {
            Error::internal(format!(
                "the model `{}` is not registered; call `.admin_model::<{}>()` on the builder",
                M::NAME,
                M::SOURCE.name
            ))
        })?;
        let table = ModelTable::new(self.store, self.registry, model);
        Ok(match self.actor {
            Some(actor) => table.changed_by(actor),
            None => table,
        })
    }
}

pub(in super::super) fn checked<M: AdminModel>(model: &ModelSpec, row: &M) -> Result<RowValues> {
    let names = model.fields.iter().map(|field| field.name.to_owned());
    let values = names.zip(row.to_values()).collect();
    let mut values = model.checked(values).map_err(Error::invalid)?;
    let key = model.key();
    // A nil UUID requests a new key, as 0 does for integer keys.
    if let Some(KeySource::Portal { generate, unset }) = key.kind.key_source()
        && values.get(key.name).is_some_and(|value| value == unset)
    {
        values.insert(key.name.to_owned(), generate());
    }
    Ok(values)
}

pub(in super::super) fn typed<M: AdminModel>(record: Record) -> Result<M> {
    M::from_values(FieldValues::new(record.values)).map_err(|errors| mismatch::<M>(&errors))
}
