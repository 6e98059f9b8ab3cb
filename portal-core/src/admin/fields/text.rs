//! Text, boolean and UUID fields.

use serde_json::Value;
use uuid::Uuid;

use super::super::field::{AdminField, FieldKind};
use super::wrong_type;
use crate::error::FieldError;
use crate::store::{Row, StoreError};

impl AdminField for String {
    const KIND: FieldKind = FieldKind::Text;

    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(wrong_type("must be a string")),
        }
    }
}

impl AdminField for bool {
    const KIND: FieldKind = FieldKind::Boolean;

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        value
            .as_bool()
            .ok_or_else(|| wrong_type("must be true or false"))
    }
}

impl AdminField for Uuid {
    const KIND: FieldKind = FieldKind::Uuid;

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        uuid_of(&value).ok_or_else(|| wrong_type(UUID_EXPECTED))
    }
}

impl<T: AdminField> AdminField for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;
    const CHOICES: &'static [&'static str] = T::CHOICES;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

const UUID_EXPECTED: &str = "must be a UUID such as 0190a5c2-7c3b-7d4e-8f00-000000000000";

fn uuid_of(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

pub(super) fn parse_boolean(text: &str) -> Result<Value, FieldError> {
    match text.trim() {
        "true" | "on" | "1" => Ok(Value::Bool(true)),
        "false" | "off" | "0" => Ok(Value::Bool(false)),
        _ => Err(wrong_type("must be true or false")),
    }
}

pub(super) fn parse_uuid(text: &str) -> Result<Value, FieldError> {
    text.trim()
        .parse::<Uuid>()
        .map(|id| id.to_value())
        .map_err(|_| wrong_type(UUID_EXPECTED))
}

pub(super) fn bind_text(value: &Value) -> Option<sea_query::Value> {
    match value {
        Value::Null => Some(sea_query::Value::String(None)),
        Value::String(text) => Some(text.clone().into()),
        _ => None,
    }
}

pub(super) fn bind_boolean(value: &Value) -> Option<sea_query::Value> {
    match value {
        Value::Null => Some(sea_query::Value::Bool(None)),
        value => value.as_bool().map(Into::into),
    }
}

pub(super) fn bind_uuid(value: &Value) -> Option<sea_query::Value> {
    match value {
        Value::Null => Some(sea_query::Value::Uuid(None)),
        value => uuid_of(value).map(Into::into),
    }
}

pub(super) fn read_text(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.get::<Option<String>>(column)?.to_value())
}

pub(super) fn read_boolean(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.get::<Option<bool>>(column)?.to_value())
}

pub(super) fn read_uuid(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.get::<Option<Uuid>>(column)?.to_value())
}
