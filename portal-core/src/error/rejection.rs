//! Rejections by axum's extractors: converts their plain text to problems with field errors.
//!
//! The text is all that remains of a rejection once axum has converted it to a response.
//! Unrecognized text still becomes the problem's detail, but without a pointer.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::Response;

use super::{FieldError, Problem};
use crate::request::{escape_pointer as escape, peek};

/// Generic detail for a `404`.
pub(crate) const NOTHING_HERE: &str = "there is nothing at this URL";

/// Maximum length of a rejection's text in a problem, in characters.
const MAX_TEXT_LEN: usize = 400;

/// Returns the plain text of a response, without removing it.
pub(super) fn text_of(response: &mut Response) -> Option<String> {
    let text = printable(&peek(response.body_mut())?);
    (!text.is_empty()).then_some(text)
}

/// Returns the first [`MAX_TEXT_LEN`] characters of a text, on one line.
fn printable(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let bytes = bytes.get(..MAX_TEXT_LEN * 4 + 4).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut letters = text.trim().chars();
    let mut text: String = letters
        .by_ref()
        .take(MAX_TEXT_LEN)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    if letters.next().is_some() {
        text.push('…');
    }
    text
}

/// Builds the problem for an error response with this text.
pub(super) fn problem(status: StatusCode, text: Option<String>) -> Problem {
    let mut problem = Problem::new(status, Cow::Borrowed(""), Cow::Borrowed(""));
    problem.is_rejection = true;
    let (code, detail) = usual(status);
    problem.code = Cow::Borrowed(code);
    problem.detail = Cow::Borrowed(detail);
    let Some(text) = text else {
        return problem;
    };
    if status.is_server_error() || status == StatusCode::PAYLOAD_TOO_LARGE {
        // A server error's text concerns only the handler, and the text of a `413` adds no
        // information.
        problem.reasons.push(text);
        return problem;
    }
    if text.starts_with("Failed to parse the request body as JSON") {
        problem.code = Cow::Borrowed("invalid_json");
    } else if let Some(reason) = value_reason(&text) {
        // axum uses several statuses for invalid input; the portal uses only this one.
        problem.status = StatusCode::UNPROCESSABLE_ENTITY;
        problem.code = Cow::Borrowed("invalid_parameters");
        problem.errors.push(body_error(reason));
    } else if let Some(parameter) = text.strip_prefix("Invalid URL: ").and_then(parameter_error) {
        problem.errors.push(parameter);
    }
    problem.detail = Cow::Owned(text);
    problem
}

/// Returns the code and detail for an error response without text.
fn usual(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("bad_request", "the request is malformed"),
        StatusCode::UNAUTHORIZED => ("unauthorized", "sign in to use this"),
        StatusCode::FORBIDDEN => (
            "forbidden",
            "your account does not have permission for this",
        ),
        StatusCode::NOT_FOUND => ("not_found", NOTHING_HERE),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this URL does not support this method",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "body_too_large",
            "the body exceeds the maximum size of this route",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            "this route does not support this media type",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => ("invalid_parameters", "a value is not valid"),
        StatusCode::UPGRADE_REQUIRED => (
            "upgrade_required",
            "this route requires a WebSocket connection",
        ),
        status if status.is_server_error() => (
            "internal",
            "something went wrong on our side; use the request id to find it in the log",
        ),
        _ => ("bad_request", "the request was rejected"),
    }
}

/// Returns the reason why the values in a body or query are invalid, such as `seats: invalid type:
/// ..`.
fn value_reason(text: &str) -> Option<&str> {
    [
        "Failed to deserialize the JSON body into the target type: ",
        "Failed to deserialize form body: ",
        "Failed to deserialize form: ",
        "Failed to deserialize query string: ",
    ]
    .iter()
    .find_map(|start| text.strip_prefix(start))
}

/// Returns the error for the path parameter in "Cannot parse `id` with value `x` to a `u32`".
fn parameter_error(reason: &str) -> Option<FieldError> {
    let (name, _) = reason.strip_prefix("Cannot parse `")?.split_once('`')?;
    let has_name = reason.contains("` with value `");
    has_name.then(|| FieldError::new(format!("/{}", escape(name)), "invalid_value", reason))
}

/// Returns the field error for a reason, which may start with a path from serde_path_to_error.
fn body_error(reason: &str) -> FieldError {
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    let is_path = |path: &str| {
        let is_letter = |c: char| c.is_alphanumeric() || "_-.[]?".contains(c);
        !path.is_empty() && path.chars().all(is_letter)
    };
    let (path, message) = match reason.split_once(": ") {
        Some((path, message)) if is_path(path) => (path, message),
        _ => ("", reason),
    };
    let pointer: String = path
        .split(['.', '[', ']'])
        .filter(|segment| !segment.is_empty() && *segment != "?")
        .map(|segment| format!("/{}", escape(segment)))
        .collect();
    field_error_from_serde(pointer, message)
}

/// Returns the field error for a serde message at a JSON pointer. For a missing or unknown field,
/// the error points to that field, not to the surrounding object.
pub(crate) fn field_error_from_serde(pointer: String, message: &str) -> FieldError {
    let field_pointer = |start: &str| {
        let (name, _) = message.strip_prefix(start)?.split_once('`')?;
        // Inside an untagged enum, both serde's message and its path may name the field.
        let place = format!("/{}", escape(name));
        Some(match pointer.ends_with(&place) {
            true => pointer.clone(),
            false => format!("{pointer}{place}"),
        })
    };
    if let Some(place) = field_pointer("missing field `") {
        return FieldError::new(place, "missing", message);
    }
    if let Some(place) = field_pointer("unknown field `") {
        return FieldError::new(place, "unknown_field", message);
    }
    let code = match message.starts_with("invalid type") {
        true => "invalid_type",
        false => "invalid_value",
    };
    FieldError::new(pointer, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_for(status: u16, text: &str) -> Problem {
        let status = StatusCode::from_u16(status).unwrap();
        problem(status, Some(text.to_owned()))
    }

    #[test]
    fn invalid_values_have_a_pointer_and_a_code() {
        let json = "Failed to deserialize the JSON body into the target type: ";
        for (text, pointer, code) in [
            (
                format!("{json}missing field `company_id` at line 1 column 2"),
                "/company_id",
                "missing",
            ),
            (
                format!(
                    "{json}items[2].name: invalid type: integer `5`, expected a string at line 1 column 9"
                ),
                "/items/2/name",
                "invalid_type",
            ),
            (
                format!("{json}items[0]: missing field `a/b` at line 3 column 1"),
                "/items/0/a~1b",
                "missing",
            ),
            (
                format!(
                    "{json}invalid type: string \"a: b\", expected struct Deal at line 1 column 6"
                ),
                "",
                "invalid_type",
            ),
            (
                "Failed to deserialize form body: seats: invalid digit found in string".to_owned(),
                "/seats",
                "invalid_value",
            ),
            (
                "Failed to deserialize query string: unknown field `x`, expected `page`".to_owned(),
                "/x",
                "unknown_field",
            ),
        ] {
            let problem = problem_for(400, &text);
            assert_eq!(problem.status, 422, "{text}");
            assert_eq!(problem.code, "invalid_parameters", "{text}");
            assert_eq!(problem.detail, text);
            let error = &problem.errors[0];
            assert_eq!((&*error.pointer, &*error.code), (pointer, code), "{text}");
            assert!(!error.message.contains("at line"), "{}", error.message);
        }
    }

    #[test]
    fn other_rejections_keep_status_and_text() {
        let json = problem_for(
            400,
            "Failed to parse the request body as JSON: EOF at line 1",
        );
        assert_eq!((json.status.as_u16(), &*json.code), (400, "invalid_json"));
        assert_eq!(json.errors, []);
        let path = problem_for(
            400,
            "Invalid URL: Cannot parse `id` with value `x` to a `u32`",
        );
        assert_eq!((path.status.as_u16(), &*path.code), (400, "bad_request"));
        assert_eq!(path.errors[0].pointer, "/id");
        let single = problem_for(400, "Invalid URL: Cannot parse `x` to a `u32`");
        assert_eq!(
            (single.errors.len(), &*single.detail),
            (0, "Invalid URL: Cannot parse `x` to a `u32`")
        );
        assert_eq!(problem_for(409, "taken").detail, "taken");
    }

    #[test]
    fn text_of_a_failure_is_shown_in_dev_only() {
        let text = "Wrong number of path arguments for `Path`. Expected 2 but got 1";
        let problem = problem_for(500, text);
        assert!(!problem.detail.contains("Path"), "{}", problem.detail);
        assert_eq!(problem.reasons, [text]);
        assert!(problem.reason().contains(text));
    }

    #[test]
    fn text_is_shortened_to_one_line() {
        let long = printable("é\r\n".repeat(MAX_TEXT_LEN).as_bytes());
        assert_eq!(long.chars().count(), MAX_TEXT_LEN + 1);
        assert!(!long.contains(['\r', '\n']));
        assert_eq!(printable(b" a\xff "), "a\u{fffd}");
    }
}
