//! Whole-number fields.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput, KeySource, Widget};
use super::super::operator::Operator;
use super::super::thousands::grouped;
use super::number::{INPUT, OPERATORS};
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

macro_rules! integer {
    ($($type:ty => $size:ident),* $(,)?) => {$(
        impl AdminField for $type {
            const KIND: FieldKind = FieldKind(&Integer {
                size: Size::$size,
                min: <$type>::MIN as i64,
                max: <$type>::MAX as i64,
            });

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

            fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
                let Some(number) = row.at::<Option<stored!($size)>>(index)? else {
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

/// Type of the database column for a size.
macro_rules! stored {
    (Small) => {
        i16
    };
    (Medium) => {
        i32
    };
    (Big) => {
        i64
    };
}

integer!(i16 => Small, u16 => Medium, i32 => Medium, u32 => Big, i64 => Big);

/// Size of an integer column: 16, 32 or 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Medium,
    Big,
}

#[derive(Debug)]
struct Integer {
    size: Size,
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

    fn column_type(&self) -> ColumnType {
        match self.size {
            Size::Small => ColumnType::SmallInt,
            Size::Medium => ColumnType::Integer,
            Size::Big => ColumnType::BigInt,
        }
    }

    fn bind(&self, value: &Value) -> Option<sea_query::Value> {
        let number = match value {
            Value::Null => None,
            value => Some(integer_of(value)?),
        };
        Some(match self.size {
            Size::Small => sea_query::Value::SmallInt(number.map(i16::try_from).transpose().ok()?),
            Size::Medium => sea_query::Value::Int(number.map(i32::try_from).transpose().ok()?),
            Size::Big => sea_query::Value::BigInt(number),
        })
    }

    fn read(&self, row: &Row, column: &str) -> Result<Value, StoreError> {
        Ok(match self.size {
            Size::Small => row.get::<Option<i16>>(column)?.to_value(),
            Size::Medium => row.get::<Option<i32>>(column)?.to_value(),
            Size::Big => row.get::<Option<i64>>(column)?.to_value(),
        })
    }

    fn key_source(&self) -> Option<KeySource> {
        Some(KeySource::Database)
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
        if self.size == Size::Big {
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

    fn json_type(&self) -> Option<&'static str> {
        Some("integer")
    }

    fn describe(&self, _widget: Widget, schema: &mut Map<String, Value>) {
        schema.insert("minimum".to_owned(), self.min.into());
        schema.insert("maximum".to_owned(), self.max.into());
    }
}
