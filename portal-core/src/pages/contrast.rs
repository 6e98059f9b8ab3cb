//! Reads tokens.css back and measures what a reader has to read.

use std::collections::HashMap;

use super::theme::{Accent, Gray, Theme};

type Tokens = HashMap<String, [String; 2]>;

/// `selector{--a:b;--c:d}` blocks, with the value for light and dark.
fn blocks() -> Vec<(String, Tokens)> {
    let css = include_str!("../../assets/tokens.css");
    css.lines()
        .filter(|line| line.contains("{--"))
        .map(|line| {
            let (selector, body) = line.split_once('{').unwrap();
            let tokens = body.trim_end_matches('}').split(';').map(|entry| {
                let (name, value) = entry.split_once(':').unwrap();
                let values = match value.strip_prefix("light-dark(") {
                    Some(pair) => {
                        let (light, dark) = pair.trim_end_matches(')').split_once(',').unwrap();
                        [light.to_owned(), dark.to_owned()]
                    }
                    None => [value.to_owned(), value.to_owned()],
                };
                (name.trim_start_matches("--").to_owned(), values)
            });
            (selector.to_owned(), tokens.collect())
        })
        .collect()
}

/// The grays of the style sheet; `auto` is one of them.
pub(super) const GRAYS: [&str; 6] = ["gray", "mauve", "slate", "sage", "olive", "sand"];

/// A token of a gray, for light and dark.
pub(super) fn gray_token(gray: &str, name: &str) -> [String; 2] {
    let wanted = format!("[data-gray={gray}]");
    let mut blocks = blocks().into_iter();
    let is_of = |selector: &str| selector.split(',').any(|part| part.trim() == wanted);
    let (_, tokens) = blocks.find(|(selector, _)| is_of(selector)).unwrap();
    tokens[name].clone()
}

fn luminance(hex: &str) -> f64 {
    let digits = hex.trim_start_matches('#');
    let channel = |at: usize| {
        let text = if digits.len() == 3 {
            digits[at..=at].repeat(2)
        } else {
            digits[at * 2..at * 2 + 2].to_owned()
        };
        let value = f64::from(u8::from_str_radix(&text, 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_accent_and_gray_reads_in_both_modes() {
    let blocks = blocks();
    let select = |needle: &str, tokens: &mut Tokens| {
        for (selector, block) in &blocks {
            if selector.split(',').any(|part| part.trim() == needle) {
                tokens.extend(block.clone());
            }
        }
    };
    let mut checked = 0;
    let mut faults = Vec::new();
    for accent in Accent::ALL {
        for gray in Gray::ALL.iter().filter(|gray| **gray != Gray::Auto) {
            let mut tokens = Tokens::new();
            select(":root", &mut tokens);
            select(&format!("[data-gray={gray}]"), &mut tokens);
            select("[data-accent]", &mut tokens);
            select(&format!("[data-accent={accent}]"), &mut tokens);
            for mode in [0, 1] {
                let value = |name: &str| {
                    let mut value = tokens[name][mode].clone();
                    while let Some(inner) = value.strip_prefix("var(--") {
                        value = tokens[inner.trim_end_matches(')')][mode].clone();
                    }
                    value
                };
                let mut need = |text: &str, ground: &str, least: f64| {
                    checked += 1;
                    let ratio = contrast(&value(text), &value(ground));
                    if ratio < least {
                        faults.push(format!(
                            "{accent}/{gray}/{mode}: {text} on {ground} is {ratio:.2}"
                        ));
                    }
                };
                need("accent-contrast", "accent-solid", 4.5);
                need("accent-contrast", "accent-hover", 4.5);
                for ground in [
                    "accent-2", "accent-3", "accent-4", "gray-1", "gray-2", "surface", "raised",
                ] {
                    need("accent-text", ground, 4.5);
                }
                for ground in [
                    "gray-1", "gray-2", "gray-3", "surface", "raised", "accent-2",
                ] {
                    need("gray-11", ground, 4.5);
                    need("gray-12", ground, 7.0);
                }
                need("gray-12", "gray-4", 7.0);
                need("gray-1", "gray-12", 7.0);
                need("field-line", "surface", 3.0);
                need("field-line", "raised", 3.0);
                need("accent-mark", "surface", 3.0);
                // Neighbours in a chart; chart.css has the same pairs.
                need("accent-text", "surface", 3.0);
                let first = ["accent-mark", "accent-text"][mode];
                let (second, third) = match (*accent, mode) {
                    (Accent::Gray, _) | (_, 1) => ("field-line", "gray-12"),
                    _ => ("gray-12", "field-line"),
                };
                need(first, second, 2.0);
                need(second, third, 2.0);
                for status in ["info", "success", "warning", "danger"] {
                    need(&format!("{status}-mark"), "surface", 3.0);
                    need(&format!("{status}-text"), &format!("{status}-fill"), 4.5);
                    need(&format!("{status}-text"), "surface", 4.5);
                    need(&format!("{status}-text"), "raised", 4.5);
                    need("gray-12", &format!("{status}-fill"), 7.0);
                }
            }
        }
    }
    assert!(checked > 26 * 6 * 2 * 40);
    assert!(
        faults.is_empty(),
        "{} faults, such as {:#?}",
        faults.len(),
        &faults[..faults.len().min(12)]
    );
}

#[test]
fn every_gray_and_accent_is_in_the_style_sheet_and_auto_pairs_each() {
    let css = include_str!("../../assets/tokens.css");
    for gray in Gray::ALL {
        assert!(css.contains(&format!("[data-gray={gray}]")), "{gray}");
    }
    for accent in Accent::ALL {
        assert!(
            css.lines()
                .any(|line| line.contains(&format!("[data-accent={accent}]{{"))),
            "{accent}"
        );
        assert!(
            css.lines().any(|line| line.contains("data-gray=auto")
                && line.contains(&format!("[data-accent={accent}]"))),
            "{accent}"
        );
    }
}

#[test]
fn auto_says_what_the_style_sheet_does() {
    let css = include_str!("../../assets/tokens.css");
    for accent in Accent::ALL {
        let theme = Theme::default().accent(*accent);
        let needle = format!("[data-accent={accent}]");
        let line = css
            .lines()
            .find(|line| line.contains("data-gray=auto") && line.contains(&needle));
        let gray = theme.paired_gray();
        assert!(
            line.unwrap().contains(&format!("[data-gray={gray}]")),
            "{accent} {gray}"
        );
    }
}
