//! Absolute URLs.

use serde_json::{Map, Value, json};
use url::Url;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, object};
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;

impl AdminField for Url {
    const KIND: FieldKind = FieldKind::new(&UrlType);

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::String(text) => parse(&text),
            _ => Err(wrong_type("must be a string")),
        }
    }
}

fn parse(text: &str) -> Result<Url, FieldError> {
    text.trim().parse().map_err(|_| {
        let message = "must be a URL such as https://example.com/";
        FieldError::new("", "invalid_value", message)
    })
}

#[derive(Debug)]
struct UrlType;

impl FieldType for UrlType {
    fn name(&self) -> &'static str {
        "url"
    }

    fn storage(&self) -> Storage {
        Storage::Text
    }

    fn is_text(&self) -> bool {
        true
    }

    fn accepts_empty_text(&self) -> bool {
        false
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        parse(text).map(|url| url.to_value())
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::url(spec.name, spec.title).required(spec.is_required)
    }

    fn json_schema(&self) -> Map<String, Value> {
        object(json!({"type": "string", "format": "uri"}))
    }
}
