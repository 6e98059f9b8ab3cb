use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::field::AdminField;
use super::Email;
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

#[test]
fn decimals_keep_all_digits() {
    let parsed = |value: Value| Decimal::from_value(value).map(|number| number.to_string());
    for (value, expected) in [
        (json!("1200.50"), "1200.50"),
        (json!(" -0.10 "), "-0.10"),
        (json!(0.1), "0.1"),
        (json!(1200.5), "1200.5"),
        (json!(2.0), "2"),
        (json!(1e-7), "0.0000001"),
        (json!(1e21), "1000000000000000000000"),
        (json!(u64::MAX), "18446744073709551615"),
        (
            json!("7.922816251426433759354395033"),
            "7.922816251426433759354395033",
        ),
    ] {
        assert_eq!(parsed(value.clone()).as_deref(), Ok(expected), "{value}");
    }
    for text in [
        "", "-", ".5", "5.", "1,5", "1_000", "1e3", "+1", "1.2.3", "NaN", "--1",
    ] {
        assert_eq!(code::<Decimal>(json!(text)), "invalid_type", "{text}");
    }
    let too_long = "0.00000000000000000000000000001";
    for value in [
        json!(too_long),
        json!(0.1 + 0.2),
        json!(1e40),
        json!("9".repeat(30)),
    ] {
        assert_eq!(code::<Decimal>(value.clone()), "invalid_value", "{value}");
    }
    assert_eq!(code::<Decimal>(json!(true)), "invalid_type");
    assert_eq!(bind::<Decimal>(&json!("x")), None);
}

#[test]
fn durations_are_written_with_units() {
    for (text, micros, written) in [
        ("90m", 5_400_000_000, "1h 30m"),
        ("1h30m", 5_400_000_000, "1h 30m"),
        (" 1 d 2 h ", 93_600_000_000, "1d 2h"),
        ("1s 5ms 7us", 1_005_007, "1s 5ms 7us"),
        ("0s", 0, "0s"),
    ] {
        let duration = Duration::from_value(json!(text)).unwrap();
        assert_eq!(duration, Duration::from_micros(micros), "{text}");
        assert_eq!(duration.to_value(), json!(written), "{text}");
        assert_eq!(parse::<Duration>(text), Ok(json!(written)));
        let micros = i64::try_from(micros).unwrap();
        assert_eq!(bind::<Duration>(&json!(text)), Some(micros.into()));
    }
    for text in ["", "5", "m", "5m1h", "5m 5m", "5 minutes", "1.5h", "5m,"] {
        assert_eq!(code::<Duration>(json!(text)), "invalid_type", "{text}");
    }
    assert_eq!(code::<Duration>(json!("-5m")), "invalid_value");
    assert_eq!(code::<Duration>(json!("200000000d")), "invalid_value");
    assert_eq!(code::<Duration>(Duration::MAX.to_value()), "invalid_value");
    let delta = TimeDelta::from_value(json!("-1h 1m")).unwrap();
    assert_eq!(delta, TimeDelta::minutes(-61));
    assert_eq!(delta.to_value(), json!("-1h 1m"));
}

#[test]
fn lists_consist_of_valid_items() {
    assert_eq!(parse::<Vec<i64>>(" 1\r\n\n2 "), Ok(json!([1, 2])));
    assert_eq!(parse::<Vec<String>>(""), Ok(json!([])));
    let error = parse::<Vec<i64>>("1\nx").unwrap_err();
    assert_eq!(error.pointer, "/1");
    assert_eq!(Vec::<i64>::from_value(json!([1, 2])), Ok(vec![1, 2]));
    let error = Vec::<Vec<i64>>::from_value(json!([[1], [2, "x"]])).unwrap_err();
    assert_eq!(error.pointer, "/1/1");
    assert_eq!(
        parse::<Vec<Vec<i64>>>("[1, 2]\n[]"),
        Ok(json!([[1, 2], []]))
    );
}

#[test]
fn small_floats_keep_their_shortest_form() {
    assert_eq!(0.1_f32.to_value(), json!(0.1));
    assert_eq!(f32::from_value(json!(0.1)), Ok(0.1));
    assert_eq!(f32::NAN.to_value(), Value::Null);
    assert_eq!(f64::INFINITY.to_value(), Value::Null);
    assert_eq!(code::<f32>(json!(1e39)), "invalid_value");
}

#[test]
fn addresses_are_validated() {
    for text in ["ada@example.com", "a.b+c@sub.example.org"] {
        assert_eq!(code::<Email>(json!(text)), "ok", "{text}");
    }
    for text in ["", "ada", "ada@", "@example.com", "a b@example.com"] {
        assert_eq!(code::<Email>(json!(text)), "invalid_value", "{text}");
    }
    assert_eq!(serde_json::from_value::<Email>(json!("x")).ok(), None);
    for text in ["", "example.com", "/a"] {
        assert_eq!(code::<url::Url>(json!(text)), "invalid_value", "{text}");
    }
}
