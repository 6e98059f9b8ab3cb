//! `/admin/tasks/schedules`: the next and last run of each schedule; pausing and resuming.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};
use uuid::Uuid;

use super::scope::{AdminScope, PageScope};
use super::task_types::state_badge;
use super::{SCHEDULES, TASK_TYPES, head, styles};
use crate::error::Result;
use crate::live::Region;
use crate::pages::Href;
use crate::pages::components::{
    Button, Card, Column, EmptyState, Row, Table, TaskRowView, TimeFormat, task_status, time,
};
use crate::store::now;
use crate::tasks::{ScheduleRecord, TaskRecord};

/// Period that the time line covers.
const LOOKAHEAD: TimeDelta = TimeDelta::hours(24);
/// Maximum number of marks per line; more than that are shown as one bar.
const MAX_MARKS: usize = 96;
/// Maximum number of missed runs that are counted.
const MAX_MISSED: usize = 100;

pub(super) async fn show(AdminScope(scope): AdminScope) -> Result<Markup> {
    let scope = &scope;
    let schedules = scope.tasks.schedules().await?;
    let now = now();
    let last: Vec<Uuid> = schedules
        .iter()
        .filter_map(|schedule| schedule.last_task_id)
        .collect();
    let last = scope.tasks.get_all(&last).await?;
    let last: HashMap<_, _> = last.into_iter().map(|task| (task.id, task)).collect();
    let table = Table::new("Schedules")
        .column(Column::new("Task"))
        .column(Column::new("Schedule"))
        .column(Column::new("Next"))
        .column(Column::new("Last run"))
        .rows(
            schedules
                .iter()
                .map(|schedule| row(scope, schedule, &last, now)),
        )
        .empty(EmptyState::new("calendar", "No schedules").text(
            "Add one to a task with #[monitored_background_task(schedule = \"0 3 * * *\")].",
        ));
    Ok(html! {
        (head(scope, SCHEDULES))
        (Region::new("tasks").id("task-schedules").render(html! {
            div class="pt-stack" {
                (styles())
                @if !schedules.is_empty() {
                    (Card::new().title("Next 24 hours").body(time_line(scope, &schedules, now)))
                }
                (Card::new().flush()
                    .title("Schedules")
                    .description("Each run starts exactly one task, even with several replicas. Runs that are missed during a pause are skipped.")
                    .body(table))
            }
        }))
    })
}

/// Renders a line for each schedule, with a mark for each of its times.
fn time_line(scope: &PageScope, schedules: &[ScheduleRecord], now: DateTime<Utc>) -> Markup {
    const WIDTH: i64 = 1440;
    let end = now + LOOKAHEAD;
    let place = |time: DateTime<Utc>| (time - now).num_minutes().clamp(0, WIDTH);
    html! {
        div class="pt-ahead" {
            @for schedule in schedules {
                @let times = if schedule.paused { Vec::new() } else { scope.tasks.times_of(schedule, now, end, MAX_MARKS + 1) };
                @let words = match (schedule.paused, times.len()) {
                    (true, _) => "paused".to_owned(),
                    (_, 0) => "no runs in 24 hours".to_owned(),
                    (_, 1) => "1 run".to_owned(),
                    (_, many) if many > MAX_MARKS => "continuously".to_owned(),
                    (_, many) => format!("{many} runs"),
                };
                div class="pt-ahead-row" {
                    span class="pt-truncate" { (schedule.title) }
                    svg viewBox="0 0 1440 16" preserveAspectRatio="none" role="img" aria-label={ (schedule.title) ": " (words) } {
                        line x1="0" y1="8" x2="1440" y2="8" {}
                        @if times.len() > MAX_MARKS {
                            rect x="0" y="3" width="1440" height="10" rx="3" {}
                        } @else {
                            @for time in &times { rect x=(place(*time)) y="1" width="4" height="14" {} }
                        }
                    }
                    span class="pt-muted" { (words) }
                }
            }
            div class="pt-ahead-row pt-ahead-scale" aria-hidden="true" {
                span {}
                div { span { "now" } span { "+6 h" } span { "+12 h" } span { "+18 h" } span { "+24 h" } }
                span {}
            }
        }
    }
}

fn row(
    scope: &PageScope,
    schedule: &ScheduleRecord,
    last: &HashMap<Uuid, TaskRecord>,
    now: DateTime<Utc>,
) -> Row {
    let missed = if schedule.paused {
        scope
            .tasks
            .times_of(schedule, schedule.last_fired_for, now, MAX_MISSED)
            .len()
    } else {
        0
    };
    let cells = vec![
        html! {
            (schedule.title)
            div class="pt-muted" { code { (schedule.group) "/" (schedule.name) } }
            @if schedule.paused { (state_badge(true)) }
        },
        html! {
            @if let Some(words) = &schedule.description { div { (words) } }
            div class="pt-muted" { code { (schedule.cron) } " · " (schedule.time_zone) }
        },
        html! {
            @match schedule.next_at {
                Some(at) => (time(&at.to_rfc3339(), TimeFormat::DateTime)),
                None if schedule.paused => span class="pt-muted" { "Paused" },
                None => span class="pt-muted" { "No longer in the code" },
            }
            @match missed {
                0 => {},
                1 => div class="pt-muted" { "1 run missed" },
                MAX_MISSED => div class="pt-muted" { (MAX_MISSED) " or more runs missed" },
                many => div class="pt-muted" { (many) " runs missed" },
            }
        },
        html! {
            @match schedule.last_task_id {
                None => span class="pt-muted" { "Never" },
                Some(id) => @match last.get(&id) {
                    None => span class="pt-muted" { "Deleted" },
                    Some(record) => {
                        a class="pt-last-run" href=(Href::from(format!("/admin/tasks/{id}"))) {
                            (task_status(&TaskRowView::from(record)))
                            (time(&record.created_at.to_rfc3339(), TimeFormat::Ago))
                        }
                    }
                },
            }
        },
    ];
    let (verb, label, icon) = if schedule.paused {
        ("resume-schedule", "Resume", "play")
    } else {
        ("pause-schedule", "Pause", "pause")
    };
    let key = format!("{}/{}", schedule.group, schedule.name);
    Row::new(key, cells).actions(html! {
        form method="post" action=(Href::from(format!("{TASK_TYPES}/{verb}"))) {
            input type="hidden" name="state" value=(schedule.group);
            input type="hidden" name="task" value=(schedule.name);
            (Button::new(label).size(1).icon(icon)
                .attribute("aria-label", format!("{label} the schedule of {}", schedule.title))
                .submit())
        }
    })
}
