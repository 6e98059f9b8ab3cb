//! The form of a task's arguments, drawn from their JSON Schema.

use std::collections::HashMap;

use maud::{Markup, Render, html};
use serde_json::{Map, Value};

use crate::error::Fault;
use crate::pages::components::{Field, FieldOption};
use crate::request::escape_pointer;

/// What the names of the form's fields begin with; the rest is the name of an argument.
const PREFIX: &str = "args.";

/// One argument, as far as a form is concerned.
struct Argument<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
}

fn arguments(schema: &Value) -> Vec<Argument<'_>> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, property)| Argument {
            name,
            schema: resolve(property, schema),
            required: required.contains(&name.as_str()),
        })
        .collect()
}

/// Follows a reference into the definitions of the document.
fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| root.pointer(reference.strip_prefix('#')?))
        .unwrap_or(schema)
}

impl Argument<'_> {
    /// The type, without the `null` of an optional value.
    fn kind(&self) -> &str {
        match self.schema.get("type") {
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null")
                .unwrap_or_default(),
            kind => kind.and_then(Value::as_str).unwrap_or_default(),
        }
    }

    fn format(&self) -> &str {
        self.schema
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn choices(&self) -> Option<Vec<&str>> {
        self.schema
            .get("enum")?
            .as_array()?
            .iter()
            .map(Value::as_str)
            .collect()
    }

    fn is_text(&self) -> bool {
        self.kind() == "string" || self.choices().is_some()
    }
}

/// The fields of a form, with what was typed and what is wrong with it.
pub(super) fn fields(schema: &Value, typed: &HashMap<String, String>, faults: &[Fault]) -> Markup {
    html! {
        @for argument in arguments(schema) {
            (field(&argument, typed, faults))
        }
    }
}

fn field(argument: &Argument<'_>, typed: &HashMap<String, String>, faults: &[Fault]) -> Markup {
    let name = format!("{PREFIX}{}", argument.name);
    let pointer = format!("/{}", escape_pointer(argument.name));
    let texts: Vec<_> = faults
        .iter()
        .filter(|fault| {
            fault.pointer == pointer || fault.pointer.starts_with(&format!("{pointer}/"))
        })
        .map(|fault| match fault.pointer.strip_prefix(&pointer) {
            Some("") | None => fault.message.clone(),
            Some(below) => format!("{below}: {}", fault.message),
        })
        .collect();
    let error = (!texts.is_empty()).then(|| texts.join("; "));
    let text = |key: &str| {
        argument
            .schema
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let number = |key: &str| {
        argument
            .schema
            .get(key)
            .filter(|value| value.is_number())
            .map(Value::to_string)
    };
    let label = text("title").unwrap_or_else(|| words(argument.name));
    let default = argument
        .schema
        .get("default")
        .filter(|value| !value.is_null());
    let value = typed.get(&name).cloned().or_else(|| {
        default.map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
    });

    let field = if let Some(choices) = argument.choices() {
        let empty = (!argument.required).then(|| FieldOption::new("", "-"));
        let choices = choices
            .into_iter()
            .map(|choice| FieldOption::new(choice, choice));
        Field::select(name, label, empty.into_iter().chain(choices).collect())
    } else {
        match (argument.kind(), argument.format()) {
            ("string", "email") => Field::email(name, label),
            ("string", "uri") => Field::url(name, label),
            ("string", "date") => Field::date(name, label),
            ("string", _) => Field::text(name, label),
            ("integer", _) => Field::number(name, label)
                .range(number("minimum"), number("maximum"))
                .step("1"),
            ("number", _) => Field::number(name, label)
                .range(number("minimum"), number("maximum"))
                .step("any"),
            ("boolean", _) => Field::switch(name, label).checked(value.as_deref() == Some("true")),
            _ => Field::code(name, label).hint("As JSON"),
        }
    };
    let field = match text("description") {
        Some(hint) => field.hint(hint),
        None => field,
    };
    let field = match value {
        Some(value) if argument.kind() != "boolean" => field.value(value),
        _ => field,
    };
    field
        .required(argument.required && argument.kind() != "boolean")
        .error(error)
        .render()
}

/// `first_name` as "First name".
fn words(name: &str) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// What was typed, as arguments. What is no value of its type stays text, for the check to refuse.
pub(super) fn read(schema: &Value, typed: &HashMap<String, String>) -> Value {
    let mut args = Map::new();
    for argument in arguments(schema) {
        let text = typed
            .get(&format!("{PREFIX}{}", argument.name))
            .map(|text| text.trim());
        let value = match (argument.kind(), text) {
            // A browser sends nothing for a switch that is off.
            ("boolean", text) => Value::Bool(matches!(text, Some("true" | "on" | "1"))),
            (_, None | Some("")) if !argument.required => continue,
            (_, None) => continue,
            (_, Some(text)) if argument.is_text() => Value::String(text.to_owned()),
            (_, Some("")) => continue,
            (_, Some(text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
            }
        };
        args.insert(argument.name.to_owned(), value);
    }
    Value::Object(args)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typed_text_becomes_values_of_the_schemas_types() {
        let schema = json!({
            "type": "object",
            "required": ["name", "age"],
            "properties": {
                "name": {"type": "string"},
                "age": {"type": "integer"},
                "on": {"type": "boolean"},
                "note": {"type": ["string", "null"]},
                "tags": {"type": "array"},
            },
        });
        let typed = [
            ("args.name", "7"),
            ("args.age", "6"),
            ("args.note", ""),
            ("args.tags", "[1]"),
        ];
        let typed = typed
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        assert_eq!(
            read(&schema, &typed),
            json!({"name": "7", "age": 6, "on": false, "tags": [1]})
        );
    }

    #[test]
    fn a_fault_stands_at_its_field_and_the_text_is_kept() {
        let schema = json!({"properties": {"age": {"type": "integer"}}});
        let typed = [("args.age".to_owned(), "old".to_owned())].into();
        let fault = Fault::new("/age", "invalid_type", "is not a number");
        let markup = fields(&schema, &typed, &[fault]).into_string();
        assert!(
            markup.contains("is not a number") && markup.contains("value=\"old\""),
            "{markup}"
        );
    }
}
