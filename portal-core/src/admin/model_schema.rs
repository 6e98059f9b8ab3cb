//! Description of a model in the API.

use serde_json::{Map, Value, json};

use super::field::FieldSpec;
use super::model_view::ModelView;

/// Returns the description of a model for `GET /api/admin/models`. `models` are all models that the
/// caller may view.
pub(super) fn describe(model: &ModelView<'_>, models: &[ModelView<'_>]) -> Value {
    let fields: Vec<Value> = model
        .fields()
        .map(|field| describe_field(model, field, models))
        .collect();
    let mut actions = Vec::new();
    if model.permissions.delete {
        actions.push(json!({"name": "delete", "title": "Delete"}));
    }
    json!({
        "name": model.name,
        "title": model.title,
        "plural": model.plural,
        "description": model.description,
        "fields": fields,
        "json_schema": json_schema(model),
        "permissions": model.permissions,
        "actions": actions,
    })
}

fn describe_field(model: &ModelView<'_>, field: &FieldSpec, models: &[ModelView<'_>]) -> Value {
    let choices = model.choices(field);
    let is_visible = |target: &&str| models.iter().any(|model| model.name == *target);
    json!({
        "name": field.name,
        "title": field.title,
        "help": field.help,
        "kind": if choices.is_empty() { field.kind.name() } else { "choice" },
        "required": is_required(model, field),
        "nullable": field.nullable,
        "primary_key": field.primary_key,
        "read_only": !model.is_editable(field, true),
        "write_only": field.is_write_only(),
        "unique": field.unique || field.primary_key,
        "default": field.constant_default().unwrap_or_default(),
        "choices": (!choices.is_empty()).then_some(choices),
        "relation": field.references.filter(is_visible),
    })
}

/// Returns the JSON Schema of a row that is sent to the API.
pub(super) fn json_schema(model: &ModelView<'_>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in model.fields() {
        properties.insert(field.name.to_owned(), field_schema(model, field));
        if is_required(model, field) {
            required.push(field.name);
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": model.title,
        "description": model.description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Returns `true` if the caller must provide a value for a new row.
fn is_required(model: &ModelView<'_>, field: &FieldSpec) -> bool {
    field.is_required() && model.may_set(field)
}

fn field_schema(model: &ModelView<'_>, field: &FieldSpec) -> Value {
    let mut schema = Map::new();
    let mut set = |name: &str, value: Value| schema.insert(name.to_owned(), value);
    set("title", json!(field.title));
    if !field.help.is_empty() {
        set("description", json!(field.help));
    }
    match field.kind.json_type() {
        Some(json_type) if field.nullable => drop(set("type", json!([json_type, "null"]))),
        Some(json_type) => drop(set("type", json!(json_type))),
        None => {}
    }
    field.kind.describe(field.widget, &mut schema);
    let mut set = |name: &str, value: Value| schema.insert(name.to_owned(), value);
    let choices = model.choices(field);
    if !choices.is_empty() {
        let mut choices: Vec<Value> = choices.into_iter().map(Value::from).collect();
        choices.extend(field.nullable.then_some(Value::Null));
        set("enum", Value::Array(choices));
    }
    if !model.is_editable(field, true) {
        set("readOnly", json!(true));
    }
    if field.is_write_only() {
        set("writeOnly", json!(true));
    }
    if let Some(default) = field.constant_default().filter(|it| !it.is_null()) {
        set("default", default);
    }
    Value::Object(schema)
}
