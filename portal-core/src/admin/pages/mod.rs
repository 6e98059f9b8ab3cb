//! `/admin/settings` and `/admin/users`: pages of admin models, and one route per action on them.
//!
//! Actions are plain forms. They respond with a redirect to the list, or with the page and the
//! submitted form.

mod actions;
mod default_rows;
mod delete;
mod place;
mod record;
mod request;
mod save;
mod screen;
mod views;

use std::future::Future;
use std::panic::Location;

use axum::extract::{Request, State};
use axum::http::Method;

use self::place::FormPlace;
use self::request::{AdminPage, DEFAULTS, PageRequest, no_models};
use super::list_url::{LIST, ListUrl, SETTINGS, USERS};
use super::registry::ModelRegistry;
use crate::auth::{Access, RateClass};
use crate::error::Result;
use crate::pages::{Href, IntoPage, NavItem, Page, PageResponse};
use crate::source;
use crate::source::Source;
use crate::state::PortalState;

/// Returns the pages of admin models.
///
/// Every user who may open one of the tabs can open the settings.
pub(super) fn pages(models: &ModelRegistry) -> Vec<Page> {
    use AdminPage::{Settings, Users};

    let item = |label: &str, icon: &str| NavItem::new(label).icon(icon).group("Administration");
    let model = |page: Page| page.access(models.access());
    let users = |page: Page| page.access(Access::Admin);
    let mut pages = vec![
        page(Method::GET, SETTINGS, Settings, index)
            .access(models.settings_access())
            .source(source!(settings))
            .nav(item("Settings", "settings").order(210)),
        model(page(Method::GET, "/admin/settings/{model}", Settings, show))
            .source(source!(model_rows)),
        model(page(
            Method::GET,
            "/admin/settings/{model}/{id}",
            Settings,
            record::lead_to_page,
        ))
        .source(source!(record_link)),
        model(page(
            Method::GET,
            "/admin/settings/{model}/rows/{id}",
            Settings,
            record::show,
        ))
        .source(source!(record)),
        users(page(Method::GET, USERS, Users, show))
            .source(source!(users))
            .nav(item("Users", "users").order(200)),
        users(page(
            Method::GET,
            "/admin/users/rows/{id}",
            Users,
            record::show,
        ))
        .source(source!(user_record)),
    ];
    let defaults = action(DEFAULTS, Settings, default_rows::add);
    let actions = [
        action("/admin/settings/{model}/create", Settings, save::create),
        action("/admin/settings/{model}/convert", Settings, save::convert),
        action(
            "/admin/settings/{model}/rows/{id}/update",
            Settings,
            save::update,
        ),
        action(
            "/admin/settings/{model}/rows/{id}/convert",
            Settings,
            save::convert,
        ),
        action(
            "/admin/settings/{model}/rows/{id}/delete",
            Settings,
            delete::one,
        ),
        action(
            "/admin/settings/{model}/actions/delete/confirm",
            Settings,
            delete::confirm,
        ),
        action(
            "/admin/settings/{model}/actions/delete",
            Settings,
            delete::selected,
        ),
        action(
            "/admin/settings/{model}/actions/{action}/confirm",
            Settings,
            actions::confirm,
        ),
        action(
            "/admin/settings/{model}/actions/{action}",
            Settings,
            actions::run,
        ),
    ];
    let model_views = [
        action_leading_to(
            "/admin/settings/{model}/views/create",
            Settings,
            views::create,
            lead_to_plain_list,
        ),
        action_leading_to(
            "/admin/settings/{model}/views/{id}/update",
            Settings,
            views::update,
            lead_to_plain_list,
        ),
        action_leading_to(
            "/admin/settings/{model}/views/{id}/delete",
            Settings,
            views::delete,
            lead_to_plain_list,
        ),
    ];
    let user_views = [
        action_leading_to(
            "/admin/users/views/create",
            Users,
            views::create,
            lead_to_plain_list,
        ),
        action_leading_to(
            "/admin/users/views/{id}/update",
            Users,
            views::update,
            lead_to_plain_list,
        ),
        action_leading_to(
            "/admin/users/views/{id}/delete",
            Users,
            views::delete,
            lead_to_plain_list,
        ),
    ];
    pages.extend(model_views.into_iter().flatten().map(model));
    pages.extend(user_views.into_iter().flatten().map(users));
    let save_user = action("/admin/users/rows/{id}/update", Users, save::update);
    pages.extend(defaults.map(users));
    pages.extend(actions.into_iter().flatten().map(model));
    pages.extend(save_user.map(users));
    pages
}

/// Creates a page whose handler receives a request to one of the two pages of admin models.
#[track_caller]
fn page<H, F>(method: Method, path: &'static str, of: AdminPage, handler: H) -> Page
where
    H: Fn(PageRequest) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<PageResponse>> + Send + 'static,
{
    let handler = move |State(state): State<PortalState>, request: Request| {
        let handler = handler.clone();
        async move { handler(PageRequest::read(state, request, of).await?).await }
    };
    Page::new(method, path, handler).title(of.title())
}

/// Creates an action: a `POST` page, and a `GET` page at the same path that redirects to the list.
///
/// Browsers request the `GET` page if a form is sent after the session has expired, because sign-in
/// returns to the requested path. `without_page` removes both together with the other actions and
/// pages.
#[track_caller]
fn action<H, F>(path: &'static str, of: AdminPage, handler: H) -> [Page; 2]
where
    H: Fn(PageRequest) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<PageResponse>> + Send + 'static,
{
    action_leading_to(path, of, handler, lead_to_list)
}

/// Does the same as [`action`], with a handler of the `GET` page.
#[track_caller]
fn action_leading_to<H, F, L, G>(
    path: &'static str,
    of: AdminPage,
    handler: H,
    lead: L,
) -> [Page; 2]
where
    H: Fn(PageRequest) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<PageResponse>> + Send + 'static,
    L: Fn(PageRequest) -> G + Clone + Send + Sync + 'static,
    G: Future<Output = Result<PageResponse>> + Send + 'static,
{
    let (save, list) = match of {
        AdminPage::Settings => ("save_settings", "settings"),
        AdminPage::Users => ("save_user", "users"),
    };
    let at = Location::caller();
    let source = |name| Source::new(module_path!(), name, at.file(), at.line());
    [
        page(Method::POST, path, of, handler)
            .source(source(save))
            .rate_class(RateClass::AdminWrite),
        page(Method::GET, path, of, lead).source(source(list)),
    ]
}

/// Responds with the first tab. A query that names a model leads to the list of that model.
async fn index(request: PageRequest) -> Result<PageResponse> {
    let named = ListUrl::new(SETTINGS).read(&request.query);
    match named.get("model") {
        "" => show(request).await,
        _ => Ok(Href::from(&request.here).redirect().into_page()),
    }
}

/// Responds with the list, and the drawer that the URL requests.
async fn show(request: PageRequest) -> Result<PageResponse> {
    match request.model {
        Some(_) => request.screen().await?.get(&request.query).await,
        None => Ok(no_models().into_page()),
    }
}

/// Redirects from the path of an action to its list.
async fn lead_to_plain_list(request: PageRequest) -> Result<PageResponse> {
    Ok(Href::from(&request.here).redirect().into_page())
}

/// Redirects from the path of an action to its list, or to the page of the record.
async fn lead_to_list(request: PageRequest) -> Result<PageResponse> {
    let list = || {
        let list = ListUrl::of(request.model.as_deref().unwrap_or_default());
        list.read(request.here.get(LIST))
    };
    let to = match (FormPlace::is_record(&request.here), request.key.as_str()) {
        // The record is in the body of the form, which is lost.
        (true, "") => list(),
        (true, key) => list().record(key),
        (false, key) => request.here.with("edit", key),
    };
    Ok(Href::from(to).redirect().into_page())
}
