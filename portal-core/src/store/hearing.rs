//! How long what was read counts, which depends on whether a change would be heard of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Store;

/// How often this process makes sure that it hears of changes.
pub(super) const BEAT: Duration = Duration::from_millis(300);
/// How old what was read may be while changes may go unheard.
const UNHEARD: Duration = Duration::from_millis(900);
/// How old it may be at all: bounds what a lost hint can do.
const HEARD: Duration = Duration::from_secs(60);

/// Up to when this process has heard of every change that others have told.
#[derive(Debug, Clone)]
pub(super) struct Hearing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Instant,
    /// Microseconds since `base`.
    heard_to: AtomicU64,
    /// Counts connections: between two of them changes went unheard.
    connection: AtomicU64,
}

/// When something was read; taken before reading.
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

    /// From now on changes are heard of; what was read before may have changed unheard.
    pub(super) fn begin(&self) {
        self.0.connection.fetch_add(1, Ordering::AcqRel);
        self.heard(Instant::now());
    }

    /// Everything that was told before an instant has been heard.
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
    /// The mark to keep with what is read next.
    pub(crate) fn read_at(&self) -> ReadAt {
        self.hearing.read_at()
    }

    /// Whether what was read then may still be taken for true: for a minute while this process
    /// hears of changes, else for less than a second.
    pub(crate) fn is_current(&self, read: ReadAt) -> bool {
        self.hearing.is_current(read, Instant::now())
    }

    /// Whether a change that another process makes would be heard of.
    pub(crate) fn hears_others(&self) -> bool {
        self.hearing.hears(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn what_was_read_counts_for_a_minute_while_changes_are_heard_of() {
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
    fn it_counts_for_less_than_a_second_while_they_are_not() {
        let hearing = Hearing::new();
        let never = hearing.read_at();
        assert!(hearing.is_current(never, never.at));
        assert!(!hearing.is_current(never, never.at + UNHEARD));
        hearing.begin();
        let read = hearing.read_at();
        let lost = read.at + 3 * UNHEARD;
        hearing.heard(lost);
        assert!(hearing.is_current(read, lost + UNHEARD - MOMENT));
        // Nothing has come for so long that nobody knows what has been missed.
        assert!(!hearing.is_current(read, lost + UNHEARD));
        assert!(!hearing.hears(lost + UNHEARD));
        assert!(UNHEARD < Duration::from_secs(1));
    }

    #[test]
    fn what_was_read_before_a_gap_does_not_count_after_it() {
        let hearing = Hearing::new();
        hearing.begin();
        let read = hearing.read_at();
        hearing.begin();
        hearing.heard(read.at + 2 * UNHEARD);
        assert!(!hearing.is_current(read, read.at + 2 * UNHEARD));
    }
}
