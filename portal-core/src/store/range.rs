//! Spans of time that statistics are about, in buckets of equal length.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use sea_query::{Cond, Expr, ExprTrait};

use super::{Dialect, Row, StoreError, now};

/// How far back statistics go. All of them are bounded.
///
/// ```
/// use portal_core::store::TimeRange;
///
/// assert_eq!("30d".parse(), Ok(TimeRange::Month));
/// assert_eq!(TimeRange::Day.buckets().times().len(), 24);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeRange {
    /// 24 hours, by the hour.
    Day,
    /// 7 days, by the day.
    #[default]
    Week,
    /// 30 days, by the day.
    Month,
    /// 90 days, by the day.
    Quarter,
}

impl TimeRange {
    /// Every range, shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The word in addresses: `24h`, `7d`, `30d` or `90d`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// The words for people: `24 hours`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
        }
    }

    /// What a query asks for, or the usual range where it asks for none that there is.
    #[must_use]
    pub fn from_query(text: Option<&str>) -> Self {
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// How long a bucket is.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Day => Step::Hour,
            _ => Step::Day,
        }
    }

    /// How many buckets there are.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// Its buckets, of which the last one has begun and not ended.
    #[must_use]
    pub fn buckets(self) -> Buckets {
        Buckets::ending(self, now())
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TimeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|range| range.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no range of time: it is one of 24h, 7d, 30d and 90d")
        })
    }
}

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Step {
    /// Its length.
    #[must_use]
    pub const fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

/// The buckets of a range that ends at a certain moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    range: TimeRange,
    now: DateTime<Utc>,
    start: DateTime<Utc>,
}

impl Buckets {
    /// The buckets up to the one that a moment lies in.
    #[must_use]
    pub fn ending(range: TimeRange, now: DateTime<Utc>) -> Self {
        let step = range.step().length();
        let last = now.duration_trunc(step).unwrap_or(now);
        let before = i32::try_from(range.count()).unwrap_or(1) - 1;
        Self {
            range,
            now,
            start: last - step * before,
        }
    }

    /// The range they are of.
    #[must_use]
    pub const fn range(&self) -> TimeRange {
        self.range
    }

    /// When the first bucket begins.
    #[must_use]
    pub const fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The moment up to which they reach.
    #[must_use]
    pub const fn end(&self) -> DateTime<Utc> {
        self.now
    }

    /// When each bucket begins.
    #[must_use]
    pub fn times(&self) -> Vec<DateTime<Utc>> {
        let step = self.range.step().length();
        (0..self.range.count())
            .filter_map(|at| i32::try_from(at).ok())
            .map(|at| self.start + step * at)
            .collect()
    }

    /// In which bucket a moment lies.
    #[must_use]
    pub fn index_of(&self, at: DateTime<Utc>) -> Option<usize> {
        let since = (at - self.start).num_seconds();
        if at < self.start {
            return None;
        }
        let index = usize::try_from(since / self.range.step().length().num_seconds()).ok()?;
        (index < self.range.count()).then_some(index)
    }

    /// The span before, as long as what has passed of these buckets: from, and up to.
    #[must_use]
    pub fn before(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let length = self.range.step().length() * i32::try_from(self.range.count()).unwrap_or(1);
        (self.start - length, self.now - length)
    }

    /// Lets through what lies in these buckets or in the span before.
    pub(crate) fn cover(&self, column: &'static str) -> Cond {
        let (since, until) = self.before();
        let at = || Expr::col(column);
        Cond::any()
            .add(at().gte(self.start).and(at().lt(self.now)))
            .add(at().gte(since).and(at().lt(until)))
    }

    /// Names the bucket of a column's moment as text, for grouping: the day, or the hour.
    pub(crate) fn column(&self, dialect: Dialect, column: &'static str) -> Expr {
        let day = self.range.step() == Step::Day;
        Expr::cust(match dialect {
            // Moments are stored as text: 2026-11-23T07:20:11.123456+00:00.
            Dialect::Sqlite => format!("substr({column}, 1, {})", if day { 10 } else { 13 }),
            Dialect::Postgres => format!(
                "to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD{}')",
                if day { "" } else { "\"T\"HH24" }
            ),
        })
    }

    /// Which bucket a row of [`Self::column`] is of; `None` for one outside.
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

/// How many there were in each bucket of a range, in all, and in the span before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// The buckets.
    pub buckets: Buckets,
    /// How many in each.
    pub values: Vec<u64>,
    /// How many in all: of things that may count in several buckets, each once.
    pub total: u64,
    /// How many in the span before, up to the same moment of it.
    pub before: u64,
}

impl Counts {
    /// Nothing in any bucket.
    #[must_use]
    pub fn none(buckets: Buckets) -> Self {
        Self {
            buckets,
            values: vec![0; buckets.range.count()],
            total: 0,
            before: 0,
        }
    }

    /// Adds rows of a bucket, or of the span before.
    pub(crate) fn add(&mut self, bucket: Option<usize>, count: u64) {
        match bucket.and_then(|at| self.values.get_mut(at)) {
            Some(value) => {
                *value += count;
                self.total += count;
            }
            None => self.before += count,
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
    fn buckets_end_with_the_one_that_runs() {
        let week = Buckets::ending(TimeRange::Week, at("2026-11-23T07:20:00Z"));
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
            week.before(),
            (at("2026-11-10T00:00:00Z"), at("2026-11-16T07:20:00Z"))
        );
        let day = Buckets::ending(TimeRange::Day, at("2026-03-01T00:59:59.9Z"));
        assert_eq!(day.start(), at("2026-02-28T01:00:00Z"));
    }

    #[test]
    fn ranges_are_read_as_they_are_written_and_others_are_refused() {
        for range in TimeRange::ALL {
            assert_eq!(range.to_string().parse(), Ok(range));
            assert_eq!(range.buckets().times().len(), range.count());
        }
        assert!("1y".parse::<TimeRange>().unwrap_err().contains("24h"));
        assert_eq!(TimeRange::from_query(Some("1y")), TimeRange::Week);
    }
}
