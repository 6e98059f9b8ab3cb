//! Error responses as pages: converts errors and unmatched paths into error pages.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::default_layout::PlainLayout;
use super::error_page::ErrorPage;
use super::render::{PageMeta, PageRenderer};
use crate::auth::{CurrentUser, RouteInfo, caller};
use crate::error::{Error, NOTHING_HERE, Problem};
use crate::state::PortalState;

/// Error of a page. The pipeline renders it, since only the pipeline has the request ID.
#[derive(Clone)]
pub(crate) struct PageError(Arc<Inner>);

struct Inner {
    parts: Parts,
    user: Option<CurrentUser>,
    problem: Problem,
}

impl PageError {
    pub(crate) fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// Renders the error page for the caller of the request.
    pub(crate) fn render(
        &self,
        setup: &PageRenderer,
        route: Option<&RouteInfo>,
        request_id: Option<&str>,
    ) -> Response {
        let Inner {
            parts,
            user,
            problem,
        } = &*self.0;
        render(setup, parts, route, user.as_ref(), problem, request_id)
    }
}

/// Returns an error as a page in the portal's layout.
pub(crate) fn page(parts: &Parts, user: Option<&CurrentUser>, error: Error) -> Response {
    let problem = error.into_problem();
    let mut response = problem.status.into_response();
    problem.add_headers(&mut response);
    let error = PageError(Arc::new(Inner {
        parts: parts.clone(),
        user: user.cloned(),
        problem,
    }));
    response.extensions_mut().insert(error);
    response
}

/// Returns an error as a standalone page without navigation or user, for failures outside of pages.
pub(crate) fn error_document(
    setup: &PageRenderer,
    parts: &Parts,
    route: Option<&RouteInfo>,
    problem: &Problem,
    request_id: Option<&str>,
) -> Response {
    let render = || {
        let page = ErrorPage::new(setup, parts, route, problem, request_id);
        let extra = page.head();
        let head = PageMeta {
            layout: Some(&PlainLayout),
            extra: Some(&extra),
            ..PageMeta::new(problem.status, page.title())
        };
        setup.render(parts, None, head, page.content(None, &[]))
    };
    finish(
        setup
            .scope(&parts.method, &parts.headers)
            .enter_sync(render),
        problem,
    )
}

fn render(
    setup: &PageRenderer,
    parts: &Parts,
    route: Option<&RouteInfo>,
    user: Option<&CurrentUser>,
    problem: &Problem,
    request_id: Option<&str>,
) -> Response {
    // An outage affects all users alike, so the page does not depend on the user.
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        return error_document(setup, parts, route, problem, request_id);
    }
    let render = || {
        let page = ErrorPage::new(setup, parts, route, problem, request_id);
        let nav = setup.nav_of(parts, user);
        let extra = page.head();
        let head = PageMeta {
            extra: Some(&extra),
            ..PageMeta::new(problem.status, page.title())
        };
        setup.render(parts, user, head, page.content(user, &nav))
    };
    finish(
        setup
            .scope(&parts.method, &parts.headers)
            .enter_sync(render),
        problem,
    )
}

fn finish(mut response: Response, problem: &Problem) -> Response {
    // This overrides the header of the failed response, since the page is specific to one user.
    let private = HeaderValue::from_static("private, no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, private);
    problem.add_headers(&mut response);
    response
}

/// Handles every path that no route matches.
pub(crate) async fn fallback(State(state): State<PortalState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let error = Error::not_found(NOTHING_HERE);
    if !accepts_html(&parts.headers) {
        return error.into_response();
    }
    let user = caller(&mut parts, &state)
        .await
        .ok()
        .flatten()
        .filter(|user| user.is_enabled());
    if let Ok(setup) = state.borrow::<PageRenderer>() {
        setup.prepare(user.as_ref()).await;
    }
    page(&parts, user.as_ref(), error)
}

/// Returns `true` if the client accepts HTML, as browsers do.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}
