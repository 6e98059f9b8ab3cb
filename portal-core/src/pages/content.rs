//! What a page handler may return.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::Markup;

use crate::error::Error;

/// What a page has to say: markup for the layout, a response as it is, or an error page.
#[derive(Debug)]
#[non_exhaustive]
pub enum PageResponse {
    /// Markup that the layout is put around.
    Content(StatusCode, Markup),
    /// A response that passes as it is.
    Response(Box<Response>),
    /// An error, drawn as a page.
    Error(Error),
}

/// A return type of page handlers: [`Markup`] is wrapped in the layout, anything else passes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a page: return `Markup`, a `Response` or a `Result` of one",
    label = "not a page",
    note = "a response of any kind becomes one with `.into_response()`"
)]
pub trait IntoPage {
    /// The page's answer.
    fn into_page(self) -> PageResponse;
}

impl IntoPage for PageResponse {
    fn into_page(self) -> PageResponse {
        self
    }
}

impl IntoPage for Markup {
    fn into_page(self) -> PageResponse {
        PageResponse::Content(StatusCode::OK, self)
    }
}

/// Markup with another status, such as `422` for a form with faults.
impl IntoPage for (StatusCode, Markup) {
    fn into_page(self) -> PageResponse {
        PageResponse::Content(self.0, self.1)
    }
}

impl IntoPage for Response {
    fn into_page(self) -> PageResponse {
        PageResponse::Response(Box::new(self))
    }
}

impl IntoPage for Redirect {
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
    }
}

impl<T> IntoPage for Json<T>
where
    Self: IntoResponse,
{
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
    }
}

impl<T> IntoPage for Html<T>
where
    Self: IntoResponse,
{
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
    }
}

impl<T: IntoPage, E: Into<Error>> IntoPage for Result<T, E> {
    fn into_page(self) -> PageResponse {
        match self {
            Ok(page) => page.into_page(),
            Err(error) => PageResponse::Error(error.into()),
        }
    }
}
