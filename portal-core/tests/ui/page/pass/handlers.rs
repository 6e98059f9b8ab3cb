//! Every kind of handler, and that the constructor says what was written.

use std::collections::HashMap;

use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use maud::{Markup, html};
use portal_core::page;

type Fields = HashMap<String, String>;

/// Home.
#[page("/")]
async fn home() -> Markup {
    html! { h1 { "Hello" } }
}

/// One user
///
/// With all that is known of them.
#[page("/users/{id}", requires_auth)]
async fn user(Path(id): Path<u32>, query: Query<Fields>) -> Result<Markup, portal_core::Error> {
    Ok(html! { (id) (query.len()) })
}

// The body is read last, and a page may name itself.
#[page(route = "/users/{id}", method = post, requires_admin)]
async fn edit_user(Path(_id): Path<u32>, form: Form<Fields>) -> Redirect {
    match form.len() {
        0 => edit_user().url().redirect(),
        _ => home().url().redirect(),
    }
}

#[page("/raw")]
async fn raw(body: String) -> Response {
    body.into_response()
}

#[page("/json", title = "JSON", description = "As data", nav = false)]
async fn json(Json(fields): Json<Fields>) -> Json<usize> {
    Json(fields.len())
}

#[page("/files/{*path}")]
async fn file(Path(path): Path<String>) -> Markup {
    html! { (path) }
}

#[page("/about", nav(label = "About us", icon = "info", order = -1, group = "Company"))]
async fn about() -> Markup {
    html! {}
}

#[page("/contact", requires_auth = false, requires_admin = false, nav, crate = portal_core)]
async fn contact() -> Markup {
    html! {}
}

#[test]
fn every_kind_of_handler_is_a_page() {
    assert_eq!(home().url(), "/");
    assert_eq!(user().url(), "/users/{id}");
    assert_eq!(edit_user().url(), "/users/{id}");
    for page in [raw(), json(), file(), about(), contact()] {
        assert!(page.url().as_str().starts_with('/'));
    }
}
