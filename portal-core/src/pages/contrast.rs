//! Contrast tests: parse tokens.css and measure the contrast of every color pair.

use std::collections::HashMap;

use super::theme::{Accent, Gray, Theme};

type Tokens = HashMap<String, [String; 2]>;

const SHEET: &str = include_str!("../../assets/tokens.css");

/// Parses `selector{--a:b;--c:d}` blocks into values for light and dark.
fn blocks(css: &str) -> Vec<(String, Tokens)> {
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

/// Grays in the style sheet; `auto` resolves to one of them.
pub(super) const GRAYS: [&str; 6] = ["gray", "mauve", "slate", "sage", "olive", "sand"];

/// Returns the values of a gray's token for light and dark.
pub(super) fn gray_token(gray: &str, name: &str) -> [String; 2] {
    let wanted = format!("[data-gray={gray}]");
    let mut blocks = blocks(SHEET).into_iter();
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

/// Returns `true` if a block applies to elements with this accent and gray.
fn is_for(selector: &str, accent: &Accent, gray: &Gray) -> bool {
    let own = [
        ":root".to_owned(),
        "[data-accent]".to_owned(),
        format!("[data-accent={accent}]"),
        format!("[data-gray={gray}]"),
    ];
    let pair = "[data-gray=auto]";
    let is_own = |part: &str| own.iter().any(|known| known == part);
    if *gray == Gray::Auto
        && let Some((_, accents)) = selector.split_once(pair)
    {
        return accents.contains(&format!("[data-accent={accent}]"));
    }
    selector.split(',').any(|part| is_own(part.trim()))
}

/// Returns the unreadable pairs across all accents, grays and modes, and the number measured.
fn problems(css: &str) -> (Vec<String>, usize) {
    let blocks = blocks(css);
    let mut checked = 0;
    let mut problems = Vec::new();
    for accent in Accent::ALL {
        for gray in Gray::ALL {
            let mut tokens = Tokens::new();
            for (selector, block) in &blocks {
                if is_for(selector, accent, gray) {
                    tokens.extend(block.clone());
                }
            }
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
                        problems.push(format!(
                            "{accent}/{gray}/{mode}: {text} on {ground} is {ratio:.2}"
                        ));
                    }
                };
                need("accent-contrast", "accent-solid", 4.5);
                need("accent-contrast", "accent-hover", 4.5);
                for ground in [
                    "accent-2", "accent-3", "accent-4", "gray-1", "gray-2", "surface", "raised",
                ] {
                    // Text and focus outlines.
                    need("accent-text", ground, 4.5);
                }
                for ground in [
                    "gray-1", "gray-2", "gray-3", "surface", "raised", "accent-2",
                ] {
                    need("gray-11", ground, 4.5);
                    need("gray-12", ground, 7.0);
                }
                need("accent-text", "gray-3", 3.0);
                need("gray-12", "gray-4", 7.0);
                need("gray-1", "gray-12", 7.0);
                for ground in ["gray-1", "surface", "raised"] {
                    need("field-line", ground, 3.0);
                    need("accent-mark", ground, 3.0);
                }
                // Adjacent chart colors; chart.css uses the same pairs.
                let first = ["accent-mark", "accent-text"][mode];
                let (second, third) = match (*accent, mode) {
                    (Accent::Gray, _) | (_, 1) => ("field-line", "gray-12"),
                    _ => ("gray-12", "field-line"),
                };
                need(first, second, 2.0);
                need(second, third, 2.0);
                for status in ["info", "success", "warning", "danger"] {
                    let text = format!("{status}-text");
                    need(&text, &format!("{status}-fill"), 4.5);
                    for ground in ["gray-1", "gray-2", "surface", "raised"] {
                        need(&text, ground, 4.5);
                        need(&format!("{status}-mark"), ground, 3.0);
                    }
                    need("gray-12", &format!("{status}-fill"), 7.0);
                }
                // Text on destructive buttons is white in every theme.
                let danger = contrast("#fff", &value("danger-solid"));
                let hovered = contrast("#fff", &value("danger-hover"));
                if danger.min(hovered) < 4.5 {
                    problems.push(format!("{accent}/{gray}/{mode}: white on danger"));
                }
            }
        }
    }
    (problems, checked)
}

#[test]
fn every_accent_and_gray_is_readable_in_both_modes() {
    let (problems, checked) = problems(SHEET);
    assert!(checked > 26 * 7 * 2 * 60, "{checked}");
    assert!(
        problems.is_empty(),
        "{} violations, such as {:#?}",
        problems.len(),
        &problems[..problems.len().min(12)]
    );
}

#[test]
fn unreadable_token_is_detected() {
    for (token, broken) in [
        ("accent-solid", "#aaa"),
        ("accent-text", "light-dark(#888,#666)"),
        ("accent-mark", "#999"),
        ("gray-11", "#999"),
        ("field-line", "light-dark(#ccc,#333)"),
        ("surface", "#777"),
        ("success-text", "light-dark(#8c8,#363)"),
        ("danger-solid", "#f99"),
    ] {
        // This breaks the last block with the token, and thus at least one accent or gray.
        let at = SHEET.rfind(&format!("--{token}:")).unwrap() + token.len() + 3;
        let rest = &SHEET[at..];
        let end = rest.find(['{', '}', ';']).unwrap();
        let sheet = format!("{}{broken}{}", &SHEET[..at], &rest[end..]);
        assert!(!problems(&sheet).0.is_empty(), "{token}");
    }
}

#[test]
fn style_sheet_has_all_accents_grays_and_auto_pairs() {
    let css = SHEET;
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
fn paired_gray_matches_the_style_sheet() {
    let css = SHEET;
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
