//! Whole-number fields.

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput, object};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::number::{INPUT, OPERATORS};
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::pages::components::thousands::grouped;
use crate::store::{Row, StoreError};

macro_rules! integer {
    ($($type:ty => $storage:ident, $max:expr);* $(;)?) => {$(
        impl AdminField for $type {
            const KIND: FieldKind = FieldKind::new(&Integer {
                storage: Storage::$storage,
                min: <$type>::MIN as i64,
                max: $max as i64,
            });

            fn to_value(&self) -> Value {
                Value::from(*self)
            }

            fn from_value(value: Value) -> Result<Self, FieldError> {
                match integer_of(&value) {
                    Some(number) => Self::try_from(number)
                        .map_err(|_| out_of_range(Self::MIN as i64, $max as i64)),
                    None => Err(not_integer(&value, Self::MIN as i64, $max as i64)),
                }
            }

            fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
                let Some(number) = row.at::<Option<stored!($storage)>>(index)? else {
                    return Ok(None);
                };
                match Self::try_from(number) {
                    Ok(number) => Ok(Some(number)),
                    Err(error) => Err(StoreError::unreadable(row.column_name(index)?, error)),
                }
            }
        }
    )*};
}

/// Rust type of the database column for a storage.
macro_rules! stored {
    (SmallInt) => {
        i16
    };
    (Integer) => {
        i32
    };
    (BigInt) => {
        i64
    };
}

integer! {
    i8 => SmallInt, i8::MAX;
    u8 => SmallInt, u8::MAX;
    i16 => SmallInt, i16::MAX;
    u16 => Integer, u16::MAX;
    i32 => Integer, i32::MAX;
    u32 => BigInt, u32::MAX;
    i64 => BigInt, i64::MAX;
    // Neither database has an unsigned type of 64 bits.
    u64 => BigInt, i64::MAX;
}

#[derive(Debug)]
struct Integer {
    storage: Storage,
    min: i64,
    max: i64,
}

/// Returns a whole number, even if it is written as `2.0`, as JavaScript and spreadsheets may do.
fn integer_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        // The bound is 2^53: a larger float may already have lost its fraction.
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
    // The number is whole, but larger than any `i64`.
    if value.is_u64() {
        return out_of_range(min, max);
    }
    wrong_type("must be a whole number")
}

fn out_of_range(min: i64, max: i64) -> FieldError {
    FieldError::new(
        "",
        "invalid_value",
        format!("must be a whole number from {min} to {max}"),
    )
}

impl FieldType for Integer {
    // All sizes have the same name, so that a reference column can be smaller than the key column.
    fn name(&self) -> &'static str {
        "integer"
    }

    fn storage(&self) -> Storage {
        self.storage
    }

    fn can_be_key(&self) -> bool {
        true
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        match text.trim().parse::<i128>() {
            Ok(number) => i64::try_from(number)
                .ok()
                .filter(|number| (self.min..=self.max).contains(number))
                .map(Value::from)
                .ok_or_else(|| out_of_range(self.min, self.max)),
            Err(_) => Err(wrong_type("must be a whole number")),
        }
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        let number = Field::number(spec.name, spec.title)
            .step("1")
            .required(spec.is_required);
        // Browsers use floating-point numbers, which cannot represent the bounds of larger integers
        // exactly.
        if self.storage == Storage::BigInt {
            return number;
        }
        number.range(Some(self.min.to_string()), Some(self.max.to_string()))
    }

    fn is_numeric(&self) -> bool {
        true
    }

    fn cell(&self, value: &Value, is_key: bool) -> Markup {
        let text = value.to_string();
        html! { (if is_key { text } else { grouped(&text) }) }
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

    fn json_schema(&self) -> Map<String, Value> {
        object(json!({"type": "integer", "minimum": self.min, "maximum": self.max}))
    }
}
