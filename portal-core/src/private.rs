//! Items referenced by macro-generated code. Not part of the public API.

use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts};
use axum::http::request::Parts;

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

pub use crate::admin::model::ModelEntry;
pub use crate::admin::{FieldValues, HookTable};
pub use crate::app::{PageEntry, TaskEntry};
pub use crate::pages::{IntoPage, PageResponse};
pub use crate::request::garde_errors;
pub use crate::source;
pub use crate::state::{Dependency, TaskInput};
pub use crate::store::Row;

use crate::admin::AdminField;
use crate::pages::components::is_icon;
use crate::pages::{Page, rejected};
use crate::source::Source;
use crate::state::PortalState;
use crate::tasks::TaskError;

pub type PageFuture = crate::pages::PageFuture;
pub type TaskFuture<R> = crate::tasks::TaskFuture<R>;

/// Reads a field of an admin model from a column.
pub fn read_field<T: AdminField>(row: &Row, index: usize) -> crate::Result<T> {
    match T::read(row, index)? {
        Some(value) => Ok(value),
        None => Err(crate::Error::internal(format!(
            "the column `{}` is unexpectedly empty",
            row.column_name(index)?
        ))),
    }
}

/// Creates a page from the function that `#[page]` generates.
pub fn page(
    source: Source,
    method: Method,
    path: &'static str,
    respond: fn(PortalState, Request) -> PageFuture,
) -> Page {
    Page::from_parts(source, method, path, Arc::new(respond))
}

/// Accepts only a future that is `Send`, so that the compiler points at the handler.
pub const fn require_send<F: Future + Send>(future: F) -> F {
    future
}

/// Future of a page argument.
///
/// The future is boxed so that its type does not mention `T`: with an `async fn`, the compiler
/// would report a type that is not an extractor at the call, at the `.await` and at the `match`.
pub type Extract<'a, T> = Pin<Box<dyn Future<Output = Result<T, PageResponse>> + Send + 'a>>;

/// Argument types that do not read the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a valid page argument",
    label = "not an extractor",
    note = "arguments are extractors, such as `CurrentUser`, `Data<T>`, `axum::extract::Path<T>` and `axum::extract::Query<T>`; only the last one may read the body",
    note = "`Path<T>` and `Query<T>` need `#[derive(serde::Deserialize)]` on `T`"
)]
pub trait PartsArgument: FromRequestParts<PortalState> {}

#[diagnostic::do_not_recommend]
impl<T: FromRequestParts<PortalState>> PartsArgument for T {}

/// Types of the last page argument, which may read the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a valid page argument",
    label = "not an extractor",
    note = "arguments are extractors, such as `CurrentUser`, `Data<T>`, `axum::extract::Path<T>`, `axum::Form<T>` and `axum::Json<T>`",
    note = "`Path<T>`, `Query<T>`, `Form<T>` and `Json<T>` need `#[derive(serde::Deserialize)]` on `T`"
)]
pub trait RequestArgument<M>: FromRequest<PortalState, M> {}

#[diagnostic::do_not_recommend]
impl<T: FromRequest<PortalState, M>, M> RequestArgument<M> for T {}

/// Extracts an argument that does not read the body.
pub fn extract_parts<'a, T>(parts: &'a mut Parts, state: &'a PortalState) -> Extract<'a, T>
where
    T: PartsArgument + 'a,
{
    Box::pin(async move { T::from_request_parts(parts, state).await.map_err(rejected) })
}

/// Extracts the last argument, which may read the body.
pub fn extract_request<'a, T, M>(request: Request, state: &'a PortalState) -> Extract<'a, T>
where
    T: RequestArgument<M> + 'a,
    M: 'a,
{
    Box::pin(async move { T::from_request(request, state).await.map_err(rejected) })
}

/// Marker for the type of a page argument; method lookup on it finds the argument's dependency.
pub struct Argument<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Argument<T> {
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: ?Sized> Default for Argument<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Arguments whose value is looked up in the portal's state.
pub trait InputArgument {
    fn dependency(&self) -> Option<Dependency>;
}

impl<T: TaskInput> InputArgument for Argument<T> {
    fn dependency(&self) -> Option<Dependency> {
        Some(T::dependency())
    }
}

/// All other arguments. Method lookup prefers [`InputArgument`], which requires one fewer
/// reference.
pub trait OtherArgument {
    fn dependency(&self) -> Option<Dependency>;
}

impl<T: ?Sized> OtherArgument for &Argument<T> {
    fn dependency(&self) -> Option<Dependency> {
        None
    }
}

/// Fails to compile if no icon has this name.
pub const fn require_icon(name: &str) {
    assert!(
        is_icon(name),
        "unknown icon name; `portal_core::pages::components::icon_names()` and `/dev/components` list all icons"
    );
}

pub fn page_response<R: IntoPage>(content: R) -> PageResponse {
    content.into_page()
}

/// Returns the last segment of a module path: the group of its tasks.
pub fn group_of_module(module: &str) -> &str {
    module.rsplit("::").next().unwrap_or(module)
}

/// Returns an input of a task. This is not an `async fn`, for the reason given at [`Extract`].
pub fn task_input<I: TaskInput>(state: &PortalState) -> Ready<Result<I, TaskError>> {
    ready(I::resolve(state).map_err(TaskError::from))
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
