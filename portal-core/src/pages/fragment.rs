//! Bare HTML in responses: renders it in the layout, unless it must be sent unchanged.

use axum::body::HttpBody as _;
use axum::http::request::Parts;
use axum::http::response::Parts as Head;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, PreEscaped};

use super::into_page::{IntoPage, PageResponse};
use super::{regions, scope};
use crate::request::peek;

/// Markup that a page returns without the layout, to be inserted into a document by a script.
///
/// A response header names the style sheets that the markup requires; the portal's script loads
/// them if htmx inserts the markup.
///
/// ```
/// use portal_core::pages::Fragment;
/// use portal_core::prelude::*;
///
/// /// Number of open orders
/// #[page("/orders/count")]
/// async fn count() -> Fragment {
///     Fragment(html! { span { "7 open" } })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Fragment(pub Markup);

/// Header that lists the style sheets required by the markup in a response to a script.
const STYLESHEETS: HeaderName = HeaderName::from_static("x-portal-stylesheets");

/// Marks a response that is sent unchanged.
#[derive(Clone, Copy)]
struct WithoutLayout;

impl IntoResponse for Fragment {
    fn into_response(self) -> Response {
        let mut response = Html(self.0.into_string()).into_response();
        response.extensions_mut().insert(WithoutLayout);
        response
    }
}

impl IntoPage for Fragment {
    fn into_page(self) -> PageResponse {
        self.into_response().into_page()
    }
}

/// Extracts the markup of a response that belongs in the layout.
///
/// Other responses stay unchanged: those that are not HTML, whole documents, [`Fragment`]s and
/// responses to scripts.
pub(super) fn content_of(request: &Parts, mut response: Response) -> PageResponse {
    let Some(text) = bare_html(request, &mut response) else {
        return PageResponse::Response(Box::new(response));
    };
    PageResponse::ContentWithHead(Box::new(response.into_parts().0), PreEscaped(text))
}

/// Returns a copy of the response's HTML if it is complete and not a whole document.
fn bare_html(request: &Parts, response: &mut Response) -> Option<String> {
    let status = response.status();
    let has_content = status.is_success() || status.is_client_error() || status.is_server_error();
    if !has_content
        || !is_html(response.headers())
        || response.extensions().get::<WithoutLayout>().is_some()
        || is_for_script(request)
    {
        return None;
    }
    let text = peek(response.body_mut())?;
    // A body that arrives in several chunks is a stream, not markup.
    let is_whole = response.body().size_hint().exact() == Some(text.len() as u64);
    if !is_whole || is_document(&text) {
        return None;
    }
    String::from_utf8(text.to_vec()).ok()
}

/// Copies the headers of a handler's response to the page rendered around its content.
pub(super) fn with_head(mut response: Response, head: Head) -> Response {
    let headers = response.headers_mut();
    for name in head.headers.keys() {
        if [header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            continue;
        }
        // Each cookie has a separate header.
        if *name != header::SET_COOKIE {
            headers.remove(name);
        }
        for value in head.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    response.extensions_mut().extend(head.extensions);
    response
}

fn is_html(headers: &HeaderMap) -> bool {
    let is_html = |it: &axum::http::HeaderValue| it.as_bytes().starts_with(b"text/html");
    headers.get(header::CONTENT_TYPE).is_some_and(is_html)
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_DISPOSITION)
}

/// Returns `true` if a script will insert the response into a document.
///
/// htmx and live regions mark requests that need the whole page.
fn is_for_script(request: &Parts) -> bool {
    let Parts {
        method, headers, ..
    } = request;
    let needs_page = regions::are_requested(method, headers)
        || is_set(headers, "hx-boosted")
        || is_set(headers, "hx-history-restore-request");
    !needs_page && is_by_script(method, headers)
}

/// Returns `true` if a script sent the request.
pub(super) fn is_by_script(method: &Method, headers: &HeaderMap) -> bool {
    regions::are_requested(method, headers)
        || is_set(headers, "hx-request")
        || headers
            .get("sec-fetch-dest")
            .is_some_and(|destination| destination == "empty")
}

fn is_set(headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).is_some_and(|value| value == "true")
}

/// Adds the header with the style sheets that the rendered markup requires.
///
/// The document into which a script inserts the markup may not have loaded them.
pub(super) fn name_stylesheets(response: &mut Response) {
    let urls = scope::requirements().stylesheet_urls(&scope::base_path());
    if !urls.is_empty()
        && let Ok(value) = HeaderValue::from_str(&urls.join(" "))
    {
        response.headers_mut().insert(STYLESHEETS, value);
    }
}

/// Returns `true` if the HTML is a whole document, which has its own layout.
fn is_document(html: &[u8]) -> bool {
    let html = html.strip_prefix(b"\xef\xbb\xbf").unwrap_or(html);
    let start = html.trim_ascii_start();
    let begins = |word: &str| {
        start
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    start.is_empty() || begins("<!doctype") || begins("<html")
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::http::{Request, StatusCode};
    use axum::{Json, body};
    use maud::html;

    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = Request::builder().uri("/form");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn content(headers: &[(&'static str, &'static str)], response: Response) -> Option<String> {
        match content_of(&request(headers), response) {
            PageResponse::ContentWithHead(_, content) => Some(content.into_string()),
            _ => None,
        }
    }

    fn form() -> Response {
        let form = html! { form { "again" } };
        (StatusCode::UNPROCESSABLE_ENTITY, form).into_response()
    }

    #[test]
    fn markup_in_a_response_belongs_in_the_layout() {
        let PageResponse::ContentWithHead(head, form) = content_of(&request(&[]), form()) else {
            panic!("a form is markup")
        };
        assert_eq!(head.status, 422);
        assert_eq!(form.into_string(), "<form>again</form>");
        for headers in [
            [("sec-fetch-dest", "document"), ("accept", "text/html")],
            [("hx-request", "true"), ("hx-boosted", "true")],
            [
                ("hx-request", "true"),
                ("hx-history-restore-request", "true"),
            ],
            [("sec-fetch-dest", "empty"), ("x-portal-region", "news")],
        ] {
            let form = content(&headers, super::tests::form());
            assert!(form.is_some(), "{headers:?}");
        }
    }

    #[test]
    fn script_receives_the_markup_alone() {
        for header in [("hx-request", "true"), ("sec-fetch-dest", "empty")] {
            assert_eq!(content(&[header], form()), None, "{header:?}");
        }
    }

    #[tokio::test]
    async fn other_responses_stay_unchanged() {
        let stream = futures_util::stream::iter(["<p>", "</p>"].map(Ok::<_, std::io::Error>));
        let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        for (response, text) in [
            (
                Html(" <!DOCTYPE html><p>").into_response(),
                " <!DOCTYPE html><p>",
            ),
            (Html("<HTML lang=en>").into_response(), "<HTML lang=en>"),
            (Html("").into_response(), ""),
            (Fragment(html! { p {} }).into_response(), "<p></p>"),
            (Json("<p></p>").into_response(), "\"<p></p>\""),
            ("<p></p>".into_response(), "<p></p>"),
            (
                (html.clone(), Body::from_stream(stream)).into_response(),
                "<p></p>",
            ),
            (
                (html, [(header::CONTENT_DISPOSITION, "attachment")], "<p>").into_response(),
                "<p>",
            ),
        ] {
            let PageResponse::Response(response) = content_of(&request(&[]), response) else {
                panic!("{text} is not markup")
            };
            let left = body::to_bytes(response.into_body(), 100).await.unwrap();
            assert_eq!(left, Bytes::from(text));
        }
    }

    #[test]
    fn page_keeps_the_headers_of_its_handler() {
        let mut first = form();
        for (name, value) in [
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("etag", "\"7\""),
        ] {
            first.headers_mut().append(name, value.parse().unwrap());
        }
        let page = [(header::SET_COOKIE, "flash="), (header::ETAG, "\"page\"")];
        let page = with_head(page.into_response(), first.into_parts().0);
        let cookies: Vec<_> = page.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["flash=", "a=1", "b=2"]);
        assert_eq!(page.headers()["etag"], "\"7\"");
    }
}
