//! JSON documents.

use serde_json::{Map, Value};

use super::super::field::{AdminField, FieldKind};
use super::wrong_type;
use crate::error::FieldError;
use crate::json;
use crate::store::{Row, StoreError};

impl AdminField for Value {
    const KIND: FieldKind = FieldKind::Json { object: false };

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        Ok(value)
    }
}

/// A configuration document; the default is `{}`.
impl AdminField for Map<String, Value> {
    const KIND: FieldKind = FieldKind::Json { object: true };
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

pub(super) fn parse(text: &str) -> Result<Value, FieldError> {
    json::parse(text.as_bytes()).map_err(json::ParseError::into_fault)
}

pub(super) fn bind(value: &Value) -> sea_query::Value {
    match value {
        Value::Null => sea_query::Value::Json(None),
        value => value.clone().into(),
    }
}

pub(super) fn read(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.document(column)?.unwrap_or_default())
}
