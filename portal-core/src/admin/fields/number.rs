//! Number fields.

use serde_json::{Number, Value};

use super::super::field::{AdminField, FieldKind, IntegerSize};
use super::wrong_type;
use crate::error::FieldError;
use crate::store::{Row, StoreError};

macro_rules! integer {
    ($($type:ty => $size:ident),* $(,)?) => {$(
        impl AdminField for $type {
            const KIND: FieldKind = FieldKind::Integer {
                size: IntegerSize::$size,
                min: <$type>::MIN as i64,
                max: <$type>::MAX as i64,
            };

            fn to_value(&self) -> Value {
                Value::from(*self)
            }

            fn from_value(value: Value) -> Result<Self, FieldError> {
                match integer_of(&value) {
                    Some(number) => Self::try_from(number)
                        .map_err(|_| out_of_range(Self::MIN as i64, Self::MAX as i64)),
                    None => Err(not_integer(&value, Self::MIN as i64, Self::MAX as i64)),
                }
            }
        }
    )*};
}

integer!(i16 => Small, u16 => Medium, i32 => Medium, u32 => Big, i64 => Big);

impl AdminField for f64 {
    const KIND: FieldKind = FieldKind::Number;

    fn to_value(&self) -> Value {
        Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        value
            .as_f64()
            .filter(|number| number.is_finite())
            .ok_or_else(|| wrong_type("must be a number"))
    }
}

/// Returns a whole number, also for `2.0`, as JavaScript and spreadsheets write it.
fn integer_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        // 2^53: beyond it, a fraction has already been lost.
        let is_exact =
            value.is_f64() && number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the bounds were just checked"
        )]
        is_exact.then_some(number as i64)
    })
}

fn not_integer(value: &Value, min: i64, max: i64) -> FieldError {
    // Larger than any `i64`, but whole.
    if value.is_u64() {
        return out_of_range(min, max);
    }
    wrong_type("must be a whole number")
}

fn out_of_range(min: i64, max: i64) -> FieldError {
    FieldError::new(
        "",
        "out_of_range",
        format!("must be a whole number from {min} to {max}"),
    )
}

pub(super) fn parse_integer(text: &str, min: i64, max: i64) -> Result<Value, FieldError> {
    match text.trim().parse::<i128>() {
        Ok(number) => i64::try_from(number)
            .ok()
            .filter(|number| (min..=max).contains(number))
            .map(Value::from)
            .ok_or_else(|| out_of_range(min, max)),
        Err(_) => Err(wrong_type("must be a whole number")),
    }
}

pub(super) fn parse_number(text: &str) -> Result<Value, FieldError> {
    text.trim()
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| wrong_type("must be a number"))
}

pub(super) fn bind_integer(size: IntegerSize, value: &Value) -> Option<sea_query::Value> {
    let number = match value {
        Value::Null => None,
        value => Some(integer_of(value)?),
    };
    Some(match size {
        IntegerSize::Small => {
            sea_query::Value::SmallInt(number.map(i16::try_from).transpose().ok()?)
        }
        IntegerSize::Medium => sea_query::Value::Int(number.map(i32::try_from).transpose().ok()?),
        IntegerSize::Big => sea_query::Value::BigInt(number),
    })
}

pub(super) fn bind_number(value: &Value) -> Option<sea_query::Value> {
    match value {
        Value::Null => Some(sea_query::Value::Double(None)),
        value => value.as_f64().map(Into::into),
    }
}

pub(super) fn read_integer(
    size: IntegerSize,
    row: &Row,
    column: &str,
) -> Result<Value, StoreError> {
    Ok(match size {
        IntegerSize::Small => row.get::<Option<i16>>(column)?.to_value(),
        IntegerSize::Medium => row.get::<Option<i32>>(column)?.to_value(),
        IntegerSize::Big => row.get::<Option<i64>>(column)?.to_value(),
    })
}

pub(super) fn read_number(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.get::<Option<f64>>(column)?.to_value())
}
