//! Color conversions between hex notation, sRGB and OKLCH.
//!
//! The formulas are from <https://bottosson.github.io/posts/oklab/>: they take thirty lines,
//! whereas crates for this purpose are entire color libraries.

/// Color in sRGB, the color space of screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb([u8; 3]);

/// Color in OKLCH: lightness, chroma and hue, in perceptually uniform steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Oklch {
    /// From 0 (black) to 1 (white).
    pub(super) lightness: f64,
    /// 0 is gray; few screens exceed 0.3.
    pub(super) chroma: f64,
    /// Angle in radians.
    pub(super) hue: f64,
}

impl Rgb {
    pub(super) const WHITE: Self = Self([255; 3]);

    /// Parses `#0f766e` or `#0f7`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix('#')?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let channels = match digits.len() {
            3 => [8, 4, 0].map(|shift| (number >> shift & 15) * 17),
            6 => [16, 8, 0].map(|shift| number >> shift & 255),
            _ => return None,
        };
        Some(Self(channels.map(|it| u8::try_from(it).unwrap_or(u8::MAX))))
    }

    pub(super) fn hex(self) -> String {
        let Self([red, green, blue]) = self;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    fn linear(self) -> [f64; 3] {
        self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Returns the contrast ratio between two colors as defined by WCAG, from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    pub(super) fn to_oklch(self) -> Oklch {
        let [red, green, blue] = self.linear();
        let l = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
        let m = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
        let s = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
        let a = 1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s;
        let b = 0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s;
        Oklch {
            lightness: 0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            chroma: a.hypot(b),
            hue: b.atan2(a),
        }
    }
}

impl Oklch {
    fn linear(self) -> [f64; 3] {
        let (a, b) = (self.chroma * self.hue.cos(), self.chroma * self.hue.sin());
        let l = (self.lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (self.lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (self.lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        [
            4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
            -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
            -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
        ]
    }

    fn is_on_screens(self) -> bool {
        let bounds = -0.000_1..=1.000_1;
        self.linear().iter().all(|channel| bounds.contains(channel))
    }

    /// Returns the nearest sRGB color: the same lightness and hue at the highest possible chroma.
    pub(super) fn to_rgb(self) -> Rgb {
        let mut shown = Self {
            lightness: self.lightness.clamp(0.0, 1.0),
            ..self
        };
        if !shown.is_on_screens() {
            let (mut weak, mut strong) = (0.0, self.chroma);
            for _ in 0..24 {
                shown.chroma = f64::midpoint(weak, strong);
                if shown.is_on_screens() {
                    weak = shown.chroma;
                } else {
                    strong = shown.chroma;
                }
            }
            shown.chroma = weak;
        }
        Rgb(shown.linear().map(|value| {
            let value = value.clamp(0.0, 1.0);
            let value = if value <= 0.003_130_8 {
                value * 12.92
            } else {
                1.055 * value.powf(1.0 / 2.4) - 0.055
            };
            // The clamp ensures 0 to 255.
            (value * 255.0).round() as u8
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_colors_are_parsed_and_formatted() {
        for (text, expected) in [
            ("#0f766e", Some("#0f766e")),
            (" #F0a ", Some("#ff00aa")),
            ("0f766e", None),
            ("#0f766", None),
            ("#+f766e", None),
            ("#ggg", None),
            ("teal", None),
            ("", None),
        ] {
            let found = Rgb::parse(text).map(Rgb::hex);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn oklch_round_trip_preserves_colors() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = Rgb([red, green, blue]);
                    assert_eq!(colour.to_oklch().to_rgb(), colour);
                }
            }
        }
    }

    #[test]
    fn out_of_gamut_color_loses_chroma_and_keeps_lightness() {
        let wild = Oklch {
            lightness: 0.6,
            chroma: 0.5,
            hue: 2.5,
        };
        let shown = wild.to_rgb().to_oklch();
        assert!((shown.lightness - 0.6).abs() < 0.01 && (shown.hue - 2.5).abs() < 0.05);
        assert!(shown.chroma < 0.3);
    }

    #[test]
    fn contrast_matches_wcag() {
        let black = Rgb::parse("#000").unwrap();
        assert!((Rgb::WHITE.contrast(black) - 21.0).abs() < 1e-9);
        let gray = Rgb::parse("#767676").unwrap();
        assert!((Rgb::WHITE.contrast(gray) - 4.54).abs() < 0.01);
    }
}
