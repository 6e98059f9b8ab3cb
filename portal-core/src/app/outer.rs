//! The outermost layer: one pass over each request and its answer.

use std::any::Any;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{Error, Problem};
use crate::pages::{PageSetup, accepts_html, error_document, is_api};
use crate::security::{Origins, add_headers};
use crate::state::PortalState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, checks its origin, and gives every error its final form.
///
/// One function and not a stack of layers: each layer costs every request a boxed future.
pub(super) async fn outer(
    State(state): State<PortalState>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    request.headers_mut().insert(REQUEST_ID, request_id.clone());
    let id = request_id.to_str().unwrap_or_default().to_owned();

    let (parts, body) = request.into_parts();
    let allowed = state
        .borrow::<Origins>()
        .and_then(|origins| origins.check_change(&parts));
    let method = parts.method.clone();
    let uri = parts.uri.clone();
    // Only a page may answer an error as HTML, and only to a browser.
    let page_request = accepts_html(&parts.headers).then(|| {
        let mut head = Request::new(()).into_parts().0;
        head.method = parts.method.clone();
        head.uri = parts.uri.clone();
        head.headers = parts.headers.clone();
        head
    });
    let span = tracing::info_span!("request", id = %id, %method, path = uri.path());
    let mut response = match allowed {
        Ok(()) => {
            next.run(Request::from_parts(parts, body))
                .instrument(span.clone())
                .await
        }
        Err(error) => error.into_response(),
    };

    let is_api = is_api(uri.path());
    let own = response.extensions().get::<Problem>().is_some();
    // Bare text is for neither browsers nor programs; elsewhere it is the application's choice.
    if (own || is_api || page_request.is_some())
        && let Some(problem) = Problem::of_response(&mut response)
    {
        let answer = match (&page_request, state.borrow::<PageSetup>()) {
            (Some(head), Ok(setup)) if !is_api => error_document(setup, head, &problem),
            _ => problem.to_response(Some(&id)),
        };
        response = with_headers_of(answer, &response);
    }
    response.headers_mut().insert(REQUEST_ID, request_id);
    let https = state
        .borrow::<Config>()
        .is_ok_and(|config| config.public_url.starts_with("https:"));
    add_headers(response.headers_mut(), https);
    span.in_scope(|| {
        tracing::debug!(status = response.status().as_u16(), elapsed = ?started.elapsed(), "answered");
    });
    response
}

/// An error in its final form keeps what else its first form said, such as `Allow`.
fn with_headers_of(mut response: Response, first: &Response) -> Response {
    for (name, value) in first.headers() {
        let of_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name);
        if !of_body && !response.headers().contains_key(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// The id that a proxy has given the request, if it is one, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(&REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    });
    match given {
        Some(value) => value.clone(),
        None => {
            let mut buffer = Uuid::encode_buffer();
            let text = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
            HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        }
    }
}

/// What a panic in a handler becomes: `500 internal`, with nothing of the inside.
pub(super) fn catch_panics(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    Error::internal(format!("a handler panicked: {text}")).into_response()
}
