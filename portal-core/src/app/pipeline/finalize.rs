//! Finalization: the form in which responses are sent.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::compression;
use super::context::Context;
use super::exchange::Exchange;
use super::route::panicked;
use crate::auth::RouteInfo;
use crate::error::Problem;
use crate::pages::{PageError, PageRenderer, error_document};
use crate::security::ClientAddress;

impl Exchange {
    /// Returns the response in the form in which it is sent.
    pub(super) async fn finalize(self, context: &Context, response: Response) -> Response {
        let response = self.finalize_error(context, response);
        let mut response = compression::apply(self.encoding, response).await;
        if self.sends_bearer && response.status() == StatusCode::UNAUTHORIZED {
            add_www_authenticate(response.headers_mut());
        }
        let own = std::mem::take(response.headers_mut());
        *response.headers_mut() = context.services.headers.complete(own, self.request_id);
        if self.unread.drain().await {
            self.unread.say_close(response.headers_mut());
        }
        tracing::debug!(
            method = %self.method,
            status = response.status().as_u16(),
            client = self.client.and_then(|ClientAddress(address)| address).map(tracing::field::display),
            elapsed = ?self.started.elapsed(),
            "response sent"
        );
        response
    }

    /// Logs an error and renders it for its client: a page for browsers, otherwise a problem
    /// document.
    ///
    /// API routes never respond with a page.
    fn finalize_error(&self, context: &Context, mut response: Response) -> Response {
        let id = self.request_id.to_str().ok();
        let route = context.route.as_ref();
        let setup = context.state().borrow::<PageRenderer>().ok();
        let reveals = setup.is_some_and(|setup| setup.config.is_dev());
        if let Some(error) = response.extensions_mut().remove::<PageError>() {
            log_rejection(route, reveals, error.problem());
            let page = match setup {
                // The application provides the layout, which may panic.
                Some(setup) if !context.is_api(self.uri.path()) => {
                    catch_unwind(AssertUnwindSafe(|| error.render(setup, route, id)))
                        .unwrap_or_else(|panic| panicked(&*panic))
                }
                _ => error.problem().to_response(id, reveals),
            };
            response = with_headers_of(page, &response);
        }
        if !(response.status().is_client_error() || response.status().is_server_error()) {
            return response;
        }
        // Neither browsers nor API clients expect plain text; elsewhere it is the application's
        // choice.
        let is_api = context.is_api(self.uri.path());
        let is_ours = self.page_request.is_some()
            || response.extensions().get::<Problem>().is_some()
            || is_api;
        let Some(problem) = Problem::of_response(&mut response) else {
            return response;
        };
        log_rejection(route, reveals, &problem);
        if !is_ours {
            return response;
        }
        let answer = match (&self.page_request, setup) {
            (Some(head), Some(setup)) if !is_api => {
                // The portal provides this layout, but the provider adds to the page.
                let page = || error_document(setup, head, route, &problem, id);
                catch_unwind(AssertUnwindSafe(page)).unwrap_or_else(|_| {
                    tracing::error!("failed to render the error page");
                    problem.to_response(id, reveals)
                })
            }
            _ => problem.to_response(id, reveals),
        };
        with_headers_of(answer, &response)
    }
}

/// Logs the reason of a rejected request with its route and handler.
///
/// In DEV, malformed requests are visible with the default filter, because their developer needs
/// the reason. Errors of the portal itself are already logged, unless an extractor caused them.
fn log_rejection(route: Option<&RouteInfo>, is_dev: bool, problem: &Problem) {
    if problem.status.is_server_error() && !problem.is_rejection {
        return;
    }
    let source = route.and_then(|route| route.source);
    let place = source.map(|source| format!("{source} ({}:{})", source.file, source.line));
    let (status, code) = (problem.status.as_u16(), &*problem.code);
    let route = route.map(|route| &*route.path);
    let (handler, reason) = (place.as_deref(), problem.reason());
    if problem.is_failure() {
        tracing::error!(status, code, route, handler, reason, "request rejected");
    } else if problem.is_malformed_request() && is_dev {
        tracing::info!(status, code, route, handler, reason, "request rejected");
    } else {
        tracing::debug!(status, code, route, handler, reason, "request rejected");
    }
}

/// States that the token is invalid, unless the response requires a different scheme.
fn add_www_authenticate(headers: &mut HeaderMap) {
    if headers
        .get(header::WWW_AUTHENTICATE)
        .is_none_or(|asked| asked == "Bearer")
    {
        let invalid = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        headers.insert(header::WWW_AUTHENTICATE, invalid);
    }
}

/// Copies the headers of the original error, such as `Allow`, to its final form.
fn with_headers_of(mut response: Response, first: &Response) -> Response {
    for name in first.headers().keys() {
        let of_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name);
        // Each cookie is a separate header.
        let is_said = *name != header::SET_COOKIE && response.headers().contains_key(name);
        if of_body || is_said {
            continue;
        }
        for value in first.headers().get_all(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}
