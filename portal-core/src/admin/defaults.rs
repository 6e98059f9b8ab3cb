//! "Add default records": rows that an application ships.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::registry::ModelRegistry;
use super::repository::ModelTable;
use super::spec::{ModelSpec, RowValues, VersionColumn};
use super::yaml;
use crate::auth::{Actor, AuditLog};
use crate::error::{Error, Result};
use crate::store::Store;

/// Rows that a portal should contain, by model. In YAML:
///
/// ```yaml
/// plan:
///   - name: Basic
///     price: 0
///   - name: Pro
///     price: 12
/// ```
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
            if model.version != VersionColumn::Counter {
                problems.push(format!("the defaults must not contain rows of `{name}`"));
                continue;
            }
            for (index, row) in rows.iter().enumerate() {
                match model.checked(row.clone()) {
                    Ok(_) if !is_recognizable(model, row) => problems.push(format!(
                        "{} has no value in a unique field, so every run would add it again; set a unique field",
                        place(name, index)
                    )),
                    Ok(_) => {}
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
            for row in rows {
                let row = model.checked(row.clone()).map_err(Error::invalid)?;
                if table.insert_if_missing(&mut transaction, &row).await? {
                    *count += 1;
                }
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

/// Returns `true` if a later run can recognize the row, so that it is not added again.
fn is_recognizable(model: &ModelSpec, row: &RowValues) -> bool {
    model.fields.iter().any(|field| {
        let is_given = row.get(field.name).is_some_and(|value| !value.is_null());
        (field.unique || field.primary_key) && is_given
    })
}

fn place(model: &str, index: usize) -> String {
    format!("row {} of `{model}` in the defaults", index + 1)
}
