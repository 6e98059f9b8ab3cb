//! `/admin/maintenance`: turns maintenance mode on (with a notice to users) or off.

use chrono::TimeDelta;
use maud::{Markup, html};

use super::maintenance::{MAX_MESSAGE_LEN, Maintenance, MaintenanceNotice};
use crate::auth::{Access, Actor, AdminUser, RateClass};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::fields::FormFields;
use crate::pages::components::{
    Button, Card, Confirm, Field, FieldOption, PageHead, TimeFormat, Tone, badge, time,
};
use crate::pages::{Flash, Href, IntoPage, MAINTENANCE as PATH, Page, PageResponse};
use crate::source;
use crate::state::Data;
use crate::store::now;

pub(super) fn pages() -> Vec<Page> {
    let page = |page: Page| page.title("Maintenance").access(Access::Admin);
    vec![
        page(Page::get(PATH, show)).source(source!(maintenance)),
        page(Page::post(PATH, switch))
            .source(source!(switch))
            .rate_class(RateClass::AdminWrite),
    ]
}

/// Durations offered by the form, in minutes.
const DURATIONS: [(u16, &str); 6] = [
    (15, "15 minutes"),
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
];

const DIALOG: &str = "turn-on";

async fn show(config: Data<Config>, maintenance: Data<Maintenance>) -> Result<Markup> {
    let is_on = maintenance.is_on();
    let notice = maintenance.notice();
    let (title, tone) = if is_on {
        ("On", Tone::Warning)
    } else {
        ("Off", Tone::Success)
    };
    Ok(html! {
        (PageHead::new("Maintenance")
            .description("While maintenance is on, only administrators can use the portal."))
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
                    "MAINTENANCE=on is set. To turn maintenance off, restart the portal without it."
                } @else if is_on {
                    form method="post" action=(Href::from(PATH)) {
                        input type="hidden" name="maintenance" value="off";
                        (Button::new("Turn off").solid().submit())
                    }
                    (Button::new("Change notice…").opens(DIALOG))
                } @else {
                    (Button::new("Turn on…").danger().opens(DIALOG))
                }
            }))
        @if !config.maintenance { (dialog(&notice, is_on)) }
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

fn dialog(notice: &MaintenanceNotice, is_on: bool) -> Confirm {
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
    Confirm::new(DIALOG, title, PATH, verb)
        .text("Within a second, everyone except administrators loses access on every replica until you turn maintenance off.")
        .hidden_fields(html! { input type="hidden" name="maintenance" value="on"; })
        .body(html! {
            (Field::textarea("message", "Message to users (optional)")
                .hint("Appears on the maintenance page, as plain text.")
                .max_length(MAX_MESSAGE_LEN)
                .value(notice.message.as_deref().unwrap_or_default()))
            (Field::select("minutes", "Expected end", durations))
        })
}

async fn switch(
    admin: AdminUser,
    maintenance: Data<Maintenance>,
    form: FormFields,
) -> Result<PageResponse> {
    admin.require_not_impersonated()?;
    let actor = Actor::from(&*admin);
    let flash = match form.text("maintenance") {
        "on" => {
            let was_on = maintenance.is_on();
            let minutes = form.text("minutes").parse::<u16>().ok();
            let until = minutes.map(|minutes| now() + TimeDelta::minutes(minutes.into()));
            let message = Some(form.text("message").to_owned());
            maintenance
                .start(actor, MaintenanceNotice { message, until })
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
    Ok(flash.redirect(PATH).into_page())
}
