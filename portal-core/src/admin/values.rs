//! The values of a row on their way into a model's struct.

use serde_json::{Map, Value};

use super::field::{AdminField, FieldSpec};
use crate::error::Fault;

/// Longest value of a unique text, in characters: an index of PostgreSQL holds no more than about 2700 bytes.
const UNIQUE_TEXT_LENGTH: usize = 500;

/// The values of a row by field name, and what was found to be wrong with them.
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
/// assert_eq!(values.into_faults()[0].pointer, "/seats");
/// ```
#[derive(Debug, Default)]
pub struct FieldValues {
    values: Map<String, Value>,
    faults: Vec<Fault>,
}

impl FieldValues {
    pub(crate) fn new(values: Map<String, Value>) -> Self {
        Self {
            values,
            faults: Vec::new(),
        }
    }

    /// The value of a field; `None` if something is wrong with it, which is kept.
    pub fn take<T: AdminField>(&mut self, field: &FieldSpec) -> Option<T> {
        match self.read(field) {
            Ok(value) => Some(value),
            Err(mut fault) => {
                fault.pointer.insert_str(0, &field.pointer());
                self.faults.push(fault);
                None
            }
        }
    }

    fn read<T: AdminField>(&mut self, field: &FieldSpec) -> Result<T, Fault> {
        let value = match self.values.remove(field.name) {
            Some(value) => value,
            None => field.default_value()?.unwrap_or_default(),
        };
        if value.is_null() && !T::NULLABLE {
            return Err(Fault::new("", "required", "write a value"));
        }
        if let Value::String(text) = &value {
            check_text(field, text)?;
        }
        T::from_value(value)
    }

    /// Everything that was wrong, in the order of the fields.
    #[must_use]
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }
}

fn check_text(field: &FieldSpec, text: &str) -> Result<(), Fault> {
    if !field.choices.is_empty() && !field.choices.contains(&text) {
        return Err(not_allowed(field.choices));
    }
    if (field.unique || field.primary_key) && text.chars().nth(UNIQUE_TEXT_LENGTH).is_some() {
        return Err(Fault::new(
            "",
            "too_long",
            format!("write at most {UNIQUE_TEXT_LENGTH} characters"),
        ));
    }
    if field.primary_key && text.is_empty() {
        return Err(Fault::new("", "required", "write a value"));
    }
    Ok(())
}

/// The fault of a text that is none of the choices.
pub(crate) fn not_allowed<T: AsRef<str>>(choices: &[T]) -> Fault {
    let choices: Vec<&str> = choices.iter().map(AsRef::as_ref).collect();
    Fault::new(
        "",
        "not_allowed",
        format!("write one of {}", choices.join(", ")),
    )
}

/// From a JSON object; anything else has no fields.
impl From<Value> for FieldValues {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(values) => Self::new(values),
            _ => Self::default(),
        }
    }
}
