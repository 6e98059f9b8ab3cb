//! The schedules, on the page of the kinds: when each fires, pause and resume.

use maud::{Markup, html};

use super::kinds::state_badge;
use super::{KINDS, Reader};
use crate::error::Result;
use crate::pages::components::{Button, Card, Column, Row, Table, TimeFormat, time};
use crate::tasks::ScheduleRecord;

/// The card of the schedules; nothing where there are none.
pub(super) async fn card(reader: &Reader<'_>) -> Result<Markup> {
    let schedules = reader.tasks.schedules().await?;
    if schedules.is_empty() {
        return Ok(Markup::default());
    }
    let table = Table::new("Schedules")
        .column(Column::new("Task"))
        .column(Column::new("Status"))
        .column(Column::new("Schedule"))
        .column(Column::new("Next"))
        .rows(schedules.iter().map(|schedule| row(reader, schedule)));
    Ok(html! {
        (Card::new().flush()
            .title("Schedules")
            .description("Each time starts one task, whatever the number of replicas. What is missed while a schedule is paused is not made up for.")
            .body(table))
    })
}

fn row(reader: &Reader<'_>, schedule: &ScheduleRecord) -> Row {
    let cells = vec![
        html! {
            (schedule.title)
            div class="pt-muted" { code { (schedule.state) "/" (schedule.task) } }
        },
        state_badge(schedule.paused),
        html! {
            code { (schedule.cron) }
            div class="pt-muted" { (schedule.time_zone) }
        },
        html! {
            @match schedule.next_at {
                Some(at) => (time(&at.to_rfc3339(), TimeFormat::DateTime)),
                None => span class="pt-muted" { "-" },
            }
        },
    ];
    let (verb, label, icon) = if schedule.paused {
        ("resume-schedule", "Resume", "play")
    } else {
        ("pause-schedule", "Pause", "pause")
    };
    let key = format!("{}/{}", schedule.state, schedule.task);
    Row::new(key, cells).actions(html! {
        form method="post" action=(reader.url(&format!("{KINDS}/{verb}"))) {
            input type="hidden" name="state" value=(schedule.state);
            input type="hidden" name="task" value=(schedule.task);
            (Button::new(label).size(1).icon(icon)
                .attribute("aria-label", format!("{label} the schedule of {}", schedule.title))
                .submit())
        }
    })
}
