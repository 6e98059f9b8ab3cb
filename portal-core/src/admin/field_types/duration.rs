//! Durations, written as `1h 30m`.

use std::time::Duration;

use chrono::TimeDelta;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput, object, plain_text};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;

const EXPECTED: &str = "must be a duration such as 1h 30m, with the units d, h, m, s, ms and us";

/// Units and their lengths in microseconds, longest first.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A duration in microseconds; shorter parts are cut off.
impl AdminField for Duration {
    const KIND: FieldKind = FieldKind::new(&DurationType { is_signed: false });

    fn to_value(&self) -> Value {
        Value::String(format(self.as_micros(), false))
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let micros = micros_of(&value)?;
        u64::try_from(micros)
            .map(Self::from_micros)
            .map_err(|_| negative())
    }
}

/// A positive or negative duration in microseconds.
impl AdminField for TimeDelta {
    const KIND: FieldKind = FieldKind::new(&DurationType { is_signed: true });

    fn to_value(&self) -> Value {
        let micros = self.abs().to_std().unwrap_or_default().as_micros();
        Value::String(format(micros, *self < Self::zero()))
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        micros_of(&value).map(Self::microseconds)
    }
}

fn negative() -> FieldError {
    FieldError::new("", "invalid_value", "must not be negative")
}

fn micros_of(value: &Value) -> Result<i64, FieldError> {
    value
        .as_str()
        .map_or_else(|| Err(wrong_type(EXPECTED)), parse)
}

/// Formats a duration, such as `1d 2h 30m`.
fn format(micros: u128, is_negative: bool) -> String {
    let mut rest = micros;
    let mut parts = Vec::new();
    for (unit, length) in UNITS {
        let (count, after) = (rest / u128::from(length), rest % u128::from(length));
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
        rest = after;
    }
    if parts.is_empty() {
        return "0s".to_owned();
    }
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{}", parts.join(" "))
}

/// Parses a duration, in microseconds. Each unit occurs once, and longer units come first.
fn parse(text: &str) -> Result<i64, FieldError> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return Err(wrong_type(EXPECTED));
    }
    let mut total: i64 = 0;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let end = |text: &str, is_part: fn(char) -> bool| {
            text.find(|letter| !is_part(letter)).unwrap_or(text.len())
        };
        let (count, after) = rest.split_at(end(rest, |letter| letter.is_ascii_digit()));
        let after = after.trim_start();
        let (unit, after) = after.split_at(end(after, char::is_alphabetic));
        let (_, length) = units
            .find(|(name, _)| *name == unit)
            .filter(|_| !count.is_empty())
            .ok_or_else(|| wrong_type(EXPECTED))?;
        let part = count
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*length));
        total = part
            .and_then(|part| total.checked_add(i64::try_from(part).ok()?))
            .ok_or_else(|| FieldError::new("", "invalid_value", "is too long"))?;
        rest = after.trim_start();
    }
    Ok(sign * total)
}

#[derive(Debug)]
struct DurationType {
    is_signed: bool,
}

impl FieldType for DurationType {
    fn name(&self) -> &'static str {
        "duration"
    }

    fn storage(&self) -> Storage {
        Storage::BigInt
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        let micros = parse(text)?;
        if micros < 0 && !self.is_signed {
            return Err(negative());
        }
        Ok(self.decode(micros.into()))
    }

    fn encode(&self, value: &Value) -> Option<Value> {
        micros_of(value).ok().map(Value::from)
    }

    fn decode(&self, stored: Value) -> Value {
        let micros = stored.as_i64().unwrap_or_default();
        Value::String(format(micros.unsigned_abs().into(), micros < 0))
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::text(spec.name, spec.title)
            .placeholder("1h 30m")
            .autocomplete("off")
            .required(spec.is_required)
    }

    fn normalize(&self, text: &str) -> String {
        let value = self.parse(text);
        value.map_or_else(|_| text.to_owned(), |value| plain_text(&value))
    }

    fn is_numeric(&self) -> bool {
        true
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { (plain_text(value)) }
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[
            (Operator::GreaterOrEqual, "is at least"),
            (Operator::LessOrEqual, "is at most"),
            (Operator::Equal, "is"),
            (Operator::NotEqual, "is not"),
            (Operator::Greater, "is longer than"),
            (Operator::Less, "is shorter than"),
        ]
    }

    fn filter_input(&self) -> FilterInput {
        FilterInput {
            hint: Some("such as 1h 30m"),
            ..FilterInput::default()
        }
    }

    fn describe_value(&self, text: &str) -> Option<String> {
        Some(plain_text(&self.parse(text).ok()?))
    }

    fn json_schema(&self) -> Map<String, Value> {
        let sign = if self.is_signed { "-?" } else { "" };
        let pattern = format!("^{sign}([0-9]+ *(d|h|m|s|ms|us) *)+$");
        object(json!({"type": "string", "pattern": pattern, "examples": ["1h 30m"]}))
    }
}
