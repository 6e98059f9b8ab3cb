//! Portal-wide statistics, for administrators.

use portal_core::auth::AuditLog;
use portal_core::live::Region;
use portal_core::pages::components::{
    Button, Card, Chart, ChartCard, StatCard, Tone, Unit, icon, with_comparison,
};
use portal_core::prelude::*;
use portal_core::store::{Counts, TimeRange};
use portal_core::tasks::{TaskFilter, TaskScope};

use super::{activity, count_card, examples, failure_card};

/// Returns the page content and `true` if it contains statistics.
pub(super) async fn content(
    users: &Users,
    tasks: &Tasks,
    audit: &AuditLog,
    is_dev: bool,
    range: TimeRange,
) -> Result<(Markup, bool)> {
    let everything = TaskScope::default();
    let all_users = users.count().await?.total;
    let any = TaskFilter {
        limit: 1,
        ..TaskFilter::default()
    };
    if all_users < 2 && tasks.list(&any).await?.is_empty() {
        return Ok((region(first_steps(is_dev)), false));
    }
    let sign_ups = users.sign_ups(range).await?;
    let active = users.active(range).await?;
    let ended = tasks.counts(range, &everything).await?;
    let durations = tasks.durations(range, &everything).await?;
    let median = durations
        .overall_median
        .map_or_else(|| "–".to_owned(), |median| Unit::Seconds.full(median));
    let has_examples = is_dev && examples::are_there(users).await?;
    let sign_up_chart = Chart::area("Sign-ups")
        .buckets(&sign_ups.buckets)
        .counts("Users", Tone::Accent, &sign_ups.values)
        .empty_text("No sign-ups in this time range");
    let active_chart = Chart::area("Active users")
        .buckets(&active.buckets)
        .counts("Users", Tone::Accent, &active.values)
        .empty_text("No sign-ins in this time range");
    let statistics = region(html! {
        @if has_examples { (examples::banner()) }
        div class="pt-grid" {
            (user_card(all_users, &sign_ups))
            (count_card("Active users", "activity", &active, Tone::Success))
            (count_card("Tasks run", "list-checks", &ended.finished(), Tone::Neutral))
            (failure_card(&ended))
        }
        div class="pt-charts" {
            (ChartCard::new(sign_up_chart).description("New users")
                .value(Unit::Count.short(sign_ups.total as f64)))
            (ChartCard::new(ended.chart()).description("Finished tasks by result")
                .value(Unit::Count.short(ended.finished().total as f64)))
            (ChartCard::new(durations.chart()).description(if durations.is_sample {
                "Run time of the newest 20,000"
            } else {
                "Run time"
            }).value(median))
            (ChartCard::new(active_chart).description("Users who signed in").value(Unit::Count.short(active.total as f64)))
        }
        (activity::of_all_users(audit, users).await?)
        @if is_dev && !has_examples { (examples::offer()) }
    });
    Ok((statistics, true))
}

/// Wraps the content in a region that re-renders when its data changes.
fn region(content: Markup) -> Markup {
    Region::new("users")
        .topic("tasks")
        .topic("audit")
        .id("overview")
        .render(html! { div class="pt-stack" { (content) } })
}

/// Renders the number of users and the increase since the start of the time range.
fn user_card(all: u64, sign_ups: &Counts) -> StatCard {
    let before = all.saturating_sub(sign_ups.total);
    let mut sum = before as f64;
    let course: Vec<f64> = sign_ups
        .values
        .iter()
        .map(|count| {
            sum += *count as f64;
            sum
        })
        .collect();
    let card = StatCard::new("Users", Unit::Count.full(all as f64)).icon("users");
    let range = sign_ups.buckets.range();
    with_comparison(card, all as f64, before as f64, range, Tone::Success).trend(&course)
}

/// Renders suggested first steps for a new portal, shown instead of empty charts.
fn first_steps(is_dev: bool) -> Markup {
    let step = |glyph: &str, title: &str, text: &str, action: Button| {
        html! {
            li {
                (icon(glyph))
                div { h3 { (title) } p class="pt-muted" { (text) } }
                (action)
            }
        }
    };
    html! {
        (Card::new().title("Your portal is ready")
            .description("There is no activity yet. Follow these steps to get started.")
            .body(html! {
                ol class="pt-steps" {
                    (step("play", "Start your first task", "Watch its progress live and see its result.",
                        Button::new("Start a task").solid().href("/tasks")))
                    (step("user-plus", "Add your team", "Everyone who signs in appears under Users, where you assign roles.",
                        Button::new("Open users").href("/admin/users")))
                    (step("sliders-horizontal", "Edit a configuration", "Edit documents that your tasks read, as YAML or JSON.",
                        Button::new("Open settings").href("/admin/settings")))
                }
            }))
        @if is_dev { (examples::offer()) }
    }
}
