//! "Add default records": rows that an application ships.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::default_references::references;
use super::registry::ModelRegistry;
use super::repository::ModelTable;
use super::spec::{ModelSpec, RowValues, TableOwner};
use super::yaml;
use crate::auth::{Actor, AuditLog};
use crate::error::{Error, FieldError, Result};
use crate::store::{Store, Transaction};

/// Rows that a portal should contain, by model. In YAML:
///
/// ```yaml
/// plan:
///   - name: Basic
///     price: 0
///   - name: Pro
///     price: 12
/// ```
///
/// A reference can contain the value of a unique field instead of a key: `plan_id: {name: Pro}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct DefaultRows {
    rows: BTreeMap<String, Vec<RowValues>>,
}

impl DefaultRows {
    /// Parses the default rows of an application from YAML.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document = yaml::parse_message(text)
            .map_err(|error| format!("failed to read the defaults: {}", error.message))?;
        let mut rows = BTreeMap::new();
        let models = match document {
            Value::Null => RowValues::new(),
            Value::Object(models) => models,
            _ => return Err("the defaults must be a map of model names".to_owned()),
        };
        for (model, list) in models {
            let list = match list {
                Value::Null => Vec::new(),
                Value::Array(list) => list,
                _ => {
                    return Err(format!("the defaults of `{model}` must be a list of rows"));
                }
            };
            let list = list
                .into_iter()
                .enumerate()
                .map(|(index, row)| match row {
                    Value::Object(row) => Ok(row),
                    _ => Err(format!("{} must be a map of fields", place(&model, index))),
                })
                .collect::<Result<Vec<RowValues>, String>>()?;
            rows.insert(model, list);
        }
        Ok(Self { rows })
    }

    /// Returns all mismatches between the rows and the models, as sentences.
    pub(crate) fn problems(&self, registry: &ModelRegistry) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, rows) in &self.rows {
            let Some(model) = registry.find(name) else {
                problems.push(format!(
                    "the defaults contain rows of `{name}`, which is not an admin model of this portal"
                ));
                continue;
            };
            if model.owner == TableOwner::Portal {
                problems.push(format!("the defaults must not contain rows of `{name}`"));
                continue;
            }
            for (index, row) in rows.iter().enumerate() {
                match check(registry, model, row) {
                    Ok(()) if !is_recognizable(model, row) => problems.push(format!(
                        "{} has no value in a unique field, so every run would add it again; set a unique field",
                        place(name, index)
                    )),
                    Ok(()) => {}
                    Err(errors) => problems.extend(errors.iter().map(|error| {
                        format!(
                            "{}: {} {}",
                            place(name, index),
                            error.pointer,
                            error.message
                        )
                    })),
                }
            }
        }
        problems
    }

    /// Adds the missing rows and leaves existing ones unchanged. Returns the number of added rows
    /// by model.
    pub(crate) async fn apply(
        &self,
        store: &Store,
        registry: &ModelRegistry,
        actor: &Actor,
    ) -> Result<BTreeMap<String, u64>> {
        let mut added = BTreeMap::new();
        let mut transaction = store.begin().await?;
        for model in registry.creation_order().unwrap_or_default() {
            let Some(rows) = self.rows.get(model.name) else {
                continue;
            };
            let count = added.entry(model.name.to_owned()).or_insert(0);
            let table = ModelTable::new(store, registry, model).changed_by(actor);
            // A row can refer to a later row of the same model, so unresolved rows are tried again.
            let mut waiting: Vec<(usize, &RowValues)> = rows.iter().enumerate().collect();
            while !waiting.is_empty() {
                let mut unresolved = Vec::new();
                let mut errors = Vec::new();
                let before = waiting.len();
                for (index, row) in waiting {
                    match resolved(&mut transaction, store, registry, model, row).await? {
                        Ok(row) => {
                            let row = model.checked(row).map_err(Error::invalid)?;
                            if table.insert_if_missing(&mut transaction, &row).await? {
                                *count += 1;
                            }
                        }
                        Err(mut error) => {
                            error.pointer = format!("/{}/{index}{}", model.name, error.pointer);
                            error.message =
                                format!("{}, in {}", error.message, place(model.name, index));
                            errors.push(error);
                            unresolved.push((index, row));
                        }
                    }
                }
                if unresolved.len() == before {
                    return Err(Error::invalid(errors));
                }
                waiting = unresolved;
            }
        }
        if added.values().any(|count| *count > 0) {
            let details = json!({ "added": added });
            AuditLog::record_in(
                &mut transaction,
                actor,
                "defaults.initialize",
                "defaults",
                details,
            )
            .await?;
        }
        transaction.commit().await?;
        Ok(added)
    }
}

/// Checks a row, except for the existence of the rows to which it refers.
fn check(
    registry: &ModelRegistry,
    model: &ModelSpec,
    row: &RowValues,
) -> Result<(), Vec<FieldError>> {
    let references = references(registry, model, row)?;
    let mut row = row.clone();
    for reference in &references {
        row.remove(reference.field.name);
    }
    let mut errors = model.checked(row).err().unwrap_or_default();
    errors.retain(|error| {
        let mut references = references.iter();
        !references.any(|reference| reference.field.pointer() == error.pointer)
    });
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Replaces references by a unique field with the keys of the rows, or returns the error for the
/// first one that does not exist.
async fn resolved(
    transaction: &mut Transaction,
    store: &Store,
    registry: &ModelRegistry,
    model: &ModelSpec,
    row: &RowValues,
) -> Result<Result<RowValues, FieldError>> {
    let mut resolved = row.clone();
    for reference in references(registry, model, row).map_err(Error::invalid)? {
        let Some(key) = reference.resolve(transaction, store, registry).await? else {
            let pointer = reference.field.pointer();
            let error = FieldError::new(pointer, "reference_unknown", reference.unknown());
            return Ok(Err(error));
        };
        resolved.insert(reference.field.name.to_owned(), key);
    }
    Ok(Ok(resolved))
}

/// Returns `true` if a later run can recognize the row, so that it is not added again.
fn is_recognizable(model: &ModelSpec, row: &RowValues) -> bool {
    let is_given = |name: &str| row.get(name).is_some_and(|value| !value.is_null());
    let mut lists = model.table_options.unique.iter();
    let mut fields = model.fields.iter();
    fields.any(|field| (field.unique || field.primary_key) && is_given(field.name))
        || lists.any(|list| list.iter().all(|name| is_given(name)))
}

fn place(model: &str, index: usize) -> String {
    format!("row {} of `{model}` in the defaults", index + 1)
}
