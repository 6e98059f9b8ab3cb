//! Syntax highlighting for Rust, with CSS classes.

use portal_core::prelude::*;
use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};

const KEYWORDS: [&str; 11] = [
    "async", "await", "fn", "for", "in", "let", "match", "pub", "struct", "use", "return",
];

/// Renders Rust source code as highlighted markup.
pub(crate) fn rust(source: &str) -> Markup {
    html! { @for (class, text) in pieces(source) { @match class { Some(class) => span class=(class) { (text) }, None => (text) } } }
}

/// Splits source code into the tokens of rustc's lexer, each with its CSS class, if any.
fn pieces(source: &str) -> impl Iterator<Item = (Option<&'static str>, &str)> {
    let (mut rest, mut in_attribute) = (source, false);
    tokenize(source, FrontmatterAllowed::No).map(move |token| {
        in_attribute |= rest.starts_with("#[");
        let text;
        (text, rest) = rest.split_at(token.len as usize);
        let class = match token.kind {
            _ if in_attribute => Some("c-mark"),
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => Some("c-note"),
            TokenKind::Literal { .. } => Some("c-text"),
            TokenKind::Ident if KEYWORDS.contains(&text) => Some("c-word"),
            TokenKind::Ident if text.starts_with(char::is_uppercase) => Some("c-type"),
            _ => None,
        };
        in_attribute &= token.kind != TokenKind::CloseBracket;
        (class, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_is_highlighted_without_losing_text() {
        let source =
            "/// A <b>\n#[page(\"/x\")]\nasync fn x(a: Option<u8>) -> Markup { \"é\"; 12 }";
        let all: String = pieces(source).map(|(_, text)| text).collect();
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
