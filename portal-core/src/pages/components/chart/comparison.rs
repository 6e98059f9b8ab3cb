//! Comparison of a figure with the previous period.

use super::super::{StatCard, Tone};
use crate::store::TimeRange;

/// Shows on a card, with an arrow and in words, how a figure compares with the previous period.
///
/// `more_is` is the tone for a rise; a fall has the opposite tone.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{StatCard, Tone, with_comparison};
/// use portal_core::store::TimeRange;
///
/// let card = with_comparison(StatCard::new("Sign-ups", "28"), 28.0, 25.0, TimeRange::Week, Tone::Success);
/// assert!(card.render().into_string().contains("12%"));
/// ```
pub fn with_comparison(
    card: StatCard,
    now: f64,
    before: f64,
    range: TimeRange,
    more_is: Tone,
) -> StatCard {
    let words = range.label();
    let opposite = match more_is {
        Tone::Success => Tone::Danger,
        Tone::Danger => Tone::Success,
        other => other,
    };
    let change = (now - before) / before * 100.0;
    if now == before || !now.is_finite() || !before.is_finite() {
        card.note(format!("Same as previous {words}"))
    } else if before <= 0.0 {
        card.rise("from 0", format!("in the previous {words}"), more_is)
    } else if change > 0.0 {
        card.rise(percent(change), format!("vs previous {words}"), more_is)
    } else {
        card.fall(percent(-change), format!("vs previous {words}"), opposite)
    }
}

/// Formats a whole percentage; very small and very large values are shown as a limit.
fn percent(change: f64) -> String {
    match change {
        _ if change < 1.0 => "less than 1%".to_owned(),
        _ if change >= 1000.0 => "more than 1,000%".to_owned(),
        _ => format!("{change:.0}%"),
    }
}

#[cfg(test)]
mod tests {
    use maud::Render as _;

    use super::*;

    #[test]
    fn changes_are_described_in_words_including_from_zero() {
        let say = |now, before| {
            with_comparison(
                StatCard::new("x", "y"),
                now,
                before,
                TimeRange::Week,
                Tone::Success,
            )
            .render()
            .into_string()
        };
        assert!(say(0.0, 0.0).contains("Same as previous 7 days"));
        assert!(say(3.0, 0.0).contains("Up from 0"));
        assert!(say(0.0, 3.0).contains("Down 100%") && say(0.0, 3.0).contains("danger"));
        assert!(say(112.0, 100.0).contains("Up 12%") && say(112.0, 100.0).contains("success"));
        assert!(say(10_001.0, 10_000.0).contains("less than 1%"));
        assert!(say(u64::MAX as f64, 1.0).contains("Up more than 1,000%"));
        assert!(say(f64::NAN, 1.0).contains("Same"));
    }
}
