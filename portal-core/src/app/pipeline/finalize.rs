//! Finalization: renders errors, compresses responses and completes their headers.

use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::future::Either;

use super::compression;
use super::context::Context;
use super::exchange::Exchange;
use super::route::panicked;
use super::unread::announce_close;
use crate::auth::RouteInfo;
use crate::error::Problem;
use crate::pages::{PageError, PageRenderer, error_document};

impl Exchange {
    /// Renders an error, compresses the response and completes its headers.
    pub(super) fn finalize(
        self,
        context: Arc<Context>,
        response: Response,
    ) -> impl Future<Output = Response> {
        let mut response = self.finalize_error(&context, response);
        let varies = compression::varies(self.head.encoding, &response);
        let compresses = varies && compression::is_required(self.head.encoding, &response);
        if !compresses && !self.unread.is_left() {
            return Either::Left(ready(self.complete(&context, response, varies)));
        }
        // This future is boxed so that it does not enlarge the future of every request.
        Either::Right(Box::pin(async move {
            if compresses {
                response = compression::compress(response).await;
            }
            let closes = self.unread.drain().await;
            let mut response = self.complete(&context, response, varies);
            if closes {
                announce_close(response.headers_mut());
            }
            response
        }))
    }

    /// Adds the headers that all responses have, and logs the response.
    fn complete(self, context: &Context, mut response: Response, varies: bool) -> Response {
        if self.head.sends_bearer && response.status() == StatusCode::UNAUTHORIZED {
            add_www_authenticate(response.headers_mut());
        }
        let own = std::mem::take(response.headers_mut());
        let headers = &context.services.headers;
        *response.headers_mut() = headers.complete(own, self.head.request_id, varies);
        if let Some(log) = self.log {
            log.write(response.status());
        }
        response
    }

    /// Logs an error and renders it for the client: as a page for browsers, otherwise as a problem
    /// document.
    ///
    /// API routes never respond with a page.
    fn finalize_error(&self, context: &Context, mut response: Response) -> Response {
        let page_error = response.extensions_mut().remove::<PageError>();
        let is_error = response.status().is_client_error() || response.status().is_server_error();
        if page_error.is_none() && !is_error {
            return response;
        }
        let id = self.head.request_id.to_str().ok();
        let route = context.route.as_ref();
        let setup = context.state().borrow::<PageRenderer>().ok();
        let reveals = setup.is_some_and(|setup| setup.config.is_dev());
        if let Some(error) = page_error {
            log_rejection(route, reveals, error.problem());
            let page = match setup {
                // The application provides the layout, which may panic.
                Some(setup) if !self.is_api => {
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
        // Browsers and API clients do not expect plain text; on other routes, it is the
        // application's choice.
        let is_ours = self.page_request.is_some()
            || response.extensions().get::<Problem>().is_some()
            || self.is_api;
        let Some(problem) = Problem::of_response(&mut response) else {
            return response;
        };
        log_rejection(route, reveals, &problem);
        if !is_ours {
            return response;
        }
        let rendered = match (&self.page_request, setup) {
            (Some(head), Some(setup)) => {
                // The layout is the portal's own, but the identity provider adds markup to the page
                // and may panic.
                let page = || error_document(setup, head, route, &problem, id);
                catch_unwind(AssertUnwindSafe(page)).unwrap_or_else(|_| {
                    tracing::error!("failed to render the error page");
                    problem.to_response(id, reveals)
                })
            }
            _ => problem.to_response(id, reveals),
        };
        with_headers_of(rendered, &response)
    }
}

/// Logs the reason why a request was rejected, with its route and handler.
///
/// In DEV, malformed requests are logged at a level that the default filter shows, because the
/// developer needs the reason. The portal's own errors are already logged, unless an extractor
/// caused them.
fn log_rejection(route: Option<&RouteInfo>, is_dev: bool, problem: &Problem) {
    if problem.status.is_server_error() && !problem.is_rejection {
        return;
    }
    let source = route.and_then(|route| route.source);
    let location = source.map(|source| format!("{source} ({}:{})", source.file, source.line));
    let (status, code) = (problem.status.as_u16(), &*problem.code);
    let route = route.map(|route| &*route.path);
    let (handler, reason) = (location.as_deref(), problem.reason());
    if problem.is_failure() {
        tracing::error!(status, code, route, handler, reason, "request rejected");
    } else if problem.is_malformed_request() && is_dev {
        tracing::info!(status, code, route, handler, reason, "request rejected");
    } else {
        tracing::debug!(status, code, route, handler, reason, "request rejected");
    }
}

/// Adds the header that reports an invalid token, unless the response requests another scheme.
fn add_www_authenticate(headers: &mut HeaderMap) {
    if headers
        .get(header::WWW_AUTHENTICATE)
        .is_none_or(|scheme| scheme == "Bearer")
    {
        let invalid = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        headers.insert(header::WWW_AUTHENTICATE, invalid);
    }
}

/// Copies headers such as `Allow` from the original error response to the rendered one.
fn with_headers_of(mut response: Response, first: &Response) -> Response {
    for name in first.headers().keys() {
        let of_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name);
        // Each cookie is a separate header.
        let is_set = *name != header::SET_COOKIE && response.headers().contains_key(name);
        if of_body || is_set {
            continue;
        }
        for value in first.headers().get_all(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}
