//! Conversion of pages into axum routes, with the guard on each handler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use maud::html;

use super::components::{Banner, Tone};
use super::error_page::came_from;
use super::error_response::{self, accepts_html};
use super::fragment;
use super::href::Href;
use super::htmx;
use super::into_page::PageResponse;
use super::layout::Flash;
use super::layout_cache::LayoutCache;
use super::page::Page;
use super::render::{PageMeta, PageRenderer};
use super::scope;
use crate::auth::{CurrentUser, Denied, Routes, caller};
use crate::error::Problem;
use crate::state::PortalState;

/// Returns the routes of all pages; pages can share a path if their methods differ.
pub(crate) fn routes(pages: Vec<Page>) -> Routes {
    pages.into_iter().fold(Routes::new(), |routes, page| {
        routes.add(page.declared(), handler(page))
    })
}

/// Builds the handler of a page. It contains the guard, so no spelling of the path bypasses it.
fn handler(page: Page) -> MethodRouter<PortalState> {
    let filter = MethodFilter::try_from(page.method.clone()).unwrap_or(MethodFilter::GET);
    let shared = Arc::new((page, LayoutCache::default()));
    on(
        filter,
        move |State(state): State<PortalState>, request: Request| {
            let shared = Arc::clone(&shared);
            async move {
                let (page, layouts) = &*shared;
                let handling = |request| respond(page, layouts, state.clone(), request);
                in_scope(&state, request, handling).await
            }
        },
    )
}

/// Runs a handler within a render scope, so that it can return single regions of a page.
pub(crate) async fn scoped(
    State(state): State<PortalState>,
    request: Request,
    next: Next,
) -> Response {
    in_scope(&state, request, |request| next.run(request)).await
}

async fn in_scope<F: Future<Output = Response>>(
    state: &PortalState,
    request: Request,
    handle: impl FnOnce(Request) -> F,
) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let is_by_script = fragment::is_by_script(method, headers);
    let scope = match state.borrow::<PageRenderer>() {
        Ok(setup) => setup.scope(method, headers),
        Err(error) => return error.into_response(),
    };
    let handling = handle(request);
    let respond = async {
        let mut response = handling.await;
        if is_by_script {
            fragment::name_stylesheets(&mut response);
        }
        response
    };
    scope.enter(respond).await
}

async fn respond(
    page: &Page,
    layouts: &LayoutCache,
    state: PortalState,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let setup = match state.borrow::<PageRenderer>() {
        Ok(setup) => setup,
        Err(error) => return error.into_response(),
    };
    let user = match caller(&mut parts, &state).await {
        Ok(user) => user,
        Err(error) => return error_response::page(&parts, None, error),
    };
    if let Err(denied) = page.access.check(user.as_deref()) {
        setup.prepare(user.as_ref()).await;
        return deny(setup, &parts, user.as_ref(), denied);
    }
    let head = head_of(&parts.method, &parts.uri, &parts.headers);
    // The cursor is taken first, so that the page is later notified of changes made while it is
    // rendered.
    let read_mark = (setup.read_mark)();
    let request = Request::from_parts(parts, body);
    let content = (page.respond)(state.clone(), request).await;
    // Deactivated users see public pages as guests do, with a banner that states the reason.
    let is_deactivated = user.as_ref().is_some_and(|user| !user.is_enabled());
    let user = user.filter(|user| user.is_enabled());
    let content = match content {
        PageResponse::Response(response) => match fragment::content_of(&head, *response) {
            PageResponse::Response(mut response) => match problem_of(&head, &mut response) {
                Some(problem) => {
                    setup.prepare(user.as_ref()).await;
                    let page = error_response::page(&head, user.as_ref(), problem.into());
                    return fragment::with_head(page, response.into_parts().0);
                }
                None => return htmx::htmx_response(&head, *response),
            },
            content => content,
        },
        content => content,
    };
    let render = |status, content| {
        page.requirements.iter().cloned().for_each(scope::require);
        let content = if is_deactivated {
            html! { (deactivated_banner()) (content) }
        } else {
            content
        };
        let title = scope::title();
        let page_head = PageMeta {
            status,
            title: title.as_deref().unwrap_or(&page.title),
            description: page.description.as_deref(),
            layout: page.layout.as_deref(),
            extra: None,
            read_mark: Some(read_mark),
            // A cached layout contains the title of the page.
            layouts: title.is_none().then_some(layouts),
        };
        setup.render(&head, user.as_ref(), page_head, content)
    };
    match content {
        PageResponse::Content(status, content) => {
            setup.prepare(user.as_ref()).await;
            render(status, content)
        }
        PageResponse::ContentWithHead(response, content) => {
            setup.prepare(user.as_ref()).await;
            let page = render(response.status, content);
            fragment::with_head(page, *response)
        }
        PageResponse::Response(response) => *response,
        // An extractor of the page requires a signed-in user.
        PageResponse::Error(error)
            if error.status() == StatusCode::UNAUTHORIZED && user.is_none() =>
        {
            deny(setup, &head, None, Denied::Unauthenticated)
        }
        PageResponse::Error(error) => {
            setup.prepare(user.as_ref()).await;
            error_response::page(&head, user.as_ref(), error)
        }
    }
}

/// Returns the problem of an error response without markup, so that browsers receive it as a page.
fn problem_of(request: &Parts, response: &mut Response) -> Option<Problem> {
    accepts_html(&request.headers)
        .then(|| Problem::of_response(response))
        .flatten()
}

fn deactivated_banner() -> Banner {
    Banner::new(Tone::Warning, "Ask an administrator for access.")
        .title("Your account is deactivated.")
}

/// Copies the head of a request that the handler consumes, without its extensions.
pub(crate) fn head_of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    head.method = method.clone();
    head.uri = uri.clone();
    head.headers = headers.clone();
    head
}

/// Redirects guests to the sign-in page and back; shows everyone else an error page.
fn deny(
    setup: &PageRenderer,
    parts: &Parts,
    user: Option<&CurrentUser>,
    denied: Denied,
) -> Response {
    match denied {
        Denied::Unauthenticated if matches!(parts.method, Method::GET | Method::HEAD) => {
            setup.sign_in_url(parts).redirect().into_response()
        }
        // The submitted form is lost; sign-in returns to the page that contains it.
        Denied::Unauthenticated => {
            let to = match came_from(setup, parts) {
                Some(page) => setup.sign_in_url_to(&page),
                None => Href::from("/sign-in"),
            };
            Flash::info("Your session has ended. Sign in again to continue.").redirect(to)
        }
        Denied::Forbidden | Denied::Impersonated => {
            error_response::page(parts, user, denied.into())
        }
        Denied::Deactivated => error_response::page(parts, None, denied.into()),
    }
}
