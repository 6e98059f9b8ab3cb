//! `/admin/tasks/all`: the tasks of everyone, and clearing up after them.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use maud::{Markup, html};
use uuid::Uuid;

use super::{ALL, Choice, Reader, choose, head, log, row};
use crate::error::{Fault, Result};
use crate::live;
use crate::pages::components::{
    Banner, Button, Card, EmptyState, Field, TaskList, TaskRowView, Tone,
};
use crate::pages::{IntoPage, PageResponse};
use crate::state::PortalState;
use crate::tasks::{TaskFilter, TaskStatus};

/// How many tasks stand on one page.
const PER_PAGE: usize = 50;
/// More days than anyone keeps tasks.
const MOST_DAYS: u64 = 36_500;
/// What the form offers.
const USUAL_DAYS: &str = "7";

const STATUSES: [(TaskStatus, &str); 4] = [
    (TaskStatus::Pending, "Pending"),
    (TaskStatus::Processing, "Running"),
    (TaskStatus::Completed, "Completed"),
    (TaskStatus::Error, "Failed"),
];

pub(super) async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let choice = Choice::parse(request.uri().query().unwrap_or_default().as_bytes());
    let (reader, _) = Reader::of(state, request).await?;
    let shown = Shown::of(&reader, &choice);
    let prune = choice.fields.get("prune").map(|days| days_of(days));
    let wrong = matches!(prune, Some(Err(_)));
    let page = render(&reader, &shown, &choice, prune).await?;
    Ok(if wrong {
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_page()
    } else {
        page.into_page()
    })
}

/// A number of days, or what is wrong with it.
pub(super) fn days_of(text: &str) -> Result<u64, Fault> {
    text.trim()
        .parse()
        .ok()
        .filter(|days| *days <= MOST_DAYS)
        .ok_or_else(|| {
            let message = format!("write a number of days from 0 to {MOST_DAYS}");
            Fault::new("/prune", "out_of_range", message)
        })
}

pub(super) fn span_of(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

/// Which tasks the page shows.
struct Shown<'a> {
    status: Option<TaskStatus>,
    /// State and name.
    kind: Option<(&'a str, &'a str)>,
    before: Option<Uuid>,
}

impl<'a> Shown<'a> {
    /// What the address asks for; what it asks for in vain is left out.
    fn of(reader: &Reader<'a>, choice: &Choice) -> Self {
        let field = |name: &str| choice.fields.get(name).map(String::as_str);
        Self {
            status: field("status").and_then(|status| status.parse().ok()),
            kind: field("kind")
                .and_then(|kind| kind.split_once('/'))
                .and_then(|(state, name)| reader.tasks.registry().get(state, name))
                .map(|kind| (kind.state.as_str(), kind.name)),
            before: field("before").and_then(|id| id.parse().ok()),
        }
    }

    fn is_filtered(&self) -> bool {
        self.status.is_some() || self.kind.is_some()
    }

    /// The address of the page with these filters.
    fn address(&self, reader: &Reader<'_>, before: Option<Uuid>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(status) = self.status {
            query.append_pair("status", status.as_str());
        }
        if let Some((state, name)) = self.kind {
            query.append_pair("kind", &format!("{state}/{name}"));
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        match query.finish().as_str() {
            "" => reader.url(ALL),
            query => format!("{}?{query}", reader.url(ALL)),
        }
    }
}

async fn render(
    reader: &Reader<'_>,
    shown: &Shown<'_>,
    choice: &Choice,
    prune: Option<Result<u64, Fault>>,
) -> Result<Markup> {
    let filter = TaskFilter {
        status: shown.status,
        state: shown.kind.map(|(state, _)| state.to_owned()),
        name: shown.kind.map(|(_, name)| name.to_owned()),
        before: shown.before,
        limit: PER_PAGE as u64 + 1,
        ..TaskFilter::default()
    };
    let records = reader.tasks.list(&filter).await?;
    let older = match records.get(PER_PAGE) {
        Some(_) => records.get(PER_PAGE - 1).map(|record| record.id),
        None => None,
    };
    let rows: Vec<TaskRowView> = records
        .iter()
        .take(PER_PAGE)
        .map(|record| row::row(reader, record))
        .collect();
    let here = shown.address(reader, shown.before);
    let asked = match &prune {
        Some(Ok(days)) => Some((*days, reader.tasks.count_finished(span_of(*days)).await?)),
        _ => None,
    };
    let fault = prune.and_then(Result::err);
    let empty = if shown.is_filtered() || shown.before.is_some() {
        EmptyState::no_match(reader.url(ALL))
    } else {
        EmptyState::new("list-checks", "No tasks yet")
            .text("The tasks of all users appear here, those that programs start as well.")
    };
    Ok(html! {
        (head(reader, ALL))
        div class="pt-stack" {
            @if let Some((days, tasks)) = asked { (confirm(reader, days, tasks)) }
            (live::region("tasks", TaskList::new(rows)
                .title("Tasks of everyone")
                .actions(filters(reader, shown))
                .empty(empty)
                .hidden(html! { input type="hidden" name="back" value=(here); })))
            @if older.is_some() || shown.before.is_some() {
                div class="pt-row" {
                    @if shown.before.is_some() {
                        (Button::new("Newest").size(1).icon("arrow-left").href(shown.address(reader, None)))
                    }
                    @if older.is_some() {
                        (Button::new("Older").size(1).icon_end("arrow-right").href(shown.address(reader, older)))
                    }
                }
            }
            div class="pt-split" {
                (log::card(&log::latest(reader).await?))
                (clean_up(reader, choice, fault))
            }
        }
    })
}

fn filters(reader: &Reader<'_>, shown: &Shown<'_>) -> Markup {
    let kinds = reader.tasks.registry().all();
    html! {
        form class="pt-row" method="get" action=(reader.url(ALL)) data-autosubmit {
            (choose("status", "Status", html! {
                option value="" { "Every status" }
                @for (status, word) in STATUSES {
                    option value=(status) selected[shown.status == Some(status)] { (word) }
                }
            }))
            (choose("kind", "Task", html! {
                option value="" { "Every task" }
                @for kind in kinds {
                    option value={ (kind.state) "/" (kind.name) } selected[shown.kind == Some((&kind.state, kind.name))] { (kind.title) }
                }
            }))
            span class="pt-nojs" { (Button::new("Show").size(1).submit()) }
        }
    }
}

/// Asks for an age; what would go is told before it goes.
fn clean_up(reader: &Reader<'_>, choice: &Choice, fault: Option<Fault>) -> Markup {
    let days = choice
        .fields
        .get("prune")
        .map_or(USUAL_DAYS, String::as_str);
    let field = Field::number("prune", "Ended more than this many days ago")
        .range(Some("0".to_owned()), Some(MOST_DAYS.to_string()))
        .step("1")
        .value(days)
        .required(true)
        .error(fault.map(|fault| fault.message));
    let card = Card::new()
        .title("Clean up")
        .description("Ended tasks are deleted with their results. Waiting and running ones stay.")
        .body(html! {
            form class="pt-form" method="get" action=(reader.url(ALL)) {
                (field)
                div class="pt-form-actions" { (Button::new("Delete tasks…").icon("trash-2").submit()) }
            }
        });
    html! { (card) }
}

fn confirm(reader: &Reader<'_>, days: u64, tasks: u64) -> Markup {
    let age = match days {
        0 => "by now".to_owned(),
        1 => "more than a day ago".to_owned(),
        days => format!("more than {days} days ago"),
    };
    if tasks == 0 {
        return html! { (Banner::new(Tone::Info, format!("No task ended {age}."))) };
    }
    let (these, verb) = if tasks == 1 {
        ("1 task".to_owned(), "Delete 1 task".to_owned())
    } else {
        (format!("{tasks} tasks"), format!("Delete {tasks} tasks"))
    };
    let banner = Banner::new(
        Tone::Danger,
        format!("{these} ended {age}. This cannot be undone."),
    )
    .title("Delete them?")
    .action(html! {
        form class="pt-row" method="post" action=(reader.url("/admin/tasks/prune")) {
            input type="hidden" name="days" value=(days);
            (Button::new("Keep them").size(1).href(reader.url(ALL)))
            (Button::new(verb).size(1).danger().submit())
        }
    });
    html! { (banner) }
}
