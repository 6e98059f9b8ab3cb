//! `/admin/tasks/kinds`: queued and running tasks of each type; pausing and resuming.

use maud::{Markup, html};

use super::scope::AdminScope;
use super::{TASK_TYPES, head};
use crate::error::Result;
use crate::live::Region;
use crate::pages::Href;
use crate::pages::components::{
    Button, Card, Column, EmptyState, Row, Table, TimeFormat, Tone, badge, time,
};
use crate::store::now;
use crate::tasks::engine::queue_depth::{self, QueueDepth};
use crate::tasks::{TaskDefinition, TaskStatus};

pub(super) async fn show(AdminScope(scope): AdminScope) -> Result<Markup> {
    let scope = &scope;
    let store = &scope.tasks.0.store;
    let waiting = queue_depth::by_type(store, TaskStatus::Pending).await?;
    let running = queue_depth::by_type(store, TaskStatus::Processing).await?;
    let paused = scope.tasks.paused_types().await?;
    let rows = scope.tasks.registry().all().map(|task_type| {
        let is_paused = paused.contains(&(task_type.group.clone(), task_type.name.to_owned()));
        row(
            task_type,
            of_type(&waiting, task_type),
            of_type(&running, task_type),
            is_paused,
        )
    });
    let table = Table::new("Task types")
        .column(Column::new("Task type"))
        .column(Column::new("Status"))
        .column(Column::new("Queued").numeric())
        .column(Column::new("Running").numeric())
        .column(Column::new("Next due"))
        .rows(rows)
        .empty(EmptyState::new("list-checks", "This portal has no tasks"));
    Ok(html! {
        (head(scope, TASK_TYPES))
        (Region::new("tasks").id("task-kinds").render(Card::new().flush()
            .title("Task types")
            .description("Pausing stops new runs of a type on every replica. Queued tasks wait; running tasks finish.")
            .body(table)))
    })
}

fn of_type<'a>(backlog: &'a [QueueDepth], task_type: &TaskDefinition) -> Option<&'a QueueDepth> {
    backlog
        .iter()
        .find(|line| line.group == task_type.group && line.name == task_type.name)
}

fn row(
    task_type: &TaskDefinition,
    waiting: Option<&QueueDepth>,
    running: Option<&QueueDepth>,
    is_paused: bool,
) -> Row {
    let count = |backlog: Option<&QueueDepth>| backlog.map_or(0, |backlog| backlog.tasks);
    let oldest = waiting.and_then(|waiting| waiting.oldest);
    let cells = vec![
        html! {
            (task_type.title)
            div class="pt-muted" { code { (task_type.group) "/" (task_type.name) } }
        },
        state_badge(is_paused),
        html! { (count(waiting)) },
        html! { (count(running)) },
        html! {
            @match oldest {
                Some(at) if at <= now() => (time(&at.to_rfc3339(), TimeFormat::Ago)),
                Some(at) => (time(&at.to_rfc3339(), TimeFormat::DateTime)),
                None => span class="pt-muted" { "-" },
            }
        },
    ];
    let (verb, label, icon) = if is_paused {
        ("resume", "Resume", "play")
    } else {
        ("pause", "Pause", "pause")
    };
    Row::new(format!("{}/{}", task_type.group, task_type.name), cells).actions(html! {
        form method="post" action=(Href::from(format!("{TASK_TYPES}/{verb}"))) {
            input type="hidden" name="state" value=(task_type.group);
            input type="hidden" name="task" value=(task_type.name);
            (Button::new(label).size(1).icon(icon)
                .attribute("aria-label", format!("{label} {}", task_type.title)).submit())
        }
    })
}

pub(super) fn state_badge(is_paused: bool) -> Markup {
    if is_paused {
        badge("Paused", Tone::Warning)
    } else {
        badge("Active", Tone::Success)
    }
}
