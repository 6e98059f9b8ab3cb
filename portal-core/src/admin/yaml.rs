//! YAML documents: parsing with helpful error messages, and formatting.

use serde_json::Value;

use crate::error::FieldError;
use crate::json::{self, Bounded, MAX_DEPTH, MAX_MESSAGE_DEPTH};

/// Parses YAML 1.2, in which `yes` and `007` are strings. Errors contain the line and the column.
pub(super) fn parse(text: &str) -> Result<Value, FieldError> {
    parse_bounded::<MAX_DEPTH>(text)
}

/// Parses YAML whose values are individually checked later. The levels around the values do not
/// count toward their maximum depth.
pub(super) fn parse_message(text: &str) -> Result<Value, FieldError> {
    parse_bounded::<MAX_MESSAGE_DEPTH>(text)
}

fn parse_bounded<const MAX: usize>(text: &str) -> Result<Value, FieldError> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        // The parser looks ahead, so its limit must be higher; `Bounded` enforces the exact limit
        // and reports the position.
        budget: serde_saphyr::budget! { max_depth: MAX + 8 },
    };
    let parsed = serde_saphyr::from_str_with_options::<Bounded<MAX>>(text, options);
    parsed.map(|Bounded(value)| value).map_err(|error| {
        let place = error
            .location()
            .map(|location| format!("line {}, column {}: ", location.line(), location.column()))
            .unwrap_or_default();
        let message = error.without_snippet().to_string();
        let message = message.lines().next().unwrap_or_default();
        if json::is_too_deep(message) {
            return json::too_deep(&place);
        }
        let line = error.location().map(|location| location.line());
        let text = match (error.without_snippet(), line) {
            (serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. }, Some(line)) => {
                format!("line {line}: “{key}” appears twice")
            }
            _ => format!("{place}{}", advice(message)),
        };
        FieldError::new("", "invalid_yaml", text)
    })
}

/// Returns advice for a message of the parser.
fn advice(message: &str) -> &str {
    let is_about = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if is_about(&["flow sequence", "flow mapping", "',' or ']'", "',' or '}'"]) {
        "a comma or a closing bracket is missing"
    } else if is_about(&["illegal placement of ':'"]) {
        "a comma or a closing bracket is missing, or a text with a colon needs quotes"
    } else if is_about(&["quoted scalar", "unclosed quote"]) {
        "a closing quote is missing"
    } else if is_about(&["tab character", "tabs"]) {
        "indent with spaces instead of tabs"
    } else if is_about(&["simple key", "expected ':'"]) {
        "a colon is missing, or a text with a colon needs quotes"
    } else if is_about(&[
        "block mapping",
        "block collection",
        "indent",
        "mapping values",
    ]) {
        "check the indentation"
    } else {
        // Some messages already end with the position, which is printed before the message here.
        let before = message.rsplit_once(" at line ");
        before.map_or(message, |(before, _)| before)
    }
}

/// Formats YAML that parses to the same value.
pub(super) fn write(value: &Value) -> String {
    let is_same = |text: &String| parse(text).as_ref() == Ok(value);
    serde_saphyr::to_string(value)
        .ok()
        .filter(is_same)
        // JSON is also valid YAML, and unambiguous.
        .unwrap_or_else(|| write_json(value))
}

/// Formats indented JSON.
pub(super) fn write_json(value: &Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formatted_documents_parse_to_the_same_value() {
        for value in [
            json!({}),
            json!({"a": {"b": [1, 2.5, true, null]}, "c": []}),
            json!({"a": "yes", "b": "1", "c": "1.0", "d": "null", "e": "~", "f": "", "g": "0x1f"}),
            json!({"lines": "one\ntwo\n", "spaces": " a ", "tab": "a\tb", "colon": "a: b # c"}),
            json!({"ключ": "wörd ☃", "- x": "@a", "1": "'quoted\" \\"}),
            json!([[], {}, "x", -1, 1e300, 9_007_199_254_740_993_i64, u64::MAX]),
            json!({"date": "2026-01-01", "exp": "1e3", "under": "1_000", "zero": "007", "nan": ".nan", "on": "on", "merge": "<<"}),
            json!({"<<": 1}),
            json!({"long": "word ".repeat(60)}),
        ] {
            assert_eq!(
                parse(&write(&value)),
                Ok(value.clone()),
                "{}",
                write(&value)
            );
        }
    }

    #[test]
    fn errors_contain_their_position() {
        let error = parse("name: a\nlist: [1, 2\nother: b\n").unwrap_err();
        assert!(error.message.starts_with("line "), "{error:?}");
        assert!(!error.message.contains('\n'), "{error:?}");
        assert_eq!(error.message.matches("line ").count(), 1, "{error:?}");
    }

    #[test]
    fn value_nested_too_deeply_is_rejected_with_its_line() {
        let flow = |depth| format!("a: 1\nb: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&flow(63)).is_ok());
        let error = parse(&flow(64)).unwrap_err();
        assert_eq!(error.code, "too_deep");
        let message = "line 2, column 67: must not be nested deeper than 64 levels";
        assert_eq!(error.message, message);
        for depth in [65, 127, 200, 300, 20_000] {
            let error = parse(&flow(depth)).unwrap_err();
            assert_eq!(error.code, "too_deep", "{depth} {}", error.message);
        }
        let block = |depth| "- ".repeat(depth) + "1";
        assert!(parse(&block(64)).is_ok());
        assert_eq!(parse(&block(65)).unwrap_err().code, "too_deep");
        assert!(parse_message(&block(65)).is_ok());
    }

    #[test]
    fn errors_contain_position_and_advice() {
        for (text, expected) in [
            (
                "enabled: true\nenabled: false\n",
                "line 2: “enabled” appears twice",
            ),
            ("a:\n  b: 1\n c: 2\n", "check the indentation"),
            (
                "a: [1, 2\nb: 1\n",
                "a comma or a closing bracket is missing, or a text with a colon needs quotes",
            ),
            ("a: \"text\n", "a closing quote is missing"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.message.ends_with(expected),
                "{text}: {}",
                error.message
            );
            assert!(error.message.starts_with("line "), "{}", error.message);
        }
    }
}
