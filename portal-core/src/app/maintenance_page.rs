//! `/admin/maintenance`: letting only administrators in, and everybody again.

use axum::extract::Request;
use axum::http::Method;
use maud::{Markup, html};
use url::form_urlencoded;

use super::maintenance::Maintenance;
use crate::auth::{Access, Actor, address, caller};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pages::components::{Button, Card, PageHead, Tone, badge};
use crate::pages::{Flash, IntoPage, MAINTENANCE as PATH, Page, PageResponse};
use crate::request::body_bytes;
use crate::source;
use crate::state::PortalState;

pub(super) fn pages() -> Vec<Page> {
    let page = |page: Page| page.title("Maintenance").access(Access::Admin);
    vec![
        page(Page::new(source!(maintenance), PATH, |state, _| {
            Box::pin(async move { show(&state).into_page() })
        })),
        page(Page::new(source!(switch), PATH, |state, request| {
            Box::pin(async move { switch(&state, request).await.into_page() })
        }))
        .method(Method::POST),
    ]
}

fn show(state: &PortalState) -> Result<Markup> {
    let config = state.borrow::<Config>()?;
    let maintenance = state.borrow::<Maintenance>()?;
    let action = address(&config.base_path, PATH);
    let (title, tone) = if maintenance.is_on() {
        ("On", Tone::Warning)
    } else {
        ("Off", Tone::Success)
    };
    let button = if maintenance.is_on() {
        Button::new("End maintenance").solid()
    } else {
        Button::new("Begin maintenance").danger()
    };
    let next = if maintenance.is_on() { "off" } else { "on" };
    Ok(html! {
        (PageHead::new("Maintenance")
            .description("While it is on, everybody but administrators sees a page that says so."))
        (Card::new()
            .title("Maintenance")
            .actions(badge(title, tone))
            .body(html! {
                div class="pt-prose" {
                    ul {
                        li { "Pages and programs are answered with 503, and asked to come again." }
                        li { "Administrators can sign in and see everything." }
                        li { "Background tasks that wait or run go on." }
                    }
                }
            })
            .foot(html! {
                @if config.maintenance {
                    "The variable MAINTENANCE is on: it can only be ended by starting the portal without it."
                } @else {
                    form method="post" action=(action) {
                        input type="hidden" name="maintenance" value=(next);
                        (button.submit())
                    }
                }
            }))
    })
}

async fn switch(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (mut parts, body) = request.into_parts();
    let admin = caller(&mut parts, state).await?;
    let admin = admin.ok_or_else(Error::unauthorized)?;
    admin.acts_himself()?;
    let body = body_bytes(Request::from_parts(parts, body), state).await?;
    let mut form = form_urlencoded::parse(&body);
    let wanted = form.find(|(name, _)| name == "maintenance");
    let on = match wanted.as_ref().map(|(_, value)| &**value) {
        Some("on") => true,
        Some("off") => false,
        _ => return Err(Error::bad_request("write `maintenance=on` or `off`")),
    };
    let maintenance = state.borrow::<Maintenance>()?;
    maintenance.switch(Actor::from(&admin), on).await?;
    let flash = if on {
        Flash::info("Only administrators are let in now")
    } else {
        Flash::success("Everybody is let in again")
    };
    let here = address(&state.borrow::<Config>()?.base_path, PATH);
    Ok(flash.redirect(&here).into_page())
}
