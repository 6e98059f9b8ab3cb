//! `/admin/maintenance`: turns maintenance on, with a notice for users, or off.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::Method;
use chrono::TimeDelta;
use maud::{Markup, html};
use url::form_urlencoded;

use super::maintenance::{MAX_MESSAGE_LEN, Maintenance, MaintenanceNotice};
use crate::auth::{Access, Actor, RateClass, caller, with_base_path};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pages::components::{
    Button, Card, Confirm, Field, FieldOption, PageHead, TimeFormat, Tone, badge, time,
};
use crate::pages::{Flash, IntoPage, MAINTENANCE as PATH, Page, PageResponse};
use crate::request::body_bytes;
use crate::source;
use crate::state::PortalState;
use crate::store::now;

pub(super) fn pages() -> Vec<Page> {
    let page = |page: Page| page.title("Maintenance").access(Access::Admin);
    vec![
        page(Page::new(source!(maintenance), PATH, |state, _| {
            Box::pin(async move { show(&state).into_page() })
        })),
        page(Page::new(source!(switch), PATH, |state, request| {
            Box::pin(async move { switch(&state, request).await.into_page() })
        }))
        .method(Method::POST)
        .rate_class(RateClass::AdminWrite),
    ]
}

/// Durations that the form offers, in minutes.
const DURATIONS: [(u16, &str); 6] = [
    (15, "15 minutes"),
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
];

const DIALOG: &str = "turn-on";

fn show(state: &PortalState) -> Result<Markup> {
    let config = state.borrow::<Config>()?;
    let maintenance = state.borrow::<Maintenance>()?;
    let action = with_base_path(&config.base_path, PATH);
    let is_on = maintenance.is_on();
    let notice = maintenance.notice();
    let (title, tone) = if is_on {
        ("On", Tone::Warning)
    } else {
        ("Off", Tone::Success)
    };
    Ok(html! {
        (PageHead::new("Maintenance")
            .description("While on, only administrators can use the portal."))
        (Card::new()
            .title("Maintenance")
            .actions(badge(title, tone))
            .body(html! {
                div class="pt-prose" {
                    ul {
                        li { "Pages and API calls return 503." }
                        li { "Administrators can sign in and use everything." }
                        li { "Background tasks keep running." }
                    }
                }
                @if is_on && notice != MaintenanceNotice::default() { (shown(&notice)) }
            })
            .footer(html! {
                @if config.maintenance {
                    "The variable MAINTENANCE is on. To turn maintenance off, start the portal without it."
                } @else if is_on {
                    form method="post" action=(action) {
                        input type="hidden" name="maintenance" value="off";
                        (Button::new("Turn off").solid().submit())
                    }
                    (Button::new("Change notice…").opens(DIALOG))
                } @else {
                    (Button::new("Turn on…").danger().opens(DIALOG))
                }
            }))
        @if !config.maintenance { (dialog(&action, &notice, is_on)) }
    })
}

/// Renders the notice as users see it.
fn shown(notice: &MaintenanceNotice) -> Markup {
    html! {
        dl class="pt-list" {
            @if let Some(message) = &notice.message {
                div { dt { "Message to users" } dd class="pt-break" { (message) } }
            }
            @if let Some(until) = notice.until {
                div { dt { "Expected end" } dd { (time(&until.to_rfc3339(), TimeFormat::DateTime)) } }
            }
        }
    }
}

fn dialog(action: &str, notice: &MaintenanceNotice, is_on: bool) -> Confirm {
    let (title, verb) = if is_on {
        ("Change the notice?", "Change notice")
    } else {
        ("Turn on maintenance?", "Turn on")
    };
    let mut durations = vec![FieldOption::new("", "Not specified")];
    durations.extend(
        DURATIONS
            .map(|(minutes, words)| FieldOption::new(minutes.to_string(), format!("In {words}"))),
    );
    Confirm::new(DIALOG, title, action, verb)
        .text("Everyone but administrators loses access within a second, in every replica, until you turn it off.")
        .hidden(html! { input type="hidden" name="maintenance" value="on"; })
        .body(html! {
            (Field::textarea("message", "Message to users (optional)")
                .hint("Appears on the maintenance page, as plain text.")
                .max_length(MAX_MESSAGE_LEN)
                .value(notice.message.as_deref().unwrap_or_default()))
            (Field::select("minutes", "Expected end", durations))
        })
}

async fn switch(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (mut parts, body) = request.into_parts();
    let admin = caller(&mut parts, state).await?;
    let admin = admin.ok_or_else(Error::unauthorized)?;
    admin.require_not_impersonated()?;
    let body = body_bytes(Request::from_parts(parts, body), state).await?;
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let maintenance = state.borrow::<Maintenance>()?;
    let actor = Actor::from(&admin);
    let flash = match field("maintenance") {
        "on" => {
            let was_on = maintenance.is_on();
            let minutes = field("minutes").parse::<u16>().ok();
            let until = minutes.map(|minutes| now() + TimeDelta::minutes(minutes.into()));
            let message = Some(field("message").to_owned());
            maintenance
                .begin(actor, MaintenanceNotice { message, until })
                .await?;
            Flash::info(if was_on {
                "Notice changed"
            } else {
                "Maintenance is on: only administrators have access"
            })
        }
        "off" => {
            maintenance.set(actor, false).await?;
            Flash::success("Maintenance is off: the portal is open to everyone")
        }
        _ => return Err(Error::bad_request("`maintenance` must be `on` or `off`")),
    };
    let here = with_base_path(&state.borrow::<Config>()?.base_path, PATH);
    Ok(flash.redirect(&here).into_page())
}
