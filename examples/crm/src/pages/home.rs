//! `/`: key figures, the next activities and the deals that should be closed soon.

use portal_core::Config;
use portal_core::live::Region;
use portal_core::pages::components::{Button, Card, EmptyState, PageHead, StatCard};
use portal_core::prelude::*;
use portal_core::store::now;

use super::activities::{activity_table, my_activities};
use super::pipeline::pipeline;
use super::{count, deal_table};
use crate::models::{Company, Deal};
use crate::queries::activities::open;
use crate::queries::home::{Figures, closing_soon, figures, is_empty};
use crate::{links, sales};

/// Home
#[page("/", requires_auth, nav(icon = "house", order = 10))]
pub(crate) async fn home(
    user: CurrentUser,
    models: Data<Models>,
    config: Data<Config>,
) -> Result<Markup> {
    if !sales().allows(Some(&user)) {
        return Ok(without_access(&user, &config));
    }
    if is_empty(&models).await? {
        return Ok(without_data(&user));
    }
    let today = now().date_naive();
    let figures = figures(&models, user.email(), today).await?;
    let activities = open(&models, Some(user.email()), 5).await?;
    let deals = closing_soon(&models, today).await?;
    let no_deals = EmptyState::new("calendar", "No deals to close")
        .text("Open deals appear here two weeks before their closing date.");
    Ok(html! {
        (PageHead::new(format!("Hello, {}", user.full_name())).description("Your sales at a glance")
            .actions(html! {
                (Button::new("Import contacts").icon("upload").href(links::import()))
                (Button::new("New deal").solid().icon("plus").href(links::new::<Deal>()))
            }))
        (Region::new("model:deal").topic("model:activity").id("home").render(html! {
            div class="pt-stack" {
                (figure_cards(&figures))
                (Card::new().title("Your next activities").flush()
                    .actions(Button::new("All of them").size(1).href(my_activities().url()))
                    .body(activity_table("Your next activities", &activities, today)))
                (Card::new().title("Deals to close soon").flush()
                    .actions(Button::new("Pipeline").size(1).href(pipeline().url()))
                    .body(deal_table("Deals to close soon", &deals, today, no_deals)))
            }
        }))
    })
}

fn figure_cards(figures: &Figures) -> Markup {
    let overdue = figures.overdue_activities;
    html! {
        div class="pt-grid" {
            (StatCard::new("Open deals", figures.open_amount.to_string()).icon("zap")
                .note(count(figures.open_deals, "deal", "deals")))
            (StatCard::new("Won in 30 days", figures.won_amount.to_string()).icon("circle-check")
                .note(count(figures.won_deals, "deal", "deals")))
            (StatCard::new("Overdue", overdue.to_string()).icon("clock")
                .note(if overdue == 0 { "No activities are overdue" } else { "Your activities that are past their due date" }))
        }
    }
}

/// Renders the page of a user who does not have the role `sales`.
fn without_access(user: &CurrentUser, config: &Config) -> Markup {
    let text = if config.is_dev() {
        let email = user.email();
        format!("Restart with ADMIN_USER_EMAILS={email} to become an administrator.")
    } else {
        "Ask an administrator to give you the role Sales on the page Users.".to_owned()
    };
    html! {
        (PageHead::new("Welcome"))
        (Card::new().body(EmptyState::new("lock", "You don’t have access to sales yet").text(text)))
    }
}

/// Renders the page of an empty database.
fn without_data(user: &CurrentUser) -> Markup {
    let empty = EmptyState::new("database", "No companies yet")
        .text("Add your first company, or fill the application with demo data.");
    let new = Button::new("New company")
        .icon("plus")
        .href(links::new::<Company>());
    html! {
        (PageHead::new("Welcome"))
        (Card::new().body(empty.action(html! {
            div class="pt-row" {
                (new)
                @if user.is_admin() {
                    form method="post" action=(links::add_demo_data()) {
                        (Button::new("Add demo data").solid().submit())
                    }
                }
            }
        })))
    }
}
