//! A task with arguments of many types, a task that writes log lines, and a scheduled task.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use garde::Validate;
use portal_core::prelude::*;
use portal_core::tasks::TaskStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Arguments of a report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct ReportArgs {
    /// Report title
    #[garde(length(min = 3, max = 80))]
    #[schemars(example = &"Sign-ups of the week")]
    title: String,
    /// First day of the report
    #[garde(skip)]
    #[schemars(example = &"2026-01-01")]
    from: NaiveDate,
    /// File format
    #[garde(skip)]
    #[serde(default)]
    format: Format,
    /// Sections
    #[garde(length(min = 1, max = 5), dive)]
    #[schemars(length(min = 1, max = 5))]
    sections: Vec<Section>,
    /// Delivery
    #[garde(dive)]
    delivery: Delivery,
    /// Days to keep a copy
    #[garde(range(max = 365))]
    keep_days: Option<u16>,
}

/// File format of a report.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// HTML, for reading
    #[default]
    Html,
    /// CSV, for spreadsheets
    Csv,
}

/// A part of a report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
struct Section {
    /// Heading
    #[garde(length(min = 1, max = 40))]
    heading: String,
    /// Maximum number of rows
    #[garde(range(min = 1, max = 500))]
    #[schemars(range(min = 1, max = 500))]
    #[serde(default = "ten")]
    rows: u16,
}

fn ten() -> u16 {
    10
}

/// Delivery of a report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Delivery {
    /// Stored in the portal.
    Stored,
    /// Sent by e-mail.
    Email {
        /// Recipient
        #[garde(email)]
        #[schemars(email, example = &"team@example.com")]
        to: String,
    },
}

/// Write a report
///
/// Processes its sections one by one and logs each step.
#[monitored_background_task]
async fn write_report(task: TaskContext, task_args: ReportArgs) -> Result<String, TaskError> {
    let sections = task_args.sections.len();
    tracing::info!(title = task_args.title, sections, "report started");
    for (index, section) in task_args.sections.iter().enumerate() {
        tokio::time::sleep(Duration::from_millis(400)).await;
        tracing::info!(
            rows = section.rows,
            "wrote the section “{}”",
            section.heading
        );
        let progress = (index + 1) * 100 / sections;
        task.update()
            .progress(u8::try_from(progress).unwrap_or(100))
            .message(format!("{} of {sections} sections", index + 1))
            .await?;
    }
    if let Delivery::Email { to } = &task_args.delivery {
        tracing::warn!(
            to,
            "this portal does not send e-mail; the report is only stored here"
        );
    }
    Ok(format!(
        "“{}” since {} with {sections} sections",
        task_args.title, task_args.from
    ))
}

/// Import a file
///
/// Imports two hundred lines, some of them invalid. Watch its log.
#[monitored_background_task]
async fn import_lines(task: TaskContext) -> Result<u32, TaskError> {
    const LINES: u32 = 200;
    let mut wrong = 0;
    for line in 1..=LINES {
        tokio::time::sleep(Duration::from_millis(100)).await;
        match line {
            _ if line % 61 == 0 => {
                wrong += 1;
                tracing::error!(line, "skipped an invalid line");
            }
            _ if line % 17 == 0 => tracing::warn!(line, "line has an empty column"),
            _ => tracing::info!(line, "line imported"),
        }
        if line % 4 == 0 {
            task.update()
                .progress(u8::try_from(line * 100 / LINES).unwrap_or(100))
                .message(format!("{line} of {LINES} lines, {wrong} invalid"))
                .await?;
        }
    }
    Ok(LINES - wrong)
}

/// Count tasks by status
///
/// Runs every morning and returns the number of tasks of each status.
#[monitored_background_task(schedule = "0 6 * * *", time_zone = "Europe/Berlin")]
async fn sum_up(task: TaskContext, tasks: Data<Tasks>) -> Result<BTreeMap<String, u64>, TaskError> {
    let counts = tasks
        .count_by_status()
        .await
        .map_err(|error| TaskError::new(error.to_string()))?;
    task.update().progress(90).await?;
    let named = |(status, tasks): (TaskStatus, u64)| (status.to_string(), tasks);
    Ok(counts.into_iter().map(named).collect())
}
