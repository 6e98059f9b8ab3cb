//! Boolean fields, shown as yes or no.

use maud::Markup;
use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::{Field, Tone, badge};
use crate::store::{Row, StoreError};

impl AdminField for bool {
    const KIND: FieldKind = FieldKind::new(&Boolean);

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        value
            .as_bool()
            .ok_or_else(|| wrong_type("must be true or false"))
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        row.at(index)
    }
}

#[derive(Debug)]
struct Boolean;

impl FieldType for Boolean {
    fn name(&self) -> &'static str {
        "boolean"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[("true", "Yes"), ("false", "No")]
    }

    fn storage(&self) -> Storage {
        Storage::Boolean
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        match text.trim() {
            "true" | "on" | "1" => Ok(Value::Bool(true)),
            "false" | "off" | "0" => Ok(Value::Bool(false)),
            _ => Err(wrong_type("must be true or false")),
        }
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::checkbox(spec.name, spec.title)
    }

    // An unchecked checkbox is not submitted.
    fn unsubmitted_text(&self) -> &'static str {
        "false"
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        if value.as_bool() == Some(true) {
            badge("Yes", Tone::Success)
        } else {
            badge("No", Tone::Neutral)
        }
    }

    fn supports(&self, operator: Operator) -> bool {
        operator.is_equality()
    }

    fn describe_value(&self, text: &str) -> Option<String> {
        let is_true = self.parse(text).ok()?.as_bool()?;
        Some(if is_true { "Yes" } else { "No" }.to_owned())
    }
}
