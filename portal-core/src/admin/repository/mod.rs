//! Reading and writing rows of any model.

mod conditions;
mod constraints;
mod read;
mod write;

use sea_query::{Expr, ExprTrait, Query, ReturningClause, SelectStatement};
use serde_json::Value;

use super::field::FieldSpec;
use super::registry::ModelRegistry;
use super::spec::{ModelSpec, RowValues, VersionColumn};
use super::tables::ROW_VERSION;
use crate::auth::Actor;
use crate::error::{Error, FieldError, Result};
use crate::json;
use crate::store::{Row, Store};

pub(super) use conditions::{contains, equals, nulls_last};
pub(crate) use read::RowPage;

use super::record::Record;

/// Table of a model.
#[derive(Clone, Copy)]
pub(crate) struct ModelTable<'a> {
    store: &'a Store,
    registry: &'a ModelRegistry,
    pub(crate) model: &'a ModelSpec,
    /// Actor of recorded changes; changes by the application's own code are not recorded.
    pub(super) actor: Option<&'a Actor>,
}

impl<'a> ModelTable<'a> {
    pub(crate) fn new(store: &'a Store, registry: &'a ModelRegistry, model: &'a ModelSpec) -> Self {
        Self {
            store,
            registry,
            model,
            actor: None,
        }
    }

    /// Returns the table with an actor for its changes.
    pub(crate) fn changed_by(mut self, actor: &'a Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    fn select(&self) -> SelectStatement {
        Query::select()
            .columns(column_names(self.model))
            .from(self.model.table)
            .and_where_option(self.not_deleted())
            .take()
    }

    fn not_deleted(&self) -> Option<Expr> {
        Some(Expr::col(self.model.deleted?).is_null())
    }

    fn parse_key(&self, key: &str) -> Option<Value> {
        let value = self.model.key().kind.parse(key).ok()?;
        json::validate(&value, "").is_empty().then_some(value)
    }
}

fn column_names(model: &ModelSpec) -> Vec<&'static str> {
    let mut names: Vec<&str> = model.fields.iter().map(|field| field.name).collect();
    names.push(version_column(model));
    names
}

fn returning(model: &ModelSpec) -> ReturningClause {
    Query::returning().columns(column_names(model))
}

fn version_column(model: &ModelSpec) -> &'static str {
    match model.version {
        VersionColumn::Counter => ROW_VERSION,
        VersionColumn::UpdatedAt => "updated_at",
    }
}

fn read_record(model: &ModelSpec, row: &Row) -> Result<Record> {
    let mut values = RowValues::new();
    for field in model.fields {
        values.insert(field.name.to_owned(), field.kind.read(row, field.name)?);
    }
    let version = match model.version {
        VersionColumn::Counter => row.get(ROW_VERSION)?,
        VersionColumn::UpdatedAt => row
            .get::<chrono::DateTime<chrono::Utc>>("updated_at")?
            .timestamp_micros(),
    };
    Ok(Record { values, version })
}

fn bind(field: &FieldSpec, value: &Value) -> Result<sea_query::Value> {
    field.kind.bind(value).ok_or_else(|| {
        Error::invalid(vec![FieldError::new(
            field.pointer(),
            "invalid_type",
            "is not a valid value of the field",
        )])
    })
}
