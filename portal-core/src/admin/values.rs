//! Values of a row during conversion into a model's struct.

use serde_json::{Map, Value};

use super::field::{AdminField, FieldSpec};
use crate::error::FieldError;

/// Maximum length of a unique text, in characters; PostgreSQL indexes hold at most about 2,700
/// bytes.
const UNIQUE_TEXT_LENGTH: usize = 500;

/// Values of a row by field name, and the errors found in them.
///
/// ```
/// use portal_core::admin::{FieldSpec, FieldValues};
/// use serde_json::json;
///
/// const NAME: FieldSpec = FieldSpec::new::<String>("name");
/// const SEATS: FieldSpec = FieldSpec::new::<u32>("seats");
///
/// let mut values = FieldValues::from(json!({"name": "Basic", "seats": -1}));
/// assert_eq!(values.take::<String>(&NAME).as_deref(), Some("Basic"));
/// assert_eq!(values.take::<u32>(&SEATS), None);
/// assert_eq!(values.into_errors()[0].pointer, "/seats");
/// ```
#[derive(Debug, Default)]
pub struct FieldValues {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl FieldValues {
    pub(crate) fn new(values: Map<String, Value>) -> Self {
        Self {
            values,
            errors: Vec::new(),
        }
    }

    /// Takes the value of a field. If the value is invalid, records the error and returns `None`.
    pub fn take<T: AdminField>(&mut self, field: &FieldSpec) -> Option<T> {
        match self.read(field) {
            Ok(value) => Some(value),
            Err(mut error) => {
                error.pointer.insert_str(0, &field.pointer());
                self.errors.push(error);
                None
            }
        }
    }

    fn read<T: AdminField>(&mut self, field: &FieldSpec) -> Result<T, FieldError> {
        let value = match self.values.remove(field.name) {
            Some(value) => value,
            None => field.default_value()?.unwrap_or_default(),
        };
        if value.is_null() && !T::NULLABLE {
            return Err(FieldError::new("", "missing", "must not be empty"));
        }
        if let Value::String(text) = &value {
            check_text(field, text)?;
        }
        T::from_value(value)
    }

    /// Returns all recorded errors, in the order of the fields.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }
}

fn check_text(field: &FieldSpec, text: &str) -> Result<(), FieldError> {
    if !field.choices.is_empty() && !field.choices.contains(&text) {
        return Err(not_allowed(field.choices));
    }
    if (field.unique || field.primary_key) && text.chars().nth(UNIQUE_TEXT_LENGTH).is_some() {
        return Err(FieldError::new(
            "",
            "too_long",
            format!("must have at most {UNIQUE_TEXT_LENGTH} characters"),
        ));
    }
    if field.primary_key && text.is_empty() {
        return Err(FieldError::new("", "missing", "must not be empty"));
    }
    Ok(())
}

/// Returns the error for a string that is not one of the choices.
pub(crate) fn not_allowed<T: AsRef<str>>(choices: &[T]) -> FieldError {
    let choices: Vec<&str> = choices.iter().map(AsRef::as_ref).collect();
    FieldError::new(
        "",
        "not_allowed",
        format!("must be one of {}", choices.join(", ")),
    )
}

/// Uses the members of a JSON object as fields; any other value has no fields.
impl From<Value> for FieldValues {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(values) => Self::new(values),
            _ => Self::default(),
        }
    }
}
