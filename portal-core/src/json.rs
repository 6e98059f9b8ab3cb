//! JSON documents: limits for received documents, tolerance for stored ones.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::error::FieldError;

/// Maximum nesting depth of a stored value: `[]` has one level, `[[]]` two.
pub(crate) const MAX_DEPTH: usize = 64;

/// Maximum number of levels that a message wraps around a value, as in `{"preferences": {"name":
/// value}}`.
const MAX_ENVELOPE: usize = 4;

/// Maximum nesting depth of a message.
pub(crate) const MAX_MESSAGE_DEPTH: usize = MAX_DEPTH + MAX_ENVELOPE;

/// Nesting depth at which a stored document is cut off.
///
/// Documents stored before the limit was introduced can be deeper than [`MAX_DEPTH`]. JSON parsers
/// such as `serde_json` stop at 127 levels, and a response adds a few levels around the document.
const MAX_STORED_DEPTH: usize = 120;

/// Maximum number of field errors reported for one document.
const MAX_ERRORS: usize = 100;

/// Placeholder for a part of a stored document that is nested too deeply.
const TOO_DEEP_TO_SHOW: &str = "(cannot be shown: nested too deeply)";

/// Placeholder for a stored document that is not JSON.
pub(crate) const NOT_JSON: &str = "(cannot be shown: not valid JSON)";

/// Reason why a received document cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("invalid JSON at line {}, column {}: {}", .0.line(), .0.column(), advice(.0))]
    Malformed(#[from] serde_json::Error),
    #[error("must not be nested deeper than {MAX_DEPTH} levels (line {line}, column {column})")]
    TooDeep {
        pointer: String,
        line: usize,
        column: usize,
    },
}

impl ParseError {
    /// Converts the error into a field error, with the pointer to the nested value if it has one.
    pub(crate) fn into_field_error(self) -> FieldError {
        let message = self.to_string();
        match self {
            Self::Malformed(_) => FieldError::new("", "invalid_json", message),
            Self::TooDeep { pointer, .. } => FieldError::new(pointer, TOO_DEEP, message),
        }
    }
}

/// Returns the reason for a syntax error, without its position.
fn advice(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let before = message.rsplit_once(" at line ");
    let message = before.map_or(message.as_str(), |(before, _)| before);
    match message {
        _ if message.starts_with("EOF") => "unexpected end",
        "trailing comma" => "remove the comma after the last value",
        "trailing characters" => "unexpected text after the end",
        "key must be a string" => "field names must be in double quotes",
        "expected value" => "a value is missing or not in double quotes",
        "expected `:`" => "a colon is missing",
        "expected `,` or `}`" => "a comma or `}` is missing",
        "expected `,` or `]`" => "a comma or `]` is missing",
        _ if message.starts_with("control character") => {
            "a string must not contain line breaks; write `\\n`"
        }
        other => other,
    }
    .to_owned()
}

/// Code for field errors about excessive nesting.
const TOO_DEEP: &str = "too_deep";

/// Parses a value of at most [`MAX_DEPTH`] levels.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ParseError> {
    parse_bounded::<MAX_DEPTH>(text)
}

/// Parses a message. Its values must be checked individually with [`validate`], so that the levels
/// around them do not count.
pub(crate) fn parse_message(text: &[u8]) -> Result<Value, ParseError> {
    parse_bounded::<MAX_MESSAGE_DEPTH>(text)
}

fn parse_bounded<const MAX: usize>(text: &[u8]) -> Result<Value, ParseError> {
    match serde_json::from_slice::<Bounded<MAX>>(text) {
        Ok(Bounded(value)) => Ok(value),
        // Any valid JSON is a `Bounded` value unless it is nested too deeply.
        Err(error) if error.is_data() => {
            let mut reader = serde_json::Deserializer::from_slice(text);
            let place = serde_path_to_error::deserialize::<_, Bounded<MAX>>(&mut reader);
            Err(ParseError::TooDeep {
                pointer: match place {
                    Ok(_) => String::new(),
                    Err(error) => crate::request::pointer_of(error.path()),
                },
                line: error.line(),
                column: error.column(),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// A value of at most `MAX` levels. Deserializing a deeper value fails with a message about
/// nesting.
#[derive(Debug)]
pub(crate) struct Bounded<const MAX: usize = MAX_DEPTH>(pub(crate) Value);

/// Returns `true` if a parser's message is about nesting. The message comes from a [`Bounded`]
/// value or from the parser's own limit, which the parser may reach first because it looks ahead.
pub(crate) fn is_too_deep(message: &str) -> bool {
    message.contains("nested deeper than") || message.contains("recursion limit exceeded")
}

/// Returns the field error for a value that is nested too deeply, with a pointer relative to the
/// value.
pub(crate) fn too_deep(place: &str) -> FieldError {
    let message = format!("{place}must not be nested deeper than {MAX_DEPTH} levels");
    FieldError::new("", TOO_DEEP, message)
}

impl<'de, const MAX: usize> Deserialize<'de> for Bounded<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let levels = Levels {
            left: MAX,
            cut: false,
        };
        levels.deserialize(deserializer).map(Self)
    }
}

/// A document from the database. Parts that are nested too deeply are replaced by a placeholder, so
/// that the document can always be read and shown.
#[derive(Debug)]
pub(crate) struct Stored(pub(crate) Value);

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let levels = Levels {
            left: MAX_STORED_DEPTH,
            cut: true,
        };
        levels.deserialize(deserializer).map(Self)
    }
}

/// Returns `true` if a part of a stored document was replaced because it is nested too deeply.
pub(crate) fn is_cut(value: &Value) -> bool {
    fn reaches(value: &Value, left: usize) -> bool {
        match value {
            Value::String(text) => left == 0 && text == TOO_DEEP_TO_SHOW,
            Value::Array(items) if left > 0 => items.iter().any(|item| reaches(item, left - 1)),
            Value::Object(members) if left > 0 => {
                members.values().any(|member| reaches(member, left - 1))
            }
            _ => false,
        }
    }
    reaches(value, MAX_STORED_DEPTH)
}

/// Reads a value of at most `left` levels. A deeper value is replaced if `cut` is set; otherwise,
/// it is an error.
#[derive(Clone, Copy)]
struct Levels {
    left: usize,
    cut: bool,
}

impl Levels {
    /// Returns the state for reading the contents of a value, or `None` if no deeper level is
    /// allowed.
    fn inner(self) -> Option<Self> {
        let left = self.left.checked_sub(1)?;
        Some(Self { left, ..self })
    }

    /// Fails if excessive nesting is an error; otherwise the caller skips and replaces the value.
    fn check_cut<E: serde::de::Error>(self) -> Result<(), E> {
        if self.cut {
            return Ok(());
        }
        Err(E::custom("nested deeper than allowed"))
    }
}

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Some(inner) = self.inner() else {
            self.check_cut()?;
            // `serde_json` skips values without recursion.
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::from(TOO_DEEP_TO_SHOW));
        };
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let Some(inner) = self.inner() else {
            self.check_cut()?;
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::from(TOO_DEEP_TO_SHOW));
        };
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            map.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

/// Converts a Rust value, such as a task's result, to JSON; fails if the JSON cannot be stored.
pub(crate) fn to_storable<T: Serialize>(value: &T) -> Result<Value, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    match validate(&value, "").into_iter().next() {
        None => Ok(value),
        Some(error) if error.pointer.is_empty() => Err(serde_json::Error::custom(error.message)),
        Some(error) => {
            let message = format!("{} at `{}`", error.message, error.pointer);
            Err(serde_json::Error::custom(message))
        }
    }
}

/// Returns the reasons why a value cannot be stored: excessive nesting, or the character U+0000,
/// which PostgreSQL does not store. Their JSON pointers start with `pointer`.
pub(crate) fn validate(value: &Value, pointer: &str) -> Vec<FieldError> {
    let mut search = Search {
        pointer,
        path: Vec::new(),
        errors: Vec::new(),
    };
    search.visit(value);
    search.errors
}

enum Segment<'a> {
    Name(&'a str),
    Index(usize),
}

struct Search<'a> {
    pointer: &'a str,
    path: Vec<Segment<'a>>,
    errors: Vec<FieldError>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, value: &'a Value) {
        match value {
            Value::String(text) => self.visit_text(text),
            Value::Array(_) | Value::Object(_) if self.path.len() == MAX_DEPTH => {
                self.report(|pointer| FieldError {
                    pointer,
                    ..too_deep("")
                });
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Segment::Index(index));
                    self.visit(item);
                    self.path.pop();
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.path.push(Segment::Name(name));
                    self.visit_text(name);
                    self.visit(member);
                    self.path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn visit_text(&mut self, text: &str) {
        if text.contains('\0') {
            self.report(|pointer| {
                FieldError::new(
                    pointer,
                    "invalid_value",
                    "must not contain the character U+0000",
                )
            });
        }
    }

    fn report(&mut self, error: impl FnOnce(String) -> FieldError) {
        if self.errors.len() == MAX_ERRORS {
            return;
        }
        let mut pointer = self.pointer.to_owned();
        for segment in &self.path {
            pointer.push('/');
            match segment {
                Segment::Name(name) => pointer.push_str(&crate::request::escape_pointer(name)),
                Segment::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        self.errors.push(error(pointer));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn values_are_parsed_up_to_the_maximum_depth() {
        let value = parse(nested(MAX_DEPTH).as_bytes()).unwrap();
        assert_eq!(validate(&value, ""), []);
        let object = format!("{{\"a\": {}}}", nested(MAX_DEPTH - 1));
        assert!(parse(object.as_bytes()).is_ok());
        for depth in [MAX_DEPTH + 1, 127, 128, 100_000] {
            let error = parse(nested(depth).as_bytes())
                .unwrap_err()
                .into_field_error();
            assert_eq!(error.code, "too_deep", "{depth}");
            assert_eq!(error.pointer, "/0".repeat(MAX_DEPTH));
            assert!(
                error.message.contains("64 levels (line 1, column"),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn malformed_and_too_deep_documents_are_distinguished() {
        for text in ["", "{", "[1,]", &"[".repeat(10), "\"\u{1}\""] {
            let error = parse(text.as_bytes()).unwrap_err().into_field_error();
            assert_eq!(error.code, "invalid_json", "{text}");
        }
    }

    #[test]
    fn bounded_parsing_yields_the_same_value_as_unbounded() {
        let text =
            r#"{"a": [1, -2, 2.5, 18446744073709551615, true, null, "ä\n"], "b": {}, "a/b": ""}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes()).unwrap(), value);
        assert_eq!(serde_json::from_str::<Stored>(text).unwrap().0, value);
    }

    #[test]
    fn message_may_contain_values_of_the_maximum_depth() {
        let body = |depth| format!("{{\"preferences\": {{\"x\": {}}}}}", nested(depth));
        let value = parse_message(body(MAX_DEPTH).as_bytes()).unwrap();
        assert_eq!(validate(&value["preferences"]["x"], ""), []);
        let value = parse_message(body(MAX_DEPTH + 1).as_bytes()).unwrap();
        let found = validate(&value["preferences"]["x"], "/preferences/x");
        assert_eq!(found.len(), 1);
        assert!(found[0].pointer.starts_with("/preferences/x/0/0"));
        let error = parse_message(body(127).as_bytes()).unwrap_err();
        assert!(
            error
                .into_field_error()
                .pointer
                .starts_with("/preferences/x/0/0")
        );
    }

    #[test]
    fn stored_document_of_any_depth_is_read() {
        for depth in [0, 1, 64, 119, 120] {
            let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            let Stored(value) = serde_json::from_str(&text).unwrap();
            assert_eq!(value.to_string(), text, "{depth}");
            assert!(!is_cut(&value), "{depth}");
        }
        for depth in [121, 128, 5_000, 100_000] {
            let text = format!("{{\"a\": {}, \"b\": 1}}", nested(depth));
            let Stored(value) = serde_json::from_str(&text).unwrap();
            assert_eq!(value["b"], 1, "{depth}");
            assert!(value.to_string().contains(TOO_DEEP_TO_SHOW), "{depth}");
            assert!(is_cut(&value), "{depth}");
            // A response adds a few levels around the document.
            let shown = json!({"items": {"id": {"details": value}}}).to_string();
            assert!(serde_json::from_str::<Value>(&shown).is_ok(), "{depth}");
        }
    }

    #[test]
    fn all_unstorable_strings_are_reported() {
        let value = json!({"a": ["x", "y\0"], "b\0": {"c/d": "\0"}});
        let mut pointers: Vec<String> = validate(&value, "/v")
            .into_iter()
            .map(|error| error.pointer)
            .collect();
        pointers.sort();
        assert_eq!(pointers, ["/v/a/1", "/v/b\0", "/v/b\0/c~1d"]);
        let many = Value::from(vec!["\0"; 1000]);
        assert_eq!(validate(&many, "").len(), MAX_ERRORS);
    }

    #[test]
    fn rust_value_is_converted_if_storable() {
        assert_eq!(to_storable(&vec![1, 2]).unwrap(), json!([1, 2]));
        let deep: Value = serde_json::from_str(&nested(MAX_DEPTH + 1)).unwrap();
        assert!(
            to_storable(&deep)
                .unwrap_err()
                .to_string()
                .contains("64 levels")
        );
    }
}
