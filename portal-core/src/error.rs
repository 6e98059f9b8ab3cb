//! The error that handlers return, and how it looks on the wire.

use std::borrow::Cow;
use std::error::Error as StdError;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A `Result` with the portal's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync + 'static>;

/// One thing that is wrong with the input, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the faulty value; empty for the whole document.
    pub pointer: String,
    /// What is wrong, for people.
    pub message: String,
    /// What is wrong, for programs: a stable `snake_case` word.
    pub code: String,
}

impl Fault {
    /// A fault at a JSON pointer.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            code: code.to_owned(),
        }
    }
}

/// What went wrong while a request was answered.
///
/// An API route answers it as RFC 9457 `application/problem+json`, a page as an HTML page.
/// The client sees status, code and detail; the cause goes to the log only.
///
/// ```
/// use portal_core::Error;
///
/// let error = Error::not_found("no invoice has this number").with_code("invoice_not_found");
/// assert_eq!(error.status(), 404);
/// assert_eq!(error.code(), "invoice_not_found");
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    problem: Problem,
    cause: Option<Cause>,
}

/// The part of an [`Error`] that the client sees.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) members: Map<String, Value>,
}

impl Error {
    /// An error of any status.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            problem: Problem {
                status,
                code: code.into(),
                detail: detail.into(),
                faults: Vec::new(),
                retry_after: None,
                members: Map::new(),
            },
            cause: None,
        }))
    }

    /// `400`: the request cannot be understood.
    #[must_use]
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// `401`: the caller has to sign in.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "sign in to use this",
        )
    }

    /// `403`: the caller is known and may not do this.
    #[must_use]
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// `404`: there is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// `409`: the request does not fit the present state.
    #[must_use]
    pub fn conflict(
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// `422 invalid_parameters`: well-formed input that breaks a rule, with every fault.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let detail = match faults.len() {
            1 => "one value is not valid".to_owned(),
            n => format!("{n} values are not valid"),
        };
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_parameters",
            detail,
        );
        error.0.problem.faults = faults;
        error
    }

    /// `500`: our own fault. The cause is logged, never shown.
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the request id finds it in the log",
        );
        error.0.cause = Some(cause.into());
        error
    }

    /// `503`: something that is needed is away; the client may come again.
    #[must_use]
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        error.0.problem.retry_after = Some(2);
        error
    }

    /// `429`: too much was asked for; the client may come again after so many seconds.
    #[must_use]
    pub fn too_many_requests(retry_after: u32) -> Self {
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            format!("that was asked for too often; try again in {retry_after} s"),
        );
        error.0.problem.retry_after = Some(retry_after);
        error
    }

    /// The same error with when the client may come again, in seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.problem.retry_after = Some(seconds);
        self
    }

    /// The same error with another `code`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.problem.code = code.into();
        self
    }

    /// The same error with what caused it, for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same error with one more member in the problem document.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.problem.members.insert(name.to_owned(), value);
        }
        self
    }

    /// The same error with faults next to it.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.problem.faults = faults;
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.problem.status
    }

    /// The stable word that programs tell errors apart by.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.problem.code
    }

    /// What people are told.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.problem.detail
    }

    /// What is wrong with the input, if that is the matter.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.problem.faults
    }

    /// Writes the cause to the log and gives what the client may see.
    pub(crate) fn into_problem(self) -> Problem {
        let Inner { problem, cause } = *self.0;
        let cause = cause.as_deref().map(|cause| cause as &dyn StdError);
        // What somebody has decided is no failure.
        if problem.status.is_server_error() && problem.code != "maintenance" {
            tracing::error!(status = problem.status.as_u16(), code = %problem.code, cause, "{}", problem.detail);
        } else {
            tracing::debug!(status = problem.status.as_u16(), code = %problem.code, cause, "{}", problem.detail);
        }
        problem
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.problem.detail)?;
        for fault in &self.0.problem.faults {
            write!(f, "; {} {}", fault.pointer, fault.message)?;
        }
        match &self.0.cause {
            Some(cause) if self.status().is_server_error() => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Inner {
            problem,
            cause: None,
        }))
    }
}

impl Problem {
    /// What an error response says: the portal's own, or one in bare text such as axum's
    /// extractors give. `None` if it is no error, or has a form of its own already.
    pub(crate) fn of_response(response: &mut Response) -> Option<Self> {
        if let Some(problem) = response.extensions_mut().remove::<Self>() {
            return Some(problem);
        }
        let status = response.status();
        let bare = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|media_type| media_type.as_bytes().starts_with(b"text/plain"));
        if !bare || !(status.is_client_error() || status.is_server_error()) {
            return None;
        }
        let (code, detail) = match status {
            StatusCode::BAD_REQUEST => ("bad_request", "the request cannot be understood"),
            StatusCode::UNAUTHORIZED => ("unauthorized", "sign in to use this"),
            StatusCode::FORBIDDEN => ("forbidden", "your account may not use this"),
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "this address does not take that method",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("body_too_large", "the body is larger than this route takes")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "unsupported_media_type",
                "this route does not take that media type",
            ),
            StatusCode::UNPROCESSABLE_ENTITY => ("invalid_parameters", "a value is not valid"),
            StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "open a WebSocket here"),
            status if status.is_server_error() => ("internal", "something went wrong on our side"),
            _ => ("bad_request", "the request was refused"),
        };
        Some(Error::new(status, code, detail).0.problem)
    }

    /// The problem document, as `application/problem+json`.
    pub(crate) fn to_response(&self, instance: Option<&str>) -> Response {
        let mut document = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        });
        if let Value::Object(members) = &mut document {
            if !self.faults.is_empty() {
                members.insert("errors".to_owned(), json!(self.faults));
            }
            members.extend(self.members.clone());
        }
        let mut response = (
            self.status,
            [
                (header::CONTENT_TYPE, "application/problem+json"),
                (header::CACHE_CONTROL, "private, no-store"),
            ],
            document.to_string(),
        )
            .into_response();
        self.add_headers(&mut response);
        response
    }

    /// `Retry-After` and `WWW-Authenticate`, which the HTML form of an error carries as well.
    pub(crate) fn add_headers(&self, response: &mut Response) {
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }
}

/// The problem document. The portal's outermost layer adds the request id as `instance`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = self.into_problem();
        let mut response = problem.to_response(None);
        response.extensions_mut().insert(problem);
        response
    }
}
