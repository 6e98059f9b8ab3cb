//! `/admin/overview`: portal-wide statistics for administrators, personal ones for other users,
//! and a welcome for guests.

mod activity;
mod all_users;
mod examples;
mod personal;

use axum::extract::Query;
use portal_core::auth::AuditLog;
use portal_core::pages::components::{
    Button, Card, EmptyState, PageHead, StatCard, Tone, Unit, icon, time_range_links,
    with_comparison,
};
use portal_core::prelude::*;
use portal_core::store::{Counts, TimeRange};
use portal_core::tasks::TaskCounts;
use serde::Deserialize;

const PATH: &str = "/admin/overview";

#[derive(Deserialize)]
struct Shown {
    range: Option<String>,
}

/// Overview
#[page("/admin/overview", nav(icon = "layout-dashboard", order = 20))]
async fn overview(
    user: Option<CurrentUser>,
    users: Data<Users>,
    tasks: Data<Tasks>,
    audit: Data<AuditLog>,
    config: Data<portal_core::Config>,
    Query(shown): Query<Shown>,
) -> Result<Markup> {
    let Some(user) = user else {
        return Ok(welcome());
    };
    let range = TimeRange::from_query(shown.range.as_deref());
    let (content, has_statistics) = if user.is_admin() {
        all_users::content(&users, &tasks, &audit, config.is_dev(), range).await?
    } else {
        personal::content(&user, &users, &tasks, range).await?
    };
    Ok(html! {
        (PageHead::new(format!("Hello, {}", user.full_name())).description(if user.is_admin() {
            "Activity across the portal"
        } else {
            "Your recent activity"
        }))
        div class="pt-stack" {
            div class="pt-row" {
                (search())
                @if has_statistics { span class="pt-push-end" { (time_range_links("Time range", PATH, range)) } }
            }
            (content)
        }
    })
}

fn welcome() -> Markup {
    html! {
        (PageHead::new("Welcome"))
        (Card::new().body(
            EmptyState::new("zap", "Sign in to get started")
                .text("Your activity in this portal appears here.")
                .action(Button::new("Sign in").solid().href("/sign-in?redirect_url=/admin/overview"))
        ))
    }
}

/// Renders a search form that opens the search page, with the same results as the command palette.
fn search() -> Markup {
    html! {
        form class="pt-search" role="search" method="get" action="/search" {
            (icon("search"))
            input class="pt-input" type="search" name="q" placeholder="Search pages, users, tasks …" aria-label="Search";
        }
    }
}

/// Returns a stat card with a count, its trend and the change from the previous period.
fn count_card(title: &str, glyph: &str, counts: &Counts, more_is: Tone) -> StatCard {
    let card = StatCard::new(title, Unit::Count.full(counts.total as f64)).icon(glyph);
    let range = counts.buckets.range();
    with_comparison(
        card,
        counts.total as f64,
        counts.previous as f64,
        range,
        more_is,
    )
    .trend(&trend(counts))
}

fn trend(counts: &Counts) -> Vec<f64> {
    counts.values.iter().map(|count| *count as f64).collect()
}

/// Returns a stat card with the percentage of failed tasks.
fn failure_card(counts: &TaskCounts) -> StatCard {
    let (current, previous) = (counts.failure_rate(), counts.previous_failure_rate());
    let text = current.map_or_else(|| "–".to_owned(), |rate| Unit::Percent.full(rate));
    let card = StatCard::new("Failure rate", text).icon("circle-alert");
    let rates: Vec<f64> = counts
        .failure_rate_by_bucket()
        .into_iter()
        .map(|rate| rate.unwrap_or(0.0))
        .collect();
    let range = counts.buckets().range();
    match (current, previous) {
        (None, _) => card.note("No tasks finished in this time range"),
        (Some(_), None) => card.note(format!(
            "No tasks finished in the previous {}",
            range.label()
        )),
        // The difference between two percentages is stated in percentage points.
        (Some(current), Some(previous)) if (current - previous).abs() < 0.05 => {
            card.note(format!("Same as previous {}", range.label()))
        }
        (Some(current), Some(previous)) => {
            let points = format!("{:.1} points", (current - previous).abs());
            let comparison = format!("vs previous {}", range.label());
            if current > previous {
                card.rise(points, comparison, Tone::Danger)
            } else {
                card.fall(points, comparison, Tone::Success)
            }
        }
    }
    .trend(&rates)
}
