//! `/admin/tasks/all`: the tasks of everyone, and clearing up after them.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use maud::{Markup, html};
use uuid::Uuid;

use super::filter::Shown;
use super::{ALL, Choice, Reader, head, log, row};
use crate::error::{Fault, Result};
use crate::live;
use crate::pages::components::{Banner, Button, Card, EmptyState, Field, TaskList, Tone};
use crate::pages::{IntoPage, PageResponse};
use crate::state::PortalState;
use crate::tasks::TaskFilter;

/// How many tasks stand on one page.
const PER_PAGE: usize = 25;
/// More days than anyone keeps tasks.
const MOST_DAYS: u64 = 36_500;
/// What the form offers.
const USUAL_DAYS: &str = "7";

pub(super) async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let choice = Choice::of_query(&request);
    let (reader, _) = Reader::of(state, request).await?;
    let shown = Shown::of(&reader, &choice, ALL, &[]);
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

async fn render(
    reader: &Reader<'_>,
    shown: &Shown,
    choice: &Choice,
    prune: Option<Result<u64, Fault>>,
) -> Result<Markup> {
    let owner_user_id = match &shown.owner {
        Some(email) => Some(owner(reader, email).await?),
        None => None,
    };
    let filter = TaskFilter {
        owner_user_id,
        limit: PER_PAGE as u64 + 1,
        ..shown.filter()
    };
    let records = reader.tasks.list(&filter).await?;
    let older = shown.older(&records, PER_PAGE);
    let records = &records[..records.len().min(PER_PAGE)];
    let owners = row::owners(reader, records).await?;
    let rows = records
        .iter()
        .map(|record| row::row_of(reader, record, &owners))
        .collect();
    let here = shown.here(reader);
    let asked = match &prune {
        Some(Ok(days)) => Some((*days, reader.tasks.count_finished(span_of(*days)).await?)),
        _ => None,
    };
    let fault = prune.and_then(Result::err);
    let empty = if shown.is_filtered() || shown.is_later() {
        EmptyState::no_match(reader.url(ALL))
    } else {
        EmptyState::new("list-checks", "No tasks yet")
            .text("The tasks of all users appear here, those that programs start as well.")
    };
    let list = TaskList::new(rows)
        .title("Tasks of everyone")
        .toolbar(shown.toolbar(reader, true))
        .foot(shown.pages(reader, older))
        .empty(empty)
        .hidden(html! { input type="hidden" name="back" value=(here); });
    Ok(html! {
        (head(reader, ALL))
        div class="pt-stack" {
            (reader.styles())
            @if let Some((days, tasks)) = asked { (confirm(reader, days, tasks)) }
            (live::region("tasks", list))
            div class="pt-split" {
                (log::card(&log::latest(reader).await?))
                (clean_up(reader, choice, fault))
            }
        }
    })
}

/// The user of an address; an id of nobody if there is none, so that nothing is found.
async fn owner(reader: &Reader<'_>, email: &str) -> Result<Uuid> {
    let found = reader.users.find_by_email(email).await?;
    Ok(found.first().map_or(Uuid::nil(), |user| user.id))
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
