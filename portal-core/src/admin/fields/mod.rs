//! Field types: conversion from text and JSON, and to and from columns.

mod choice;
mod json;
mod number;
mod text;
mod time;

use serde_json::Value;

pub use choice::AdminChoice;

use super::field::{FieldKind, IntegerSize};
use crate::error::FieldError;
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

/// Returns the column type of a kind of field.
pub(crate) fn column_type(kind: FieldKind) -> ColumnType {
    match kind {
        FieldKind::Text => ColumnType::Text,
        FieldKind::Boolean => ColumnType::Boolean,
        FieldKind::Integer { size, .. } => match size {
            IntegerSize::Small => ColumnType::SmallInt,
            IntegerSize::Medium => ColumnType::Integer,
            IntegerSize::Big => ColumnType::BigInt,
        },
        FieldKind::Number => ColumnType::Double,
        FieldKind::Timestamp => ColumnType::Timestamp,
        FieldKind::Date => ColumnType::Date,
        FieldKind::Uuid => ColumnType::Uuid,
        FieldKind::Json { .. } => ColumnType::Json,
    }
}

/// Parses a value as written in a form, a URL or a default.
pub(crate) fn parse(kind: FieldKind, text: &str) -> Result<Value, FieldError> {
    match kind {
        FieldKind::Text => Ok(Value::String(text.to_owned())),
        FieldKind::Boolean => text::parse_boolean(text),
        FieldKind::Integer { min, max, .. } => number::parse_integer(text, min, max),
        FieldKind::Number => number::parse_number(text),
        FieldKind::Timestamp => time::parse_timestamp(text),
        FieldKind::Date => time::parse_date(text),
        FieldKind::Uuid => text::parse_uuid(text),
        FieldKind::Json { .. } => json::parse(text),
    }
}

/// Returns the value as bound to a statement; `None` if it is not of the kind.
pub(crate) fn bind(kind: FieldKind, value: &Value) -> Option<sea_query::Value> {
    match kind {
        FieldKind::Text => text::bind_text(value),
        FieldKind::Boolean => text::bind_boolean(value),
        FieldKind::Integer { size, .. } => number::bind_integer(size, value),
        FieldKind::Number => number::bind_number(value),
        FieldKind::Timestamp => time::bind_timestamp(value),
        FieldKind::Date => time::bind_date(value),
        FieldKind::Uuid => text::bind_uuid(value),
        FieldKind::Json { .. } => Some(json::bind(value)),
    }
}

/// Reads the value of a column.
pub(crate) fn read(kind: FieldKind, row: &Row, column: &str) -> Result<Value, StoreError> {
    match kind {
        FieldKind::Text => text::read_text(row, column),
        FieldKind::Boolean => text::read_boolean(row, column),
        FieldKind::Integer { size, .. } => number::read_integer(size, row, column),
        FieldKind::Number => number::read_number(row, column),
        FieldKind::Timestamp => time::read_timestamp(row, column),
        FieldKind::Date => time::read_date(row, column),
        FieldKind::Uuid => text::read_uuid(row, column),
        FieldKind::Json { .. } => json::read(row, column),
    }
}

/// Returns the API name of a kind.
pub(crate) fn kind_name(kind: FieldKind, has_choices: bool) -> &'static str {
    match kind {
        FieldKind::Text if has_choices => "choice",
        FieldKind::Text => "text",
        FieldKind::Boolean => "boolean",
        FieldKind::Integer { .. } => "integer",
        FieldKind::Number => "number",
        FieldKind::Timestamp => "datetime",
        FieldKind::Date => "date",
        FieldKind::Uuid => "uuid",
        FieldKind::Json { .. } => "json",
    }
}

fn wrong_type(message: &'static str) -> FieldError {
    FieldError::new("", "invalid_type", message)
}

#[cfg(test)]
mod tests;
