//! Time ranges for statistics, divided into buckets of equal duration.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use sea_query::{Cond, Expr, ExprTrait};

use super::{Dialect, Row, StoreError, now};

/// Time range for statistics. All ranges are bounded.
///
/// ```
/// use portal_core::store::TimeRange;
///
/// assert_eq!("30d".parse(), Ok(TimeRange::Month));
/// assert_eq!(TimeRange::Day.buckets().times().len(), 24);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeRange {
    /// 24 hours, in buckets of one hour.
    Day,
    /// 7 days, in buckets of one day.
    #[default]
    Week,
    /// 30 days, in buckets of one day.
    Month,
    /// 90 days, in buckets of one day.
    Quarter,
}

impl TimeRange {
    /// All ranges, shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// Returns the name used in URLs: `24h`, `7d`, `30d` or `90d`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// Returns the label for display, such as `24 hours`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
        }
    }

    /// Returns the range named in a query, or the default range if the name is missing or invalid.
    #[must_use]
    pub fn from_query(text: Option<&str>) -> Self {
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Returns the duration of a bucket.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Day => Step::Hour,
            _ => Step::Day,
        }
    }

    /// Returns the number of buckets.
    #[must_use]
    pub const fn bucket_count(self) -> usize {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// Returns the buckets of the range that ends now; the last one is still incomplete.
    #[must_use]
    pub fn buckets(self) -> Buckets {
        Buckets::ending_at(self, now())
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TimeRange {
    type Err = ParseTimeRangeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeRangeError> {
        let found = Self::ALL.into_iter().find(|range| range.as_str() == text);
        found.ok_or_else(|| ParseTimeRangeError(text.to_owned()))
    }
}

/// Error for a string that is not a time range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time range; use 24h, 7d, 30d or 90d")]
pub struct ParseTimeRangeError(String);

/// Duration of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day in UTC.
    Day,
}

impl Step {
    /// Returns the duration of the step.
    #[must_use]
    pub const fn duration(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

/// The buckets of a time range that ends at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    range: TimeRange,
    now: DateTime<Utc>,
    start: DateTime<Utc>,
}

impl Buckets {
    /// Returns the buckets up to the one that contains `now`.
    #[must_use]
    pub fn ending_at(range: TimeRange, now: DateTime<Utc>) -> Self {
        let step = range.step().duration();
        let last = now.duration_trunc(step).unwrap_or(now);
        let before = i32::try_from(range.bucket_count()).unwrap_or(1) - 1;
        Self {
            range,
            now,
            start: last - step * before,
        }
    }

    /// Returns the range.
    #[must_use]
    pub const fn range(&self) -> TimeRange {
        self.range
    }

    /// Returns the start of the first bucket.
    #[must_use]
    pub const fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// Returns the time at which the last, incomplete bucket ends.
    #[must_use]
    pub const fn end(&self) -> DateTime<Utc> {
        self.now
    }

    /// Returns the start of each bucket.
    #[must_use]
    pub fn times(&self) -> Vec<DateTime<Utc>> {
        let step = self.range.step().duration();
        (0..self.range.bucket_count())
            .filter_map(|at| i32::try_from(at).ok())
            .map(|at| self.start + step * at)
            .collect()
    }

    /// Returns the index of the bucket that contains a time.
    #[must_use]
    pub fn index_of(&self, at: DateTime<Utc>) -> Option<usize> {
        let since = (at - self.start).num_seconds();
        if at < self.start {
            return None;
        }
        let index = usize::try_from(since / self.range.step().duration().num_seconds()).ok()?;
        (index < self.range.bucket_count()).then_some(index)
    }

    /// Returns the start and end of the previous period, which is as long as the elapsed part of
    /// the range.
    #[must_use]
    pub fn previous_period(&self) -> Range<DateTime<Utc>> {
        let length =
            self.range.step().duration() * i32::try_from(self.range.bucket_count()).unwrap_or(1);
        self.start - length..self.now - length
    }

    /// Returns the condition that the time in a column is within these buckets or the previous
    /// period.
    pub(crate) fn cover(&self, column: &'static str) -> Cond {
        let previous = self.previous_period();
        let at = || Expr::col(column);
        Cond::any()
            .add(at().gte(self.start).and(at().lt(self.now)))
            .add(at().gte(previous.start).and(at().lt(previous.end)))
    }

    /// Returns an expression for grouping rows by bucket: the day or hour of the time in a column,
    /// as text.
    pub(crate) fn column(&self, dialect: Dialect, column: &'static str) -> Expr {
        let day = self.range.step() == Step::Day;
        Expr::cust(match dialect {
            // Times are stored as text: 2026-11-23T07:20:11.123456+00:00.
            Dialect::Sqlite => format!("substr({column}, 1, {})", if day { 10 } else { 13 }),
            Dialect::Postgres => format!(
                "to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD{}')",
                if day { "" } else { "\"T\"HH24" }
            ),
        })
    }

    /// Returns the index of a bucket selected by [`Self::column`]; `None` if it is outside the
    /// range.
    pub(crate) fn read(&self, row: &Row, name: &str) -> Result<Option<usize>, StoreError> {
        let text: String = row.get(name)?;
        let (day, hour) = text.split_at_checked(10).unwrap_or((&text, ""));
        let hour = hour.trim_start_matches(['T', ' ']);
        let moment = format!("{day}T{}:00:00Z", if hour.is_empty() { "00" } else { hour });
        Ok(moment
            .parse::<DateTime<Utc>>()
            .ok()
            .and_then(|at| self.index_of(at)))
    }
}

/// Counts for each bucket of a range, for the whole range, and for the previous period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Buckets of the range.
    pub buckets: Buckets,
    /// Count for each bucket.
    pub values: Vec<u64>,
    /// Total count; an item counted in several buckets counts once.
    pub total: u64,
    /// Count for the previous period, up to the corresponding time.
    pub previous: u64,
}

impl Counts {
    /// Returns counts of zero for all buckets.
    #[must_use]
    pub fn zero(buckets: Buckets) -> Self {
        Self {
            buckets,
            values: vec![0; buckets.range.bucket_count()],
            total: 0,
            previous: 0,
        }
    }

    /// Adds a count to a bucket, or to the previous period.
    pub(crate) fn add(&mut self, bucket: Option<usize>, count: u64) {
        match bucket.and_then(|at| self.values.get_mut(at)) {
            Some(value) => {
                *value += count;
                self.total += count;
            }
            None => self.previous += count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn last_bucket_is_the_current_one() {
        let week = Buckets::ending_at(TimeRange::Week, at("2026-11-23T07:20:00Z"));
        assert_eq!(week.start(), at("2026-11-17T00:00:00Z"));
        assert_eq!(week.times().len(), 7);
        assert_eq!(
            week.times().last().copied(),
            Some(at("2026-11-23T00:00:00Z"))
        );
        assert_eq!(week.index_of(at("2026-11-16T23:59:59Z")), None);
        assert_eq!(week.index_of(at("2026-11-17T00:00:00Z")), Some(0));
        assert_eq!(week.index_of(at("2026-11-23T23:59:59Z")), Some(6));
        assert_eq!(week.index_of(at("2026-11-24T00:00:00Z")), None);
        assert_eq!(
            week.previous_period(),
            at("2026-11-10T00:00:00Z")..at("2026-11-16T07:20:00Z")
        );
        let day = Buckets::ending_at(TimeRange::Day, at("2026-03-01T00:59:59.9Z"));
        assert_eq!(day.start(), at("2026-02-28T01:00:00Z"));
    }

    #[test]
    fn ranges_round_trip_and_invalid_text_is_rejected() {
        for range in TimeRange::ALL {
            assert_eq!(range.to_string().parse(), Ok(range));
            assert_eq!(range.buckets().times().len(), range.bucket_count());
        }
        let error = "1y".parse::<TimeRange>().unwrap_err();
        assert!(error.to_string().contains("24h"));
        assert_eq!(TimeRange::from_query(Some("1y")), TimeRange::Week);
    }
}
