//! Request pipeline: fixed steps around every request and its response.

mod admit;
mod compression;
mod context;
mod exchange;
mod finalize;
mod head;
mod loggable;
mod navigate;
mod rate_limit;
mod request_id;
mod response_log;
mod route;
mod unread;
mod validate;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};

use self::context::Context;
pub(super) use self::context::Services;
use self::exchange::Exchange;
use crate::auth::RouteInfo;

/// Layer that runs the fixed steps around every request to one route.
///
/// It is a single service instead of a stack of layers, because each layer costs every request a
/// boxed future and a clone of all layers below it. It wraps each route separately, so the steps
/// have the route without a second lookup.
#[derive(Clone)]
pub(super) struct PipelineLayer(Arc<Context>);

impl PipelineLayer {
    /// Creates the layer for a route; `None` for requests that no declared route serves.
    pub(super) fn new(services: &Arc<Services>, route: Option<RouteInfo>) -> Self {
        Self(Arc::new(Context {
            services: Arc::clone(services),
            route,
        }))
    }
}

impl<S> Layer<S> for PipelineLayer {
    type Service = Pipeline<S>;

    fn layer(&self, inner: S) -> Pipeline<S> {
        Pipeline {
            context: Arc::clone(&self.0),
            inner,
        }
    }
}

#[derive(Clone)]
pub(super) struct Pipeline<S> {
    context: Arc<Context>,
    inner: S,
}

impl<S> Service<Request> for Pipeline<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> BoxFuture {
        let context = Arc::clone(&self.context);
        let mut exchange = Exchange::begin(&context, &mut request);
        let mut request = match validate::validate(&context, request) {
            Ok(request) => request,
            Err(error) => {
                exchange.send_uncompressed();
                return finish(context, exchange, ready(error.into_response()));
            }
        };
        let navigates = navigate::is_required(&context, &exchange, &mut request);
        let admission = admit::required(&context);
        if !navigates && admission.is_none() {
            let response = route::call(&mut self.inner, request);
            return finish(context, exchange, response);
        }
        // Navigation is a separate branch, so it costs other requests nothing.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let steps = Arc::clone(&context);
        let response = async move {
            let route = |request| admit::then_route(&steps, admission, inner, request);
            if navigates {
                // Navigation precedes admission, because an administrator's session may need to be
                // renewed first.
                navigate::navigate(&steps, request, route).await
            } else {
                route(request).await
            }
        };
        finish(context, exchange, response)
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// Waits for the response within the time limit, then finalizes it.
fn finish(
    context: Arc<Context>,
    mut exchange: Exchange,
    response: impl Future<Output = Response> + Send + 'static,
) -> BoxFuture {
    let span = std::mem::replace(&mut exchange.span, Span::none());
    let limit = context.services.validator.limits.request_timeout;
    // An async block would contain the handler's future twice.
    let finished = route::within(limit, response)
        .then(move |response| exchange.finalize(context, response))
        .map(Ok);
    Box::pin(finished.instrument(span))
}
