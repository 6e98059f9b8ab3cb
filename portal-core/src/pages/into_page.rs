//! Return types of page handlers.

use axum::Json;
use axum::http::response::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, IntoResponseParts, Redirect, Response};
use maud::Markup;

use crate::error::Error;

/// Response of a page: markup for the layout, another response, or an error page.
///
/// Return it from a handler whose branches have different types, and end each branch with
/// [`into_page`](IntoPage::into_page):
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::Redirect;
/// use portal_core::prelude::*;
///
/// /// Rename a boat
/// #[page("/boats/rename", method = post)]
/// async fn rename(name: String) -> Result<PageResponse> {
///     if name.is_empty() {
///         let form = html! { p class="pt-error" { "Enter a name." } };
///         return Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_page());
///     }
///     Ok(Redirect::to("/boats").into_page())
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PageResponse {
    /// Markup that is rendered in the layout.
    Content(StatusCode, Markup),
    /// Markup that is rendered in the layout, with the status and headers of a response.
    ContentWithHead(Box<Parts>, Markup),
    /// Any other response.
    ///
    /// If it contains HTML, that is rendered in the layout, unless it is a whole document, a
    /// [`Fragment`](super::Fragment) or a response to a script such as htmx.
    Response(Box<Response>),
    /// An error, rendered as a page.
    Error(Error),
}

/// Return type of page handlers.
///
/// Markup is rendered in the layout, regardless of the type that contains it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a page: return `Markup`, a `Response` or a `Result` of one",
    label = "not a page",
    note = "`(StatusCode, Markup)`, `(StatusCode, HeaderMap, Markup)`, `Redirect`, `Json` and `Html` are pages as well",
    note = "return `Result<PageResponse>` and end each branch with `.into_page()` where they differ"
)]
pub trait IntoPage {
    /// Converts the value into the response of a page.
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

/// Markup with another status, such as `422` for a form with errors.
impl IntoPage for (StatusCode, Markup) {
    fn into_page(self) -> PageResponse {
        PageResponse::Content(self.0, self.1)
    }
}

/// Markup with headers.
impl IntoPage for (HeaderMap, Markup) {
    fn into_page(self) -> PageResponse {
        with_headers(StatusCode::OK, self.0, self.1)
    }
}

/// Markup with status and headers.
impl IntoPage for (StatusCode, HeaderMap, Markup) {
    fn into_page(self) -> PageResponse {
        with_headers(self.0, self.1, self.2)
    }
}

/// Markup with headers.
impl<K, V, const N: usize> IntoPage for ([(K, V); N], Markup)
where
    [(K, V); N]: IntoResponseParts,
{
    fn into_page(self) -> PageResponse {
        with_headers(StatusCode::OK, self.0, self.1)
    }
}

/// Markup with status and headers.
impl<K, V, const N: usize> IntoPage for (StatusCode, [(K, V); N], Markup)
where
    [(K, V); N]: IntoResponseParts,
{
    fn into_page(self) -> PageResponse {
        with_headers(self.0, self.1, self.2)
    }
}

fn with_headers(
    status: StatusCode,
    headers: impl IntoResponseParts,
    content: Markup,
) -> PageResponse {
    let response = (status, headers, ()).into_response();
    if response.status() != status {
        // A header was invalid; the pipeline renders the text of this response as an error.
        return response.into_page();
    }
    PageResponse::ContentWithHead(Box::new(response.into_parts().0), content)
}

/// A status without content.
impl IntoPage for StatusCode {
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
    }
}

impl<T> IntoPage for (StatusCode, Json<T>)
where
    Self: IntoResponse,
{
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
    }
}

impl<T> IntoPage for (StatusCode, Html<T>)
where
    Self: IntoResponse,
{
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
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
