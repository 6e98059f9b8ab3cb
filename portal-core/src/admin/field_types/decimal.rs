//! Exact decimal numbers, such as amounts of money.

use maud::{Markup, html};
use rust_decimal::Decimal;
use serde_json::{Number, Value};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput, plain_text};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::number::{INPUT, OPERATORS};
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::pages::components::thousands::grouped;

/// Number of significant digits that every decimal number keeps when it is converted to an `f64` and
/// back.
const FLOAT_DIGITS: usize = 15;

/// A decimal number, written in JSON as a string such as `"1200.50"`.
///
/// A JSON number is accepted if it is exact.
impl AdminField for Decimal {
    const KIND: FieldKind = FieldKind::new(&DecimalType);

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match &value {
            Value::String(text) => parse(text),
            Value::Number(number) => from_number(number),
            _ => Err(not_decimal()),
        }
    }
}

fn not_decimal() -> FieldError {
    wrong_type("must be a decimal number in quotes, such as \"1200.50\"")
}

fn parse(text: &str) -> Result<Decimal, FieldError> {
    let text = text.trim();
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_number = unsigned.starts_with(|first: char| first.is_ascii_digit())
        && unsigned.ends_with(|last: char| last.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && unsigned.matches('.').count() <= 1;
    if !is_number {
        return Err(wrong_type("must be a decimal number such as 1200.50"));
    }
    Decimal::from_str_exact(text)
        .map_err(|_| FieldError::new("", "invalid_value", "must have at most 28 digits"))
}

fn from_number(number: &Number) -> Result<Decimal, FieldError> {
    let text = number.to_string();
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = digits.trim_start_matches(['-', '0', '.']);
    let digits = digits.bytes().filter(u8::is_ascii_digit).count();
    if number.is_f64() && digits > FLOAT_DIGITS {
        let message = "must be written in quotes, because the JSON number may not be exact";
        return Err(FieldError::new("", "invalid_value", message));
    }
    let parsed = match text.contains(['e', 'E']) {
        true => Decimal::from_scientific(&text).ok(),
        false => Decimal::from_str_exact(&text).ok(),
    };
    // A JSON number has no trailing zeros, although it may be written as `2.0`.
    parsed
        .map(|number| number.normalize())
        .ok_or_else(|| FieldError::new("", "invalid_value", "must have at most 28 digits"))
}

#[derive(Debug)]
struct DecimalType;

impl FieldType for DecimalType {
    fn name(&self) -> &'static str {
        "decimal"
    }

    fn storage(&self) -> Storage {
        Storage::Decimal
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        parse(text).map(|number| number.to_value())
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
        html! { (grouped(&plain_text(value))) }
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &OPERATORS
    }

    fn filter_input(&self) -> FilterInput {
        INPUT
    }

    fn describe_value(&self, text: &str) -> Option<String> {
        Some(grouped(&plain_text(&self.parse(text).ok()?)))
    }
}
