//! Typed access to the rows of admin models, for application code.

use std::sync::Arc;

use serde_json::Value;

use super::field::AdminField;
use super::field_type::KeySource;
use super::model::AdminModel;
use super::record::{Record, row_not_found};
use super::registry::ModelRegistry;
use super::repository::ModelTable;
use super::spec::{ModelSpec, RowValues};
use super::values::FieldValues;
use crate::error::{Error, Result};
use crate::store::Store;

/// Typed access to the rows of all admin models. Pages, routes and tasks get it as `Data<Models>`.
///
/// ```
/// use portal_core::admin::{AdminModel, Models};
/// use portal_core::{Data, Result};
///
/// /// Changes the row `Basic` of the model `Plan`.
/// async fn rename<Plan: AdminModel>(models: Data<Models>, change: impl Fn(&mut Plan)) -> Result<()> {
///     if let Some(mut plan) = models.find_by::<Plan>("name", "Basic").await? {
///         change(&mut plan);
///         models.update(&plan).await?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Models {
    store: Store,
    registry: Arc<ModelRegistry>,
}

impl Models {
    pub(crate) fn new(store: Store, registry: ModelRegistry) -> Self {
        Self {
            store,
            registry: Arc::new(registry),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn registry(&self) -> &ModelRegistry {
        &self.registry
    }

    /// Returns the table of a model by name. Fails with `404 model_unknown` if the model does not
    /// exist.
    pub(crate) fn table(&self, name: &str) -> Result<ModelTable<'_>> {
        let model = self
            .registry
            .find(name)
            .ok_or_else(|| Error::not_found("unknown admin model").with_code("model_unknown"))?;
        Ok(ModelTable::new(&self.store, &self.registry, model))
    }

    /// Returns all rows, ordered by key.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, a stored row does not match the struct, or the
    /// database is unavailable.
    pub async fn all<M: AdminModel>(&self) -> Result<Vec<M>> {
        let records = self.table_of::<M>()?.all().await?;
        records.into_iter().map(typed).collect()
    }

    /// Returns the row with a key.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, the stored row does not match the struct, or the
    /// database is unavailable.
    pub async fn get<M: AdminModel>(&self, key: impl AdminField + Send) -> Result<Option<M>> {
        let table = self.table_of::<M>()?;
        let record = table.find(table.model.key(), &key.to_value()).await?;
        record.map(typed).transpose()
    }

    /// Returns the newest row in which a field has a value.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered or has no such field, the stored row does not match the
    /// struct, or the database is unavailable.
    pub async fn find_by<M: AdminModel>(
        &self,
        field: &str,
        value: impl Into<Value> + Send,
    ) -> Result<Option<M>> {
        let table = self.table_of::<M>()?;
        let field = table.model.field(field).ok_or_else(|| {
            Error::internal(format!("the model `{}` has no field `{field}`", M::NAME))
        })?;
        let record = table.find(field, &value.into()).await?;
        record.map(typed).transpose()
    }

    /// Adds a row and returns it with its key.
    ///
    /// The database generates an integer key that is `None` or 0.
    ///
    /// # Errors
    ///
    /// Fails if the model is not registered, the row is invalid or violates a constraint, or the
    /// database is unavailable.
    pub async fn insert<M: AdminModel>(&self, row: &M) -> Result<M> {
        let table = self.table_of::<M>()?;
        let values = checked(table.model, row)?;
        typed(table.insert(&values).await?)
    }

    /// Replaces the row with the same key, regardless of its version.
    ///
    /// # Errors
    ///
    /// Fails with `row_not_found` if no row has the key, and for the same reasons as
    /// [`insert`](Self::insert).
    pub async fn update<M: AdminModel>(&self, row: &M) -> Result<M> {
        let table = self.table_of::<M>()?;
        let values = checked(table.model, row)?;
        let key = table.model.key_of(&values);
        loop {
            let present = table.get(&key).await?.ok_or_else(row_not_found)?;
            match table.update(&key, &present, &values).await {
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
    /// Fails if the model is not registered, other rows refer to the row, or the database is
    /// unavailable.
    pub async fn delete<M: AdminModel>(&self, key: impl AdminField + Send) -> Result<bool> {
        let table = self.table_of::<M>()?;
        let key = match key.to_value() {
            Value::String(text) => text,
            value => value.to_string(),
        };
        Ok(table.delete_all(&[key]).await? > 0)
    }

    fn table_of<M: AdminModel>(&self) -> Result<ModelTable<'_>> {
        self.table(M::NAME).map_err(|_| {
            Error::internal(format!(
                "the model `{}` is not registered; call `.admin_model::<{}>()` on the builder",
                M::NAME,
                M::SOURCE.name
            ))
        })
    }
}

fn checked<M: AdminModel>(model: &ModelSpec, row: &M) -> Result<RowValues> {
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

fn typed<M: AdminModel>(record: Record) -> Result<M> {
    M::from_values(FieldValues::new(record.values)).map_err(|errors| {
        let errors: Vec<String> = errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.message))
            .collect();
        Error::internal(format!(
            "a stored row of `{}` does not match its struct: {}",
            M::NAME,
            errors.join("; ")
        ))
    })
}
