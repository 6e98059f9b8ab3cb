//! Cache freshness: how long a cached read is valid, depending on whether cluster events are
//! received.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Store;

/// Interval at which this process verifies that it receives cluster events.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(300);
/// Maximum age of cached values while cluster events may be missed.
const MAX_AGE_DISCONNECTED: Duration = Duration::from_millis(900);
/// Maximum age of cached values in any case; bounds the effect of a lost event.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Tracks the time up to which this process has received all cluster events.
#[derive(Debug, Clone)]
pub(super) struct Freshness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Instant,
    /// Microseconds since `base`.
    confirmed_until: AtomicU64,
    /// Sequence number of the current connection; events sent between two connections are missed.
    connection: AtomicU64,
}

/// Time of a read, taken before the read starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadStamp {
    at: Instant,
    connection: u64,
}

impl Freshness {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            base: Instant::now(),
            confirmed_until: AtomicU64::new(0),
            connection: AtomicU64::new(0),
        }))
    }

    /// Starts a new connection: events are received from now on; earlier ones may have been missed.
    pub(super) fn connected(&self) {
        self.0.connection.fetch_add(1, Ordering::AcqRel);
        self.confirm(Instant::now());
    }

    /// Confirms that all events sent before an instant have been received.
    pub(super) fn confirm(&self, to: Instant) {
        let since = to.saturating_duration_since(self.0.base).as_micros();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.0.confirmed_until.fetch_max(since, Ordering::AcqRel);
    }

    fn read_stamp(&self) -> ReadStamp {
        ReadStamp {
            at: Instant::now(),
            connection: self.0.connection.load(Ordering::Acquire),
        }
    }

    fn is_fresh(&self, read: ReadStamp, now: Instant) -> bool {
        let age = now.saturating_duration_since(read.at);
        age < MAX_AGE_DISCONNECTED
            || (age < MAX_AGE
                && read.connection == self.0.connection.load(Ordering::Acquire)
                && self.is_connected(now))
    }

    fn is_connected(&self, now: Instant) -> bool {
        let heard_to = Duration::from_micros(self.0.confirmed_until.load(Ordering::Acquire));
        now.saturating_duration_since(self.0.base + heard_to) < MAX_AGE_DISCONNECTED
            && self.0.connection.load(Ordering::Acquire) > 0
    }
}

impl Store {
    /// Returns the stamp for a value that is about to be read.
    pub(crate) fn read_at(&self) -> ReadStamp {
        self.freshness.read_stamp()
    }

    /// Returns `true` if a value with this stamp is still valid: for a minute while this process
    /// receives cluster events, otherwise for less than a second.
    pub(crate) fn is_current(&self, read: ReadStamp) -> bool {
        self.freshness.is_fresh(read, Instant::now())
    }

    /// Returns `true` if changes by other processes would be received.
    pub(crate) fn receives_events(&self) -> bool {
        self.freshness.is_connected(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn cached_read_is_valid_for_a_minute_while_connected() {
        let freshness = Freshness::new();
        freshness.connected();
        let read = freshness.read_stamp();
        for age in [
            MAX_AGE_DISCONNECTED,
            2 * MAX_AGE_DISCONNECTED,
            MAX_AGE - MOMENT,
        ] {
            freshness.confirm(read.at + age);
            assert!(freshness.is_fresh(read, read.at + age), "{age:?}");
        }
        freshness.confirm(read.at + MAX_AGE);
        assert!(!freshness.is_fresh(read, read.at + MAX_AGE));
    }

    #[test]
    fn cached_read_expires_within_a_second_while_disconnected() {
        let freshness = Freshness::new();
        let never = freshness.read_stamp();
        assert!(freshness.is_fresh(never, never.at));
        assert!(!freshness.is_fresh(never, never.at + MAX_AGE_DISCONNECTED));
        freshness.connected();
        let read = freshness.read_stamp();
        let lost = read.at + 3 * MAX_AGE_DISCONNECTED;
        freshness.confirm(lost);
        assert!(freshness.is_fresh(read, lost + MAX_AGE_DISCONNECTED - MOMENT));
        // After such a long silence, it is unknown which events were missed.
        assert!(!freshness.is_fresh(read, lost + MAX_AGE_DISCONNECTED));
        assert!(!freshness.is_connected(lost + MAX_AGE_DISCONNECTED));
        assert!(MAX_AGE_DISCONNECTED < Duration::from_secs(1));
    }

    #[test]
    fn read_before_a_connection_gap_is_not_valid_after_it() {
        let freshness = Freshness::new();
        freshness.connected();
        let read = freshness.read_stamp();
        freshness.connected();
        freshness.confirm(read.at + 2 * MAX_AGE_DISCONNECTED);
        assert!(!freshness.is_fresh(read, read.at + 2 * MAX_AGE_DISCONNECTED));
    }
}
