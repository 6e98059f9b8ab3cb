//! `/admin/settings` and `/admin/users`: pages of admin models, and one route per action on them.
//!
//! Actions are plain forms. They respond with a redirect to the list, or with the page and the
//! submitted form.

mod default_rows;
mod delete;
mod request;
mod save;
mod screen;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Redirect;

use self::request::{AdminPage, PageRequest, SETTINGS, USERS, no_models};
use super::registry::ModelRegistry;
use crate::auth::{Access, RateClass};
use crate::error::Result;
use crate::pages::{IntoPage, NavItem, Page, PageFuture, PageResponse};
use crate::source;
use crate::state::PortalState;

/// Declares an action: a `POST` page, and a `GET` page at the same path that leads to the list.
///
/// Browsers request the latter when a form is sent after the session has expired: sign-in returns
/// to the requested path. `without_page` removes them with the other actions and pages.
macro_rules! action {
    ($name:ident / $list:ident, $path:expr, $page:expr, $access:expr, $handler:path) => {{
        let page = |source, respond: fn(PortalState, Request) -> PageFuture| {
            let title = $page.title();
            Page::new(source, $path, respond)
                .title(title)
                .access($access)
        };
        [
            page(source!($name), |state, request| {
                Box::pin(async move { $handler(&state, request, $page).await.into_page() })
            })
            .method(Method::POST)
            .rate_class(RateClass::AdminWrite),
            page(source!($list), |state, request| {
                Box::pin(async move { lead_to_list(&state, request, $page).await.into_page() })
            }),
        ]
    }};
}

/// Returns the pages of admin models. Everyone who may open one of the models can open the
/// settings.
pub(super) fn pages(models: &ModelRegistry) -> Vec<Page> {
    use AdminPage::{Settings, Users};

    let any_model = || models.settings_access();
    let item = |label: &str, icon: &str| NavItem::new(label).icon(icon).group("Administration");
    let mut pages = vec![
        Page::new(source!(settings), SETTINGS, |state, request| {
            Box::pin(async move { show(&state, request, Settings).await.into_page() })
        })
        .title(Settings.title())
        .access(any_model())
        .nav(item("Settings", "settings").order(210)),
        Page::new(source!(users), USERS, |state, request| {
            Box::pin(async move { show(&state, request, Users).await.into_page() })
        })
        .title(Users.title())
        .access(Access::Admin)
        .nav(item("Users", "users").order(200)),
    ];
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/defaults",
        Settings,
        Access::Admin,
        default_rows::add
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/create",
        Settings,
        any_model(),
        save::create
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/convert",
        Settings,
        any_model(),
        save::convert
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/rows/{id}/update",
        Settings,
        any_model(),
        save::update
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/rows/{id}/convert",
        Settings,
        any_model(),
        save::convert
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/rows/{id}/delete",
        Settings,
        any_model(),
        delete::one
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/actions/delete/confirm",
        Settings,
        any_model(),
        delete::confirm
    ));
    pages.extend(action!(
        save_settings / settings,
        "/admin/settings/{model}/actions/delete",
        Settings,
        any_model(),
        delete::selected
    ));
    pages.extend(action!(
        save_user / users,
        "/admin/users/rows/{id}/update",
        Users,
        Access::Admin,
        save::update
    ));
    pages
}

/// Responds with the list, and the drawer that the URL requests.
async fn show(state: &PortalState, request: Request, page: AdminPage) -> Result<PageResponse> {
    let request = PageRequest::read(state, request, page).await?;
    match request.model {
        Some(_) => request.screen(state)?.get(&request.query).await,
        None => Ok(no_models().into_page()),
    }
}

/// Redirects from the path of an action to its list.
async fn lead_to_list(
    state: &PortalState,
    request: Request,
    page: AdminPage,
) -> Result<PageResponse> {
    let request = PageRequest::read(state, request, page).await?;
    let list = request.here.with("edit", request.key);
    Ok(Redirect::to(&list.to_string()).into_page())
}
