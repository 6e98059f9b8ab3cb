//! Rust text without its comments and literals.

/// Writes spaces over comments, strings and characters; keeps every line break.
pub(super) fn of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest, 0),
            'r' if !ends_in_name(&code) => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if length == 0 {
            code.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        } else {
            let (hidden, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            code.extend(hidden.chars().map(|it| if it == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    code
}

/// Whether the next letter would go on with a name; `b` and `c` may precede a raw string.
fn ends_in_name(code: &str) -> bool {
    let mut before = code.chars().rev();
    let is_name = |it: char| it.is_alphanumeric() || it == '_';
    match before.next() {
        Some('b' | 'c') => before.next().is_some_and(is_name),
        other => other.is_some_and(is_name),
    }
}

/// The length of a comment, which may have comments in it.
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

/// The length of a string that starts after `start` bytes.
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

/// The length of `r"..."` or `r#"..."#`; 0 if it is something else.
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

/// The length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            // The escaped letter may be a quote itself.
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
    use super::of;

    #[test]
    fn comments_are_blank_and_lines_stay() {
        assert_eq!(of("a // b\nc"), "a     \nc");
        assert_eq!(of("a /* b /* c */\n */ d"), "a             \n    d");
    }

    #[test]
    fn strings_are_blank() {
        assert_eq!(of(r#"f("a\"b", x)"#), "f(      , x)");
        assert_eq!(of("f(r#\"a\"b\"#, x)"), "f(        , x)");
        assert_eq!(of("br\"a\" var\"b\""), "b     var   ");
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        assert_eq!(of("&'a str, '\"', '\\'', 'b"), "&'a str,    ,     , 'b");
    }

    #[test]
    fn raw_names_are_code() {
        assert_eq!(of("r#type + ring"), "r#type + ring");
    }
}
