//! Times at which a cron expression fires in a time zone.

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use croner::Cron;
use croner::parser::{CronParser, Year};

/// A cron expression and its time zone.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    cron: Cron,
    time_zone: Tz,
}

/// Reason why a schedule is invalid.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScheduleError {
    Cron(String),
    TimeZone,
    NeverFires,
}

impl Schedule {
    /// Parses the expression and the time zone; returns all errors.
    pub(super) fn parse(cron: &str, time_zone: &str) -> Result<Self, Vec<ScheduleError>> {
        // A schedule with a year would eventually fire for the last time; after that, the portal
        // would no longer start.
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser
            .parse(cron)
            .map_err(|error| ScheduleError::Cron(error.to_string()));
        let time_zone = time_zone.parse().map_err(|_| ScheduleError::TimeZone);
        let (cron, time_zone) = match (cron, time_zone) {
            (Ok(cron), Ok(time_zone)) => (cron, time_zone),
            (cron, time_zone) => {
                return Err(cron.err().into_iter().chain(time_zone.err()).collect());
            }
        };
        let schedule = Self { cron, time_zone };
        match schedule.next_after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(vec![ScheduleError::NeverFires]),
        }
    }

    /// Returns an English description of the expression.
    pub(super) fn description(&self) -> String {
        self.cron.describe()
    }

    /// Returns the first scheduled time after an instant.
    pub(super) fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = instant.trunc_subsecs(0).with_timezone(&self.time_zone);
        if self.cron.pattern.hours.values().len() == 24 {
            // The schedule fires every hour, so clock changes do not matter, and real time is used.
            let next = self.cron.find_next_occurrence(&start, false).ok()?;
            return Some(next.with_timezone(&Utc));
        }
        // Find the local time as if the clock never changed, then convert it to real time.
        let mut wall = start.naive_local().and_utc();
        loop {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let next = self.first_instant(wall.naive_utc())?;
            // In a repeated hour, only the first occurrence counts.
            if next > instant {
                return Some(next);
            }
        }
    }

    /// Returns the instant at which the local clock first shows a time or has just skipped it.
    fn first_instant(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let instant = match self.time_zone.from_local_datetime(&wall).earliest() {
            Some(instant) => instant,
            None => GapInfo::new(&wall, &self.time_zone)?.end?,
        };
        Some(instant.with_timezone(&Utc))
    }

    /// Returns the latest time after `last` that is due; skips the due times before it.
    pub(super) fn due(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let is_due = |time: &DateTime<Utc>| *time <= now;
        let mut newest = self.next_after(last).filter(is_due)?;
        // All due times are at or before `until`. A binary search is used because a schedule that
        // fires every second misses millions of times if the portal is down for a month.
        let mut until = now.trunc_subsecs(0);
        while let Some(next) = self.next_after(newest).filter(is_due) {
            let middle = newest + TimeDelta::seconds((until - newest).num_seconds() / 2);
            match self.next_after(middle).filter(is_due) {
                Some(later) => newest = later,
                None => {
                    until = middle;
                    newest = next;
                }
            }
        }
        Some(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn berlin(cron: &str) -> Schedule {
        Schedule::parse(cron, "Europe/Berlin").unwrap()
    }

    /// Returns all times within a period, in order.
    fn times(schedule: &Schedule, from: &str, to: &str) -> Vec<DateTime<Utc>> {
        let (mut time, end, mut times) = (at(from), at(to), Vec::new());
        while let Some(next) = schedule.next_after(time).filter(|next| *next <= end) {
            times.push(next);
            time = next;
        }
        times
    }

    fn texts(times: &[DateTime<Utc>]) -> Vec<String> {
        times
            .iter()
            .map(|time| time.format("%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn times_are_in_the_time_zone() {
        let winter = berlin("0 3 * * *").next_after(at("2026-01-10T12:00:00Z"));
        assert_eq!(winter, Some(at("2026-01-11T02:00:00Z")));
        let summer = berlin("0 3 * * *").next_after(at("2026-07-10T12:00:00Z"));
        assert_eq!(summer, Some(at("2026-07-11T01:00:00Z")));
    }

    #[test]
    fn six_fields_start_with_seconds() {
        let every_second = Schedule::parse("* * * * * *", "UTC").unwrap();
        let next = every_second.next_after(at("2026-01-10T12:00:00.750Z"));
        assert_eq!(next, Some(at("2026-01-10T12:00:01Z")));
        let next = every_second.next_after(at("2026-01-10T12:00:01Z"));
        assert_eq!(next, Some(at("2026-01-10T12:00:02Z")));
    }

    #[test]
    fn skipped_time_fires_once_right_after_the_gap() {
        // On March 29, clocks in Berlin change from 02:00 to 03:00, at 01:00 UTC.
        for (cron, expected) in [
            ("30 2 * * *", &["28 01:30", "29 01:00", "30 00:30"][..]),
            (
                "*/20 2 * * *",
                &[
                    "28 01:00", "28 01:20", "28 01:40", "29 01:00", "30 00:00", "30 00:20",
                    "30 00:40",
                ],
            ),
            (
                "0 2,3 * * *",
                &["28 01:00", "28 02:00", "29 01:00", "30 00:00", "30 01:00"],
            ),
        ] {
            let found = times(
                &berlin(cron),
                "2026-03-28T00:00:00Z",
                "2026-03-30T01:30:00Z",
            );
            assert_eq!(texts(&found), expected, "{cron}");
        }
    }

    #[test]
    fn repeated_time_fires_only_the_first_time() {
        // On October 25, clocks in Berlin change from 03:00 back to 02:00, at 01:00 UTC.
        for (cron, expected) in [
            ("30 2 * * *", &["24 00:30", "25 00:30", "26 01:30"][..]),
            (
                "*/30 2 * * *",
                &[
                    "24 00:00", "24 00:30", "25 00:00", "25 00:30", "26 01:00", "26 01:30",
                ],
            ),
            (
                "0 2,14 * * *",
                &["24 00:00", "24 12:00", "25 00:00", "25 13:00", "26 01:00"],
            ),
        ] {
            let found = times(
                &berlin(cron),
                "2026-10-23T23:00:00Z",
                "2026-10-26T02:00:00Z",
            );
            assert_eq!(texts(&found), expected, "{cron}");
        }
    }

    #[test]
    fn hourly_schedule_follows_real_time() {
        let schedule = berlin("*/30 * * * *");
        for day in ["2026-03-29", "2026-10-25"] {
            let found = times(
                &schedule,
                &format!("{day}T00:00:00Z"),
                &format!("{day}T04:00:00Z"),
            );
            assert_eq!(found.len(), 8, "{found:?}");
            assert!(
                found
                    .windows(2)
                    .all(|two| two[1] - two[0] == TimeDelta::minutes(30)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn latest_missed_time_is_due() {
        let times_of = [
            (
                "* * * * * *",
                "2026-03-01T00:00:00Z",
                "2026-04-01T00:00:00.300Z",
                Some("2026-04-01T00:00:00Z"),
            ),
            (
                "0 3 * * *",
                "2026-03-01T02:00:00Z",
                "2026-03-20T01:59:59Z",
                Some("2026-03-19T02:00:00Z"),
            ),
            (
                "0 3 * * *",
                "2026-03-01T02:00:00Z",
                "2026-03-20T02:00:00Z",
                Some("2026-03-20T02:00:00Z"),
            ),
            (
                "0 3 * * *",
                "2026-03-20T02:00:00Z",
                "2026-03-21T01:59:59Z",
                None,
            ),
            // The clock was set back.
            (
                "0 3 * * *",
                "2026-03-20T02:00:00Z",
                "2026-03-01T02:00:00Z",
                None,
            ),
        ];
        for (cron, last, now, expected) in times_of {
            assert_eq!(
                berlin(cron).due(at(last), at(now)),
                expected.map(at),
                "{cron} {now}"
            );
        }
    }

    #[test]
    fn due_time_is_the_latest_across_clock_changes() {
        for cron in [
            "* * * * *",
            "*/7 * * * *",
            "*/20 2 * * *",
            "30 2 * * *",
            "0 2,14 * * *",
            "15 1-3 * * SUN",
            "0 */2 * * *",
        ] {
            let schedule = berlin(cron);
            for (from, to) in [
                ("2026-03-28T20:00:00Z", "2026-03-29T06:00:00Z"),
                ("2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"),
            ] {
                let all = times(&schedule, from, to);
                let mut now = at(from);
                while now <= at(to) {
                    let expected = all.iter().rfind(|time| **time <= now).copied();
                    assert_eq!(schedule.due(at(from), now), expected, "{cron} {now}");
                    now += TimeDelta::seconds(97);
                }
            }
        }
    }

    #[test]
    fn invalid_schedules_are_rejected() {
        let parse = |cron, zone| Schedule::parse(cron, zone).map(drop);
        for cron in [
            "",
            "0 3 * *",
            "61 * * * *",
            "0 0 0 1 1 * 2030",
            "every day",
            "@reboot",
        ] {
            let Err(errors) = parse(cron, "UTC") else {
                panic!("`{cron}` is not a cron expression")
            };
            assert!(matches!(errors[..], [ScheduleError::Cron(_)]), "{cron}");
        }
        assert_eq!(
            parse("0 3 * * *", "Europe/Berln"),
            Err(vec![ScheduleError::TimeZone])
        );
        assert_eq!(
            parse("0 0 30 2 *", "UTC"),
            Err(vec![ScheduleError::NeverFires])
        );
        let both = parse("0 3 * *", "Europe/Berln").unwrap_err();
        assert!(matches!(
            both[..],
            [ScheduleError::Cron(_), ScheduleError::TimeZone]
        ));
        for cron in ["@daily", "0 0 29 2 *", "0 9 * * MON-FRI", "0 0 L * *"] {
            assert_eq!(parse(cron, "America/New_York"), Ok(()), "{cron}");
        }
    }
}
