//! `/admin/notifications`: notifications of the user, newest first.

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect};
use maud::{Markup, html};
use url::form_urlencoded;

use super::api::id_of;
use super::list::{self, grouped};
use super::send_form::{self, SendForm};
use super::service::{NotificationFilter, Notifications, not_found};
use crate::auth::{Access, CurrentUser, RateClass, caller, safe_redirect, with_base_path};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::live::Region;
use crate::pages::components::{Button, EmptyState, PageHead, Tab};
use crate::pages::stylesheet::Stylesheet;
use crate::pages::{
    Flash, Fragment, IntoPage, NOTIFICATIONS as PATH, Page, PageFuture, PageResponse, scope,
};
use crate::request::body_bytes;
use crate::source;
use crate::state::PortalState;

/// Number of entries on a page.
const PAGE_SIZE: u64 = 30;
/// Number of entries in the menu of the bell.
const MENU_SIZE: u64 = 6;

/// Returns the pages of the user's notifications.
pub(crate) fn pages() -> Vec<Page> {
    let page = |source, path, respond: fn(PortalState, Request) -> PageFuture| {
        Page::new(source, path, respond)
            .title("Notifications")
            .description("Updates about your tasks and account.")
            .access(Access::User)
    };
    vec![
        page(source!(notifications), PATH, |state, request| {
            Box::pin(async move { show(&state, request).await.into_page() })
        }),
        page(source!(change_notifications), PATH, |state, request| {
            Box::pin(async move { change(&state, request).await.into_page() })
        })
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
        page(
            source!(latest_notifications),
            "/admin/notifications/latest",
            |state, request| Box::pin(async move { latest(&state, request).await.into_page() }),
        ),
        page(
            source!(open_notification),
            "/admin/notifications/{id}",
            |state, request| Box::pin(async move { open(&state, request).await.into_page() }),
        ),
        page(
            source!(read_notification),
            "/admin/notifications/{id}",
            |state, request| Box::pin(async move { open(&state, request).await.into_page() }),
        )
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
    ]
}

/// User and handles of a request.
pub(super) struct PageScope<'a> {
    pub(super) state: &'a PortalState,
    pub(super) user: CurrentUser,
    pub(super) notifications: &'a Notifications,
    base_path: &'a str,
}

impl<'a> PageScope<'a> {
    async fn of(state: &'a PortalState, request: Request) -> Result<(Self, Request)> {
        let (mut parts, body) = request.into_parts();
        let user = caller(&mut parts, state).await?;
        let reader = Self {
            state,
            user: user.ok_or_else(Error::unauthorized)?,
            notifications: state.borrow::<Notifications>()?,
            base_path: &state.borrow::<Config>()?.base_path,
        };
        Ok((reader, Request::from_parts(parts, body)))
    }

    pub(super) fn url(&self, path: &str) -> String {
        with_base_path(self.base_path, path)
    }
}

async fn show(state: &PortalState, request: Request) -> Result<Markup> {
    let (reader, request) = PageScope::of(state, request).await?;
    let query = request.uri().query().unwrap_or_default();
    let get = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name)
    };
    let filter = NotificationFilter {
        // With an invalid cursor, the page starts with the newest entry.
        cursor: get("cursor").map(|(_, value)| value.into_owned()),
        unread_only: get("unread").is_some(),
        limit: PAGE_SIZE,
    };
    let draft = (get("send").is_some() && reader.user.is_admin()).then(SendForm::default);
    render(&reader, filter, draft.as_ref()).await
}

/// Renders the page, with the form for sending a message on top of it if the form is open.
pub(super) async fn render(
    reader: &PageScope<'_>,
    mut filter: NotificationFilter,
    draft: Option<&SendForm>,
) -> Result<Markup> {
    let user_id = reader.user.id;
    let listed = match reader.notifications.list(user_id, &filter).await {
        Err(error) if error.status().is_client_error() => {
            filter.cursor = None;
            reader.notifications.list(user_id, &filter).await
        }
        listed => listed,
    };
    let (items, next) = listed?;
    let unread = reader.notifications.unread(user_id).await?;
    let here = reader.url(PATH);
    let mark = if filter.unread_only { "&unread=1" } else { "" };
    let region = Region::new("notifications").id("notifications");
    let empty = if filter.unread_only {
        EmptyState::new("circle-check", "You're all caught up")
            .text("You have no unread notifications.")
            .action(Button::new("Show all").href(here.as_str()))
    } else {
        EmptyState::new("bell", "You're all caught up")
            .text("You'll be notified here when your tasks finish or someone sends you a message.")
    };
    if filter.cursor.is_some() || next.is_some() {
        scope::require_stylesheet(Stylesheet::Table);
    }
    Ok(html! {
        (head(reader, &here, filter.unread_only, unread))
        (region.render(html! {
            @if items.is_empty() {
                div class="pt-card" { (empty) }
            } @else {
                (grouped(&items, &here))
            }
            @if filter.cursor.is_some() || next.is_some() {
                nav class="pt-pages" aria-label="Pages" {
                    @if filter.cursor.is_some() {
                        (Button::new("Newest").size(1).href(if filter.unread_only { format!("{here}?unread=1") } else { here.clone() }))
                    }
                    @if let Some(next) = &next {
                        (Button::new("Older").size(1).href(format!("{here}?cursor={next}{mark}")))
                    }
                }
            }
        }))
        @if let Some(draft) = draft { (send_form::drawer(reader, draft, &here)?) }
    })
}

fn head(reader: &PageScope<'_>, here: &str, unread_only: bool, unread: u64) -> PageHead<'static> {
    let label = match unread {
        0 => "Unread".to_owned(),
        count => format!("Unread ({count})"),
    };
    let tabs = vec![
        Tab::new("All", here, !unread_only),
        Tab::new(label, format!("{here}?unread=1"), unread_only),
    ];
    PageHead::new("Notifications")
        .description("Updates about your tasks and account.")
        .tabs("Filter notifications", tabs)
        .actions(html! {
            @if unread > 0 {
                form method="post" action=(here) {
                    input type="hidden" name="_action" value="read_all";
                    (Button::new("Mark all as read").icon("check").submit())
                }
            }
            @if reader.user.is_admin() {
                (Button::new("Send a message").icon("mail").href(format!("{here}?send=1")))
            }
        })
}

/// Renders the newest entries, for the menu of the bell.
async fn latest(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, _) = PageScope::of(state, request).await?;
    let filter = NotificationFilter {
        limit: MENU_SIZE,
        ..NotificationFilter::default()
    };
    let (items, _) = reader.notifications.list(reader.user.id, &filter).await?;
    let mut response = Fragment(list::menu(&items, &reader.url(PATH))).into_response();
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    Ok(response.into_page())
}

/// Redirects to the link of a notification; a `POST`, which the lists send, marks it as read.
async fn open(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, request) = PageScope::of(state, request).await?;
    let reads = request.method() == Method::POST;
    let (mut parts, _) = request.into_parts();
    let Ok(path) = RawPathParams::from_request_parts(&mut parts, state).await else {
        return Err(not_found());
    };
    let id = path.iter().find(|(name, _)| *name == "id");
    let id = id_of(id.map_or("", |(_, value)| value))?;
    let message = reader.notifications.get(reader.user.id, id).await?;
    if message.is_unread() && reads {
        reader.notifications.mark_read(reader.user.id, id).await?;
    }
    let to = match message.link.as_deref() {
        Some(link) => reader.url(safe_redirect(link).unwrap_or(PATH)),
        None => reader.url(PATH),
    };
    Ok(Redirect::to(&to).into_page())
}

async fn change(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, request) = PageScope::of(state, request).await?;
    let body = body_bytes(request, state).await?;
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let get = |name: &str| {
        let field = form.iter().find(|(known, _)| known == name);
        field.map_or("", |(_, value)| value.as_str())
    };
    let user_id = reader.user.id;
    let flash = match get("_action") {
        "send" => return send_form::send(&reader, SendForm::of(get)).await,
        "read" => {
            let id = id_of(get("id"))?;
            reader.notifications.mark_read(user_id, id).await?;
            None
        }
        "read_all" => {
            reader.notifications.mark_all_read(user_id).await?;
            Some(Flash::success("All marked as read"))
        }
        "delete" => {
            reader
                .notifications
                .delete(user_id, id_of(get("id"))?)
                .await?;
            Some(Flash::success("Deleted"))
        }
        _ => return Err(Error::bad_request("the form has no valid `_action`")),
    };
    let here = reader.url(PATH);
    Ok(match flash {
        Some(flash) => flash.redirect(&here).into_page(),
        None => Redirect::to(&here).into_page(),
    })
}
