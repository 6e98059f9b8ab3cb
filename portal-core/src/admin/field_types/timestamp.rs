//! Timestamp fields, in UTC.

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, SecondsFormat, SubsecRound, Utc};
use maud::Markup;
use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput, FilterPreset, plain_text};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::date::{NOW, comparison_word, has_plain_year};
use super::relative_date::{PRESETS, RelativeDate};
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::{Field, TimeFormat, time};
use crate::pages::scope;
use crate::store::{Row, StoreError, now};

const EXPECTED: &str = "must be a time such as 2026-05-01T12:30:00Z";

impl AdminField for DateTime<Utc> {
    const KIND: FieldKind = FieldKind::new(&Timestamp);

    fn to_value(&self) -> Value {
        Value::String(self.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        timestamp_of(&value).ok_or_else(|| wrong_type(EXPECTED))
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        row.at(index)
    }
}

fn timestamp_of(value: &Value) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    storable(time.with_timezone(&Utc))
}

/// Returns the time at the precision of both databases; `None` if its year is out of their range.
fn storable(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    has_plain_year(time.year()).then(|| time.trunc_subsecs(6))
}

#[derive(Debug)]
struct Timestamp;

impl FieldType for Timestamp {
    fn name(&self) -> &'static str {
        "datetime"
    }

    fn storage(&self) -> Storage {
        Storage::Timestamp
    }

    /// Also accepts the value from a browser control, which has no time zone and is read as UTC.
    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        let text = text.trim();
        if text == NOW {
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
            .ok_or_else(|| wrong_type(EXPECTED))
    }

    fn read_only_default(&self) -> Option<&'static str> {
        Some(NOW)
    }

    fn is_volatile(&self, text: &str) -> bool {
        text == NOW
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::date_time(spec.name, format!("{} (UTC)", spec.title))
            .step("1")
            .required(spec.is_required)
    }

    fn read_only_control(&self, name: String, title: &str, text: &str) -> Field {
        let text = match format!("{text}Z").parse::<DateTime<Utc>>() {
            Ok(at) => {
                let zone = scope::zone();
                format!(
                    "{}{}",
                    zone.format(at, "%-d %b %Y, %H:%M:%S"),
                    zone.suffix()
                )
            }
            Err(_) => text.to_owned(),
        };
        Field::text(name, title).value(text)
    }

    fn form_text(&self, value: &Value) -> String {
        // Browser controls accept seconds, but not fractions of seconds.
        plain_text(value).chars().take(19).collect()
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        time(&plain_text(value), TimeFormat::DateTime)
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[
            (Operator::GreaterOrEqual, "is at or after"),
            (Operator::Greater, "is after"),
            (Operator::LessOrEqual, "is at or before"),
            (Operator::Less, "is before"),
        ]
    }

    fn filter_presets(&self) -> &'static [FilterPreset] {
        &PRESETS
    }

    /// A relative date means the start of the day in UTC.
    fn parse_filter(&self, text: &str) -> Result<Value, FieldError> {
        match RelativeDate::parse(text.trim()) {
            Some(date) => date
                .on(now().date_naive())
                .and_then(|date| storable(date.and_time(NaiveTime::MIN).and_utc()))
                .map(|time| time.to_value())
                .ok_or_else(|| wrong_type(EXPECTED)),
            None => self.parse(text),
        }
    }

    fn filter_input(&self) -> FilterInput {
        FilterInput {
            input_type: "datetime-local",
            inputmode: None,
            hint: Some("UTC"),
        }
    }

    fn comparison_word(&self, operator: Operator) -> &'static str {
        comparison_word(operator)
    }

    fn describe_value(&self, text: &str) -> Option<String> {
        if let Some(date) = RelativeDate::parse(text) {
            return Some(date.describe());
        }
        let time = plain_text(&self.parse(text).ok()?);
        let minutes: String = time.chars().take(16).collect();
        Some(format!("{} UTC", minutes.replace('T', " ")))
    }
}
