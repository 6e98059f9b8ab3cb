//! Results table.

use crate::summary::Summary;

/// A row in the table.
pub(super) struct Line {
    measure: String,
    ours: Option<Summary>,
    baseline: Option<Summary>,
    ratio: Option<Summary>,
    unit: &'static str,
    aim: &'static str,
}

impl Line {
    /// Creates a row that compares the portal with a baseline; the ratio is computed per round.
    pub(super) fn compared(
        measure: impl Into<String>,
        unit: &'static str,
        ours: &[f64],
        baseline: &[f64],
        aim: &'static str,
    ) -> Self {
        let ratios = ours.iter().zip(baseline).map(|(ours, other)| ours / other);
        Self {
            measure: measure.into(),
            ours: Summary::of(ours.iter().copied()),
            baseline: Summary::of(baseline.iter().copied()),
            ratio: Summary::of(ratios),
            unit,
            aim,
        }
    }

    /// Creates a row for the portal alone, without a baseline.
    pub(super) fn alone(
        measure: impl Into<String>,
        unit: &'static str,
        ours: &[f64],
        aim: &'static str,
    ) -> Self {
        Self {
            measure: measure.into(),
            ours: Summary::of(ours.iter().copied()),
            baseline: None,
            ratio: None,
            unit,
            aim,
        }
    }
}

/// Prints the rows as a Markdown table.
pub(super) fn print(lines: &[Line]) {
    println!("| measure | unit | ours | baseline | ratio | aim |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for line in lines {
        let Line {
            measure, unit, aim, ..
        } = line;
        let ours = numbers(line.ours.as_ref());
        let baseline = numbers(line.baseline.as_ref());
        let ratio = line.ratio.as_ref().map(|ratio| format!("{ratio:.2}"));
        let ratio = ratio.unwrap_or_default();
        println!("| {measure} | {unit} | {ours} | {baseline} | {ratio} | {aim} |");
    }
}

/// Formats the three numbers with as many decimals as necessary.
fn numbers(spread: Option<&Summary>) -> String {
    match spread {
        None => String::new(),
        Some(spread) if spread.median >= 100.0 => format!("{spread:.0}"),
        Some(spread) => format!("{spread:.2}"),
    }
}

/// Returns the given quantile of the numbers.
pub(super) fn quantile(numbers: &mut [f64], share: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    numbers.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantile_is_one_of_the_numbers() {
        let mut numbers = [3.0, 1.0, 2.0];
        assert_eq!(quantile(&mut numbers, 0.5), 2.0);
        assert_eq!(quantile(&mut numbers, 0.99), 3.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
