//! Routing: runs the handler, within a time limit, and contains its panics.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::Either;
use tower::Service;

use crate::error::Error;

/// Runs the handler. A panic while it creates its future is a response, too.
pub(super) fn call<S>(inner: &mut S, request: Request) -> impl Future<Output = Response> + use<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    match catch_unwind(AssertUnwindSafe(|| inner.call(request))) {
        Ok(response) => Either::Left(response.map(|Ok(response)| response)),
        Err(panic) => Either::Right(ready(panicked(&*panic))),
    }
}

/// Returns the response, or an error if it takes too long or the handler panics.
pub(super) async fn within(limit: Duration, response: impl Future<Output = Response>) -> Response {
    let response = timeout(limit, response);
    match AssertUnwindSafe(response).catch_unwind().await {
        Ok(Some(response)) => response,
        Ok(None) => Error::unavailable("the portal took too long to respond")
            .with_code("timeout")
            .into_response(),
        Err(panic) => panicked(&*panic),
    }
}

/// Waits for a future with a time limit. The timer is only created if the future is not ready.
async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let at_once = poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    });
    match at_once.await {
        Some(output) => Some(output),
        None => tokio::time::timeout(limit, future).await.ok(),
    }
}

/// Converts a panic in a handler to `500 internal` without any details.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no panic message".to_owned());
    let mut problem = Error::internal(format!("a handler panicked: {text}")).into_problem();
    // No response reveals a panic, not even in DEV.
    problem.reasons.clear();
    problem.into_response()
}
