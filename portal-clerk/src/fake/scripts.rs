//! Small scripts that replace clerk-js and its UI script.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::state::Instance;

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route(
            "/npm/@clerk/clerk-js@6/dist/clerk.browser.js",
            get(async || script(include_str!("clerk.browser.js"))),
        )
        .route(
            "/npm/@clerk/ui@1/dist/ui.browser.js",
            get(async || script(include_str!("ui.browser.js"))),
        )
}

fn script(text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
