//! `/admin/notifications`: the user's notifications, newest first.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect};
use maud::{Markup, html};

use super::api::id_of;
use super::list::{self, grouped};
use super::record::NotificationRecord;
use super::send_form::{self, SendForm};
use super::service::{NotificationFilter, Notifications, not_found};
use crate::auth::{Access, CurrentUser, RateClass, caller, safe_redirect};
use crate::error::{Error, Result};
use crate::fields::QueryFields;
use crate::live::Region;
use crate::pages::components::{Button, EmptyState, PageHead, Tab};
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{
    Flash, Fragment, Href, IntoPage, NOTIFICATIONS as PATH, Page, PageResponse, scope,
};
use crate::source;
use crate::state::{Data, PortalState, TaskInput as _};

/// Number of entries per page.
const PAGE_SIZE: u64 = 30;
/// Number of entries in the bell menu.
const MENU_SIZE: u64 = 6;

const UNREAD: &str = "/admin/notifications?unread=1";
/// Actions, each with its own path below the path of the list or of an entry.
pub(super) const READ_ALL: &str = "/admin/notifications/read-all";
pub(super) const SEND: &str = "/admin/notifications/send";
const ENTRY: &str = "/admin/notifications/{id}";
const READ: &str = "/admin/notifications/{id}/read";
const DELETE: &str = "/admin/notifications/{id}/delete";

/// Returns the pages for the user's notifications.
pub(crate) fn pages() -> Vec<Page> {
    let page = |page: Page| {
        page.title("Notifications")
            .description("Updates about your tasks and account.")
            .access(Access::User)
    };
    let change = |action: Page| page(action).rate_class(RateClass::AdminWrite);
    // If a form is submitted after the session has expired, the browser requests the action's path
    // with `GET`, because sign-in returns to the requested path.
    let to_list = |path| page(Page::get(path, async || Href::from(PATH).redirect()));
    vec![
        page(Page::get(PATH, show)).source(source!(notifications)),
        change(Page::post(READ_ALL, read_all)).source(source!(change_notifications)),
        to_list(READ_ALL).source(source!(notifications)),
        change(Page::post(READ, read)).source(source!(change_notifications)),
        to_list(READ).source(source!(notifications)),
        change(Page::post(DELETE, delete)).source(source!(change_notifications)),
        to_list(DELETE).source(source!(notifications)),
        change(Page::post(SEND, send_form::send))
            .access(Access::Admin)
            .source(source!(change_notifications)),
        to_list(SEND).source(source!(notifications)),
        page(Page::get("/admin/notifications/latest", latest))
            .source(source!(latest_notifications)),
        page(Page::get(ENTRY, open)).source(source!(open_notification)),
        change(Page::post(ENTRY, read_and_open)).source(source!(read_notification)),
    ]
}

/// The user who sent a request, and the services that the pages use.
pub(super) struct PageScope {
    pub(super) state: PortalState,
    pub(super) user: CurrentUser,
    pub(super) notifications: Data<Notifications>,
}

impl FromRequestParts<PortalState> for PageScope {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self> {
        let user = caller(parts, state).await?;
        Ok(Self {
            state: state.clone(),
            user: user.ok_or_else(Error::unauthorized)?,
            notifications: Data::resolve(state)?,
        })
    }
}

async fn show(scope: PageScope, QueryFields(query): QueryFields) -> Result<Markup> {
    let filter = NotificationFilter {
        // If the cursor is invalid, the page starts with the newest entry.
        cursor: query.find("cursor").map(str::to_owned),
        unread_only: query.find("unread").is_some(),
        limit: PAGE_SIZE,
    };
    let draft = (query.find("send").is_some() && scope.user.is_admin()).then(SendForm::default);
    render(&scope, filter, draft.as_ref()).await
}

/// Renders the page and, if it is open, the form for sending a message on top of it.
pub(super) async fn render(
    scope: &PageScope,
    mut filter: NotificationFilter,
    draft: Option<&SendForm>,
) -> Result<Markup> {
    let user_id = scope.user.id;
    let listed = match scope.notifications.list(user_id, &filter).await {
        Err(error) if error.status().is_client_error() => {
            filter.cursor = None;
            scope.notifications.list(user_id, &filter).await
        }
        listed => listed,
    };
    let (items, next) = listed?;
    let unread = scope.notifications.count_unread(user_id).await?;
    let mark = if filter.unread_only { "&unread=1" } else { "" };
    let region = Region::new("notifications").id("notifications");
    let empty = if filter.unread_only {
        EmptyState::new("circle-check", "You're all caught up")
            .text("You have no unread notifications.")
            .action(Button::new("Show all").href(PATH))
    } else {
        EmptyState::new("bell", "You're all caught up")
            .text("You'll be notified here when your tasks finish or someone sends you a message.")
    };
    if filter.cursor.is_some() || next.is_some() {
        scope::require_stylesheet(Stylesheet::Table);
    }
    Ok(html! {
        (head(scope, filter.unread_only, unread))
        (region.render(html! {
            @if items.is_empty() {
                div class="pt-card" { (empty) }
            } @else {
                (grouped(&items))
            }
            @if filter.cursor.is_some() || next.is_some() {
                nav class="pt-pages" aria-label="Pages" {
                    @if filter.cursor.is_some() {
                        (Button::new("Newest").size(1).href(if filter.unread_only { UNREAD } else { PATH }))
                    }
                    @if let Some(next) = &next {
                        (Button::new("Older").size(1).href(format!("{PATH}?cursor={next}{mark}")))
                    }
                }
            }
        }))
        @if let Some(draft) = draft { (send_form::drawer(scope, draft)?) }
    })
}

fn head(scope: &PageScope, unread_only: bool, unread: u64) -> PageHead<'static> {
    let label = match unread {
        0 => "Unread".to_owned(),
        count => format!("Unread ({count})"),
    };
    let tabs = vec![
        Tab::new("All", PATH, !unread_only),
        Tab::new(label, UNREAD, unread_only),
    ];
    PageHead::new("Notifications")
        .description("Updates about your tasks and account.")
        .tabs("Filter notifications", tabs)
        .actions(html! {
            @if unread > 0 {
                form method="post" action=(Href::from(READ_ALL)) {
                    (Button::new("Mark all as read").icon("check").submit())
                }
            }
            @if scope.user.is_admin() {
                (Button::new("Send a message").icon("mail").href(format!("{PATH}?send=1")))
            }
        })
}

/// Renders the newest entries, for the bell menu.
async fn latest(scope: PageScope) -> Result<PageResponse> {
    let filter = NotificationFilter {
        limit: MENU_SIZE,
        ..NotificationFilter::default()
    };
    let (items, _) = scope.notifications.list(scope.user.id, &filter).await?;
    let mut response = Fragment(list::menu(&items)).into_response();
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    Ok(response.into_page())
}

/// Redirects to the link of a notification.
async fn open(scope: PageScope, Path(id): Path<String>) -> Result<Redirect> {
    let entry = scope.notifications.get(scope.user.id, id_of(&id)?).await?;
    let entry = entry.ok_or_else(not_found)?;
    Ok(to_link_of(&entry))
}

/// Marks a notification as read and redirects to its link.
///
/// The lists contain a form that submits this action.
async fn read_and_open(scope: PageScope, Path(id): Path<String>) -> Result<Redirect> {
    let PageScope {
        notifications,
        user,
        ..
    } = &scope;
    let entry = notifications.get(user.id, id_of(&id)?).await?;
    let entry = entry.ok_or_else(not_found)?;
    if entry.is_unread() {
        notifications.mark_read(user.id, entry.id).await?;
    }
    Ok(to_link_of(&entry))
}

fn to_link_of(entry: &NotificationRecord) -> Redirect {
    let link = entry.link.as_deref().and_then(safe_redirect);
    Href::from(link.unwrap_or(PATH)).redirect()
}

async fn read(scope: PageScope, Path(id): Path<String>) -> Result<Redirect> {
    let id = id_of(&id)?;
    scope.notifications.mark_read(scope.user.id, id).await?;
    Ok(Href::from(PATH).redirect())
}

async fn read_all(scope: PageScope) -> Result<PageResponse> {
    scope.notifications.mark_all_read(scope.user.id).await?;
    Ok(Flash::success("All marked as read")
        .redirect(PATH)
        .into_page())
}

async fn delete(scope: PageScope, Path(id): Path<String>) -> Result<PageResponse> {
    let id = id_of(&id)?;
    scope.notifications.delete(scope.user.id, id).await?;
    Ok(Flash::success("Deleted").redirect(PATH).into_page())
}
