//! `/admin/tasks/kinds`: queued and running tasks of each type; pause and resume.

use axum::extract::Request;
use maud::{Markup, html};

use super::{KINDS, PageScope, head};
use crate::error::Result;
use crate::live::Region;
use crate::pages::components::{
    Button, Card, Column, EmptyState, Row, Table, TimeFormat, Tone, badge, time,
};
use crate::pages::{IntoPage, PageResponse};
use crate::state::PortalState;
use crate::store::now;
use crate::tasks::engine::queue_depth::{self, QueueDepth};
use crate::tasks::{TaskDefinition, TaskStatus};

pub(super) async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let (reader, _) = PageScope::of(state, request).await?;
    Ok(render(&reader).await?.into_page())
}

async fn render(reader: &PageScope<'_>) -> Result<Markup> {
    let store = &reader.tasks.0.store;
    let waiting = queue_depth::by_type(store, TaskStatus::Pending).await?;
    let running = queue_depth::by_type(store, TaskStatus::Processing).await?;
    let paused = reader.tasks.paused_types().await?;
    let rows = reader.tasks.registry().all().map(|kind| {
        let is_paused = paused.contains(&(kind.state.clone(), kind.name.to_owned()));
        row(
            reader,
            kind,
            of_kind(&waiting, kind),
            of_kind(&running, kind),
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
        (head(reader, KINDS))
        (Region::new("tasks").id("task-kinds").render(Card::new().flush()
            .title("Task types")
            .description("Pausing stops new runs of a type on every replica. Queued tasks wait; running tasks finish.")
            .body(table)))
    })
}

fn of_kind<'a>(backlog: &'a [QueueDepth], kind: &TaskDefinition) -> Option<&'a QueueDepth> {
    backlog
        .iter()
        .find(|line| line.state == kind.state && line.name == kind.name)
}

fn row(
    reader: &PageScope<'_>,
    kind: &TaskDefinition,
    waiting: Option<&QueueDepth>,
    running: Option<&QueueDepth>,
    is_paused: bool,
) -> Row {
    let count = |backlog: Option<&QueueDepth>| backlog.map_or(0, |backlog| backlog.tasks);
    let oldest = waiting.and_then(|waiting| waiting.oldest);
    let cells = vec![
        html! {
            (kind.title)
            div class="pt-muted" { code { (kind.state) "/" (kind.name) } }
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
    Row::new(format!("{}/{}", kind.state, kind.name), cells).actions(html! {
        form method="post" action=(reader.url(&format!("{KINDS}/{verb}"))) {
            input type="hidden" name="state" value=(kind.state);
            input type="hidden" name="task" value=(kind.name);
            (Button::new(label).size(1).icon(icon)
                .attribute("aria-label", format!("{label} {}", kind.title)).submit())
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
