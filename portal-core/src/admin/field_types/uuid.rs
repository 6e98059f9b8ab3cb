//! UUID fields.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, KeySource, Widget};
use super::super::operator::Operator;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

const EXPECTED: &str = "must be a UUID such as 0190a5c2-7c3b-7d4e-8f00-000000000000";

impl AdminField for Uuid {
    const KIND: FieldKind = FieldKind(&UuidType);

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

    fn column_type(&self) -> ColumnType {
        ColumnType::Uuid
    }

    fn bind(&self, value: &Value) -> Option<sea_query::Value> {
        match value {
            Value::Null => Some(sea_query::Value::Uuid(None)),
            value => uuid_of(value).map(Into::into),
        }
    }

    fn read(&self, row: &Row, column: &str) -> Result<Value, StoreError> {
        Ok(row.get::<Option<Uuid>>(column)?.to_value())
    }

    fn key_source(&self) -> Option<KeySource> {
        Some(KeySource::Portal {
            generate: || Uuid::now_v7().to_value(),
            unset: "00000000-0000-0000-0000-000000000000",
        })
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        text.trim()
            .parse::<Uuid>()
            .map(|id| id.to_value())
            .map_err(|_| wrong_type(EXPECTED))
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::text(spec.name, spec.title).required(spec.is_required)
    }

    fn supports(&self, operator: Operator) -> bool {
        operator.is_equality()
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[
            (Operator::Equal, "is"),
            (Operator::NotEqual, "is not"),
            (Operator::In, "is one of"),
        ]
    }

    fn json_type(&self) -> Option<&'static str> {
        Some("string")
    }

    fn describe(&self, _widget: Widget, schema: &mut Map<String, Value>) {
        schema.insert("format".to_owned(), "uuid".into());
    }
}
