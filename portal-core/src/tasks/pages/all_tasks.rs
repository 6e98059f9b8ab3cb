//! `/admin/tasks/all`: the tasks of all users, and the deletion of old tasks.

use std::time::Duration;

use axum::http::StatusCode;
use maud::{Markup, html};
use uuid::Uuid;

use super::filter::TaskListFilter;
use super::row::Surroundings;
use super::scope::{AdminScope, PageScope};
use super::{ALL, PRUNE, head, styles};
use crate::error::{FieldError, Result};
use crate::fields::{Fields, QueryFields};
use crate::live;
use crate::pages::components::{Banner, Button, Card, EmptyState, Field, TaskList, Tone, Unit};
use crate::pages::{Href, IntoPage, PageResponse};
use crate::tasks::engine::queue::QueueFilter;

/// Number of tasks on one page.
const PER_PAGE: usize = 25;
/// Maximum age in days, longer than any portal keeps tasks.
const MAX_DAYS: u64 = 36_500;
/// Id of the card that deletes old tasks.
const CLEAN_UP: &str = "clean-up";
/// Default age, in days.
const USUAL_DAYS: &str = "7";

pub(super) async fn show(
    AdminScope(scope): AdminScope,
    QueryFields(choice): QueryFields,
) -> Result<PageResponse> {
    let shown = TaskListFilter::of(&scope, &choice, ALL, &[]);
    let prune = choice.find("prune").map(days_of);
    let wrong = matches!(prune, Some(Err(_)));
    let page = render(&scope, &shown, &choice, prune).await?;
    Ok(if wrong {
        (StatusCode::UNPROCESSABLE_ENTITY, page).into_page()
    } else {
        page.into_page()
    })
}

/// Parses a number of days, or returns the error for its field.
pub(super) fn days_of(text: &str) -> Result<u64, FieldError> {
    text.trim()
        .parse()
        .ok()
        .filter(|days| *days <= MAX_DAYS)
        .ok_or_else(|| {
            let message = format!("Enter a number of days from 0 to {MAX_DAYS}");
            FieldError::new("/prune", "invalid_value", message)
        })
}

pub(super) fn span_of(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

async fn render(
    scope: &PageScope,
    shown: &TaskListFilter,
    choice: &Fields,
    prune: Option<Result<u64, FieldError>>,
) -> Result<Markup> {
    let owner_user_id = match &shown.owner {
        Some(email) => Some(owner(scope, email).await?),
        None => None,
    };
    let filter = QueueFilter {
        owner_user_id,
        limit: PER_PAGE as u64 + 1,
        ..shown.filter()
    };
    let (records, older) = shown.page(scope, &filter, PER_PAGE).await?;
    let surroundings = Surroundings::of(scope, &records).await?;
    let rows = records
        .iter()
        .map(|record| surroundings.row(scope, record))
        .collect();
    let here = shown.here();
    let to_confirm = match &prune {
        Some(Ok(days)) => Some((*days, scope.tasks.count_finished(span_of(*days)).await?)),
        _ => None,
    };
    let error = prune.and_then(Result::err);
    let empty = if shown.is_filtered() || shown.is_later() {
        EmptyState::no_match(ALL)
    } else {
        EmptyState::new("list-checks", "No tasks yet")
            .text("Tasks from all users and API clients appear here.")
    };
    let list = TaskList::new(rows)
        .title("All tasks")
        .toolbar(shown.toolbar(scope, true))
        .footer(shown.pages(older))
        .empty(empty)
        .hidden_fields(html! { input type="hidden" name="back" value=(here); });
    Ok(html! {
        (head(scope, ALL))
        div class="pt-stack" {
            (styles())
            (live::region("tasks", list))
            (prune_card(choice, error, to_confirm))
        }
    })
}

/// Returns the id of the user with this e-mail address, or the nil id, which matches no user.
async fn owner(scope: &PageScope, email: &str) -> Result<Uuid> {
    let found = scope.users.find_by_email(email).await?;
    Ok(found.first().map_or(Uuid::nil(), |user| user.id))
}

/// Renders the form for entering an age, and the confirmation with the number of tasks.
fn prune_card(
    choice: &Fields,
    error: Option<FieldError>,
    to_confirm: Option<(u64, u64)>,
) -> Markup {
    let days = choice.find("prune").unwrap_or(USUAL_DAYS);
    let field = Field::number("prune", "Minimum age in days")
        .range(Some("0".to_owned()), Some(MAX_DAYS.to_string()))
        .step("1")
        .value(days)
        .required(true)
        .error(error.map(|error| error.message));
    // The fragment scrolls to the confirmation, next to the button.
    let action = Href::from(format!("{ALL}#{CLEAN_UP}"));
    let card = Card::new()
        .id(CLEAN_UP)
        .title("Delete old tasks")
        .description("Deletes finished tasks and their results.")
        .body(html! {
            form class="pt-form" method="get" action=(action) {
                (field)
                div class="pt-form-actions" { (Button::new("Delete tasks…").icon("trash-2").submit()) }
            }
            @if let Some((days, tasks)) = to_confirm { (confirm(days, tasks)) }
        });
    html! { (card) }
}

fn confirm(days: u64, tasks: u64) -> Markup {
    let age = match days {
        0 => "All finished tasks".to_owned(),
        1 => "Finished more than a day ago".to_owned(),
        days => format!("Finished more than {days} days ago"),
    };
    if tasks == 0 {
        return html! { (Banner::new(Tone::Info, "No tasks are that old.")) };
    }
    let these = match tasks {
        1 => "1 task".to_owned(),
        tasks => format!("{} tasks", Unit::Count.full(tasks as f64)),
    };
    let banner = Banner::new(Tone::Danger, format!("{age}. This cannot be undone."))
        .title(format!("Delete {these}?"))
        .action(html! {
            form class="pt-row" method="post" action=(Href::from(PRUNE)) {
                input type="hidden" name="days" value=(days);
                (Button::new("Cancel").size(1).href(ALL))
                (Button::new(format!("Delete {these}")).size(1).danger().submit())
            }
        });
    html! { (banner) }
}
