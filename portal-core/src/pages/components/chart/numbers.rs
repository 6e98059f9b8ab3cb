//! Numbers in SVG attributes.

use std::fmt;

/// A number with at most two decimals, as short as possible.
#[derive(Clone, Copy)]
pub(super) struct Decimal(pub(super) f64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round();
        let value = if hundredths == 0.0 {
            0.0
        } else {
            hundredths / 100.0
        };
        // Rust formats a number as the shortest text that represents it: `3`, `3.5`.
        write!(f, "{value}")
    }
}

impl maud::Render for Decimal {
    fn render_to(&self, buffer: &mut String) {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(buffer, "{self}");
    }
}

/// A [`Decimal`] in percent.
#[derive(Clone, Copy)]
pub(super) struct Percent(pub(super) f64);

impl maud::Render for Percent {
    fn render_to(&self, buffer: &mut String) {
        Decimal(self.0).render_to(buffer);
        buffer.push('%');
    }
}
