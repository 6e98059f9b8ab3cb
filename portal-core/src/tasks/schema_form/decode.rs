//! Decodes form input into a value.

use std::str::FromStr;

use serde_json::{Map, Number, Value};

use super::datetime;
use super::field_path::FieldPath;
use super::form_input::FormInput;
use super::schema_node::{Part, Shape};
use crate::error::FieldError;
use crate::json;

/// Form input, decoded into a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedForm {
    pub(crate) value: Value,
    /// Errors about input that cannot be parsed.
    pub(crate) errors: Vec<FieldError>,
}

pub(super) fn read(part: &Part<'_>, place: &FieldPath, input: &FormInput) -> DecodedForm {
    let mut errors = Vec::new();
    let value = value(part, place, input, &mut errors).unwrap_or(Value::Object(Map::new()));
    DecodedForm { value, errors }
}

/// Returns the value of a part; `None` if it is omitted.
fn value(
    part: &Part<'_>,
    place: &FieldPath,
    input: &FormInput,
    errors: &mut Vec<FieldError>,
) -> Option<Value> {
    if part.has_switch() && !input.is_checked(&place.switch()) {
        return part.nothing();
    }
    let text = input.get(&place.name);
    let trimmed = text.map(str::trim).filter(|text| !text.is_empty());
    match &part.shape {
        Shape::Object(members) => {
            let mut object = Map::new();
            for member in members {
                let place = place.member(member.name);
                if let Some(value) = value(&member.part, &place, input, errors) {
                    object.insert(member.name.to_owned(), value);
                }
            }
            Some(Value::Object(object))
        }
        Shape::List { items } => {
            let mut values = Vec::new();
            for (index, key) in input.keys(&place.name).into_iter().enumerate() {
                let place = place.row(key, index);
                values.push(value(items, &place, input, errors).unwrap_or_else(|| {
                    errors.push(missing(&place));
                    Value::Null
                }));
            }
            Some(Value::Array(values))
        }
        Shape::Map { values } => Some(entries(values, place, input, errors)),
        Shape::Choice(choices) => match trimmed {
            None => part.nothing(),
            Some(sent) => {
                let chosen = choices.iter().find(|choice| choice.sent() == sent);
                Some(chosen.map_or_else(|| sent.into(), |choice| choice.value.clone()))
            }
        },
        Shape::Variants(variants) => {
            let index: usize = trimmed?.parse().ok()?;
            let variant = variants.get(index)?;
            value(&variant.part, &place.variant(index), input, errors)
        }
        Shape::Constant(constant) => part.required.then(|| (*constant).clone()),
        Shape::Text => self::text(part, text?),
        Shape::Number { .. } => match trimmed {
            None => part.nothing(),
            Some(text) => {
                let number = Number::from_str(text).map(Value::Number);
                Some(number.unwrap_or_else(|_| text.into()))
            }
        },
        Shape::Boolean if part.is_open() => match trimmed {
            None => part.nothing(),
            Some(text) => Some(Value::Bool(text == "true")),
        },
        // Browsers submit nothing for a switch that is turned off.
        Shape::Boolean => Some(Value::Bool(input.is_checked(&place.name))),
        Shape::Json => match trimmed {
            None => part.nothing(),
            Some(text) => Some(json::parse(text.as_bytes()).unwrap_or_else(|error| {
                let mut field_error = error.into_field_error();
                field_error.pointer.insert_str(0, &place.pointer);
                errors.push(field_error);
                text.into()
            })),
        },
    }
}

fn entries(
    values: &Part<'_>,
    place: &FieldPath,
    input: &FormInput,
    errors: &mut Vec<FieldError>,
) -> Value {
    let mut map = Map::new();
    for key in input.keys(&place.name) {
        let name = input.get(&place.entry_key(key)).unwrap_or_default();
        let place = place.entry(key, name);
        if map.contains_key(name) {
            let message = "another row has the same key";
            errors.push(FieldError::new(&*place.pointer, "invalid_value", message));
        }
        let value = value(values, &place, input, errors).unwrap_or_else(|| {
            errors.push(missing(&place));
            Value::Null
        });
        map.insert(name.to_owned(), value);
    }
    Value::Object(map)
}

fn text(part: &Part<'_>, text: &str) -> Option<Value> {
    let node = &part.node;
    let is_free = matches!(node.format(), "" | "textarea" | "password");
    let text = if is_free { text } else { text.trim() };
    if text.is_empty() {
        let may_be_empty = is_free && node.count("minLength").is_none_or(|length| length == 0);
        return if part.is_optional() || !may_be_empty {
            part.nothing()
        } else {
            Some("".into())
        };
    }
    Some(match node.format() {
        "date-time" => datetime::from_field(text)
            .unwrap_or_else(|| text.to_owned())
            .into(),
        _ => text.into(),
    })
}

fn missing(place: &FieldPath) -> FieldError {
    FieldError::new(&*place.pointer, "missing", "this is required")
}
