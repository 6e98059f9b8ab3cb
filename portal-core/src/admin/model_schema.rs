//! Description of a model in the API.

use serde_json::{Map, Value, json};

use super::actions::describe_actions;
use super::children::ChildSpec;
use super::field::FieldSpec;
use super::field_type::Widget;
use super::model_view::ModelView;

/// Returns the description of a model for `GET /api/admin/models`. `models` are all models that the
/// caller may view.
pub(super) fn describe(model: &ModelView<'_>, models: &[ModelView<'_>]) -> Value {
    let fields: Vec<Value> = model
        .fields()
        .map(|field| (field, false))
        .chain(model.computed().iter().map(|field| (field, true)))
        .map(|(field, is_computed)| describe_field(model, field, is_computed, models))
        .collect();
    json!({
        "name": model.name,
        "title": model.title,
        "plural": model.plural,
        "description": model.description,
        "fields": fields,
        "children": children(model, models),
        "json_schema": json_schema(model),
        "permissions": model.permissions,
        "actions": describe_actions(model),
    })
}

/// Returns the models whose rows can be sent with a row, as far as the caller may view them.
fn children(model: &ModelView<'_>, models: &[ModelView<'_>]) -> Vec<Value> {
    let is_visible = |child: &&ChildSpec| {
        let mut models = models.iter().filter(|it| it.name == child.model);
        models.any(|it| it.field(child.field).is_some())
    };
    let children = model.children().iter().filter(is_visible);
    children
        .map(|child| json!({"model": child.model, "field": child.field}))
        .collect()
}

fn describe_field(
    model: &ModelView<'_>,
    field: &FieldSpec,
    is_computed: bool,
    models: &[ModelView<'_>],
) -> Value {
    let choices = model.choices(field);
    let is_visible = |target: &&str| models.iter().any(|model| model.name == *target);
    json!({
        "name": field.name,
        "title": field.title,
        "help": field.help,
        "kind": if choices.is_empty() { field.kind.name() } else { "choice" },
        "required": !is_computed && is_required(model, field),
        "nullable": field.nullable,
        "primary_key": field.primary_key,
        "read_only": !model.is_editable(field, true),
        "computed": is_computed,
        "write_only": field.is_write_only(),
        "unique": field.unique || field.primary_key,
        "default": field.constant_default().unwrap_or_default(),
        "choices": (!choices.is_empty()).then_some(choices),
        "relation": field.target().filter(is_visible),
        "on_delete": field.references.filter(is_visible).map(|_| field.on_delete),
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
    for field in model.computed() {
        properties.insert(field.name.to_owned(), field_schema(model, field));
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
    let mut schema = field.kind.json_schema();
    if field.nullable {
        schema = or_null(schema);
    }
    let mut set = |name: &str, value: Value| schema.insert(name.to_owned(), value);
    set("title", json!(field.title));
    if !field.help.is_empty() {
        set("description", json!(field.help));
    }
    match field.widget {
        Widget::Email => drop(set("format", json!("email"))),
        Widget::Url => drop(set("format", json!("uri"))),
        _ => {}
    }
    let choices = model.choices(field);
    let has_labels = !field.choice_labels.is_empty() && !choices.is_empty();
    let null = field.nullable.then_some(Value::Null);
    if has_labels {
        let labeled = choices.iter().map(
            |choice| json!({"const": choice, "title": model.choice_title(field.name, choice)}),
        );
        let null = null.map(|_| json!({"const": null, "title": "None"}));
        set("oneOf", labeled.chain(null).collect());
    } else if !choices.is_empty() {
        let choices = choices.into_iter().map(Value::from);
        set("enum", choices.chain(null).collect());
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

/// Adds null to the values that a schema allows.
fn or_null(mut schema: Map<String, Value>) -> Map<String, Value> {
    if schema.is_empty() {
        // An empty schema allows any value.
        return schema;
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one.take(), "null"]),
        None => return Map::from_iter([("anyOf".to_owned(), json!([schema, {"type": "null"}]))]),
    }
    schema
}
