//! JSON bodies and query strings, with every fault told in the portal's form.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, Fault, fault_of_serde};
use crate::json::{self, ParseError};

/// A JSON body: `415` for another media type, `400` for malformed JSON, `422` with a JSON
/// pointer for JSON of the wrong shape.
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let value = body_value(request, state).await?;
        from_value(value)
            .map(Self)
            .map_err(|fault| Error::invalid(vec![fault]))
    }
}

/// A JSON body of any shape.
pub(crate) async fn body_value<S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<Value, Error> {
    require_json(request.headers())?;
    let bytes = body_bytes(request, state).await?;
    parse_json(&bytes)
}

/// The whole body: `413` if it is over the limit.
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
                "the body is larger than this route takes",
            ),
            _ => Error::bad_request("the body could not be read"),
        })
}

/// Parses the JSON of a message: `400 invalid_json` if it is malformed, `422` if it is nested too
/// deeply.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, Error> {
    json::parse_message(bytes).map_err(|error| match error {
        ParseError::Malformed(error) => {
            Error::bad_request(format!("the body is not valid JSON: {error}"))
                .with_code("invalid_json")
        }
        error => Error::invalid(vec![error.into_fault()]),
    })
}

/// `415` unless the body says that it is JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Error> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
    {
        return Ok(());
    }
    Err(Error::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send the body with `Content-Type: application/json`",
    ))
}

/// Deserializes a value; a mismatch comes with the JSON pointer of the place.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer_of(error.path());
        fault_of_serde(pointer, &error.into_inner().to_string())
    })
}

/// The JSON pointer of a place in a document.
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

/// Escapes a member name for a JSON pointer.
pub(crate) fn escape_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A query string: `422` with the name of the parameter that does not fit.
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
                Error::invalid(vec![fault_of_serde(pointer, &message)])
            })
    }
}

/// One page of a list that is read from the newest to the oldest.
pub(crate) struct ListPage {
    /// How many items to give.
    pub(crate) limit: u64,
    /// Only items older than this one.
    pub(crate) before: Option<Uuid>,
}

impl ListPage {
    /// Reads `?limit=` and `?cursor=`: `422` with every fault.
    pub(crate) fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let limit = match limit.map(str::parse::<u64>) {
            None => 100,
            Some(Ok(limit @ 1..=1000)) => limit,
            Some(_) => {
                let message = "write a number from 1 to 1000";
                faults.push(Fault::new("/limit", "out_of_range", message));
                100
            }
        };
        let before = match cursor.map(str::parse::<Uuid>) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => {
                let message = "use the `next_cursor` of the page before";
                faults.push(Fault::new("/cursor", "invalid_value", message));
                None
            }
        };
        if faults.is_empty() {
            Ok(Self { limit, before })
        } else {
            Err(Error::invalid(faults))
        }
    }

    /// How many items to read: one more than asked for tells whether there is another page.
    pub(crate) fn to_read(&self) -> u64 {
        self.limit + 1
    }

    /// Takes the item too many from what was read, and gives the cursor of the next page.
    pub(crate) fn next_cursor<T>(&self, items: &mut Vec<T>, id: fn(&T) -> Uuid) -> Option<Uuid> {
        if items.len() as u64 <= self.limit {
            return None;
        }
        items.pop();
        items.last().map(id)
    }
}
