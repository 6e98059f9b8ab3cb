//! The error type for handlers, and its wire format.

mod problem;
mod rejection;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

pub(crate) use problem::Problem;
pub(crate) use rejection::{NOTHING_HERE, field_error_from_serde};

/// A `Result` with the portal's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync + 'static>;

/// An error in one value of the input.
///
/// ```
/// use portal_core::FieldError;
///
/// let error = FieldError::new("/name", "required", "must not be empty");
/// assert_eq!(error.to_string(), "/name must not be empty");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the invalid value; empty for the whole document.
    pub pointer: String,
    /// Human-readable message.
    pub message: String,
    /// Machine-readable code: a stable `snake_case` word.
    pub code: String,
}

impl FieldError {
    /// Creates an error at a JSON pointer.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            code: code.to_owned(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{} ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

impl StdError for FieldError {}

/// Error with which a request fails.
///
/// An API route sends it as RFC 9457 `application/problem+json`, a page as an HTML page. The client
/// sees the status, code and detail; the cause is only logged.
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

impl Error {
    /// Creates an error with any status.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            problem: Problem::new(status, code.into(), detail.into()),
            cause: None,
        }))
    }

    /// Creates a `400`: the request is malformed.
    #[must_use]
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// Creates a `401`: the caller must sign in.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "sign in to use this",
        )
    }

    /// Creates a `403`: the caller is identified but has no access.
    #[must_use]
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Creates a `404`: the resource does not exist.
    #[must_use]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Creates a `409`: the request conflicts with the current state.
    #[must_use]
    pub fn conflict(
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Creates a `422 invalid_parameters` with these field errors: the input is well-formed but
    /// invalid.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "one value is not valid".to_owned(),
            n => format!("{n} values are not valid"),
        };
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_parameters",
            detail,
        );
        error.0.problem.errors = errors;
        error
    }

    /// Creates a `500`: an internal failure. The cause is logged and, in PROD, never sent to
    /// clients.
    ///
    /// Use it to convert errors from other crates before `?`:
    ///
    /// ```
    /// use portal_core::prelude::*;
    ///
    /// async fn read_motd() -> Result<String> {
    ///     let text = std::fs::read_to_string("motd.txt").map_err(Error::internal)?;
    ///     Ok(text)
    /// }
    /// ```
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; use the request id to find it in the log",
        );
        error.0.cause = Some(cause.into());
        error
    }

    /// Converts a rejection, as the portal does when an extractor fails.
    ///
    /// The error has the rejection's status and text, and a field error if the text names a field.
    /// Use it for rejections that a handler receives itself, for example from `Multipart`:
    ///
    /// ```
    /// use axum::extract::Path;
    /// use axum::extract::rejection::PathRejection;
    /// use portal_core::prelude::*;
    ///
    /// /// A boat
    /// #[page("/boats/{id}")]
    /// async fn boat(id: Result<Path<u32>, PathRejection>) -> Result<Markup> {
    ///     let Path(id) = id.map_err(Error::from_rejection)?;
    ///     Ok(html! { "Boat " (id) })
    /// }
    /// ```
    #[must_use]
    pub fn from_rejection(rejection: impl IntoResponse) -> Self {
        let mut response = rejection.into_response();
        let status = response.status();
        Problem::of_response(&mut response)
            .unwrap_or_else(|| rejection::problem(status, None))
            .into()
    }

    /// Creates a `503`: a dependency is unavailable; the client may retry.
    #[must_use]
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        error.0.problem.retry_after = Some(2);
        error
    }

    /// Creates a `429`: rate limit exceeded; the client may retry after `retry_after`.
    ///
    /// The duration is rounded up to whole seconds, at least one.
    #[must_use]
    pub fn too_many_requests(retry_after: Duration) -> Self {
        let seconds = retry_after.as_nanos().div_ceil(1_000_000_000).max(1);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            format!("rate limit exceeded; retry in {seconds} s"),
        );
        error.0.problem.retry_after = Some(seconds);
        error
    }

    /// Sets the number of seconds after which the client may retry.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.problem.retry_after = Some(seconds);
        self
    }

    /// Replaces the code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.problem.code = code.into();
        self
    }

    /// Sets the cause, which is only logged.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a field to the problem document.
    #[must_use]
    pub fn with_extension(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.problem.members.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets the field errors.
    #[must_use]
    pub fn with_field_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.problem.errors = errors;
        self
    }

    /// Returns the response's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.problem.status
    }

    /// Returns the stable code by which programs distinguish errors.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.problem.code
    }

    /// Returns the human-readable detail.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.problem.detail
    }

    /// Returns the field errors for invalid input.
    #[must_use]
    pub fn field_errors(&self) -> &[FieldError] {
        &self.0.problem.errors
    }

    /// Logs the cause of a failure and returns the part that the client sees.
    ///
    /// Rejected requests are logged by the pipeline, because it has their route.
    pub(crate) fn into_problem(self) -> Problem {
        let Inner { mut problem, cause } = *self.0;
        let cause = cause.as_deref().map(|cause| cause as &dyn StdError);
        if problem.is_failure() && !problem.is_rejection {
            tracing::error!(status = problem.status.as_u16(), code = %problem.code, cause, "{}", problem.detail);
        }
        let mut next = cause;
        while let Some(cause) = next {
            problem.reasons.push(cause.to_string());
            next = cause.source();
        }
        problem
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.problem.detail)?;
        for error in &self.0.problem.errors {
            write!(f, "; {} {}", error.pointer, error.message)?;
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

/// Responds with a problem document, to which the portal's pipeline adds the request id as
/// `instance`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.into_problem().into_response()
    }
}
