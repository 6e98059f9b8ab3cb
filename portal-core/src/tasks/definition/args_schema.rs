//! JSON Schema for a task's arguments: finds all structural errors and creates an example.

use chrono::{DateTime, NaiveDate, Utc};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value, json};

use crate::error::FieldError;
use crate::request::escape_pointer;

/// Compiled schema, which finds all errors; deserialization stops at the first one.
pub(crate) struct ArgsSchema {
    pub(crate) document: Value,
    pub(super) example: Value,
    validator: Option<Validator>,
}

impl ArgsSchema {
    pub(crate) fn new(schema: schemars::Schema) -> Self {
        let document = schema.to_value();
        let validator = compile(&document)
            .map_err(|error| tracing::warn!(%error, "failed to compile a schema; errors are reported one at a time"))
            .ok();
        let example = example(&document, &document, 0);
        Self {
            document,
            example,
            validator,
        }
    }

    /// Returns all errors in a value that does not match the schema.
    pub(crate) fn validate(&self, value: &Value) -> Vec<FieldError> {
        let Some(validator) = &self.validator else {
            return Vec::new();
        };
        let mut errors = Vec::new();
        for error in validator.iter_errors(value) {
            collect(&error, &mut errors);
        }
        errors
    }
}

/// Compiles a schema with format checks, so that invalid dates are reported with all other errors.
///
/// Formats that the argument types parse themselves, perhaps more leniently, are not checked here.
fn compile(document: &Value) -> Result<Validator, ValidationError<'static>> {
    let left_to_types = [
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uuid",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
        "regex",
        "duration",
        "time",
    ];
    let options = jsonschema::options().should_validate_formats(true);
    let options = left_to_types
        .into_iter()
        .fold(options, |options, name| options.with_format(name, |_| true));
    options
        .with_format("date", |text| text.parse::<NaiveDate>().is_ok())
        .with_format("date-time", |text| text.parse::<DateTime<Utc>>().is_ok())
        .build(document)
}

/// Describes the rule that a value violates.
fn message(error: &ValidationError<'_>) -> String {
    let plural = |limit: u64| if limit == 1 { "" } else { "s" };
    let entries = |limit: u64| if limit == 1 { "entry" } else { "entries" };
    match error.kind() {
        ValidationErrorKind::MinItems { limit } => {
            format!("add at least {limit} {}", entries(*limit))
        }
        ValidationErrorKind::MaxItems { limit } => {
            format!("use at most {limit} {}", entries(*limit))
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("use at least {limit} character{}", plural(*limit))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("use at most {limit} character{}", plural(*limit))
        }
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::Format { format } if format == "date" => {
            "must be a date such as 2026-05-01".to_owned()
        }
        ValidationErrorKind::Format { format } if format == "date-time" => {
            "must be a time such as 2026-05-01T12:30:00Z".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Collects errors; errors in a union are those of the branch that the value was meant for.
fn collect(error: &ValidationError<'_>, errors: &mut Vec<FieldError>) {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            match meant(context, &pointer) {
                Some(branch) => branch.iter().for_each(|error| collect(error, errors)),
                None => {
                    let message = "is not an allowed value";
                    errors.push(FieldError::new(pointer, "invalid_value", message));
                }
            }
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            errors.push(FieldError::new(
                format!("{pointer}/{}", escape_pointer(name)),
                "missing",
                "this is required",
            ));
        }
        ValidationErrorKind::Type { .. } => {
            errors.push(FieldError::new(pointer, "invalid_type", error.to_string()));
        }
        _ => errors.push(FieldError::new(pointer, "invalid_value", message(error))),
    }
}

/// Returns the union branch that a value was meant for: the only one that it nearly matches.
fn meant<'a, 'e>(
    branches: &'a [Vec<ValidationError<'e>>],
    pointer: &str,
) -> Option<&'a Vec<ValidationError<'e>>> {
    let distance = |branch: &Vec<ValidationError<'_>>| -> u32 {
        let of = |error: &ValidationError<'_>| {
            let is_here = error.instance_path().as_str() == pointer;
            match error.kind() {
                ValidationErrorKind::Type { .. } if is_here => 100,
                // The tag or a top-level field differs.
                ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => 10,
                _ if is_here => 1,
                _ => 0,
            }
        };
        branch.iter().map(of).sum()
    };
    let nearest = branches.iter().min_by_key(|branch| distance(branch))?;
    let least = distance(nearest);
    let as_near = branches.iter().filter(|branch| distance(branch) == least);
    (least < 10 && as_near.count() == 1).then_some(nearest)
}

/// Returns a value that matches a schema: its example, its default or any value of its type.
fn example(schema: &Value, root: &Value, depth: u8) -> Value {
    if let Some(example) = schema
        .pointer("/examples/0")
        .or_else(|| schema.get("default"))
    {
        return example.clone();
    }
    if depth > 8 {
        return Value::Null;
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| example(target, root, depth + 1));
    }
    if let Some(value) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
        return value.clone();
    }
    if let Some(first) = ["anyOf", "oneOf", "allOf"]
        .iter()
        .find_map(|key| schema.get(key)?.get(0))
    {
        return example(first, root, depth + 1);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let members: Map<String, Value> = properties
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), example(schema, root, depth + 1)))
                .collect();
            Value::Object(members)
        }
        Some("array") => schema
            .get("items")
            .map_or(json!([]), |items| json!([example(items, root, depth + 1)])),
        Some("integer") => json!(schema.get("minimum").and_then(Value::as_i64).unwrap_or(1)),
        Some("number") => json!(schema.get("minimum").and_then(Value::as_f64).unwrap_or(1.0)),
        Some("boolean") => json!(true),
        Some("string") => json!(match schema.get("format").and_then(Value::as_str) {
            Some("email") => "someone@example.com",
            Some("date") => "2026-01-31",
            Some("date-time") => "2026-01-31T12:00:00Z",
            Some("uri") => "https://example.com",
            Some("uuid") => "00000000-0000-4000-8000-000000000000",
            _ => "text",
        }),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(schemars::JsonSchema, garde::Validate, serde::Serialize)]
    struct Args {
        #[garde(length(max = 10))]
        name: String,
        #[garde(range(max = 150))]
        age: u8,
    }

    #[test]
    fn rule_has_the_same_code_in_schema_and_garde() {
        let args = Args {
            name: "Ada Lovelace".to_owned(),
            age: 151,
        };
        let codes = |errors: Vec<FieldError>| {
            let codes = errors.into_iter().map(|error| (error.pointer, error.code));
            codes.collect::<std::collections::BTreeMap<_, _>>()
        };
        let schema = ArgsSchema::new(schemars::schema_for!(Args));
        let by_schema = codes(schema.validate(&json!(args)));
        assert_eq!(by_schema, codes(crate::request::garde_errors(&args)));
        assert_eq!(by_schema.len(), 2, "{by_schema:?}");
    }

    #[test]
    fn all_errors_are_found_at_once() {
        let schema = ArgsSchema::new(schemars::schema_for!(Args));
        let errors = schema.validate(&json!({"name": 5, "age": 151}));
        let found: Vec<_> = errors
            .iter()
            .map(|error| (error.pointer.as_str(), error.code.as_str()))
            .collect();
        assert!(found.contains(&("/name", "invalid_type")), "{found:?}");
        assert!(found.contains(&("/age", "invalid_value")), "{found:?}");
        let missing = schema.validate(&json!({}));
        assert_eq!(
            missing
                .iter()
                .map(|error| error.pointer.as_str())
                .collect::<Vec<_>>(),
            ["/name", "/age"]
        );
    }

    #[test]
    fn violated_rules_are_described_in_words() {
        let schema = serde_json::json!({"type": "object", "properties": {
            "from": {"type": "string", "format": "date"},
            "id": {"type": "string", "format": "uuid"},
            "sections": {"type": "array", "minItems": 1},
            "title": {"type": "string", "minLength": 3},
        }});
        let schema = ArgsSchema::new(schema.try_into().unwrap());
        let value = json!({"from": "2026-13-01", "id": "x", "sections": [], "title": "ab"});
        let errors = schema.validate(&value);
        let messages: Vec<_> = errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.message))
            .collect();
        assert_eq!(
            messages,
            [
                "/from must be a date such as 2026-05-01",
                "/sections add at least 1 entry",
                "/title use at least 3 characters",
            ]
        );
    }

    #[test]
    fn example_matches_its_schema() {
        let schema = ArgsSchema::new(schemars::schema_for!(Args));
        assert_eq!(schema.validate(&schema.example), []);
    }
}
