//! Vertical axis of a chart: its range and its grid lines.

use super::Unit;

/// Largest value drawn; larger values are clamped so that squares and sums stay finite.
const MAX_VALUE: f64 = 1e30;
/// Approximate number of steps on an axis.
const STEPS: f64 = 4.0;

/// Returns a value that can be drawn; `None` for NaN.
pub(super) fn drawable(value: Option<f64>) -> Option<f64> {
    value
        .filter(|value| !value.is_nan())
        .map(|value| value.clamp(-MAX_VALUE, MAX_VALUE))
}

/// An axis whose ends and steps are round numbers: 1, 2 or 5 times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    step: f64,
    steps: u8,
}

impl Scale {
    /// Creates an axis that covers zero and every value.
    pub(super) fn over(values: impl Iterator<Item = f64>, unit: Unit) -> Self {
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let base = unit.base(high.max(-low));
        let least = match unit {
            Unit::Count => 1.0,
            Unit::Percent => 0.1,
            Unit::Number | Unit::Seconds => 1e-6,
        };
        let step = round_up((high - low) / base / STEPS).max(least) * base;
        let below = (-low / step).ceil();
        // The axis has at least one step, even if every value is zero.
        let above = (high / step).ceil().max(f64::from(u8::from(below < 1.0)));
        Self {
            low: -below * step,
            step,
            // Both numbers are small, since a step is at least a quarter of the range.
            steps: (below + above).clamp(1.0, 12.0) as u8,
        }
    }

    /// Returns the values of the grid lines, from bottom to top.
    pub(super) fn ticks(&self) -> impl DoubleEndedIterator<Item = f64> {
        let (low, step) = (self.low, self.step);
        (0..=self.steps).map(move |at| low + f64::from(at) * step)
    }

    /// Returns a value's distance from the top, as a percentage of the height.
    pub(super) fn y(&self, value: f64) -> f64 {
        let height = f64::from(self.steps) * self.step;
        (100.0 - (value - self.low) / height * 100.0).clamp(0.0, 100.0)
    }
}

/// Rounds up to the next 1, 2 or 5 times a power of ten.
fn round_up(rough: f64) -> f64 {
    if rough <= 0.0 || !rough.is_finite() {
        return 0.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        // The tolerance absorbs rounding errors in the division.
        .find(|factor| rough <= factor * power * 1.000_000_1)
        .unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64], unit: Unit) -> Vec<f64> {
        Scale::over(values.iter().copied(), unit).ticks().collect()
    }

    #[test]
    fn ticks_are_round_numbers_and_include_zero() {
        assert_eq!(ticks(&[7.0, 3.0], Unit::Count), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(&[1.0], Unit::Count), [0.0, 1.0]);
        assert_eq!(ticks(&[], Unit::Count), [0.0, 1.0]);
        assert_eq!(ticks(&[0.0, 0.0], Unit::Count), [0.0, 1.0]);
        assert_eq!(
            ticks(&[2000.0], Unit::Count),
            [0.0, 500.0, 1000.0, 1500.0, 2000.0]
        );
        assert_eq!(ticks(&[-3.0, -1.0], Unit::Count), [-3.0, -2.0, -1.0, 0.0]);
        assert_eq!(
            ticks(&[-40.0, 60.0], Unit::Count),
            [-50.0, 0.0, 50.0, 100.0]
        );
        assert_eq!(ticks(&[150.0], Unit::Seconds), [0.0, 60.0, 120.0, 180.0]);
    }

    #[test]
    fn scale_of_extreme_values_has_few_steps() {
        for values in [
            vec![u64::MAX as f64],
            vec![MAX_VALUE, -MAX_VALUE],
            vec![f64::MIN_POSITIVE],
            vec![1e-5, 1e5],
            vec![99.999_999_9],
        ] {
            for unit in [Unit::Count, Unit::Number, Unit::Percent, Unit::Seconds] {
                let scale = Scale::over(values.iter().copied(), unit);
                let ticks: Vec<f64> = scale.ticks().collect();
                assert!((2..=8).contains(&ticks.len()), "{values:?}: {ticks:?}");
                assert!(ticks.iter().all(|tick| tick.is_finite()));
                assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
                for value in &values {
                    assert!((0.0..=100.0).contains(&scale.y(*value)));
                    assert!(*value <= ticks[ticks.len() - 1] && *value >= ticks[0]);
                }
            }
        }
        assert_eq!(drawable(Some(f64::NAN)), None);
        assert_eq!(drawable(Some(f64::INFINITY)), Some(MAX_VALUE));
    }

    #[test]
    fn top_is_zero_and_bottom_is_a_hundred() {
        let scale = Scale::over([8.0].into_iter(), Unit::Count);
        assert_eq!(
            (scale.y(8.0), scale.y(4.0), scale.y(0.0)),
            (0.0, 50.0, 100.0)
        );
    }
}
