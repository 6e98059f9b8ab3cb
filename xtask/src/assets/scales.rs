//! Radix color scales: twelve steps each, light and dark.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

use super::color::Color;
use super::package::Unpacked;
use super::tokens::{ACCENTS, GRAYS};

const STEPS: usize = 12;

/// Twelve colors for one mode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale([Color; STEPS]);

impl Scale {
    /// Returns a step; as in Radix, the first one is 1.
    pub(super) fn step(&self, step: usize) -> Color {
        let color = step.checked_sub(1).and_then(|index| self.0.get(index));
        color.copied().unwrap_or(Color::WHITE)
    }
}

/// All scales, by name.
#[derive(Debug)]
pub(super) struct Scales {
    by_name: HashMap<String, [Scale; 2]>,
}

impl Scales {
    /// Returns a scale in light and in dark mode.
    pub(super) fn get(&self, name: &str) -> Result<&[Scale; 2]> {
        let scale = self.by_name.get(name);
        scale.with_context(|| format!("unknown scale `{name}`"))
    }

    /// Reads the package's style sheets; uses only their hexadecimal values.
    pub(super) fn of_package(package: &Unpacked) -> Result<Self> {
        let mut by_name = HashMap::new();
        for name in names() {
            let light = of_style_sheet(name, &package.text(&format!("{name}.css"))?)?;
            let dark = of_style_sheet(name, &package.text(&format!("{name}-dark.css"))?)?;
            by_name.insert(name.to_owned(), [light, dark]);
        }
        Ok(Self { by_name })
    }

    /// Parses the output of [`to_text`](Self::to_text).
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut rows = HashMap::new();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (Some(name), Some(mode)) = (words.next(), words.next()) else {
                bail!("`{line}` is not a scale");
            };
            rows.insert((name, mode), scale(words).with_context(|| name.to_owned())?);
        }
        let mut by_name = HashMap::new();
        for name in names() {
            let row = |mode| {
                let found = rows.get(&(name, mode)).copied();
                found.with_context(|| format!("missing {mode} scale `{name}`"))
            };
            by_name.insert(name.to_owned(), [row("light")?, row("dark")?]);
        }
        Ok(Self { by_name })
    }

    /// Writes one line for each scale and mode.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for name in names() {
            let Some(scales) = self.by_name.get(name) else {
                continue;
            };
            for (mode, scale) in ["light", "dark"].iter().zip(scales) {
                let steps: Vec<String> = scale.0.iter().map(|color| color.long()).collect();
                // Writing to a `String` never fails.
                let _ = writeln!(text, "{name} {mode} {}", steps.join(" "));
            }
        }
        text
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    GRAYS.into_iter().chain(ACCENTS)
}

/// Reads the hexadecimal values of the steps; the sheet then repeats the steps for wide-gamut
/// screens.
fn of_style_sheet(name: &str, sheet: &str) -> Result<Scale> {
    let steps = (1..=STEPS).map(|step| {
        let start = format!("--{name}-{step}: #");
        let from = sheet.find(&start)? + start.len() - 1;
        sheet.get(from..from + 7)
    });
    scale(steps.map(Option::unwrap_or_default)).with_context(|| name.to_owned())
}

fn scale<'a>(colors: impl Iterator<Item = &'a str>) -> Result<Scale> {
    let colors: Vec<Color> = colors.map(str::parse).collect::<Result<_>>()?;
    match colors.try_into() {
        Ok(colors) => Ok(Scale(colors)),
        Err(_) => bail!("a scale must have {STEPS} steps"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheet_yields_hexadecimal_values_only() {
        let steps: Vec<String> = (1..=12)
            .map(|step| format!("--ruby-{step}: #0000{step:02};"))
            .collect();
        let sheet = format!(":root {{ {} }} --ruby-1: color(p3)", steps.join(" "));
        let scale = of_style_sheet("ruby", &sheet).unwrap();
        assert_eq!(scale.step(12).long(), "#000012");
        assert!(of_style_sheet("red", &sheet).is_err());
    }

    #[test]
    fn scale_with_missing_steps_is_rejected() {
        assert!(Scales::parse("gray light #fcfcfc #f9f9f9\n").is_err());
        assert!(Scales::parse("").is_err());
    }
}
