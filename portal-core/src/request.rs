//! JSON bodies and query strings: extractors whose errors are problem documents.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, FieldError, field_error_from_serde};
use crate::json::{self, ParseError};

/// A JSON body. Rejects other media types with `415`, malformed JSON with `400`, and JSON of the
/// wrong shape with `422` and a JSON pointer.
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let value = body_value(request, state).await?;
        from_value(value)
            .map(Self)
            .map_err(|error| Error::invalid(vec![error]))
    }
}

/// Reads a JSON body of any shape.
pub(crate) async fn body_value<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Value, Error> {
    require_json(request.headers())?;
    let bytes = body_bytes(request, state).await?;
    parse_json(&bytes)
}

/// Reads the whole body; fails with `413` if it exceeds the limit.
pub(crate) async fn body_bytes<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Bytes, Error> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection: BytesRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "the body exceeds the maximum size of this route",
            ),
            // One possible reason is "a form must not contain the character U+0000".
            _ => Error::bad_request(match innermost(&rejection) {
                Some(reason) => format!("failed to read the body: {reason}"),
                None => "failed to read the body".to_owned(),
            }),
        })
}

/// Reads the whole body, or returns `None` if it exceeds `limit` bytes. Ignores the route's limit.
pub(crate) async fn body_within(
    mut request: Request,
    limit: usize,
) -> Result<Option<Bytes>, Error> {
    DefaultBodyLimit::max(limit).apply(&mut request);
    match body_bytes(request, &()).await {
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Ok(None),
        body => body.map(Some),
    }
}

/// Returns the text of the innermost cause of an error.
fn innermost(error: &dyn std::error::Error) -> Option<String> {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.last().map(ToString::to_string)
}

/// Returns the first chunk of a body if it is already available. The body remains complete.
pub(crate) fn peek(body: &mut Body) -> Option<Bytes> {
    let mut rest = std::mem::take(body);
    let first = poll_fn(|context| match Pin::new(&mut rest).poll_frame(context) {
        Poll::Ready(frame) => Poll::Ready(frame.and_then(Result::ok)),
        Poll::Pending => Poll::Ready(None),
    });
    let first = first.now_or_never().flatten();
    let first = first.and_then(|frame| frame.into_data().ok());
    *body = match first.clone() {
        Some(first) if rest.is_end_stream() => Body::from(first),
        Some(first) => {
            let first = stream::iter([Ok::<Bytes, axum::Error>(first)]);
            Body::from_stream(first.chain(rest.into_data_stream()))
        }
        None => rest,
    };
    first
}

/// Parses the JSON of a message. Fails with `400 invalid_json` if it is malformed, and with `422`
/// if it is nested too deeply.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, Error> {
    json::parse_message(bytes).map_err(|error| match error {
        ParseError::Malformed(error) => {
            Error::bad_request(format!("the body is not valid JSON: {error}"))
                .with_code("invalid_json")
        }
        error => Error::invalid(vec![error.into_field_error()]),
    })
}

/// Returns the media type of the body in lower case, without its parameters, or an empty string.
///
/// The `mime` crate is not used because it rejects a space before the parameters, which HTTP
/// allows.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let essence = text.and_then(|text| text.split(';').next());
    essence.unwrap_or_default().trim().to_ascii_lowercase()
}

/// Fails with `415` unless the media type of the body is JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Error> {
    let media_type = media_type(headers);
    if media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    {
        return Ok(());
    }
    Err(Error::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send the body with `Content-Type: application/json`",
    ))
}

/// Deserializes a value. The error for a mismatch contains a JSON pointer to it.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer_of(error.path());
        field_error_from_serde(pointer, &error.into_inner().to_string())
    })
}

/// Converts a path in a document to a JSON pointer.
pub(crate) fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;

    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&escape_pointer(key));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Returns the `garde` rules that a value violates, each with a JSON pointer to the field.
pub fn garde_errors<T: garde::Validate<Context = ()>>(value: &T) -> Vec<FieldError> {
    let Err(report) = value.validate() else {
        return Vec::new();
    };
    let errors = report.iter().map(|(path, error)| {
        FieldError::new(pointer_of_garde(path), "invalid_value", error.message())
    });
    errors.collect()
}

/// Converts a `garde` path to a JSON pointer.
///
/// The path is serialized because its text form does not separate the segments unambiguously: a dot
/// in a name looks like a separator.
fn pointer_of_garde(path: &garde::Path) -> String {
    #[derive(PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        /// The content of an `Option`, which has the same pointer as the `Option` itself.
        None,
        Key,
        Index,
    }

    let segments = serde_json::to_value(path).and_then(Vec::<(Kind, String)>::deserialize);
    let segments = segments.unwrap_or_default().into_iter();
    segments
        .filter(|(kind, _)| *kind != Kind::None)
        .map(|(_, name)| format!("/{}", escape_pointer(&name)))
        .collect()
}

/// Escapes a field name for a JSON pointer.
pub(crate) fn escape_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A query string. Rejects an invalid parameter with `422` and its name.
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
            .map(Self)
            .map_err(|error| {
                let pointer = pointer_of(error.path());
                let message = error.into_inner().to_string();
                Error::invalid(vec![field_error_from_serde(pointer, &message)])
            })
    }
}

/// One page of a list that is read from newest to oldest.
pub(crate) struct ListPage {
    /// Maximum number of items to return.
    pub(crate) limit: u64,
    /// Restricts the page to items older than this one.
    pub(crate) before: Option<Uuid>,
}

impl ListPage {
    /// Reads `?limit=` and `?cursor=`. If one of them is invalid, fails with `422` and all field
    /// errors.
    pub(crate) fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Error> {
        let mut errors = Vec::new();
        let limit = match limit.map(str::parse::<u64>) {
            None => 100,
            Some(Ok(limit @ 1..=1000)) => limit,
            Some(_) => {
                let message = "must be a number from 1 to 1000";
                errors.push(FieldError::new("/limit", "invalid_value", message));
                100
            }
        };
        let before = match cursor.map(str::parse::<Uuid>) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => {
                let message = "must be the `next_cursor` of the previous page";
                errors.push(FieldError::new("/cursor", "invalid_value", message));
                None
            }
        };
        if errors.is_empty() {
            Ok(Self { limit, before })
        } else {
            Err(Error::invalid(errors))
        }
    }

    /// Returns the number of items to read: one more than the limit, to detect whether another page
    /// exists.
    pub(crate) fn to_read(&self) -> u64 {
        self.limit + 1
    }

    /// Removes the surplus item from the items read and returns the cursor of the next page.
    pub(crate) fn next_cursor<T>(&self, items: &mut Vec<T>, id: fn(&T) -> Uuid) -> Option<Uuid> {
        if items.len() as u64 <= self.limit {
            return None;
        }
        items.pop();
        items.last().map(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(garde::Validate)]
    struct Limits {
        #[garde(range(min = 1, max = 5))]
        count: u8,
        #[garde(inner(length(max = 2)))]
        names: Vec<String>,
        #[garde(inner(length(max = 2)))]
        label: Option<String>,
    }

    #[test]
    fn violated_rule_points_to_its_field() {
        let limits = Limits {
            count: 9,
            names: vec!["ab".to_owned(), "abc".to_owned()],
            label: Some("abc".to_owned()),
        };
        let pointers: Vec<String> = garde_errors(&limits)
            .into_iter()
            .map(|error| error.pointer)
            .collect();
        assert_eq!(pointers, ["/count", "/label", "/names/1"]);
    }

    #[tokio::test]
    async fn peeked_body_remains_complete() {
        let parts = stream::iter(["one, ", "two"].map(Ok::<_, std::io::Error>));
        for (mut body, text, whole) in [
            (Body::from("one"), Some("one"), "one"),
            (Body::from_stream(parts), Some("one, "), "one, two"),
            (Body::empty(), None, ""),
        ] {
            assert_eq!(peek(&mut body).as_deref(), text.map(str::as_bytes));
            let left = axum::body::to_bytes(body, 100).await;
            assert_eq!(left.unwrap(), whole);
        }
        let mut waits = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(peek(&mut waits), None);
    }
}
