//! Pages for what went wrong.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::components::{Button, EmptyState};
use super::default_layout::PlainLayout;
use super::render::{PageHead, PageSetup};
use crate::auth::{CurrentUser, address, caller};
use crate::error::{Error, Problem};
use crate::state::PortalState;

/// An error as a page within the portal's layout.
pub(crate) fn page(
    setup: &PageSetup,
    parts: &Parts,
    user: Option<&CurrentUser>,
    error: Error,
) -> Response {
    let problem = error.into_problem();
    let title = title(problem.status);
    let content = explain(setup, &problem);
    let mut response = setup.render(parts, user, PageHead::new(problem.status, title), content);
    problem.add_headers(&mut response);
    response
}

/// An error as a page of its own, for what fails outside of a page: without navigation or user.
pub(crate) fn error_document(setup: &PageSetup, parts: &Parts, problem: &Problem) -> Response {
    let content = explain(setup, problem);
    let head = PageHead {
        layout: Some(&PlainLayout),
        ..PageHead::new(problem.status, title(problem.status))
    };
    let mut response = setup.render(parts, None, head, content);
    problem.add_headers(&mut response);
    response
}

/// What stands at every path that nothing else does.
pub(crate) async fn fallback(State(state): State<PortalState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let error = Error::not_found("there is nothing at this address");
    if !accepts_html(&parts.headers) || is_api(parts.uri.path()) {
        return error.into_response();
    }
    let Ok(setup) = state.borrow::<PageSetup>() else {
        return error.into_response();
    };
    let user = caller(&mut parts, &state)
        .await
        .ok()
        .flatten()
        .filter(|user| user.is_allowed_in());
    page(setup, &parts, user.as_ref(), error)
}

/// Whether the client is a browser that wants a page.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// Whether a path belongs to programs; no HTML ever answers there.
pub(crate) fn is_api(path: &str) -> bool {
    path.split('/')
        .any(|segment| segment == "api" || segment == "ws")
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Page not found",
        StatusCode::FORBIDDEN => "Access denied",
        StatusCode::SERVICE_UNAVAILABLE => "Back in a moment",
        status if status.is_server_error() => "Something went wrong",
        _ => "That did not work",
    }
}

fn explain(setup: &PageSetup, problem: &Problem) -> Markup {
    let icon = if problem.status == StatusCode::NOT_FOUND {
        "search"
    } else {
        "triangle-alert"
    };
    let home = address(&setup.config.base_path, "/");
    let back = Button::new("Back to the start").href(home);
    html! { (EmptyState::new(icon, title(problem.status)).text(&*problem.detail).action(back)) }
}

/// The page that a user comes to who may not see what he asked for.
pub(crate) fn access_denied(setup: &PageSetup) -> Markup {
    let home = format!("{}/admin/overview", setup.config.base_path);
    let back = Button::new("Back to the overview").href(home);
    let text = "Your account may not see this page. Ask an administrator if you need it.";
    html! { (EmptyState::new("shield", "Access denied").text(text).action(back)) }
}
