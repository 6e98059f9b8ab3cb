//! SQL expressions that convert the values of a column to another type.

use super::ColumnType;
use super::state::StateType;
use crate::store::Dialect;

/// Conversion of the values of a column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conversion {
    pub(super) expression: String,
    /// Condition for values that would be changed or lost.
    pub(super) unconvertible: Option<String>,
}

/// Kind of a type, as far as conversions are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Whole number with its lowest and highest value.
    Integer(i64, i64),
    Double,
    Decimal,
    Boolean,
    Text,
    Timestamp,
    Date,
    Uuid,
    Json,
    Other,
}

impl Kind {
    fn of(column_type: &StateType) -> Self {
        match column_type {
            StateType::Known(known) => match known {
                ColumnType::SmallInt => Self::Integer(i16::MIN.into(), i16::MAX.into()),
                ColumnType::Integer => Self::Integer(i32::MIN.into(), i32::MAX.into()),
                ColumnType::BigInt => Self::Integer(i64::MIN, i64::MAX),
                ColumnType::Double => Self::Double,
                ColumnType::Decimal => Self::Decimal,
                ColumnType::Boolean => Self::Boolean,
                ColumnType::Text => Self::Text,
                ColumnType::Timestamp => Self::Timestamp,
                ColumnType::Date => Self::Date,
                ColumnType::Uuid => Self::Uuid,
                ColumnType::Json => Self::Json,
            },
            StateType::Other(name) => {
                let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
                if has(&["char", "text", "clob"]) {
                    Self::Text
                } else if has(&["int"]) {
                    Self::Integer(i64::MIN, i64::MAX)
                } else if has(&["real", "floa", "doub"]) {
                    Self::Double
                } else {
                    Self::Other
                }
            }
        }
    }
}

impl Conversion {
    fn exact(expression: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
            unconvertible: None,
        }
    }

    fn checked(expression: impl Into<String>, unconvertible: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
            unconvertible: Some(unconvertible.into()),
        }
    }
}

/// Returns the conversion of an expression from one type to another.
pub(super) fn convert(
    dialect: Dialect,
    value: &str,
    from: &StateType,
    to: &StateType,
) -> Conversion {
    let (kind, target) = (Kind::of(from), Kind::of(to));
    if from == to {
        return Conversion::exact(value);
    }
    let sql_type = to.sql(dialect);
    match (kind, target) {
        (Kind::Json, Kind::Integer(..) | Kind::Double | Kind::Boolean) => {
            let text = json_text(dialect, value);
            from_text(dialect, &text, target, &sql_type)
        }
        (Kind::Json, Kind::Text) => Conversion::exact(json_text(dialect, value)),
        (_, Kind::Json) => Conversion::exact(to_json(dialect, value, kind)),
        (Kind::Text, _) => from_text(dialect, value, target, &sql_type),
        (Kind::Integer(..) | Kind::Double, Kind::Decimal) => Conversion::exact(match dialect {
            Dialect::Sqlite => cast(value, "text"),
            Dialect::Postgres => cast(value, &sql_type),
        }),
        (Kind::Decimal, Kind::Integer(low, high)) => {
            from_decimal(dialect, value, &sql_type, low, high)
        }
        (Kind::Decimal, Kind::Double | Kind::Text) => Conversion::exact(cast(value, &sql_type)),
        (Kind::Integer(low, high), Kind::Integer(lowest, highest)) => {
            let expression = cast(value, &sql_type);
            match low < lowest || high > highest {
                true => Conversion::checked(expression, outside(value, lowest, highest)),
                false => Conversion::exact(expression),
            }
        }
        (Kind::Integer(..), Kind::Double) => {
            // A double represents whole numbers exactly up to this size.
            const EXACT: i64 = 1 << 53;
            Conversion::checked(cast(value, &sql_type), outside(value, -EXACT, EXACT))
        }
        (Kind::Integer(..), Kind::Boolean) => {
            Conversion::checked(format!("({value} <> 0)"), format!("{value} NOT IN (0, 1)"))
        }
        (Kind::Double, Kind::Integer(low, high)) => {
            let whole = match dialect {
                Dialect::Sqlite => format!("CAST({value} AS integer)"),
                Dialect::Postgres => format!("trunc({value})"),
            };
            let is_fraction = format!("{value} <> {whole}");
            Conversion::checked(
                cast(value, &sql_type),
                format!("{is_fraction} OR {}", outside(value, low, high)),
            )
        }
        (Kind::Boolean, Kind::Integer(..)) => Conversion::exact(match dialect {
            Dialect::Sqlite => value.to_owned(),
            Dialect::Postgres => cast(&cast(value, "integer"), &sql_type),
        }),
        (_, Kind::Text) => Conversion::exact(to_text(dialect, value, kind)),
        (Kind::Timestamp, Kind::Date) => match dialect {
            Dialect::Sqlite => Conversion::checked(
                format!("date({value})"),
                format!("time({value}) <> '00:00:00'"),
            ),
            Dialect::Postgres => Conversion::checked(
                format!("({value} AT TIME ZONE 'UTC')::date"),
                format!("({value} AT TIME ZONE 'UTC')::time <> '00:00'"),
            ),
        },
        (Kind::Date, Kind::Timestamp) => Conversion::exact(match dialect {
            Dialect::Sqlite => format!("{value} || 'T00:00:00+00:00'"),
            Dialect::Postgres => format!("{value}::timestamp AT TIME ZONE 'UTC'"),
        }),
        _ => unknown(dialect, value, &sql_type),
    }
}

/// Returns a conversion through text, which PostgreSQL checks. SQLite never rejects a cast, so all
/// values count as unconvertible until the migration is edited.
fn unknown(dialect: Dialect, value: &str, sql_type: &str) -> Conversion {
    match dialect {
        Dialect::Sqlite => Conversion::checked(value, "true"),
        Dialect::Postgres => Conversion::exact(cast(&cast(value, "text"), sql_type)),
    }
}

fn cast(value: &str, sql_type: &str) -> String {
    format!("CAST({value} AS {sql_type})")
}

fn outside(value: &str, low: i64, high: i64) -> String {
    format!("{value} NOT BETWEEN {low} AND {high}")
}

fn json_text(dialect: Dialect, value: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "CASE json_type({value}) WHEN 'text' THEN json_extract({value}, '$') ELSE {value} END"
        ),
        Dialect::Postgres => format!("({value} #>> '{{}}')"),
    }
}

fn to_json(dialect: Dialect, value: &str, kind: Kind) -> String {
    match (dialect, kind) {
        (Dialect::Postgres, _) => format!("to_jsonb({value})"),
        (Dialect::Sqlite, Kind::Integer(..) | Kind::Double) => cast(value, "text"),
        (Dialect::Sqlite, Kind::Boolean) => to_text(dialect, value, kind),
        (Dialect::Sqlite, _) => format!("json_quote({})", to_text(dialect, value, kind)),
    }
}

fn to_text(dialect: Dialect, value: &str, kind: Kind) -> String {
    match (dialect, kind) {
        (Dialect::Sqlite, Kind::Boolean) => {
            format!("CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END")
        }
        (Dialect::Sqlite, Kind::Text | Kind::Timestamp | Kind::Date) => value.to_owned(),
        (Dialect::Sqlite, Kind::Uuid) => {
            let part = |start, length| format!("substr(hex({value}), {start}, {length})");
            let parts = [
                part(1, 8),
                part(9, 4),
                part(13, 4),
                part(17, 4),
                part(21, 12),
            ];
            format!("lower({})", parts.join(" || '-' || "))
        }
        (Dialect::Postgres, Kind::Timestamp) => {
            format!("to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')")
        }
        _ => cast(value, "text"),
    }
}

/// Returns the conversion of a decimal number, which SQLite stores as text, to a whole number.
fn from_decimal(dialect: Dialect, value: &str, sql_type: &str, low: i64, high: i64) -> Conversion {
    match dialect {
        Dialect::Sqlite => {
            let whole = cast(value, "integer");
            Conversion::checked(
                whole.clone(),
                format!(
                    "{value} GLOB '*.*[1-9]*' OR length({value}) > 18 OR {}",
                    outside(&whole, low, high)
                ),
            )
        }
        Dialect::Postgres => Conversion::checked(
            cast(value, sql_type),
            format!("{value} <> trunc({value}) OR {}", outside(value, low, high)),
        ),
    }
}

fn from_text(dialect: Dialect, value: &str, target: Kind, sql_type: &str) -> Conversion {
    // The type of a text that is a JSON number; SQLite has no other check of numbers.
    let json_type =
        format!("coalesce(CASE WHEN json_valid({value}) THEN json_type({value}) END, '')");
    match (dialect, target) {
        (Dialect::Sqlite, Kind::Text) => Conversion::exact(value),
        (_, Kind::Text) => Conversion::exact(cast(value, sql_type)),
        (Dialect::Sqlite, Kind::Integer(low, high)) => Conversion::checked(
            cast(value, "integer"),
            format!(
                "{json_type} <> 'integer' OR length({value}) > 18 OR {}",
                outside(&cast(value, "integer"), low, high)
            ),
        ),
        (Dialect::Postgres, Kind::Integer(..)) => Conversion::checked(
            cast(value, sql_type),
            format!("{value} !~ '^\\s*[-+]?\\d+\\s*$'"),
        ),
        (Dialect::Sqlite, Kind::Decimal) => Conversion::checked(
            value,
            format!("{json_type} NOT IN ('integer', 'real') OR {value} GLOB '*[eE]*'"),
        ),
        (Dialect::Sqlite, Kind::Double) => Conversion::checked(
            cast(value, "real"),
            format!("{json_type} NOT IN ('integer', 'real')"),
        ),
        (_, Kind::Boolean) => {
            let expression = match dialect {
                Dialect::Sqlite => format!("(lower({value}) IN ('true', 't', 'yes', 'on', '1'))"),
                Dialect::Postgres => cast(value, sql_type),
            };
            let known = "'true', 't', 'yes', 'on', '1', 'false', 'f', 'no', 'off', '0'";
            Conversion::checked(expression, format!("lower({value}) NOT IN ({known})"))
        }
        (Dialect::Sqlite, Kind::Timestamp) => {
            Conversion::checked(value, format!("datetime({value}) IS NULL"))
        }
        (Dialect::Sqlite, Kind::Date) => {
            Conversion::checked(value, format!("date({value}) IS NOT {value}"))
        }
        (Dialect::Sqlite, Kind::Uuid) => {
            let bytes = format!("unhex(replace({value}, '-', ''))");
            let problem = format!("coalesce(length({bytes}), 0) <> 16");
            Conversion::checked(bytes, problem)
        }
        (Dialect::Sqlite, _) => unknown(dialect, value, sql_type),
        (Dialect::Postgres, _) => Conversion::exact(cast(value, sql_type)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_that_can_lose_a_value_is_checked() {
        let known = StateType::Known;
        let is_checked = |from, to| {
            convert(Dialect::Sqlite, "a", &known(from), &known(to))
                .unconvertible
                .is_some()
        };
        for (from, to, expected) in [
            (ColumnType::SmallInt, ColumnType::BigInt, false),
            (ColumnType::BigInt, ColumnType::Integer, true),
            (ColumnType::Double, ColumnType::BigInt, true),
            (ColumnType::Text, ColumnType::BigInt, true),
            (ColumnType::BigInt, ColumnType::Text, false),
            (ColumnType::Timestamp, ColumnType::Date, true),
            (ColumnType::Uuid, ColumnType::Boolean, true),
        ] {
            assert_eq!(is_checked(from, to), expected, "{from:?} {to:?}");
        }
    }
}
