//! Floating-point fields.

use maud::{Markup, html};
use serde_json::{Number, Value};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::pages::components::thousands::grouped;
use crate::store::{Row, StoreError};

impl AdminField for f64 {
    const KIND: FieldKind = FieldKind::new(&Float);

    fn to_value(&self) -> Value {
        Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        value
            .as_f64()
            .filter(|number| number.is_finite())
            .ok_or_else(|| wrong_type("must be a number"))
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        row.at(index)
    }
}

impl AdminField for f32 {
    const KIND: FieldKind = FieldKind::new(&Float);

    // The shortest decimal form is converted, because `f64::from(0.1_f32)` is 0.10000000149.
    fn to_value(&self) -> Value {
        let number = self.to_string().parse().ok().and_then(Number::from_f64);
        number.map_or(Value::Null, Value::Number)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let number = f64::from_value(value)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an `f32` has less precision; numbers that are too large become infinite"
        )]
        let number = number as Self;
        if number.is_finite() {
            return Ok(number);
        }
        let message = format!("must be a number from {} to {}", Self::MIN, Self::MAX);
        Err(FieldError::new("", "invalid_value", message))
    }
}

#[derive(Debug)]
struct Float;

impl FieldType for Float {
    fn name(&self) -> &'static str {
        "number"
    }

    fn storage(&self) -> Storage {
        Storage::Double
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        text.trim()
            .parse::<f64>()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| wrong_type("must be a number"))
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::number(spec.name, spec.title)
            .step("any")
            .required(spec.is_required)
    }

    fn is_numeric(&self) -> bool {
        true
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { (grouped(&value.to_string())) }
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &OPERATORS
    }

    fn filter_input(&self) -> FilterInput {
        INPUT
    }

    fn describe_value(&self, text: &str) -> Option<String> {
        Some(grouped(&self.parse(text).ok()?.to_string()))
    }
}

/// Operators that the filter form offers for numbers.
pub(super) const OPERATORS: [(Operator, &str); 7] = [
    (Operator::GreaterOrEqual, "is at least"),
    (Operator::LessOrEqual, "is at most"),
    (Operator::Equal, "is"),
    (Operator::NotEqual, "is not"),
    (Operator::Greater, "is greater than"),
    (Operator::Less, "is less than"),
    (Operator::In, "is one of"),
];

/// Input of the filter form for numbers.
pub(super) const INPUT: FilterInput = FilterInput {
    input_type: "text",
    inputmode: Some("decimal"),
    hint: None,
};
