//! The error that handlers return, and its form on the wire.

mod problem;
mod rejection;

use std::borrow::Cow;
use std::error::Error as StdError;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

pub(crate) use problem::Problem;
pub(crate) use rejection::{NOTHING_HERE, fault_of_serde};

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

impl Error {
    /// An error of any status.
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

    /// `500`: a failure of the portal. The cause is logged; no client of PROD receives it.
    ///
    /// It converts the errors of other crates, for `?`:
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
            "something went wrong on our side; the request id finds it in the log",
        );
        error.0.cause = Some(cause.into());
        error
    }

    /// The error of a rejection, as the portal makes one of an extractor that fails: with the status
    /// and the text of the rejection, and the field where the text names one.
    ///
    /// It is for rejections that a handler receives itself, such as those of `Multipart`:
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

    /// Returns the part that the client sees, after the cause of a failure was logged.
    ///
    /// The pipeline logs rejected requests: it knows their route.
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

/// The problem document. The portal's outermost layer adds the request id as `instance`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.into_problem().into_response()
    }
}
