//! References in default rows to rows of other models, by a unique field: `{name: Acme}`.

use serde_json::Value;

use super::field::FieldSpec;
use super::registry::ModelRegistry;
use super::repository::ModelTable;
use super::spec::{ModelSpec, RowValues};
use crate::error::{FieldError, Result};
use crate::store::{Connection, Store, Transaction};

/// A reference by a unique field.
pub(super) struct Reference<'a> {
    pub(super) field: &'static FieldSpec,
    target: &'a ModelSpec,
    target_field: &'static FieldSpec,
    value: &'a Value,
}

/// Returns the references by a unique field in a row, or the errors in them.
pub(super) fn references<'a>(
    registry: &'a ModelRegistry,
    model: &ModelSpec,
    row: &'a RowValues,
) -> Result<Vec<Reference<'a>>, Vec<FieldError>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for field in model.fields {
        let target = field.references.and_then(|name| registry.find(name));
        let (Some(target), Some(Value::Object(given))) = (target, row.get(field.name)) else {
            continue;
        };
        match reference(field, target, given) {
            Ok(reference) => found.push(reference),
            Err(message) => errors.push(FieldError::new(field.pointer(), "invalid_value", message)),
        }
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(errors)
    }
}

fn reference<'a>(
    field: &'static FieldSpec,
    target: &'a ModelSpec,
    given: &'a RowValues,
) -> Result<Reference<'a>, String> {
    let mut given = given.iter();
    let (Some((name, value)), None) = (given.next(), given.next()) else {
        return Err(format!(
            "must name one unique field of `{}`, as in `{{name: Acme}}`",
            target.name
        ));
    };
    let target_field = target
        .field(name)
        .filter(|field| field.unique || field.primary_key)
        .ok_or_else(|| format!("`{}` has no unique field `{name}`", target.name))?;
    if value.is_null() || target_field.kind.bind(value).is_none() {
        return Err(format!("is not a valid value of `{}.{name}`", target.name));
    }
    Ok(Reference {
        field,
        target,
        target_field,
        value,
    })
}

impl Reference<'_> {
    /// Returns the key of the row that has the value; `None` if there is no such row.
    pub(super) async fn resolve(
        &self,
        transaction: &mut Transaction,
        store: &Store,
        registry: &ModelRegistry,
    ) -> Result<Option<Value>> {
        let table = ModelTable::new(store, registry, self.target);
        let connection = Connection::Transaction(transaction);
        let found = table
            .find(connection, self.target_field, self.value)
            .await?;
        let key = self.target.key().name;
        Ok(found.and_then(|mut record| record.values.remove(key)))
    }

    /// Returns the sentence for a reference to a row that does not exist.
    pub(super) fn unknown(&self) -> String {
        let (target, field, value) = (self.target.name, self.target_field.name, self.value);
        format!("must refer to an existing row; no row of `{target}` has the `{field}` {value}")
    }
}
