//! Date fields.

use chrono::{Datelike, NaiveDate};
use maud::{Markup, html};
use serde_json::Value;

use super::super::field::{AdminField, FieldKind};
use super::super::field_type::{ControlSpec, FieldType, FilterInput, FilterPreset, plain_text};
use super::super::operator::Operator;
use super::super::storage::Storage;
use super::relative_date::{PRESETS, RelativeDate};
use super::wrong_type;
use crate::error::FieldError;
use crate::pages::components::Field;
use crate::store::{Row, StoreError, now};

const EXPECTED: &str = "must be a date such as 2026-05-01";

/// Text that means the current date or time.
pub(super) const NOW: &str = "now";

impl AdminField for NaiveDate {
    const KIND: FieldKind = FieldKind::new(&Date);

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        date_of(&value).ok_or_else(|| wrong_type(EXPECTED))
    }

    fn read(row: &Row, index: usize) -> Result<Option<Self>, StoreError> {
        row.at(index)
    }
}

fn date_of(value: &Value) -> Option<NaiveDate> {
    value
        .as_str()?
        .parse()
        .ok()
        .filter(|date: &NaiveDate| has_plain_year(date.year()))
}

/// Returns `true` if both databases store and sort the year correctly.
pub(super) fn has_plain_year(year: i32) -> bool {
    (1..=9999).contains(&year)
}

/// Returns the word for a comparison of dates or times.
pub(super) fn comparison_word(operator: Operator) -> &'static str {
    match operator {
        Operator::Less => "before",
        Operator::LessOrEqual => "until",
        Operator::Greater => "after",
        _ => "from",
    }
}

#[derive(Debug)]
struct Date;

impl FieldType for Date {
    fn name(&self) -> &'static str {
        "date"
    }

    fn storage(&self) -> Storage {
        Storage::Date
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        let text = text.trim();
        if text == NOW {
            return Ok(now().date_naive().to_value());
        }
        let value = Value::String(text.to_owned());
        NaiveDate::from_value(value).map(|date| date.to_value())
    }

    fn read_only_default(&self) -> Option<&'static str> {
        Some(NOW)
    }

    fn is_volatile(&self, text: &str) -> bool {
        text == NOW
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::date(spec.name, spec.title).required(spec.is_required)
    }

    fn cell(&self, value: &Value, _is_key: bool) -> Markup {
        html! { span class="pt-nowrap" { (plain_text(value)) } }
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[
            (Operator::GreaterOrEqual, "is on or after"),
            (Operator::LessOrEqual, "is on or before"),
            (Operator::Equal, "is"),
            (Operator::NotEqual, "is not"),
            (Operator::Greater, "is after"),
            (Operator::Less, "is before"),
        ]
    }

    fn filter_presets(&self) -> &'static [FilterPreset] {
        &PRESETS
    }

    fn parse_filter(&self, text: &str) -> Result<Value, FieldError> {
        match RelativeDate::parse(text.trim()) {
            Some(date) => date
                .on(now().date_naive())
                .filter(|date| has_plain_year(date.year()))
                .map(|date| date.to_value())
                .ok_or_else(|| wrong_type(EXPECTED)),
            None => self.parse(text),
        }
    }

    fn filter_input(&self) -> FilterInput {
        FilterInput {
            input_type: "date",
            ..FilterInput::default()
        }
    }

    fn comparison_word(&self, operator: Operator) -> &'static str {
        comparison_word(operator)
    }

    fn describe_value(&self, text: &str) -> Option<String> {
        RelativeDate::parse(text).map(RelativeDate::describe)
    }
}
