//! Filters of list queries: parsing `filter[field][operator]=value` and JSON objects.

use serde_json::Value;

use super::super::field::FieldSpec;
use super::super::model_view::ModelView;
use super::super::operator::Operator;
use super::super::query::{Filter, MAX_TEXT};
use crate::error::FieldError;
use crate::json;
use crate::request::escape_pointer;

/// Maximum number of filters in a query.
const MAX_FILTERS: usize = 30;

/// Maximum number of values of one filter.
const MAX_VALUES: usize = 200;

/// Parses `filter[field]` and `filter[field][operator]`.
pub(in super::super) fn parse_parameter(
    model: &ModelView<'_>,
    parameter: &str,
    value: &str,
) -> Result<Filter, FieldError> {
    let pointer = format!("/{}", escape_pointer(parameter));
    let parts = parameter
        .strip_prefix("filter[")
        .and_then(|rest| rest.strip_suffix(']'))
        .map(|inner| inner.split_once("][").unwrap_or((inner, "eq")));
    let Some((name, operator)) = parts else {
        return Err(FieldError::new(
            pointer,
            "unknown_parameter",
            "unknown parameter; use page, per_page, sort, search or filter[field]",
        ));
    };
    let texts: Vec<&str> = match operator {
        "in" => value.split(',').collect(),
        _ => vec![value],
    };
    filter(model, name, operator, &texts)
        .map_err(|it| FieldError::new(pointer, &it.code, it.message))
}

/// Parses `{"field": value}` and `{"field": {"operator": value}}`. Fails with pointers below
/// `pointer`.
pub(in super::super) fn parse_object(
    model: &ModelView<'_>,
    filters: &Value,
    pointer: &str,
) -> Result<Vec<Filter>, Vec<FieldError>> {
    let Value::Object(fields) = filters else {
        return Err(vec![FieldError::new(
            pointer,
            "invalid_type",
            "must be an object",
        )]);
    };
    let mut parsed = Vec::new();
    let mut errors = Vec::new();
    for (name, value) in fields {
        let field = format!("{pointer}/{}", escape_pointer(name));
        let conditions: Vec<(&str, String, &Value)> = match value {
            Value::Object(operators) => operators
                .iter()
                .map(|(operator, value)| {
                    let pointer = format!("{field}/{}", escape_pointer(operator));
                    (operator.as_str(), pointer, value)
                })
                .collect(),
            Value::Array(_) => vec![("in", field, value)],
            value => vec![("eq", field, value)],
        };
        for (operator, pointer, value) in conditions {
            let texts = match value {
                Value::Array(values) => values.iter().map(text).collect(),
                value => text(value).map(|text| vec![text]),
            };
            let filter = match &texts {
                Some(texts) if texts.len() == 1 || operator == "in" => {
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    filter(model, name, operator, &texts)
                }
                _ => Err(FieldError::new(
                    "",
                    "invalid_type",
                    "must be a text, a number, true, false or null",
                )),
            };
            match filter {
                Ok(filter) => parsed.push(filter),
                Err(error) => errors.push(FieldError::new(pointer, &error.code, error.message)),
            }
        }
    }
    if parsed.len() > MAX_FILTERS {
        errors.push(too_many(pointer));
    }
    match errors.is_empty() {
        true => Ok(parsed),
        false => Err(errors),
    }
}

/// Fails if a query has too many filters.
pub(in super::super) fn check_number(filters: &[Filter]) -> Result<(), FieldError> {
    match filters.len() {
        0..=MAX_FILTERS => Ok(()),
        _ => Err(too_many("/filter")),
    }
}

fn too_many(pointer: &str) -> FieldError {
    let message = format!("must contain at most {MAX_FILTERS} filters");
    FieldError::new(pointer, "too_long", message)
}

/// Returns the text of a value as written in a URL.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Builds a filter. The errors do not have a pointer.
fn filter(
    model: &ModelView<'_>,
    name: &str,
    operator: &str,
    texts: &[&str],
) -> Result<Filter, FieldError> {
    let invalid = |code: &str, message: String| Err(FieldError::new("", code, message));
    if model.computed().iter().any(|spec| spec.name == name) {
        let message = format!("`{name}` is computed, so rows cannot be filtered by it");
        return invalid("not_allowed", message);
    }
    let Some(field) = model.field(name) else {
        return invalid("unknown_field", format!("unknown field `{name}`"));
    };
    let Some(operator) = Operator::parse(operator) else {
        let message = format!("unknown operator; use {}", Operator::names());
        return invalid("unknown_operator", message);
    };
    if !supports(field, operator) {
        let message = "this field does not support the operator".to_owned();
        return invalid("not_allowed", message);
    }
    if texts.len() > MAX_VALUES {
        let message = format!("must contain at most {MAX_VALUES} values");
        return invalid("too_long", message);
    }
    let values = texts.iter().map(|text| value(field, operator, text));
    Ok(Filter {
        field: field.name,
        operator,
        values: values.collect::<Result<_, _>>()?,
    })
}

/// Returns `true` if rows can be filtered by the field with an operator.
pub(in super::super) fn supports(field: &FieldSpec, operator: Operator) -> bool {
    if field.is_write_only() {
        return false;
    }
    match operator {
        Operator::Empty => may_be_empty(field),
        operator => field.kind.supports(operator),
    }
}

/// Returns `true` if the field can have no value, or an empty text.
pub(in super::super) fn may_be_empty(field: &FieldSpec) -> bool {
    field.nullable || field.kind.accepts_empty_text() || field.many_to_many.is_some()
}

fn value(field: &FieldSpec, operator: Operator, text: &str) -> Result<Value, FieldError> {
    match operator {
        Operator::Contains | Operator::StartsWith if text.chars().count() > MAX_TEXT => {
            let message = format!("must have at most {MAX_TEXT} characters");
            Err(FieldError::new("", "too_long", message))
        }
        Operator::Contains | Operator::StartsWith => Ok(Value::String(text.replace('\0', ""))),
        Operator::Empty => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(FieldError::new(
                "",
                "invalid_value",
                "must be true or false",
            )),
        },
        // Empty text means a missing value if the field is nullable and not a text field.
        _ if text.is_empty() && field.nullable && !field.kind.accepts_empty_text() => {
            Ok(Value::Null)
        }
        _ => {
            let value = field.kind.parse_filter(text)?;
            match json::validate(&value, "").into_iter().next() {
                None => Ok(value),
                Some(error) => Err(error),
            }
        }
    }
}
