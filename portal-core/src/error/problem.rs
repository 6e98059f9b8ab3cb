//! Problems: the part of an error that clients see, and its problem document.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::FieldError;
use super::rejection;

/// Maximum number of field errors in one log line.
const MAX_LOGGED_ERRORS: usize = 8;

/// The part of an error that clients see, and the reasons hidden from them.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) members: Map<String, Value>,
    /// Causes that `detail` does not state, outermost first. They are logged and, in DEV, shown on
    /// the error page; in PROD, no client receives them.
    pub(crate) reasons: Vec<String>,
    /// `true` if the problem is an extractor's rejection, whose text is the reason. The pipeline
    /// logs such a problem.
    pub(crate) is_rejection: bool,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: Cow<'static, str>,
        detail: Cow<'static, str>,
    ) -> Self {
        Self {
            status,
            code,
            detail,
            errors: Vec::new(),
            retry_after: None,
            members: Map::new(),
            reasons: Vec::new(),
            is_rejection: false,
        }
    }

    /// Returns the problem in an error response: the portal's own, or one built from the plain text
    /// of axum's extractors.
    ///
    /// Returns `None` if the response is not an error or its body has a different format. The plain
    /// text remains in the response.
    pub(crate) fn of_response(response: &mut Response) -> Option<Self> {
        if let Some(problem) = response.extensions_mut().remove::<Self>() {
            return Some(problem);
        }
        let status = response.status();
        let is_text = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|media_type| media_type.as_bytes().starts_with(b"text/plain"));
        if !is_text || !(status.is_client_error() || status.is_server_error()) {
            return None;
        }
        Some(rejection::problem(status, rejection::text_of(response)))
    }

    /// Returns `true` for an internal failure. Deliberate states such as maintenance are not
    /// failures.
    pub(crate) fn is_failure(&self) -> bool {
        self.status.is_server_error() && self.code != "maintenance"
    }

    /// Returns `true` if the request does not have the format that its route requires.
    pub(crate) fn is_malformed_request(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 413 | 415 | 422)
    }

    /// Returns all details in one line, for the log.
    pub(crate) fn reason(&self) -> String {
        let mut text = self.detail.to_string();
        for error in self.errors.iter().take(MAX_LOGGED_ERRORS) {
            text.push_str(&format!("; {} {}", error.pointer, error.message));
        }
        for reason in &self.reasons {
            text.push_str(": ");
            text.push_str(reason);
        }
        text
    }

    /// Builds the problem document, as `application/problem+json`.
    ///
    /// If `reveals` is set, as in DEV, the detail for a failed extractor is its rejection's text.
    pub(crate) fn to_response(&self, instance: Option<&str>, reveals: bool) -> Response {
        let reason = self
            .reasons
            .first()
            .filter(|_| self.is_rejection && reveals);
        let mut document = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": reason.map_or(&*self.detail, String::as_str),
            "instance": instance,
            "code": self.code,
        });
        if let Value::Object(members) = &mut document {
            if !self.errors.is_empty() {
                members.insert("errors".to_owned(), json!(self.errors));
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

    /// Builds the response that the pipeline finalizes.
    pub(crate) fn into_response(self) -> Response {
        let mut response = self.to_response(None, false);
        response.extensions_mut().insert(self);
        response
    }

    /// Adds the headers `Retry-After` and `WWW-Authenticate`, which error pages also have.
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
