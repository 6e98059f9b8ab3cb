//! Log lines that strangers can cause: one in a while, with the number of those that were left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time from one line to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// The rate of one log line.
#[derive(Debug, Default)]
pub(crate) struct LogRate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogRate {
    /// Returns the number of lines that were left out since the last one, or `None` if this one is to
    /// be left out too.
    pub(crate) fn line(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn flood_becomes_one_line_per_interval() {
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
