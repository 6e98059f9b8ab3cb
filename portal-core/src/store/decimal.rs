//! Order of decimal numbers that SQLite stores as text.

#[cfg(feature = "sqlite")]
use std::cmp::Ordering;

#[cfg(feature = "sqlite")]
use rust_decimal::Decimal;

/// Collation of columns with decimal numbers. The names of collations are part of the database, so
/// this name must not change.
pub(super) const DECIMAL_COLLATION: &str = "portal_decimal";

/// Compares two texts as numbers. Texts that are not numbers come last, in alphabetical order.
#[cfg(feature = "sqlite")]
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    match (left.parse::<Decimal>(), right.parse::<Decimal>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_as_numbers() {
        let mut texts = [
            "x", "1200.50", "900.00", "-1", "", "0.3", "1e400", "1200.5", "-0.10",
        ];
        texts.sort_by(|left, right| compare(left, right));
        let expected = [
            "-1", "-0.10", "0.3", "900.00", "1200.50", "1200.5", "", "1e400", "x",
        ];
        assert_eq!(texts, expected);
        assert_eq!(compare("1.50", "1.5"), Ordering::Equal);
        let digits = "7.922816251426433759354395033";
        assert_eq!(compare(digits, &format!("{digits}0")), Ordering::Equal);
        assert_eq!(
            compare(digits, "7.922816251426433759354395034"),
            Ordering::Less
        );
    }
}
