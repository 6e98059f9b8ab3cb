//! Accent tokens derived from one color.
//!
//! They follow the same contrast rules as the tokens that `cargo xtask assets` builds from
//! hand-picked scales.

use super::color::{Oklch, Rgb};
use crate::pages::theme::Gray;

/// Lightness of steps 2 to 6, each with its share of the base chroma.
const LIGHT: [(f64, f64); 5] = [
    (0.984, 0.05),
    (0.962, 0.10),
    (0.938, 0.18),
    (0.908, 0.27),
    (0.868, 0.36),
];
const DARK: [(f64, f64); 5] = [
    (0.205, 0.16),
    (0.268, 0.36),
    (0.317, 0.46),
    (0.366, 0.52),
    (0.416, 0.58),
];
/// Maximum chroma of backgrounds; stronger ones would overpower the content on them.
const STRONGEST_LIGHT: f64 = 0.21;
const STRONGEST_DARK: f64 = 0.19;
/// Darkest background behind text in light mode, across all grays: gray 2.
///
/// Backgrounds in the accent color are excluded.
const LIGHT_GROUND: &str = "#f7f9f8";
/// Lightest background in dark mode, across all grays: raised surfaces.
const DARK_GROUND: &str = "#232225";
const DARK_PAGE: &str = "#111111";

/// Tokens of one accent, each for light and dark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccentTokens {
    /// Steps 2 to 6.
    pub(super) steps: [[Rgb; 2]; 5],
    pub(super) solid: [Rgb; 2],
    pub(super) hover: [Rgb; 2],
    /// Text on `solid` and `hover`.
    pub(super) contrast: [Rgb; 2],
    /// Links and text, on every background.
    pub(super) text: [Rgb; 2],
    /// Graphics without text: switches, progress bars, chart lines.
    pub(super) mark: [Rgb; 2],
    /// Gray that `auto` pairs with the accent.
    pub(super) gray: Gray,
}

impl AccentTokens {
    pub(super) fn derive(brand: Rgb) -> Self {
        let base = brand.to_oklch();
        let ground = |(lightness, share): (f64, f64), strongest: f64| {
            let chroma = base.chroma.min(strongest) * share;
            Oklch {
                lightness,
                chroma,
                ..base
            }
            .to_rgb()
        };
        let light = LIGHT.map(|step| ground(step, STRONGEST_LIGHT));
        let dark = DARK.map(|step| ground(step, STRONGEST_DARK));
        let [_, _, light_hover, ..] = light;
        let [_, _, dark_hover, ..] = dark;
        let known = |text| Rgb::parse(text).unwrap_or(brand);
        let (light_ground, dark_ground) = (known(LIGHT_GROUND), known(DARK_GROUND));

        let text_light = darkened(base.at_most(0.53), &[light_hover, light_ground], 4.6);
        let text_dark = lightened(
            Oklch {
                chroma: base.chroma.min(0.15),
                ..base.at_least(0.76)
            },
            &[dark_hover, dark_ground],
            4.6,
        );
        let text = [text_light, text_dark];
        let [filled_light, filled_dark] = [
            Filled::visible_on(base, Rgb::WHITE, 1.2),
            Filled::visible_on(base, known(DARK_PAGE), 1.3),
        ];
        let mark = [
            pick(filled_light.solid, &[Rgb::WHITE, light_hover], text_light),
            pick(filled_dark.solid, &[dark_ground, dark_hover], text_dark),
        ];
        let mut steps = [[Rgb::WHITE; 2]; 5];
        for (step, pair) in steps.iter_mut().zip(light.into_iter().zip(dark)) {
            *step = [pair.0, pair.1];
        }
        Self {
            steps,
            solid: [filled_light.solid, filled_dark.solid],
            hover: [filled_light.hover, filled_dark.hover],
            contrast: [filled_light.ink, filled_dark.ink],
            text,
            mark,
            gray: gray(base),
        }
    }

    /// Returns the tokens as CSS declarations.
    pub(super) fn css(&self) -> String {
        let steps = self.steps.iter().enumerate();
        let mut all: Vec<_> = steps
            .map(|(index, pair)| format!("--accent-{}:{}", index + 2, value(*pair)))
            .collect();
        for (name, pair) in [
            ("solid", self.solid),
            ("hover", self.hover),
            ("contrast", self.contrast),
            ("text", self.text),
            ("mark", self.mark),
        ] {
            all.push(format!("--accent-{name}:{}", value(pair)));
        }
        all.join(";")
    }
}

fn value([light, dark]: [Rgb; 2]) -> String {
    if light == dark {
        light.hex()
    } else {
        format!("light-dark({},{})", light.hex(), dark.hex())
    }
}

/// Colors of a filled button.
struct Filled {
    solid: Rgb,
    hover: Rgb,
    ink: Rgb,
}

impl Filled {
    /// Changes the lightness until the color is visible on the page, which black on black is not.
    fn visible_on(base: Oklch, page: Rgb, least: f64) -> Self {
        let is_dark = page.contrast(Rgb::WHITE) > 4.5;
        let mut colour = base;
        while colour.to_rgb().contrast(page) < least {
            colour.lightness = if is_dark {
                0.93
            } else {
                colour.lightness - 0.02
            };
        }
        Self::of(colour)
    }

    fn of(base: Oklch) -> Self {
        let solid = base.to_rgb();
        let white = solid.contrast(Rgb::WHITE);
        // With white text, a slightly darkened color is readable and still looks like the brand;
        // dark text on blue does not.
        if white >= 3.0 {
            let solid = darkened(base, &[Rgb::WHITE], 4.5);
            let hover = solid.to_oklch();
            let step = if hover.lightness < 0.3 { -0.06 } else { 0.04 };
            let hover = Oklch {
                lightness: hover.lightness - step,
                ..hover
            };
            return Self {
                solid,
                hover: darkened(hover, &[Rgb::WHITE], 4.5),
                ink: Rgb::WHITE,
            };
        }
        let ink = Oklch {
            lightness: 0.27,
            chroma: base.chroma.min(0.05),
            ..base
        };
        let darker = Oklch {
            lightness: base.lightness - 0.04,
            ..base
        };
        let hover = darker.to_rgb();
        Self {
            solid,
            hover,
            ink: darkened(ink, &[solid, hover], 4.6),
        }
    }
}

impl Oklch {
    fn at_most(self, lightness: f64) -> Self {
        Self {
            lightness: self.lightness.min(lightness),
            ..self
        }
    }

    fn at_least(self, lightness: f64) -> Self {
        Self {
            lightness: self.lightness.max(lightness),
            ..self
        }
    }
}

/// Darkens a color, if needed, until it is readable on every background; the hue is unchanged.
fn darkened(colour: Oklch, grounds: &[Rgb], least: f64) -> Rgb {
    moved(colour, grounds, least, -0.005)
}

/// Lightens a color, if needed, until it is readable on every background; the hue is unchanged.
fn lightened(colour: Oklch, grounds: &[Rgb], least: f64) -> Rgb {
    moved(colour, grounds, least, 0.005)
}

fn moved(mut colour: Oklch, grounds: &[Rgb], least: f64, step: f64) -> Rgb {
    loop {
        let shown = colour.to_rgb();
        let reads = grounds.iter().all(|it| shown.contrast(*it) >= least);
        if reads || !(0.0..=1.0).contains(&colour.lightness) {
            return shown;
        }
        colour.lightness += step;
    }
}

/// Returns the button color if it is visible on its backgrounds, otherwise the text color.
fn pick(solid: Rgb, grounds: &[Rgb; 2], text: Rgb) -> Rgb {
    let [surface, hover] = *grounds;
    if solid.contrast(surface) >= 3.0 && solid.contrast(hover) >= 2.0 {
        solid
    } else {
        text
    }
}

/// Returns the gray for a hue; the style sheet pairs the builtin accents in the same way.
fn gray(base: Oklch) -> Gray {
    if base.chroma < 0.03 {
        return Gray::Gray;
    }
    match base.hue.to_degrees().rem_euclid(360.0) {
        hue if hue < 37.0 => Gray::Mauve,
        hue if hue < 108.0 => Gray::Sand,
        hue if hue < 152.0 => Gray::Olive,
        hue if hue < 200.0 => Gray::Sage,
        hue if hue < 283.0 => Gray::Slate,
        _ => Gray::Mauve,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::pages::contrast::{GRAYS, gray_token};

    /// The tokens for a gray by name, each for light and dark.
    type Tokens = HashMap<&'static str, [Rgb; 2]>;

    fn grays() -> Vec<Tokens> {
        let names = [
            "gray-1", "gray-2", "gray-11", "gray-12", "surface", "raised",
        ];
        let of = |gray, name| gray_token(gray, name).map(|hex| Rgb::parse(&hex).unwrap());
        let tokens = |gray| names.map(|name| (name, of(gray, name))).into();
        GRAYS.map(tokens).into()
    }

    /// Returns violations of the rules that `pages::contrast` checks for builtin accents.
    fn faults(brand: Rgb, grays: &[Tokens]) -> Vec<String> {
        let tokens = AccentTokens::derive(brand);
        let mut faults = Vec::new();
        for mode in [0, 1] {
            let mut need = |what: &str, one: Rgb, other: Rgb, least: f64| {
                let ratio = one.contrast(other);
                if ratio < least {
                    faults.push(format!("{} {mode}: {what} {ratio:.2}", brand.hex()));
                }
            };
            let of = |pair: [Rgb; 2]| pair[mode];
            need("contrast/solid", of(tokens.contrast), of(tokens.solid), 4.5);
            need("contrast/hover", of(tokens.contrast), of(tokens.hover), 4.5);
            for step in &tokens.steps[..3] {
                need("text/step", of(tokens.text), of(*step), 4.5);
            }
            for gray in grays {
                let known = |name: &str| gray[name][mode];
                for ground in ["gray-1", "gray-2", "surface", "raised"] {
                    need("text/gray", of(tokens.text), known(ground), 4.5);
                }
                for surface in ["surface", "raised"] {
                    need("mark/surface", of(tokens.mark), known(surface), 3.0);
                }
                need("gray-11/2", known("gray-11"), of(tokens.steps[0]), 4.5);
                need("gray-12/2", known("gray-12"), of(tokens.steps[0]), 7.0);
            }
        }
        faults
    }

    #[test]
    fn every_color_is_readable_in_both_modes_with_every_gray() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut found, grays) = (Vec::new(), grays());
        let named = [
            "#000", "#fff", "#010101", "#fefefe", "#777", "#767676", "#ff0", "#00f", "#0f0",
        ];
        let named = named.map(|text| Rgb::parse(text).unwrap()).into_iter();
        let some =
            (0..2000).map(|_| Rgb::parse(&format!("#{:06x}", random.u32(..1 << 24))).unwrap());
        for brand in named.chain(some) {
            found.extend(faults(brand, &grays));
        }
        let first = &found[..found.len().min(12)];
        assert!(
            found.is_empty(),
            "{} violations, such as {first:#?}",
            found.len()
        );
    }

    #[test]
    fn brand_color_is_unchanged_where_it_is_readable() {
        for (brand, ink) in [("#0f766e", "#ffffff"), ("#7c3aed", "#ffffff")] {
            let brand = Rgb::parse(brand).unwrap();
            let tokens = AccentTokens::derive(brand);
            assert_eq!(tokens.solid, [brand; 2]);
            assert_eq!(tokens.contrast[0].hex(), ink);
        }
        let yellow = Rgb::parse("#ffd43b").unwrap();
        let tokens = AccentTokens::derive(yellow);
        assert_eq!(tokens.solid[0], yellow);
        assert!(tokens.contrast[0].contrast(Rgb::WHITE) > 7.0, "dark text");
        // White is readable on a slightly darker blue.
        let blue = Rgb::parse("#3b82f6").unwrap();
        let tokens = AccentTokens::derive(blue);
        assert_eq!(tokens.contrast[0], Rgb::WHITE);
        assert!((tokens.solid[0].to_oklch().lightness - blue.to_oklch().lightness).abs() < 0.1);
    }

    #[test]
    fn black_is_visible_in_dark_mode_and_white_in_light_mode() {
        let black = AccentTokens::derive(Rgb::parse("#000").unwrap());
        assert_eq!(black.solid[0].hex(), "#000000");
        assert!(black.solid[1].to_oklch().lightness > 0.9);
        let white = AccentTokens::derive(Rgb::WHITE);
        assert!(white.solid[0].contrast(Rgb::WHITE) >= 1.2);
    }

    #[test]
    fn gray_is_paired_by_hue() {
        for (brand, gray) in [
            ("#0f766e", "sage"),
            ("#3e63dd", "slate"),
            ("#e5484d", "mauve"),
            ("#f76b15", "sand"),
            ("#46a758", "olive"),
            ("#808080", "gray"),
        ] {
            let tokens = AccentTokens::derive(Rgb::parse(brand).unwrap());
            assert_eq!(tokens.gray.as_str(), gray, "{brand}");
        }
    }

    #[test]
    fn derived_tokens_match_the_style_sheet() {
        let css = AccentTokens::derive(Rgb::parse("#0f766e").unwrap()).css();
        let known = include_str!("../../../assets/tokens.css");
        let line = known
            .lines()
            .find(|line| line.contains("[data-accent=amber]{--"))
            .unwrap();
        let names = |text: &str| -> std::collections::BTreeSet<String> {
            let body = text.split('{').next_back().unwrap();
            let names = body
                .split(';')
                .filter_map(|entry| entry.trim_end_matches('}').split_once(':'));
            names.map(|(name, _)| name.to_owned()).collect()
        };
        assert_eq!(names(&css), names(line));
        assert!(!css.contains(['{', '}']), "{css}");
    }
}
