//! Developer section on error pages, rendered in DEV only: cause, handler and request.

use std::borrow::Cow;

use axum::http::request::Parts;
use maud::{Markup, html};

use super::components::{Card, detail_list};
use super::render::PageRenderer;
use crate::auth::RouteInfo;
use crate::error::Problem;

/// Headers that describe how a request was made.
///
/// They contain no credentials: no cookies, no `Authorization` header, no URLs with tokens.
const SHOWN_HEADERS: [&str; 13] = [
    "accept",
    "accept-language",
    "content-length",
    "content-type",
    "host",
    "hx-request",
    "hx-target",
    "if-match",
    "origin",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "user-agent",
];

/// Maximum length of a shown header value, in characters.
const MAX_HEADER_LEN: usize = 200;

/// Renders the causes of an error, the handler and the request.
///
/// The result is empty in PROD or if the page already states the whole cause.
pub(super) fn developer_details(
    setup: &PageRenderer,
    parts: &Parts,
    route: Option<&RouteInfo>,
    problem: &Problem,
) -> Markup {
    let is_of_interest = !problem.reasons.is_empty()
        || (problem.is_malformed_request() && !problem.detail.is_empty());
    if !setup.config.is_dev() || !is_of_interest {
        return html! {};
    }
    let (method, path) = (&parts.method, parts.uri.path());
    let path = match route {
        Some(route) => route.without_credentials(path).into(),
        None => Cow::Borrowed(path),
    };
    let request = [("Request", html! { code { (method) " " (path) } })];
    let rows: Vec<_> = request
        .into_iter()
        .chain(route.map(|route| ("Route", html! { code { (route.path) } })))
        .chain(route.and_then(|route| route.source).map(|source| {
            let place = html! { code { (source) } br; code { (source.file) ":" (source.line) } };
            ("Handler", place)
        }))
        .chain(shown_headers(parts))
        .collect();
    let body = html! {
        ol {
            @if problem.is_malformed_request() { li { (problem.detail) } }
            @for error in problem.errors.iter().filter(|_| !problem.is_rejection) { li { code { (error.pointer) } " " (error.message) } }
            @for reason in &problem.reasons { li { (reason) } }
        }
        (detail_list(&rows))
    };
    html! {
        div class="pt-error-dev" {
            (Card::new().title("For developers").description("Only shown while APP_ENV is DEV.").body(body))
        }
    }
}

fn shown_headers(parts: &Parts) -> impl Iterator<Item = (&'static str, Markup)> {
    SHOWN_HEADERS.into_iter().filter_map(|name| {
        let value = parts.headers.get(name)?;
        let value: String = String::from_utf8_lossy(value.as_bytes())
            .chars()
            .take(MAX_HEADER_LEN)
            .collect();
        Some((name, html! { code { (value) } }))
    })
}
