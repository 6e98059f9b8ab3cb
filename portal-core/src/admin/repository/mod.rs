//! Reading and writing rows of any model.

mod batches;
mod conditions;
mod constraints;
mod count;
mod delete;
mod join_rows;
mod keyset;
mod read;
mod referring;
mod write;

use sea_query::{Expr, ExprTrait, Query, ReturningClause, SelectStatement};
use serde_json::Value;

use super::actions::ActionRun;
use super::field::FieldSpec;
use super::registry::ModelRegistry;
use super::scope::RowScope;
use super::spec::{ModelSpec, RowValues};
use crate::auth::Actor;
use crate::error::{Error, FieldError, Result};
use crate::json;
use crate::store::{Row, Store};

pub(super) use conditions::{contains, equals, nulls_last};

pub(super) use delete::CascadeRights;
pub(super) use referring::{Lookup, ReferringRows};

use super::record::Record;

/// Table of a model.
#[derive(Clone)]
pub(crate) struct ModelTable<'a> {
    store: &'a Store,
    registry: &'a ModelRegistry,
    pub(crate) model: &'a ModelSpec,
    /// Actor of recorded changes; changes by the application's own code are not recorded.
    pub(super) actor: Option<&'a Actor>,
    /// Action during which rows are changed; recorded changes have its name.
    pub(super) run: Option<&'a ActionRun>,
    /// Rows that statements may read and write.
    pub(super) scope: RowScope,
    /// Rows of other models that deletions may delete as well.
    cascade: CascadeRights,
}

impl<'a> ModelTable<'a> {
    pub(crate) fn new(store: &'a Store, registry: &'a ModelRegistry, model: &'a ModelSpec) -> Self {
        Self {
            store,
            registry,
            model,
            actor: None,
            run: None,
            scope: RowScope::All,
            cascade: CascadeRights::Everything,
        }
    }

    /// Returns the table with only the rows in a scope.
    pub(super) fn within(mut self, scope: RowScope) -> Self {
        self.scope = scope;
        self
    }

    /// Returns the table whose deletions may delete only these rows of other models.
    pub(super) fn cascading(mut self, rights: CascadeRights) -> Self {
        self.cascade = rights;
        self
    }

    /// Returns the table with an actor for its changes.
    pub(crate) fn changed_by(mut self, actor: &'a Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Returns the table for changes during an action.
    pub(super) fn during(mut self, run: &'a ActionRun) -> Self {
        self.run = Some(run);
        self
    }

    fn select(&self) -> SelectStatement {
        let mut select = Query::select();
        select.columns(column_names(self.model));
        for field in self.model.many_to_many() {
            select.expr_as(self.keys_in(field, self.model.table), field.name);
        }
        select
            .from(self.model.table)
            .and_where_option(self.not_deleted())
            .cond_where(self.scope.condition())
            .take()
    }

    fn not_deleted(&self) -> Option<Expr> {
        Some(Expr::col(self.model.deleted?).is_null())
    }

    pub(super) fn parse_key(&self, key: &str) -> Option<Value> {
        let value = self.model.key().kind.parse(key).ok()?;
        json::validate(&value, "").is_empty().then_some(value)
    }
}

fn column_names(model: &ModelSpec) -> Vec<&'static str> {
    let mut names: Vec<&str> = model.columns().map(|field| field.name).collect();
    let hidden = model.version.column();
    names.extend(hidden.filter(|column| model.field(column).is_none()));
    names
}

fn returning(model: &ModelSpec) -> ReturningClause {
    Query::returning().columns(column_names(model))
}

/// Reads a row of a selection.
fn read_record(model: &ModelSpec, row: &Row) -> Result<Record> {
    let mut record = read_returned(model, row, &RowValues::new())?;
    for field in model.many_to_many() {
        let keys = field.kind.read(row, field.name)?;
        record.values.insert(field.name.to_owned(), keys);
    }
    Ok(record)
}

/// Reads a row that a statement changed and returned. The statement does not return the values that
/// join tables store; they are those of another row.
fn read_returned(model: &ModelSpec, row: &Row, joined: &RowValues) -> Result<Record> {
    let mut values = RowValues::new();
    for field in model.fields {
        if field.many_to_many.is_some() {
            let keys = joined.get(field.name).cloned();
            values.insert(
                field.name.to_owned(),
                keys.unwrap_or_else(|| Value::Array(Vec::new())),
            );
            continue;
        }
        values.insert(field.name.to_owned(), field.kind.read(row, field.name)?);
    }
    let version = model.version.read(model, row, &values)?;
    Ok(Record { values, version })
}

/// Returns the error for a reference to a row that does not exist, or that the caller cannot see.
pub(super) fn reference_unknown(field: &FieldSpec) -> FieldError {
    FieldError::new(
        field.pointer(),
        "reference_unknown",
        "must be the key of an existing row",
    )
}

pub(super) fn bind(field: &FieldSpec, value: &Value) -> Result<sea_query::Value> {
    field.kind.bind(value).ok_or_else(|| {
        Error::invalid(vec![FieldError::new(
            field.pointer(),
            "invalid_type",
            "is not a valid value of the field",
        )])
    })
}
