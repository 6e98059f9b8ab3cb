//! What the macros name. Nothing here is part of the public API.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use axum::extract::{FromRequest, FromRequestParts};
use axum::http::request::Parts;
use axum::response::IntoResponse;

pub use axum::extract::Request;
pub use axum::http::Method;
pub use inventory;
pub use serde_json::Value;
pub use std::boxed::Box;
pub use std::default::Default;
pub use std::option::Option::{self, None, Some};
pub use std::result::Result::{self, Err, Ok};
pub use std::time::Duration;
pub use std::vec;
pub use std::vec::Vec;

pub use crate::admin::{FieldValues, ModelEntry};
pub use crate::app::{PageEntry, TaskEntry};
pub use crate::pages::{IntoPage, PageResponse};
pub use crate::request::garde_faults;
pub use crate::source;
pub use crate::state::TaskInput;

use crate::error::Problem;
use crate::state::PortalState;
use crate::tasks::TaskError;

pub type PageFuture = crate::pages::PageFuture;
pub type TaskFuture<R> = crate::tasks::TaskFuture<R>;

/// Names a future that has to be `Send`, so that the compiler points at the handler.
pub const fn require_send<F: Future + Send>(future: F) -> F {
    future
}

/// An argument of a page, as soon as it is there.
///
/// Boxed, so that the type of the future says nothing about `T`: with an `async fn`, a type that
/// is no extractor would be reported at the call, at the `.await` and at the `match`.
pub type Extract<'a, T> = Pin<Box<dyn Future<Output = Result<T, PageResponse>> + Send + 'a>>;

/// An argument that does not read the body.
pub fn extract_parts<'a, T>(parts: &'a mut Parts, state: &'a PortalState) -> Extract<'a, T>
where
    T: FromRequestParts<PortalState> + 'a,
{
    Box::pin(async move { T::from_request_parts(parts, state).await.map_err(rejected) })
}

/// The last argument, which may read the body.
pub fn extract_request<'a, T, M>(request: Request, state: &'a PortalState) -> Extract<'a, T>
where
    T: FromRequest<PortalState, M> + 'a,
    M: 'a,
{
    Box::pin(async move { T::from_request(request, state).await.map_err(rejected) })
}

/// An extractor's refusal: an error page, unless it is more than a bare error.
fn rejected(rejection: impl IntoResponse) -> PageResponse {
    let mut response = rejection.into_response();
    match Problem::of_response(&mut response) {
        Some(problem) => PageResponse::Error(problem.into()),
        None => response.into_page(),
    }
}

pub fn page_response<R: IntoPage>(content: R) -> PageResponse {
    content.into_page()
}

/// The last segment of a module path: the state of the tasks in it.
pub fn state_of_module(module: &str) -> &str {
    module.rsplit("::").next().unwrap_or(module)
}

/// An input of a task. Not an `async fn`, for the reason that [`Extract`] gives.
pub fn task_input<I: TaskInput>(state: &PortalState) -> Ready<Result<I, TaskError>> {
    ready(I::find(state).map_err(TaskError::from))
}

/// `Result<T, E>` as the return type of a task.
pub trait TaskReturn {
    type Output;
    fn into_outcome(self) -> Result<Self::Output, TaskError>;
}

impl<T, E: Into<TaskError>> TaskReturn for Result<T, E> {
    type Output = T;

    fn into_outcome(self) -> Result<T, TaskError> {
        self.map_err(Into::into)
    }
}

pub fn task_outcome<R: TaskReturn>(outcome: R) -> Result<R::Output, TaskError> {
    outcome.into_outcome()
}
