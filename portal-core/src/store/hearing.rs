//! Cache freshness: how long a cached read is valid, depending on whether cluster events are
//! received.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Store;

/// Interval at which this process verifies that it receives cluster events.
pub(super) const BEAT: Duration = Duration::from_millis(300);
/// Maximum age of cached values while cluster events may be missed.
const UNHEARD: Duration = Duration::from_millis(900);
/// Maximum age of cached values at any time; bounds the effect of a lost event.
const HEARD: Duration = Duration::from_secs(60);

/// Time up to which this process has received all cluster events.
#[derive(Debug, Clone)]
pub(super) struct Hearing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Instant,
    /// Microseconds since `base`.
    heard_to: AtomicU64,
    /// Number of the connection: events between two connections are missed.
    connection: AtomicU64,
}

/// Time of a read, taken before reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAt {
    at: Instant,
    connection: u64,
}

impl Hearing {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            base: Instant::now(),
            heard_to: AtomicU64::new(0),
            connection: AtomicU64::new(0),
        }))
    }

    /// Starts a new connection: events are received from now on; earlier ones may have been missed.
    pub(super) fn begin(&self) {
        self.0.connection.fetch_add(1, Ordering::AcqRel);
        self.heard(Instant::now());
    }

    /// Confirms that all events sent before an instant have been received.
    pub(super) fn heard(&self, to: Instant) {
        let since = to.saturating_duration_since(self.0.base).as_micros();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.0.heard_to.fetch_max(since, Ordering::AcqRel);
    }

    fn read_at(&self) -> ReadAt {
        ReadAt {
            at: Instant::now(),
            connection: self.0.connection.load(Ordering::Acquire),
        }
    }

    fn is_current(&self, read: ReadAt, now: Instant) -> bool {
        let age = now.saturating_duration_since(read.at);
        age < UNHEARD
            || (age < HEARD
                && read.connection == self.0.connection.load(Ordering::Acquire)
                && self.hears(now))
    }

    fn hears(&self, now: Instant) -> bool {
        let heard_to = Duration::from_micros(self.0.heard_to.load(Ordering::Acquire));
        now.saturating_duration_since(self.0.base + heard_to) < UNHEARD
            && self.0.connection.load(Ordering::Acquire) > 0
    }
}

impl Store {
    /// Returns the stamp to store with the next value that is read.
    pub(crate) fn read_at(&self) -> ReadAt {
        self.hearing.read_at()
    }

    /// Returns `true` if a value read then is still valid: for a minute while this process receives
    /// cluster events, otherwise for less than a second.
    pub(crate) fn is_current(&self, read: ReadAt) -> bool {
        self.hearing.is_current(read, Instant::now())
    }

    /// Returns `true` if changes by other processes would be received.
    pub(crate) fn hears_others(&self) -> bool {
        self.hearing.hears(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn cached_read_is_valid_for_a_minute_while_connected() {
        let hearing = Hearing::new();
        hearing.begin();
        let read = hearing.read_at();
        for age in [UNHEARD, 2 * UNHEARD, HEARD - MOMENT] {
            hearing.heard(read.at + age);
            assert!(hearing.is_current(read, read.at + age), "{age:?}");
        }
        hearing.heard(read.at + HEARD);
        assert!(!hearing.is_current(read, read.at + HEARD));
    }

    #[test]
    fn cached_read_expires_within_a_second_while_disconnected() {
        let hearing = Hearing::new();
        let never = hearing.read_at();
        assert!(hearing.is_current(never, never.at));
        assert!(!hearing.is_current(never, never.at + UNHEARD));
        hearing.begin();
        let read = hearing.read_at();
        let lost = read.at + 3 * UNHEARD;
        hearing.heard(lost);
        assert!(hearing.is_current(read, lost + UNHEARD - MOMENT));
        // After such a long silence, it is unknown which events were missed.
        assert!(!hearing.is_current(read, lost + UNHEARD));
        assert!(!hearing.hears(lost + UNHEARD));
        assert!(UNHEARD < Duration::from_secs(1));
    }

    #[test]
    fn read_before_a_connection_gap_is_not_valid_after_it() {
        let hearing = Hearing::new();
        hearing.begin();
        let read = hearing.read_at();
        hearing.begin();
        hearing.heard(read.at + 2 * UNHEARD);
        assert!(!hearing.is_current(read, read.at + 2 * UNHEARD));
    }
}
