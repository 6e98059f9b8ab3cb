//! UUID fields.

use serde_json::Value;
use uuid::Uuid;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::FieldType;
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::store::{Row, StoreError};

const EXPECTED: &str = "must be a UUID such as 0190a5c2-7c3b-7d4e-8f00-000000000000";

impl AdminField for Uuid {
    const KIND: FieldKind = FieldKind::new(&UuidType);

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        uuid_of(&value).ok_or_else(|| wrong_type(EXPECTED))
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        row.at(index)
    }
}

fn uuid_of(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

#[derive(Debug)]
struct UuidType;

impl FieldType for UuidType {
    fn name(&self) -> &'static str {
        "uuid"
    }

    fn storage(&self) -> Storage {
        Storage::Uuid
    }

    fn can_be_key(&self) -> bool {
        true
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        text.trim()
            .parse::<Uuid>()
            .map(|id| id.to_value())
            .map_err(|_| wrong_type(EXPECTED))
    }

    fn supports(&self, operator: Operator) -> bool {
        operator.is_equality()
    }
}
