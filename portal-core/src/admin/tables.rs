//! Database tables of the models.

use super::field::FieldSpec;
use super::field_type::KeySource;
use super::registry::ModelRegistry;
use super::spec::ModelSpec;
use crate::error::{Error, Result};
use crate::store::schema::{ColumnSpec, ColumnType, PrimaryKey, TableSpec};
use crate::store::{Store, StoreError};

/// Column with the counter from which the `ETag` of a row is derived.
pub(super) const ROW_VERSION: &str = "row_version";

/// Creates the missing tables and columns of models.
pub(crate) async fn apply_models(store: &Store, registry: &ModelRegistry) -> Result<()> {
    store
        .apply_tables(&tables(registry))
        .await
        .map_err(|error| match error {
            StoreError::Unavailable(_) => error.into(),
            StoreError::UniqueViolation { constraint } => Error::internal(format!(
                "failed to make a field of an admin model unique; rows share a value: {constraint}"
            )),
            error => Error::internal(error),
        })
}

/// Returns the differences between the tables and the models, as sentences.
pub(crate) async fn model_drift(store: &Store, registry: &ModelRegistry) -> Result<Vec<String>> {
    Ok(store.table_drift(&tables(registry)).await?)
}

fn tables(registry: &ModelRegistry) -> Vec<TableSpec> {
    let models = registry.creation_order().unwrap_or_default();
    models
        .into_iter()
        .map(|model| table(model, registry))
        .collect()
}

fn table(model: &ModelSpec, registry: &ModelRegistry) -> TableSpec {
    let mut columns: Vec<ColumnSpec> = model
        .fields
        .iter()
        .map(|field| column(field, registry))
        .collect();
    columns.push(ColumnSpec {
        name: ROW_VERSION,
        column_type: ColumnType::BigInt,
        nullable: false,
        unique: false,
        key: PrimaryKey::None,
        default: Some("1".to_owned()),
        references: None,
    });
    TableSpec {
        name: model.table,
        columns,
    }
}

fn column(field: &FieldSpec, registry: &ModelRegistry) -> ColumnSpec {
    let target = field.references.and_then(|name| registry.find(name));
    let key = match field.kind.key_source() {
        _ if !field.primary_key => PrimaryKey::None,
        Some(KeySource::Database) => PrimaryKey::Generated,
        _ => PrimaryKey::Assigned,
    };
    ColumnSpec {
        name: field.name,
        column_type: field.kind.column_type(),
        nullable: field.nullable && !field.primary_key,
        unique: field.unique,
        key,
        default: default(field),
        references: target.map(|target| (target.table, target.key().name)),
    }
}

/// Returns the default in the text form that a column accepts. The default applies to existing rows
/// when a column is added; for new rows, the portal always writes a value.
fn default(field: &FieldSpec) -> Option<String> {
    let value = match field.default_value() {
        Ok(Some(value)) if !field.primary_key => value,
        _ => return None,
    };
    (!value.is_null()).then(|| field.kind.column_default(&value))
}
