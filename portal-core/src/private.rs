//! What the macros name. Nothing here is part of the public API.

use std::future::Future;

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

pub use crate::admin::{FieldValues, ModelEntry, garde_faults};
pub use crate::app::{PageEntry, TaskEntry};
pub use crate::pages::{IntoPage, PageResponse};
pub use crate::source;
pub use crate::state::TaskInput;
pub use crate::tasks::TaskArgs;

use crate::state::PortalState;
use crate::tasks::TaskError;

pub type PageFuture = crate::pages::PageFuture;
pub type TaskFuture<R> = crate::tasks::TaskFuture<R>;

/// Names a future that has to be `Send`, so that the compiler points at the handler.
pub const fn require_send<F: Future + Send>(future: F) -> F {
    future
}

/// An argument that does not read the body.
pub async fn extract_parts<T: FromRequestParts<PortalState>>(
    parts: &mut Parts,
    state: &PortalState,
) -> Result<T, PageResponse> {
    T::from_request_parts(parts, state).await.map_err(rejected)
}

/// The last argument, which may read the body.
pub async fn extract_request<T: FromRequest<PortalState, M>, M>(
    request: Request,
    state: &PortalState,
) -> Result<T, PageResponse> {
    T::from_request(request, state).await.map_err(rejected)
}

fn rejected(rejection: impl IntoResponse) -> PageResponse {
    rejection.into_response().into_page()
}

pub fn page_response<R: IntoPage>(content: R) -> PageResponse {
    content.into_page()
}

/// The last segment of a module path: the state of the tasks in it.
pub fn state_of_module(module: &str) -> &str {
    module.rsplit("::").next().unwrap_or(module)
}

pub async fn task_input<I: TaskInput>(state: &PortalState) -> Result<I, TaskError> {
    I::find(state).map_err(TaskError::from)
}

pub const fn assert_task_args<A: TaskArgs>() {}

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
