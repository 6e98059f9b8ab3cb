//! Syntax highlighting for Rust, with CSS classes.

use portal_core::prelude::*;

const KEYWORDS: [&str; 11] = [
    "async", "await", "fn", "for", "in", "let", "match", "pub", "struct", "use", "return",
];

/// Renders Rust source code as highlighted markup.
pub(crate) fn rust(source: &str) -> Markup {
    html! { @for (class, text) in pieces(source) { @match class { Some(class) => span class=(class) { (text) }, None => (text) } } }
}

/// Splits source code into pieces, each with its CSS class.
fn pieces(mut rest: &str) -> Vec<(Option<&'static str>, &str)> {
    let mut pieces = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '/' if rest.starts_with("//") => (Some("c-note"), rest.find('\n')),
            '#' if rest.starts_with("#[") => (Some("c-mark"), rest.find(']').map(|at| at + 1)),
            '"' => (
                Some("c-text"),
                rest.get(1..)
                    .and_then(|rest| rest.find('"'))
                    .map(|at| at + 2),
            ),
            letter if letter.is_alphabetic() || letter == '_' => {
                let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
                let class = if KEYWORDS.contains(&word) {
                    Some("c-word")
                } else if first.is_uppercase() {
                    Some("c-type")
                } else {
                    None
                };
                (class, end)
            }
            digit if digit.is_ascii_digit() => (
                Some("c-text"),
                rest.find(|letter: char| !letter.is_ascii_digit()),
            ),
            _ => (None, Some(first.len_utf8())),
        };
        let (piece, after) = rest.split_at(length.unwrap_or(rest.len()));
        pieces.push((class, piece));
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_is_highlighted_without_losing_text() {
        let source =
            "/// A <b>\n#[page(\"/x\")]\nasync fn x(a: Option<u8>) -> Markup { \"é\"; 12 }";
        let all: String = pieces(source).into_iter().map(|(_, text)| text).collect();
        assert_eq!(all, source);
        let html = rust(source).into_string();
        assert!(
            html.contains("<span class=\"c-note\">/// A &lt;b&gt;</span>"),
            "{html}"
        );
        assert!(
            html.contains("<span class=\"c-word\">async</span> <span class=\"c-word\">fn</span>")
        );
        assert!(html.contains("<span class=\"c-type\">Markup</span>"));
        assert_eq!(
            rust("\"open").into_string(),
            "<span class=\"c-text\">&quot;open</span>"
        );
    }
}
