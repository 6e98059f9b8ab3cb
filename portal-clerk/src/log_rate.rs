//! Rate limit for log messages that clients can trigger, with a count of suppressed messages.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Minimum time between two messages.
const INTERVAL: Duration = Duration::from_secs(10);

/// Rate limit for one log message.
#[derive(Debug, Default)]
pub(crate) struct LogRate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogRate {
    /// Returns the number of messages suppressed since the last logged one, or `None` if this one
    /// must be suppressed.
    pub(crate) fn line(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let is_due = state
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL);
        if !is_due {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_logs_one_message_per_interval() {
        let rate = LogRate::default();
        let start = Instant::now();
        assert_eq!(rate.line(start), Some(0));
        for _ in 0..500 {
            assert_eq!(rate.line(start), None);
        }
        assert_eq!(rate.line(start + INTERVAL), Some(500));
        assert_eq!(rate.line(start + INTERVAL), None);
        assert_eq!(rate.line(start + 2 * INTERVAL), Some(1));
    }
}
