//! Summaries of measurements.

use std::fmt;

/// Minimum, median and maximum of several measurements.
#[derive(Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Summary {
    /// Summarizes the numbers; returns `None` if there are no numbers.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let upper = *numbers.get(numbers.len() / 2)?;
        let lower = *numbers.get((numbers.len() - 1) / 2)?;
        Some(Self {
            min: *numbers.first()?,
            median: f64::midpoint(lower, upper),
            max: *numbers.last()?,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = formatter.precision().unwrap_or(2);
        let Self { min, median, max } = self;
        write!(
            formatter,
            "{min:.decimals$} / {median:.decimals$} / {max:.decimals$}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn median_is_the_middle_value() {
        let spread = Summary::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread.to_string(), "1.00 / 2.00 / 3.00");
        assert_eq!(Summary::of([1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(Summary::of([]), None);
    }
}
