//! JSON documents, written as YAML or JSON in forms.

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::document_format::Format;
use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, object, shorten};
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;

impl AdminField for Value {
    const KIND: FieldKind = FieldKind::new(&Document { is_object: false });

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        Ok(value)
    }
}

/// A configuration document; the default is `{}`.
impl AdminField for Map<String, Value> {
    const KIND: FieldKind = FieldKind::new(&Document { is_object: true });
    const DEFAULT: Option<&'static str> = Some("{}");

    fn to_value(&self) -> Value {
        Value::Object(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Object(members) => Ok(members),
            _ => Err(wrong_type(
                "must be an object, written as `name: value` lines",
            )),
        }
    }
}

#[derive(Debug)]
struct Document {
    /// `true` if only objects are valid.
    is_object: bool,
}

impl FieldType for Document {
    fn name(&self) -> &'static str {
        "json"
    }

    fn is_document(&self) -> bool {
        true
    }

    fn storage(&self) -> Storage {
        Storage::Json
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        Format::Json.parse(text)
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::code(spec.name, spec.title)
    }

    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        Field::code(name, title).value(text)
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        cell(value)
    }

    fn json_schema(&self) -> Map<String, Value> {
        if self.is_object {
            object(json!({"type": "object"}))
        } else {
            Map::new()
        }
    }
}

/// Renders a document in a cell of a list.
pub(super) fn cell(value: &Value) -> Markup {
    html! { code { (shorten(&value.to_string())) } }
}
