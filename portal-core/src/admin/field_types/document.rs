//! JSON documents, written as YAML or JSON in forms.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::document_format::Format;
use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, shorten};
use super::super::operator::Operator;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

impl AdminField for Value {
    const KIND: FieldKind = FieldKind(&Document { json_type: None });

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        Ok(value)
    }
}

/// A configuration document; the default is `{}`.
impl AdminField for Map<String, Value> {
    const KIND: FieldKind = FieldKind(&Document {
        json_type: Some("object"),
    });
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
    json_type: Option<&'static str>,
}

impl FieldType for Document {
    fn name(&self) -> &'static str {
        "json"
    }

    fn is_scalar(&self) -> bool {
        false
    }

    fn column_type(&self) -> ColumnType {
        ColumnType::Json
    }

    fn bind(&self, value: &Value) -> Option<sea_query::Value> {
        Some(match value {
            Value::Null => sea_query::Value::Json(None),
            value => value.clone().into(),
        })
    }

    fn read(&self, row: &Row, column: &str) -> Result<Value, StoreError> {
        Ok(row.document(column)?.unwrap_or_default())
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

    fn formats(&self) -> &'static [Format] {
        &[Format::Yaml, Format::Json]
    }

    fn form_text(&self, value: &Value, format: Format) -> String {
        match value {
            Value::Null => String::new(),
            value => format.write(value),
        }
    }

    fn parse_form_text(&self, text: &str, format: Format) -> Result<Value, FieldError> {
        format.parse(text)
    }

    // Documents that differ only in their formatting are equal.
    fn normalize(&self, text: &str, format: Format) -> String {
        let value = format.parse(text);
        value.map_or_else(|_| text.to_owned(), |value| value.to_string())
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { code { (shorten(&value.to_string())) } }
    }

    fn supports(&self, operator: Operator) -> bool {
        operator == Operator::Contains
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[(Operator::Contains, "contains")]
    }

    fn json_type(&self) -> Option<&'static str> {
        self.json_type
    }
}
