//! Cursor: the time up to which a client has seen all changes.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A point in time on the clock of one process. Its wire format is `{process}.{microseconds}`, both
/// in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    process: u64,
    at: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.process, self.at)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (process, at) = text.trim().split_once('.').ok_or(())?;
        let read = |digits: &str| u64::from_str_radix(digits, 16).map_err(drop);
        Ok(Self {
            process: read(process)?,
            at: read(at)?,
        })
    }
}

/// Returns the time of a cursor that was rendered into a page.
pub(crate) fn read_mark_time(text: &str) -> Option<DateTime<Utc>> {
    let mark: Cursor = text.parse().ok()?;
    DateTime::from_timestamp_micros(i64::try_from(mark.at).ok()?)
}

/// Maximum clock difference between replicas plus the transit time of an event.
const SKEW: Duration = Duration::from_secs(5);

/// This process's clock, which is strictly monotonic.
#[derive(Debug)]
pub(super) struct Clock {
    process: u64,
    last: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            process: Uuid::new_v4().as_u64_pair().0,
            last: AtomicU64::new(0),
        }
    }

    /// Returns a time later than all previously returned times.
    pub(super) fn next(&self) -> u64 {
        let now = u64::try_from(Utc::now().timestamp_micros()).unwrap_or_default();
        let before = self.last.fetch_max(now, Ordering::AcqRel);
        if before < now {
            return now;
        }
        self.last.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Returns the cursor for the current time.
    pub(super) fn mark(&self) -> Cursor {
        Cursor {
            process: self.process,
            at: self.next(),
        }
    }

    /// Converts a cursor to a time on this process's clock, up to which the client has seen all
    /// changes. A cursor from another process is moved back by the maximum clock difference.
    pub(super) fn seen_until(&self, mark: Cursor) -> u64 {
        if mark.process == self.process {
            return mark.at;
        }
        let skew = u64::try_from(SKEW.as_micros()).unwrap_or(u64::MAX);
        mark.at.saturating_sub(skew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_round_trips_and_invalid_text_is_rejected() {
        let mark = Clock::new().mark();
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for text in ["", "1", "1.", ".1", "x.1", "1.2.3", "-1.2", "1.-2"] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text}");
        }
    }

    #[test]
    fn clock_is_strictly_monotonic() {
        let clock = Clock::new();
        let moments: Vec<u64> = (0..1000).map(|_| clock.next()).collect();
        assert!(moments.is_sorted_by(|one, other| one < other));
        clock.last.store(u64::MAX / 2, Ordering::Release);
        assert_eq!(clock.next(), u64::MAX / 2 + 1);
    }

    #[test]
    fn cursor_from_another_process_is_moved_back_by_the_skew() {
        let (here, there) = (Clock::new(), Clock::new());
        let mark = here.mark();
        assert_eq!(here.seen_until(mark), mark.at);
        assert_eq!(there.seen_until(mark), mark.at - 5_000_000);
    }
}
