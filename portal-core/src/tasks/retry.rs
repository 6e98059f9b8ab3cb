//! When a failed task is tried again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::now;

/// How often a task may be begun, and how long it waits before it is begun again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RetryPolicy {
    pub(super) max_attempts: u32,
    /// The pause after the first failure; each one after it is twice as long.
    pub(super) backoff: Duration,
}

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A later moment is never, and written like this every database can keep it.
const NEVER: TimeDelta = TimeDelta::days(365_000);

/// The moment after a pause, however long.
pub(super) fn after(pause: Duration) -> DateTime<Utc> {
    now() + TimeDelta::from_std(pause).unwrap_or(NEVER).min(NEVER)
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            backoff: Duration::from_secs(1),
        }
    }
}

impl RetryPolicy {
    /// The pause after the failure of an attempt, counted from 1.
    ///
    /// Up to half of it is left to chance: what failed together need not come back together.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let longest = self.backoff.saturating_mul(doubled).min(LONGEST);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_without_end_has_an_end_that_can_be_stored() {
        for pause in [Duration::MAX, Duration::from_secs(u64::MAX / 1_000_000)] {
            let moment = after(pause);
            assert!(moment > now() + TimeDelta::days(364_000));
            assert!(moment.to_rfc3339().starts_with('3'), "{moment}");
        }
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_are_spread() {
        let policy = RetryPolicy {
            max_attempts: 9,
            backoff: Duration::from_secs(2),
        };
        for (attempt, longest) in [(1, 2), (2, 4), (5, 32), (12, 3600), (u32::MAX, 3600)] {
            let longest = Duration::from_secs(longest);
            let pauses: Vec<_> = (0..50).map(|_| policy.pause(attempt)).collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| *pause <= longest && *pause >= longest / 2),
                "{attempt}: {pauses:?}"
            );
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
