//! Lexer: splits Rust source text into code, comments and literals.

use std::ops::Range;

/// Type of a piece of source text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PieceKind {
    /// Code other than literals.
    Code,
    /// A line comment without its line break, or a block comment.
    Comment,
    /// A string or character literal, including its delimiters.
    Literal,
}

/// Consecutive text of one type.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) kind: PieceKind,
    pub(super) text: &'a str,
    /// Byte offset of the text in the source.
    pub(super) start: usize,
}

/// Splits the text; the pieces cover it without gaps.
pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut code_start, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = match rest.as_bytes() {
            [b'/', b'/', ..] => (PieceKind::Comment, rest.find('\n').unwrap_or(rest.len())),
            [b'/', b'*', ..] => (PieceKind::Comment, block_comment(rest)),
            [b'"', ..] => (PieceKind::Literal, string(rest, 0)),
            [b'r', ..] if !ends_in_name(text.get(code_start..at).unwrap_or_default()) => {
                (PieceKind::Literal, raw_string(rest))
            }
            [b'\'', ..] => (PieceKind::Literal, character(rest)),
            _ => (PieceKind::Code, 0),
        };
        if length == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        push(&mut pieces, PieceKind::Code, text, code_start..at);
        push(&mut pieces, kind, text, at..at + length);
        at += length;
        code_start = at;
    }
    push(&mut pieces, PieceKind::Code, text, code_start..text.len());
    pieces
}

fn push<'a>(pieces: &mut Vec<Piece<'a>>, kind: PieceKind, text: &'a str, range: Range<usize>) {
    let start = range.start;
    if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
        pieces.push(Piece { kind, text, start });
    }
}

/// Replaces comments and literals with spaces; keeps all line breaks.
pub(super) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for piece in split(text) {
        if piece.kind == PieceKind::Code {
            code.push_str(piece.text);
        } else {
            let blank = |it| if it == '\n' { '\n' } else { ' ' };
            code.extend(piece.text.chars().map(blank));
        }
    }
    code
}

/// Returns `true` if the next character would continue a name. `b` and `c` are excluded, because
/// they may precede a raw string.
fn ends_in_name(code: &str) -> bool {
    let mut before = code.chars().rev();
    let is_name = |it: char| it.is_alphanumeric() || it == '_';
    match before.next() {
        Some('b' | 'c') => before.next().is_some_and(is_name),
        other => other.is_some_and(is_name),
    }
}

/// Returns the length of a block comment, which may contain other block comments.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns the length of a string literal that starts after `start` bytes.
fn string(text: &str, start: usize) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip_while(|(at, _)| *at <= start) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of `r"..."` or `r#"..."#`; 0 for anything else.
fn raw_string(text: &str) -> usize {
    let after = text.get(1..).unwrap_or_default();
    let hashes = after.len() - after.trim_start_matches('#').len();
    let Some(body) = after.get(hashes..).and_then(|rest| rest.strip_prefix('"')) else {
        return 0;
    };
    let end = format!("\"{}", "#".repeat(hashes));
    let body = body.find(&end).map_or(body.len(), |at| at + end.len());
    (1 + hashes + 1 + body).min(text.len())
}

/// Returns the length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            // The escaped character may be a quote itself.
            let mut letters = letters.skip(1);
            letters
                .find(|(_, it)| *it == '\'')
                .map_or(0, |(at, _)| at + 1)
        }
        Some(_) => match letters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[test]
    fn comments_become_blank_and_line_breaks_stay() {
        assert_eq!(code_of("a // b\nc"), "a     \nc");
        assert_eq!(code_of("a /* b /* c */\n */ d"), "a             \n    d");
    }

    #[test]
    fn strings_become_blank() {
        assert_eq!(code_of(r#"f("a\"b", x)"#), "f(      , x)");
        assert_eq!(code_of("f(r#\"a\"b\"#, x)"), "f(        , x)");
        assert_eq!(code_of("br\"a\" var\"b\""), "b     var   ");
    }

    #[test]
    fn lifetime_is_not_a_character() {
        assert_eq!(
            code_of("&'a str, '\"', '\\'', 'b"),
            "&'a str,    ,     , 'b"
        );
    }

    #[test]
    fn raw_identifiers_are_code() {
        assert_eq!(code_of("r#type + ring"), "r#type + ring");
    }
}
