//! `/sales/activities`: the user's open activities, and those that anyone can take.

use axum::extract::Path;
use axum::response::Response;
use chrono::NaiveDate;
use portal_core::live::Region;
use portal_core::pages::Href;
use portal_core::pages::components::{Button, Card, Column, EmptyState, PageHead, Row, Table};
use portal_core::prelude::*;
use portal_core::store::now;

use super::due;
use crate::links;
use crate::models::Activity;
use crate::queries::activities::{OpenActivity, open};

/// Maximum number of activities in a table.
const MAX_SHOWN: u64 = 50;

/// My activities
#[page(
    "/sales/activities",
    requires_role = "sales",
    nav(icon = "list-checks", order = 22, group = "Sales")
)]
pub(crate) async fn my_activities(user: CurrentUser, models: Data<Models>) -> Result<Markup> {
    let today = now().date_naive();
    let mine = open(&models, Some(user.email()), MAX_SHOWN).await?;
    let free = open(&models, None, MAX_SHOWN).await?;
    Ok(html! {
        (PageHead::new("My activities").description("Open activities, the most urgent first")
            .actions(Button::new("New activity").solid().icon("plus").href(links::new::<Activity>())))
        (Region::new("model:activity").topic("model:deal").render(html! {
            div class="pt-stack" {
                (Card::new().title("Mine").flush().body(activity_table("My activities", &mine, today)))
                @if !free.is_empty() {
                    (Card::new().title("Without an owner").flush().body(free_table(&free, today)))
                }
            }
        }))
    })
}

/// Mark an activity as done
#[page("/sales/activities/{id}/done", method = post, requires_role = "sales")]
async fn finish(user: CurrentUser, models: Data<Models>, Path(id): Path<i64>) -> Result<Response> {
    let mut activity = find(&models, id).await?;
    if activity.owner.as_deref() != Some(user.email()) && !user.is_admin() {
        return Err(Error::forbidden("this activity belongs to another user"));
    }
    activity.done = true;
    let activity = models.update(&activity).await?;
    let text = format!("“{}” is done", activity.subject);
    Ok(Flash::success(text).redirect(my_activities().url()))
}

/// Take an activity
#[page("/sales/activities/{id}/take", method = post, requires_role = "sales")]
async fn take(user: CurrentUser, models: Data<Models>, Path(id): Path<i64>) -> Result<Response> {
    let mut activity = find(&models, id).await?;
    if activity.owner.is_some() {
        let text = "Someone else has taken this activity";
        return Ok(Flash::error(text).redirect(my_activities().url()));
    }
    activity.owner = Some(user.email().to_owned());
    let activity = models.update(&activity).await?;
    let text = format!("“{}” is yours", activity.subject);
    Ok(Flash::success(text).redirect(my_activities().url()))
}

async fn find(models: &Models, id: i64) -> Result<Activity> {
    let activity = models.get::<Activity>(id).await?;
    activity.ok_or_else(|| Error::not_found("this activity was deleted"))
}

/// Renders the user's activities, each with a button that marks it as done.
pub(super) fn activity_table(
    caption: &str,
    activities: &[OpenActivity],
    today: NaiveDate,
) -> Table {
    let empty = EmptyState::new("list-checks", "Nothing to do")
        .text("Activities appear here when you are their owner.");
    table(caption, activities, today, "done", "Done").empty(empty)
}

/// Renders activities without an owner, each with a button that assigns it to the user.
fn free_table(activities: &[OpenActivity], today: NaiveDate) -> Table {
    table(
        "Activities without an owner",
        activities,
        today,
        "take",
        "Take",
    )
}

fn table(
    caption: &str,
    activities: &[OpenActivity],
    today: NaiveDate,
    action: &str,
    label: &'static str,
) -> Table {
    Table::new(caption)
        .column(Column::new("Activity"))
        .column(Column::new("Kind"))
        .column(Column::new("Deal"))
        .column(Column::new("Due on"))
        .rows(activities.iter().map(|activity| {
            let cells = vec![
                html! { (activity.subject) },
                html! { (activity.kind.label()) },
                html! { @if let Some(name) = &activity.deal { (name) } @else { "–" } },
                due(activity.due_on, today),
            ];
            let path = format!("/sales/activities/{}/{action}", activity.id);
            Row::new(activity.id.to_string(), cells)
                .href(links::row::<Activity>(activity.id))
                .actions(html! {
                    form method="post" action=(Href::from(path)) {
                        (Button::new(label).size(1).submit()
                            .attribute("aria-label", format!("{label}: {}", activity.subject)))
                    }
                })
        }))
}
