use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use crate::pages::scope;
use crate::pages::zone::Zone;
use crate::store::now;

/// Format in which a time is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeFormat {
    /// The date.
    Date,
    /// The date and the time.
    #[default]
    DateTime,
    /// Relative time if within a week of now; otherwise, the date and the time.
    Ago,
    /// The time of day, to the second.
    Clock,
    /// The time of day, to the millisecond.
    Precise,
}

impl TimeFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Ago => "ago",
            Self::Clock => "clock",
            Self::Precise => "precise",
        }
    }

    /// Writes the same text as `time_format.js`, so that nothing changes when the script runs.
    fn write(self, at: DateTime<Utc>, zone: Zone) -> String {
        let pattern = match self {
            Self::Date => "%-d %b %Y",
            Self::Clock => "%H:%M:%S",
            Self::Precise => "%H:%M:%S%.3f",
            Self::Ago => match ago(now().signed_duration_since(at)) {
                Some(text) => return text,
                None => DATE_TIME,
            },
            Self::DateTime => DATE_TIME,
        };
        zone.format(at, pattern)
    }
}

const DATE_TIME: &str = "%-d %b %Y, %H:%M";
/// Distance from now at which times are shown with date and time.
const RECENT: TimeDelta = TimeDelta::weeks(1);

/// Formats a time difference in words, such as "4 minutes ago" and "in 2 hours".
fn ago(passed: TimeDelta) -> Option<String> {
    if passed.abs() >= RECENT {
        return None;
    }
    let seconds = passed.num_seconds().unsigned_abs();
    let (unit, length) = match seconds {
        0..60 => return Some("just now".to_owned()),
        60..3600 => ("minute", 60),
        3600..86_400 => ("hour", 3600),
        _ => ("day", 86_400),
    };
    let count = (seconds + length / 2) / length;
    let plural = if count == 1 { "" } else { "s" };
    let is_past = passed > TimeDelta::zero();
    Some(match (unit, count, is_past) {
        ("day", 1, true) => "yesterday".to_owned(),
        ("day", 1, false) => "tomorrow".to_owned(),
        (_, _, true) => format!("{count} {unit}{plural} ago"),
        (_, _, false) => format!("in {count} {unit}{plural}"),
    })
}

/// Formats a time for a sentence: relative, or the date and the time in the user's zone.
pub(crate) fn ago_text(at: DateTime<Utc>) -> String {
    scope::require_zone();
    TimeFormat::Ago.write(at, scope::zone())
}

/// Renders an RFC 3339 time in the user's time zone, which the page names once.
///
/// The script writes the same text, in the browser's time zone and the page's language.
///
/// ```
/// use portal_core::pages::components::{TimeFormat, time};
///
/// let html = time("2026-11-22T08:30:00Z", TimeFormat::Date).into_string();
/// assert!(html.contains(">22 Nov 2026<"));
/// ```
#[must_use]
pub fn time(rfc3339: &str, format: TimeFormat) -> Markup {
    html! { pt-time { (bare_time(rfc3339, format)) } }
}

/// Renders [`time()`] without the custom element, for long lists that a script updates.
pub(crate) fn bare_time(rfc3339: &str, format: TimeFormat) -> Markup {
    scope::require_zone();
    let text = DateTime::parse_from_rfc3339(rfc3339).map_or_else(
        |_| rfc3339.to_owned(),
        |at| format.write(at.to_utc(), scope::zone()),
    );
    html! { time datetime=(rfc3339) data-format=(format.as_str()) { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times_match_those_of_the_script() {
        for (seconds, text) in [
            (0, "just now"),
            (59, "just now"),
            (-59, "just now"),
            (60, "1 minute ago"),
            (240, "4 minutes ago"),
            (-240, "in 4 minutes"),
            (3599, "60 minutes ago"),
            (5400, "2 hours ago"),
            (86_400, "yesterday"),
            (-86_400, "tomorrow"),
            (2 * 86_400, "2 days ago"),
        ] {
            assert_eq!(ago(TimeDelta::seconds(seconds)).as_deref(), Some(text));
        }
        assert_eq!(ago(RECENT), None);
    }
}
