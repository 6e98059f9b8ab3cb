use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::field::AdminField;
use crate::error::FieldError;

fn parse<T: AdminField>(text: &str) -> Result<Value, FieldError> {
    T::KIND.0.parse(text)
}

fn bind<T: AdminField>(value: &Value) -> Option<sea_query::Value> {
    T::KIND.0.bind(value)
}

fn code<T: AdminField>(value: Value) -> String {
    match T::from_value(value) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code,
    }
}

#[test]
fn integers_outside_their_range_are_rejected() {
    assert_eq!(code::<i16>(json!(32767)), "ok");
    assert_eq!(code::<i16>(json!(32768)), "invalid_value");
    assert_eq!(code::<u32>(json!(-1)), "invalid_value");
    assert_eq!(code::<u32>(json!(u32::MAX)), "ok");
    assert_eq!(code::<i64>(json!(u64::MAX)), "invalid_value");
    assert_eq!(code::<i64>(json!(2.0)), "ok");
    assert_eq!(code::<i64>(json!(2.5)), "invalid_type");
    assert_eq!(code::<i64>(json!("2")), "invalid_type");
    assert_eq!(i64::from_value(json!(2.0)), Ok(2));
}

#[test]
fn times_are_utc_in_microseconds() {
    let time = DateTime::<Utc>::from_value(json!("2026-05-01T12:30:00.123456789+02:00")).unwrap();
    assert_eq!(time.to_value(), json!("2026-05-01T10:30:00.123456Z"));
    assert_eq!(code::<DateTime<Utc>>(json!("2026-05-01")), "invalid_type");
    assert_eq!(
        code::<DateTime<Utc>>(json!("+12026-05-01T00:00:00Z")),
        "invalid_type"
    );
    assert_eq!(code::<NaiveDate>(json!("2026-02-30")), "invalid_type");
    assert_eq!(
        parse::<DateTime<Utc>>("2026-05-01T12:30"),
        Ok(json!("2026-05-01T12:30:00Z"))
    );
}

#[test]
fn option_is_null_or_its_value() {
    assert_eq!(Option::<i64>::from_value(Value::Null), Ok(None));
    assert_eq!(Option::<i64>::from_value(json!(1)), Ok(Some(1)));
    assert_eq!(code::<Option<i64>>(json!("x")), "invalid_type");
    assert_eq!(None::<Uuid>.to_value(), Value::Null);
}

#[test]
fn document_must_be_an_object() {
    assert_eq!(code::<Map<String, Value>>(json!([1])), "invalid_type");
    assert_eq!(code::<Map<String, Value>>(json!({"a": [1]})), "ok");
    assert_eq!(code::<Value>(json!([1])), "ok");
}

#[test]
fn only_valid_values_of_the_kind_are_bound() {
    assert_eq!(bind::<i16>(&json!(70_000)), None);
    assert_eq!(bind::<i16>(&json!(7)), Some(7_i16.into()));
    assert_eq!(bind::<String>(&json!(7)), None);
    assert_eq!(
        bind::<NaiveDate>(&Value::Null),
        Some(sea_query::Value::ChronoDate(None))
    );
}

#[test]
fn form_text_is_parsed_by_kind() {
    assert_eq!(parse::<f64>(" 1.5 "), Ok(json!(1.5)));
    assert!(parse::<f64>("NaN").is_err());
    assert_eq!(parse::<bool>("on"), Ok(json!(true)));
    assert!(parse::<i64>("9223372036854775808").is_err());
    assert!(parse::<Uuid>("7").is_err());
}
