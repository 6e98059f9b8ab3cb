//! Timestamp and date fields.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use super::wrong_type;
use crate::error::FieldError;
use crate::store::{Row, StoreError, now};

const TIMESTAMP_EXPECTED: &str = "must be a time such as 2026-05-01T12:30:00Z";
const DATE_EXPECTED: &str = "must be a date such as 2026-05-01";

impl AdminField for DateTime<Utc> {
    const KIND: FieldKind = FieldKind::Timestamp;

    fn to_value(&self) -> Value {
        Value::String(self.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        timestamp_of(&value).ok_or_else(|| wrong_type(TIMESTAMP_EXPECTED))
    }
}

impl AdminField for NaiveDate {
    const KIND: FieldKind = FieldKind::Date;

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        date_of(&value).ok_or_else(|| wrong_type(DATE_EXPECTED))
    }
}

fn timestamp_of(value: &Value) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    storable(time.with_timezone(&Utc))
}

fn date_of(value: &Value) -> Option<NaiveDate> {
    value
        .as_str()?
        .parse()
        .ok()
        .filter(|date: &NaiveDate| has_plain_year(date.year()))
}

/// Returns the time in the precision and range that both databases store and sort correctly.
fn storable(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    has_plain_year(time.year()).then(|| time.trunc_subsecs(6))
}

fn has_plain_year(year: i32) -> bool {
    (1..=9999).contains(&year)
}

/// Also accepts the value of a browser control, which has no time zone and counts as UTC.
pub(super) fn parse_timestamp(text: &str) -> Result<Value, FieldError> {
    let text = text.trim();
    if text == "now" {
        return Ok(now().to_value());
    }
    let local = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S%.f",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let time = match local {
        Some(local) => Some(local.and_utc()),
        None => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.with_timezone(&Utc)),
    };
    time.and_then(storable)
        .map(|time| time.to_value())
        .ok_or_else(|| wrong_type(TIMESTAMP_EXPECTED))
}

pub(super) fn parse_date(text: &str) -> Result<Value, FieldError> {
    let text = text.trim();
    if text == "now" {
        return Ok(now().date_naive().to_value());
    }
    let value = Value::String(text.to_owned());
    NaiveDate::from_value(value).map(|date| date.to_value())
}

pub(super) fn bind_timestamp(value: &Value) -> Option<sea_query::Value> {
    match value {
        Value::Null => Some(sea_query::Value::ChronoDateTimeUtc(None)),
        value => timestamp_of(value).map(Into::into),
    }
}

pub(super) fn bind_date(value: &Value) -> Option<sea_query::Value> {
    match value {
        Value::Null => Some(sea_query::Value::ChronoDate(None)),
        value => date_of(value).map(Into::into),
    }
}

pub(super) fn read_timestamp(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.get::<Option<DateTime<Utc>>>(column)?.to_value())
}

pub(super) fn read_date(row: &Row, column: &str) -> Result<Value, StoreError> {
    Ok(row.get::<Option<NaiveDate>>(column)?.to_value())
}
