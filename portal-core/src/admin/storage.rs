//! Storage of field values: column types, and conversion from and to columns.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Number, Value, json};
use uuid::Uuid;

use super::field::AdminField;
use super::field_type::{object, plain_text};
use crate::store::schema::ColumnType;
use crate::store::{Row, StoreError};

/// Column that stores the values of a field type.
///
/// A [`FieldType`](super::FieldType) chooses one of these columns. All other behavior, such as the
/// form control and the filters, belongs to the field type.
///
/// | storage | stored JSON value | SQLite | PostgreSQL |
/// | --- | --- | --- | --- |
/// | `Text` | string | `text` | `text` |
/// | `Boolean` | boolean | `boolean` | `boolean` |
/// | `SmallInt`, `Integer`, `BigInt` | whole number of 16, 32 or 64 bits | `smallint`, `integer`, `bigint` | the same |
/// | `Double` | number | `double precision` | `double precision` |
/// | `Decimal` | string such as `"1200.50"` | `text`, compared as a number | `numeric` |
/// | `Timestamp` | RFC 3339 string in UTC | `datetime` | `timestamp with time zone` |
/// | `Date` | string such as `"2026-05-01"` | `date` | `date` |
/// | `Uuid` | string | `blob` | `uuid` |
/// | `Json` | any | `text` | `jsonb` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// Text of any length.
    Text,
    /// `true` or `false`.
    Boolean,
    /// Whole numbers of 16 bits.
    SmallInt,
    /// Whole numbers of 32 bits.
    Integer,
    /// Whole numbers of 64 bits.
    BigInt,
    /// Floating-point numbers of 64 bits.
    Double,
    /// Exact decimal numbers with at most 28 digits.
    Decimal,
    /// Times in UTC, in microseconds.
    Timestamp,
    /// Dates.
    Date,
    /// UUIDs.
    Uuid,
    /// JSON documents.
    Json,
}

/// Source of the primary key of a new row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeySource {
    /// The creator of the row provides it.
    Creator,
    /// The database generates it from a sequence.
    Database,
    /// The portal generates it.
    Portal {
        generate: fn() -> Value,
        /// Value that requests a new key.
        unset: &'static str,
    },
}

impl Storage {
    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::Text => ColumnType::Text,
            Self::Boolean => ColumnType::Boolean,
            Self::SmallInt => ColumnType::SmallInt,
            Self::Integer => ColumnType::Integer,
            Self::BigInt => ColumnType::BigInt,
            Self::Double => ColumnType::Double,
            Self::Decimal => ColumnType::Decimal,
            Self::Timestamp => ColumnType::Timestamp,
            Self::Date => ColumnType::Date,
            Self::Uuid => ColumnType::Uuid,
            Self::Json => ColumnType::Json,
        }
    }

    /// Converts a stored value for binding to a statement; `None` if the column cannot hold it.
    pub(super) fn bind(self, value: Value) -> Option<sea_query::Value> {
        use sea_query::Value as Bound;

        let value = match value {
            Value::Null => None,
            value => Some(value),
        };
        Some(match self {
            Self::Text => Bound::String(match value {
                Some(Value::String(text)) => Some(text),
                Some(_) => return None,
                None => None,
            }),
            Self::Boolean => Bound::Bool(typed(value)?),
            Self::SmallInt => Bound::SmallInt(typed(value)?),
            Self::Integer => Bound::Int(typed(value)?),
            Self::BigInt => Bound::BigInt(typed(value)?),
            Self::Double => Bound::Double(typed(value)?),
            Self::Decimal => Bound::Decimal(typed(value)?),
            Self::Timestamp => Bound::ChronoDateTimeUtc(typed(value)?),
            Self::Date => Bound::ChronoDate(typed(value)?),
            Self::Uuid => Bound::Uuid(typed(value)?),
            Self::Json => Bound::Json(value.map(Box::new)),
        })
    }

    /// Reads the stored value of a column.
    pub(super) fn read(self, row: &Row, column: &str) -> Result<Value, StoreError> {
        Ok(match self {
            Self::Text => row.get::<Option<String>>(column)?.to_value(),
            Self::Boolean => row.get::<Option<bool>>(column)?.to_value(),
            Self::SmallInt => row.get::<Option<i16>>(column)?.to_value(),
            Self::Integer => row.get::<Option<i32>>(column)?.to_value(),
            Self::BigInt => row.get::<Option<i64>>(column)?.to_value(),
            Self::Double => {
                let number = row.get::<Option<f64>>(column)?.and_then(Number::from_f64);
                number.map_or(Value::Null, Value::Number)
            }
            Self::Decimal => row.decimal(column)?.map_or(Value::Null, Value::String),
            Self::Timestamp => row.get::<Option<DateTime<Utc>>>(column)?.to_value(),
            Self::Date => row.get::<Option<NaiveDate>>(column)?.to_value(),
            Self::Uuid => row.get::<Option<Uuid>>(column)?.to_value(),
            Self::Json => row.document(column)?.unwrap_or_default(),
        })
    }

    /// Returns a stored value in the text form that the default of a column accepts.
    pub(super) fn column_default(self, value: &Value) -> String {
        match self {
            // This is the format that sqlx writes, so that the default sorts correctly among other
            // values.
            Self::Timestamp => plain_text(value).replace('Z', "+00:00"),
            // The default of a text document is quoted JSON.
            Self::Json => value.to_string(),
            _ => plain_text(value),
        }
    }

    /// Returns `true` if the database can compare the values.
    pub(super) fn is_scalar(self) -> bool {
        self != Self::Json
    }

    /// Returns the JSON Schema of the stored values.
    pub(super) fn json_schema(self) -> Map<String, Value> {
        object(match self {
            Self::Text => json!({"type": "string"}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::SmallInt | Self::Integer | Self::BigInt => json!({"type": "integer"}),
            Self::Double => json!({"type": "number"}),
            Self::Decimal => {
                json!({"type": ["string", "number"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$"})
            }
            Self::Timestamp => json!({"type": "string", "format": "date-time"}),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::Uuid => json!({"type": "string", "format": "uuid"}),
            Self::Json => json!({}),
        })
    }

    /// Returns the source of primary keys; `None` if the column cannot be a key.
    pub(super) fn key_source(self) -> Option<KeySource> {
        match self {
            Self::Text => Some(KeySource::Creator),
            Self::SmallInt | Self::Integer | Self::BigInt => Some(KeySource::Database),
            Self::Uuid => Some(KeySource::Portal {
                generate: || Uuid::now_v7().to_value(),
                unset: "00000000-0000-0000-0000-000000000000",
            }),
            _ => None,
        }
    }
}

/// Converts a value for a column; `None` if it does not have the type of the column.
fn typed<T: AdminField>(value: Option<Value>) -> Option<Option<T>> {
    value.map(T::from_value).transpose().ok()
}
