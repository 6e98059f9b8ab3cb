//! Retry policy: the maximum number of attempts and the delays between them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::now;

/// Maximum number of attempts and the delays between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tasks) struct RetryPolicy {
    pub(in crate::tasks) max_attempts: u32,
    /// Delay after the first failure; each later delay is twice as long.
    pub(in crate::tasks) backoff: Duration,
}

/// Maximum delay between attempts.
const MAX_DELAY: Duration = Duration::from_secs(60 * 60);

/// Maximum delay before a task, effectively never. Every database can store the resulting time.
const NEVER: TimeDelta = TimeDelta::days(365_000);

/// Returns the time after a delay, however long the delay is.
pub(in crate::tasks) fn after(pause: Duration) -> DateTime<Utc> {
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
    /// Returns the delay after a failed attempt; attempts are numbered from 1.
    ///
    /// Up to half of the delay is random, so that tasks that fail together are not retried
    /// together.
    pub(in crate::tasks) fn pause(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let longest = self.backoff.saturating_mul(doubled).min(MAX_DELAY);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbounded_delay_is_capped_to_a_storable_time() {
        for pause in [Duration::MAX, Duration::from_secs(u64::MAX / 1_000_000)] {
            let moment = after(pause);
            assert!(moment > now() + TimeDelta::days(364_000));
            assert!(moment.to_rfc3339().starts_with('3'), "{moment}");
        }
    }

    #[test]
    fn delays_double_up_to_an_hour_with_jitter() {
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
