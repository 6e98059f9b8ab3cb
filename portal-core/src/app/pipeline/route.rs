//! Routing: runs the handler within a time limit and catches its panics.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::Service;

use crate::error::Error;

/// Runs the handler.
///
/// axum's services do not run application code before their first poll, so all of that code runs in
/// the request's span, and [`within`] catches its panics.
pub(super) fn call<S>(inner: &mut S, request: Request) -> impl Future<Output = Response> + use<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    inner.call(request).map(|Ok(response)| response)
}

/// Returns the response, or an error if it takes too long or the handler panics.
pub(super) fn within(
    limit: Duration,
    response: impl Future<Output = Response>,
) -> impl Future<Output = Response> {
    let response = TimeLimited {
        future: response,
        limit,
        timer: None,
    };
    let response = AssertUnwindSafe(response).catch_unwind();
    response.map(|outcome| match outcome {
        Ok(Some(response)) => response,
        Ok(None) => Error::unavailable("the portal took too long to respond")
            .with_code("timeout")
            .into_response(),
        Err(panic) => panicked(&*panic),
    })
}

pin_project! {
    /// A future with a time limit. The timer is only created if the future is not ready on its
    /// first poll.
    struct TimeLimited<F> {
        #[pin]
        future: F,
        limit: Duration,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for TimeLimited<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Some(output));
        }
        let limit = *this.limit;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(context).map(|()| None)
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
