//! Relative dates in filters, such as `today-6d`, and the presets that use them.

use chrono::{Datelike, Days, Months, NaiveDate};

use super::super::field_type::FilterPreset;
use super::super::operator::Operator;

/// Maximum number of days, weeks, months or years in a relative date.
const MAX_OFFSET: u32 = 10_000;

/// Presets for dates and times.
pub(super) const PRESETS: [FilterPreset; 7] = [
    preset("today", "today", &[since("today"), before("today+1d")]),
    preset(
        "yesterday",
        "yesterday",
        &[since("today-1d"), before("today")],
    ),
    preset(
        "last_7_days",
        "in the last 7 days",
        &[since("today-6d"), before("today+1d")],
    ),
    preset(
        "last_30_days",
        "in the last 30 days",
        &[since("today-29d"), before("today+1d")],
    ),
    preset(
        "this_month",
        "this month",
        &[since("month"), before("month+1m")],
    ),
    preset(
        "last_month",
        "last month",
        &[since("month-1m"), before("month")],
    ),
    preset(
        "this_year",
        "this year",
        &[since("year"), before("year+1y")],
    ),
];

const fn preset(
    name: &'static str,
    label: &'static str,
    conditions: &'static [(Operator, &'static str)],
) -> FilterPreset {
    FilterPreset {
        name,
        label,
        conditions,
    }
}

const fn since(text: &'static str) -> (Operator, &'static str) {
    (Operator::GreaterOrEqual, text)
}

const fn before(text: &'static str) -> (Operator, &'static str) {
    (Operator::Less, text)
}

/// Day from which a relative date counts.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    Today,
    /// Monday of this week.
    Week,
    /// First day of this month.
    Month,
    /// First day of this year.
    Year,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// A date that depends on the current date: `today`, `week`, `month` or `year`, optionally followed
/// by a sign, a number and a unit (`d`, `w`, `m` or `y`).
#[derive(Debug, Clone, Copy)]
pub(super) struct RelativeDate {
    anchor: Anchor,
    offset: Option<(bool, u32, Unit)>,
}

impl RelativeDate {
    /// Parses a relative date; `None` if the text is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let split = text.find(['+', '-', ' ']).unwrap_or(text.len());
        let (anchor, rest) = text.split_at(split);
        let anchor = match anchor {
            "today" => Anchor::Today,
            "week" => Anchor::Week,
            "month" => Anchor::Month,
            "year" => Anchor::Year,
            _ => return None,
        };
        if rest.is_empty() {
            return Some(Self {
                anchor,
                offset: None,
            });
        }
        // A plus sign in a URL that is not encoded is a space.
        let is_future = !rest.starts_with('-');
        let rest = &rest[1..];
        let unit = match rest.chars().last()? {
            'd' => Unit::Day,
            'w' => Unit::Week,
            'm' => Unit::Month,
            'y' => Unit::Year,
            _ => return None,
        };
        let number = &rest[..rest.len() - 1];
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        let number = number
            .parse()
            .ok()
            .filter(|it| is_number && *it <= MAX_OFFSET)?;
        Some(Self {
            anchor,
            offset: Some((is_future, number, unit)),
        })
    }

    /// Returns the date; `None` if it is out of range.
    pub(super) fn on(self, today: NaiveDate) -> Option<NaiveDate> {
        let start = match self.anchor {
            Anchor::Today => today,
            Anchor::Week => {
                let days = today.weekday().num_days_from_monday();
                today.checked_sub_days(Days::new(days.into()))?
            }
            Anchor::Month => today.with_day(1)?,
            Anchor::Year => today.with_day(1)?.with_month(1)?,
        };
        let Some((is_future, number, unit)) = self.offset else {
            return Some(start);
        };
        let days = match unit {
            Unit::Day => Some(number),
            Unit::Week => Some(number * 7),
            Unit::Month | Unit::Year => None,
        };
        let months = if matches!(unit, Unit::Year) {
            number * 12
        } else {
            number
        };
        match (days, is_future) {
            (Some(days), true) => start.checked_add_days(Days::new(days.into())),
            (Some(days), false) => start.checked_sub_days(Days::new(days.into())),
            (None, true) => start.checked_add_months(Months::new(months)),
            (None, false) => start.checked_sub_months(Months::new(months)),
        }
    }

    /// Describes the date, such as "6 days before today".
    pub(super) fn describe(self) -> String {
        let anchor = match self.anchor {
            Anchor::Today => "today",
            Anchor::Week => "the start of this week",
            Anchor::Month => "the start of this month",
            Anchor::Year => "the start of this year",
        };
        let Some((is_future, number, unit)) = self.offset else {
            return anchor.to_owned();
        };
        let unit = match unit {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        let plural = if number == 1 { "" } else { "s" };
        let direction = if is_future { "after" } else { "before" };
        format!("{number} {unit}{plural} {direction} {anchor}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str, today: &str) -> Option<String> {
        let today = today.parse().expect("the date is valid");
        let date = RelativeDate::parse(text)?.on(today)?;
        Some(date.to_string())
    }

    #[test]
    fn relative_dates_count_from_the_current_date() {
        for (text, expected) in [
            ("today", "2024-02-29"),
            ("today+1d", "2024-03-01"),
            ("today 1d", "2024-03-01"),
            ("today-29d", "2024-01-31"),
            ("today-1y", "2023-02-28"),
            ("week", "2024-02-26"),
            ("week-2w", "2024-02-12"),
            ("month+1m", "2024-03-01"),
            ("month-1m", "2024-01-01"),
            ("year-1y", "2023-01-01"),
        ] {
            assert_eq!(on(text, "2024-02-29").as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_relative_dates() {
        for text in [
            "",
            "now",
            "today+",
            "today+d",
            "today+1",
            "today+1x",
            "today+-1d",
            "today+1.5d",
            "today+10001d",
            "today+99999999999d",
            "Today",
            "tomorrow",
            "2026-05-01",
            "today+1é",
        ] {
            assert_eq!(on(text, "2024-02-29"), None, "{text}");
        }
        assert_eq!(
            on("year+10000y", "2024-02-29"),
            Some("12024-01-01".to_owned()).map(|_| "+12024-01-01".to_owned())
        );
    }
}
