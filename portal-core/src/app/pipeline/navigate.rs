//! Navigation: lets the identity provider handle requests for pages that a browser opens.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::context::Context;
use super::exchange::Exchange;
use super::route::panicked;
use crate::auth::Auth;
use crate::security::TrustedProxies;

/// Returns `true` if a browser is opening a page and the provider handles such requests.
pub(super) fn is_required(context: &Context, exchange: &Exchange, request: &mut Request) -> bool {
    if exchange.is_api || !exchange.head.opens_page || request.method() != Method::GET {
        return false;
    }
    let Ok(auth) = context.state().borrow::<Auth>() else {
        return false;
    };
    let (parts, body) = std::mem::take(request).into_parts();
    let is_required = auth.wants_navigation(&parts);
    *request = Request::from_parts(parts, body);
    is_required
}

/// Lets the identity provider handle the request, then continues unless the provider responded.
pub(super) async fn navigate<F>(
    context: &Context,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let (mut parts, body) = request.into_parts();
    if let Ok(proxies) = context.state().borrow::<TrustedProxies>() {
        let client = proxies.client(&parts.extensions, &parts.headers);
        // Some providers limit the request rate per client.
        parts.extensions.insert(client);
    }
    let navigation = match context.state().borrow::<Auth>() {
        Ok(auth) => auth.navigate(&mut parts).await,
        Err(error) => return error.into_response(),
    };
    let mut response = match navigation.response {
        Some(response) => response,
        None => {
            // The cookies of a renewed session must not be lost if a handler panics.
            let response = next(Request::from_parts(parts, body));
            match AssertUnwindSafe(response).catch_unwind().await {
                Ok(response) => response,
                Err(panic) => panicked(&*panic),
            }
        }
    };
    if !navigation.cookies.is_empty() {
        // A response that sets a session must not be cached for other browsers, regardless of its
        // content.
        let private = HeaderValue::from_static("private, no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, private);
    }
    for cookie in navigation.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
