//! Database tables of the models.

use super::field::FieldSpec;
use super::field_type::KeySource;
use super::join_table::JoinTable;
use super::registry::ModelRegistry;
use super::row_version::RowVersion;
use super::spec::{ModelSpec, TableOwner};
use crate::error::Result;
use crate::store::migrations::{self, Migrations};
use crate::store::schema::{ColumnSpec, ColumnType, IndexSpec, PrimaryKey, TableSpec};
use crate::store::{Store, StoreError};

/// Creates the missing tables and columns of models, and applies the missing migrations. Returns
/// the names of the applied migrations.
pub(crate) async fn apply_models(
    store: &Store,
    registry: &ModelRegistry,
    migrations: &[Migrations],
) -> std::result::Result<Vec<String>, StoreError> {
    migrations::migrate(store, &tables(registry), migrations).await
}

/// Returns the differences between the tables and the models, as sentences.
pub(crate) async fn model_drift(store: &Store, registry: &ModelRegistry) -> Result<Vec<String>> {
    Ok(store.table_drift(&tables(registry)).await?)
}

/// Returns the tables that the models require, each after the tables that it refers to.
pub(crate) fn tables(registry: &ModelRegistry) -> Vec<TableSpec> {
    let models = registry.creation_order().unwrap_or_default();
    let tables = models.iter().map(|model| table(model, registry));
    let join_tables = models.iter().flat_map(|model| {
        let fields = model.many_to_many();
        fields.filter_map(|field| JoinTable::of(model, field, registry))
    });
    tables
        .chain(join_tables.map(|table| table.spec()))
        .collect()
}

fn table(model: &ModelSpec, registry: &ModelRegistry) -> TableSpec {
    let mut columns: Vec<ColumnSpec> = model
        .columns()
        .map(|field| column(field, registry))
        .collect();
    if let RowVersion::Counter(name) = model.version
        && model.field(name).is_none()
    {
        columns.push(ColumnSpec {
            name,
            column_type: ColumnType::BigInt,
            nullable: false,
            key: PrimaryKey::None,
            default: Some("1".to_owned()),
            references: None,
            renamed_from: None,
        });
    }
    TableSpec {
        name: model.table.to_owned(),
        columns,
        indexes: indexes(model),
        renamed_from: model.table_options.renamed_from.map(str::to_owned),
        is_managed: model.owner == TableOwner::Model,
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
        key,
        default: default(field),
        references: target.map(|target| (target.table, target.key().name)),
        renamed_from: field.renamed_from,
    }
}

/// Returns the indexes: of unique fields, of lists of fields, and of indexed fields and references
/// unless another index starts with the field.
fn indexes(model: &ModelSpec) -> Vec<IndexSpec> {
    let index = |columns: &[&'static str], unique| IndexSpec {
        columns: columns.to_vec(),
        unique,
    };
    let options = &model.table_options;
    let fields = || model.columns().filter(|field| !field.primary_key);
    let unique = fields().filter(|field| field.unique);
    let mut indexes: Vec<IndexSpec> = unique.map(|field| index(&[field.name], true)).collect();
    indexes.extend(options.unique.iter().map(|list| index(list, true)));
    if model.owner == TableOwner::Model {
        indexes.extend(options.index.iter().map(|list| index(list, false)));
        for field in fields().filter(|field| field.indexed || field.references.is_some()) {
            if indexes
                .iter()
                .all(|it| it.columns.first() != Some(&field.name))
            {
                indexes.push(index(&[field.name], false));
            }
        }
    }
    indexes
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
