//! Number formats for chart values.

/// Unit of the values of a chart, which determines their format.
///
/// ```
/// use portal_core::pages::components::Unit;
///
/// assert_eq!(Unit::Count.short(1234.0), "1.2k");
/// assert_eq!(Unit::Count.full(1234.0), "1,234");
/// assert_eq!(Unit::Seconds.short(150.0), "2.5 min");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unit {
    /// Whole numbers: 1,234.
    #[default]
    Count,
    /// Any number: 0.25.
    Number,
    /// Percentages with one decimal, except 0 and 100: 12.5%, 7.0%.
    Percent,
    /// A duration in seconds: 1.2 s.
    Seconds,
}

/// Smallest number that is written in scientific notation.
const MAX_VALUE: f64 = 1e15;

impl Unit {
    /// Formats a value in about six characters at most, for axes.
    #[must_use]
    pub fn short(self, value: f64) -> String {
        match self {
            _ if !value.is_finite() => "–".to_owned(),
            Self::Count | Self::Number => abbreviated(value),
            Self::Percent => format!("{}%", trimmed(value, 1)),
            Self::Seconds => duration(value),
        }
    }

    /// Formats a value in full, for tables and tooltips.
    #[must_use]
    pub fn full(self, value: f64) -> String {
        match self {
            _ if !value.is_finite() => "–".to_owned(),
            Self::Count | Self::Number if value.abs() < MAX_VALUE => grouped(value),
            Self::Percent => percent(value),
            _ => self.short(value),
        }
    }

    /// Returns the unit in which the steps of an axis should be round numbers.
    pub(super) fn base(self, greatest: f64) -> f64 {
        match self {
            Self::Seconds if greatest > 2.0 * 86_400.0 => 86_400.0,
            Self::Seconds if greatest > 2.0 * 3_600.0 => 3_600.0,
            Self::Seconds if greatest > 120.0 => 60.0,
            _ => 1.0,
        }
    }
}

/// Formats a percentage with a fixed number of decimals, so that adjacent percentages align.
fn percent(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.as_str() {
        "0.0" | "-0.0" => "0%".to_owned(),
        "100.0" => "100%".to_owned(),
        _ => format!("{text}%"),
    }
}

/// Formats a number without trailing zeros, and never as `-0`.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    if text == "-0" { "0" } else { text }.to_owned()
}

/// Returns the number of decimals that leaves three significant digits.
fn decimals(value: f64) -> usize {
    match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    }
}

fn abbreviated(value: f64) -> String {
    const STEPS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
    let size = value.abs();
    if size >= MAX_VALUE {
        return format!("{value:.1e}");
    }
    // A value that rounds up to the next step is written in that step, such as 1M instead of 1000k.
    match STEPS.iter().find(|(step, _)| size >= step * 0.9995) {
        Some((step, letter)) => {
            let part = value / step;
            let decimals = usize::from(part.abs() < 99.95);
            format!("{}{letter}", trimmed(part, decimals))
        }
        None => trimmed(value, decimals(value)),
    }
}

fn grouped(value: f64) -> String {
    let text = trimmed(value, decimals(value));
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", &*text), |rest| ("-", rest));
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let mut grouped = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !rest.is_empty() {
        grouped.push('.');
        grouped.push_str(rest);
    }
    grouped
}

fn duration(seconds: f64) -> String {
    let size = seconds.abs();
    let (part, unit) = match size {
        _ if size < 1e-9 => return "0 s".to_owned(),
        _ if size < 0.9995 => (seconds * 1e3, "ms"),
        _ if size < 120.0 => (seconds, "s"),
        _ if size < 7_200.0 => (seconds / 60.0, "min"),
        _ if size < 172_800.0 => (seconds / 3_600.0, "h"),
        _ => (seconds / 86_400.0, "d"),
    };
    if part.abs() >= MAX_VALUE {
        return format!("{part:.1e} {unit}");
    }
    format!("{} {unit}", trimmed(part, usize::from(part.abs() < 99.95)))
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn numbers_are_short_on_axes_and_full_in_tables() {
        let short = |value| Unit::Count.short(value);
        assert_eq!(short(0.0), "0");
        assert_eq!(short(-0.0), "0");
        assert_eq!(short(999.0), "999");
        assert_eq!(short(999.9), "1k");
        assert_eq!(short(1_250.0), "1.2k");
        assert_eq!(short(999_960.0), "1M");
        assert_eq!(short(-2_500_000.0), "-2.5M");
        assert_eq!(short(u64::MAX as f64), "1.8e19");
        assert_eq!(short(f64::NAN), "–");
        assert_eq!(Unit::Number.short(0.05), "0.05");
        assert_eq!(Unit::Count.full(1_234_567.0), "1,234,567");
        assert_eq!(Unit::Count.full(-1_234.0), "-1,234");
        assert_eq!(Unit::Count.full(123.0), "123");
        assert_eq!(Unit::Number.full(12.5), "12.5");
        assert_eq!(Unit::Percent.full(33.333), "33.3%");
        assert_eq!(Unit::Percent.full(7.0), "7.0%");
        assert_eq!(Unit::Percent.full(0.04), "0%");
        assert_eq!(Unit::Percent.full(100.0), "100%");
    }

    #[test]
    fn duration_unit_depends_on_its_length() {
        let short = |value| Unit::Seconds.short(value);
        assert_eq!(short(0.0), "0 s");
        assert_eq!(short(0.25), "250 ms");
        assert_eq!(short(0.0005), "0.5 ms");
        assert_eq!(short(1.25), "1.2 s");
        assert_eq!(short(150.0), "2.5 min");
        assert_eq!(short(10_800.0), "3 h");
        assert_eq!(short(864_000.0), "10 d");
        assert!(short(1e300).len() < 12);
    }
}
