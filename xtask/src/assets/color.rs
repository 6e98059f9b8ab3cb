//! Colors and contrast.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result};

/// An RGB color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Color([u8; 3]);

impl Color {
    /// White: `#ffffff`.
    pub(super) const WHITE: Self = Self([255; 3]);

    /// Scales the lightness of the color by a factor.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a byte fits a byte"
    )]
    pub(super) fn darkened(self, share: f64) -> Self {
        Self(
            self.0
                .map(|channel| (f64::from(channel) * share).round_ties_even() as u8),
        )
    }

    /// Returns the relative luminance as defined by WCAG 2.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Returns the contrast ratio as defined by WCAG 2, from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Formats the color with six digits.
    pub(super) fn long(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Color {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits
            .with_context(|| format!("`{text}` is not a color; expected the form `#0a1b2c`"))?;
        let number = u32::from_str_radix(digits, 16).with_context(|| text.to_owned())?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

/// Formats the color in the shortest CSS notation.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|channel| channel % 17 == 0) {
            let [red, green, blue] = self.0.map(|channel| channel % 16);
            return write!(f, "#{red:x}{green:x}{blue:x}");
        }
        f.write_str(&self.long())
    }
}

#[cfg(test)]
mod tests {
    use super::Color;

    #[test]
    fn colors_round_trip_through_text() {
        let color: Color = "#11aaff".parse().unwrap();
        assert_eq!(color.to_string(), "#1af");
        assert_eq!(color.long(), "#11aaff");
        assert!("#12345".parse::<Color>().is_err());
        assert!("#12345g".parse::<Color>().is_err());
    }

    #[test]
    fn contrast_matches_wcag() {
        let black: Color = "#000000".parse().unwrap();
        assert!((black.contrast(Color::WHITE) - 21.0).abs() < 1e-9);
        let gray: Color = "#767676".parse().unwrap();
        assert!((gray.contrast(Color::WHITE) - 4.54).abs() < 0.01);
    }
}
