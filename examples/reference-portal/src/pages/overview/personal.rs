//! Statistics for the signed-in user.

use portal_core::live::Region;
use portal_core::pages::components::{
    Button, Card, ChartCard, EmptyState, TaskList, TaskRowView, Tone, Unit,
};
use portal_core::prelude::*;
use portal_core::store::TimeRange;
use portal_core::tasks::{TaskFilter, TaskRecord, TaskScope};

use super::{activity, count_card, failure_card};

/// Returns the page content and `true` if it contains statistics.
pub(super) async fn content(
    user: &CurrentUser,
    users: &Users,
    tasks: &Tasks,
    range: TimeRange,
) -> Result<(Markup, bool)> {
    let mine = TaskScope::of_user(user.id);
    let latest = TaskFilter {
        owner_user_id: Some(user.id),
        limit: 5,
        ..TaskFilter::default()
    };
    let latest = tasks.list(&latest).await?;
    let has_statistics = !latest.is_empty();
    let content = if latest.is_empty() {
        html! {
            (Card::new().body(
                EmptyState::new("list-checks", "Start your first task")
                    .text("Your tasks appear here with live progress.")
                    .action(Button::new("Start a task").solid().href("/tasks"))
            ))
        }
    } else {
        let ended = tasks.counts(range, &mine).await?;
        let durations = tasks.durations(range, &mine).await?;
        let sign_ins = users.sign_ins(user.id, range).await?;
        let median = durations.overall_median;
        html! {
            div class="pt-grid" {
                (count_card("Your tasks", "list-checks", &ended.finished(), Tone::Neutral))
                (failure_card(&ended))
                (count_card("Your sign-ins", "log-in", &sign_ins, Tone::Neutral))
            }
            div class="pt-charts" {
                (ChartCard::new(ended.chart()).description("Your finished tasks by result")
                    .value(Unit::Count.short(ended.finished().total as f64)))
                (ChartCard::new(durations.chart()).description("Run time")
                    .value(median.map_or_else(|| "–".to_owned(), |median| Unit::Seconds.full(median))))
            }
            (TaskList::new(latest.iter().map(row).collect()).title("Your latest tasks")
                .actions(Button::new("My tasks").size(1).href("/tasks")))
        }
    };
    let region = Region::new("own_tasks").id("overview").render(html! {
        div class="pt-stack" {
            (content)
            (activity::own_sign_ins(users, user).await?)
        }
    });
    Ok((region, has_statistics))
}

/// Returns a row that links to the page of its task.
fn row(task: &TaskRecord) -> TaskRowView {
    TaskRowView {
        href: Some(format!("/tasks/{}", task.id)),
        ..TaskRowView::from(task)
    }
}
