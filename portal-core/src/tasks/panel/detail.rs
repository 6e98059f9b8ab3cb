//! `/admin/tasks/{task_id}`: one task with all there is to know of it.

use std::collections::BTreeMap;

use axum::extract::Request;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;
use uuid::Uuid;

use super::row::Owners;
use super::{ALL, PATH, Reader, SCHEDULES, log_lines, row};
use crate::auth::{AuditEntry, AuditFilter};
use crate::error::Result;
use crate::pages::components::{
    Banner, Button, CodeBlock, Confirm, TaskRowView, TimeFormat, Tone, bare_time, detail_list,
    icon, progress, task_status, time,
};
use crate::pages::{IntoPage, PageResponse};
use crate::state::PortalState;
use crate::store::now;
use crate::tasks::facts::{self, Facts};
use crate::tasks::history;
use crate::tasks::service::task_not_found;
use crate::tasks::{TaskEvent, TaskHistory, TaskRecord, TaskStatus};

/// How many updates of an attempt are drawn, the newest.
const UPDATES: usize = 12;

pub(super) async fn show(state: &PortalState, request: Request) -> Result<PageResponse> {
    let id = request
        .uri()
        .path()
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok());
    let id: Uuid = id.ok_or_else(task_not_found)?;
    let (reader, _) = Reader::of(state, request).await?;
    let about = About::of(&reader, id).await?;
    Ok(render(&reader, &about).into_page())
}

/// Everything about a task.
struct About {
    record: TaskRecord,
    args: Value,
    facts: Facts,
    history: TaskHistory,
    owners: Owners,
    /// What administrators have done to it.
    done: Vec<AuditEntry>,
}

impl About {
    async fn of(reader: &Reader<'_>, id: Uuid) -> Result<Self> {
        // First the history: what comes after it is told by the stream.
        let history = reader.tasks.history(id).await?.ok_or_else(task_not_found)?;
        let record = reader.tasks.get(id).await?.ok_or_else(task_not_found)?;
        let facts = facts::of(&reader.tasks.0.store, id)
            .await?
            .ok_or_else(task_not_found)?;
        let done = AuditFilter {
            target: Some(format!("task:{id}")),
            limit: 20,
            ..AuditFilter::default()
        };
        Ok(Self {
            owners: row::owners(reader, std::slice::from_ref(&record)).await?,
            done: reader.audit.list(&done).await?,
            args: reader.tasks.args(id).await?.ok_or_else(task_not_found)?,
            record,
            facts,
            history,
        })
    }

    /// What the page has seen of the history, for the stream to go on.
    fn seen(&self) -> String {
        let events = &self.history.events;
        let attempt = events.iter().map(|event| event.attempt).max().unwrap_or(0);
        let of_it = events.iter().filter(|event| event.attempt == attempt);
        let is_over = attempt > 0
            && of_it.clone().any(|event| {
                event.kind == "status" && event.data.get("status") == Some(&"PENDING".into())
            });
        let seq = if is_over {
            history::PUT_BACK
        } else {
            let seqs = of_it
                .filter(|event| event.kind != "status")
                .map(|event| event.seq);
            seqs.max().unwrap_or(0)
        };
        format!("{attempt}-{seq}")
    }
}

fn render(reader: &Reader<'_>, about: &About) -> Markup {
    let record = &about.record;
    let id = record.id;
    let stream = reader.url(&format!(
        "/api/admin/tasks/{id}/events?after={}",
        about.seen()
    ));
    let is_active = record.is_active();
    html! {
        nav class="pt-crumbs" aria-label="Breadcrumb" {
            ol {
                li { a href=(reader.url(ALL)) { "Background tasks" } (icon("chevron-right")) }
                li aria-current="page" { (record.title) }
            }
        }
        pt-task id="task" class="pt-detail" data-task-id=(id) data-href=(reader.url(&format!("/admin/tasks/{id}"))) data-status=(record.status) data-stream=[is_active.then_some(&stream)]
            data-from=[record.started_at.map(|at| at.to_rfc3339())] {
            (reader.styles())
            (top(reader, about))
            div class="pt-stack" data-swap="outcome" { (outcome(about)) }
            div class="pt-detail-grid" {
                div class="pt-stack" {
                    (log_lines::card(&about.history.events, &reader.url(&format!("/api/admin/tasks/{id}/log")), is_active))
                    (time_line(reader, about))
                }
                div class="pt-stack" {
                    section class="pt-card" aria-label="Facts" data-swap="facts" { (facts_list(reader, about)) }
                    section class="pt-stack" aria-label="Arguments" {
                        (CodeBlock::new(pretty(&about.args)).title("Arguments").wrap())
                    }
                }
            }
            span class="pt-vh" role="status" data-part="announce" {}
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn top(reader: &Reader<'_>, about: &About) -> Markup {
    let record = &about.record;
    let id = record.id;
    let dialog = format!("cancel-{id}");
    let bar = match record.status {
        TaskStatus::Completed => Tone::Success,
        TaskStatus::Error if record.code.as_deref() != Some("cancelled") => Tone::Danger,
        _ => Tone::Neutral,
    };
    let edit = format!("{PATH}?from={id}");
    html! {
        header class="pt-detail-head" data-swap="head" {
            div class="pt-row" {
                h1 id="task-title" { (record.title) }
                (task_status(&TaskRowView::from(record)))
                @if record.attempt > 1 || record.max_attempts > 1 {
                    span class="pt-attempt" { "attempt " (record.attempt) "/" (record.max_attempts) }
                }
                div class="pt-row pt-push" {
                    @if record.is_active() {
                        (Button::new("Cancel").icon("ban").attribute("data-key", "c").opens(dialog.as_str()).disabled(about.facts.is_stopping))
                    } @else {
                        @if reader.tasks.registry().get(&record.state, &record.name).is_some() {
                            (Button::new("Edit and run").icon("pencil").href(reader.url(&edit)))
                        }
                        form method="post" action=(reader.url(&format!("/admin/tasks/{id}/again"))) {
                            input type="hidden" name="back" value=(reader.url(PATH));
                            (Button::new("Run again").icon("rotate-ccw").submit())
                        }
                    }
                }
            }
            div class="pt-detail-now" {
                (progress(record.progress, &format!("Progress of {}", record.title), bar))
                p class="pt-muted" data-part="message" { @if let Some(message) = &record.message { (message) } }
            }
            @if record.is_active() {
                (Confirm::new(dialog.as_str(), format!("Cancel “{}”?", record.title), reader.url(&format!("/admin/tasks/{id}/cancel")), "Cancel task")
                    .text("Work already done is kept. You can run the task again later.")
                    .dismiss("Keep running")
                    .hidden(html! { input type="hidden" name="back" value=(reader.url(&format!("/admin/tasks/{id}"))); }))
            }
        }
    }
}

/// How it ended, or what it waits for.
fn outcome(about: &About) -> Markup {
    let record = &about.record;
    let is_cancelled = record.code.as_deref() == Some("cancelled");
    let waits = record.status == TaskStatus::Pending && record.run_at > now();
    html! {
        @if about.facts.is_stopping && record.is_active() {
            (Banner::new(Tone::Warning, "It has been told to stop, and ends when it next reports."))
        }
        @if waits {
            p class="pt-banner" data-tone="info" {
                (icon("clock"))
                span {
                    @if record.attempt > 0 { "Attempt " (record.attempt) " has failed. The next one begins " }
                    @else { "It begins " }
                    (time(&record.run_at.to_rfc3339(), TimeFormat::Ago))
                    span data-part="countdown" data-at=(record.run_at.to_rfc3339()) {}
                    "."
                    @if let Some(error) = &record.error { " " span class="pt-muted" { (error) } }
                }
            }
        }
        @if let Some(error) = record.error.as_ref().filter(|_| !is_cancelled && record.status == TaskStatus::Error) {
            section class="pt-banner" data-tone="danger" aria-label="Error" {
                (icon("circle-alert"))
                div {
                    @let mut causes = error.split(": ");
                    strong { (causes.next().unwrap_or_default()) }
                    @for cause in causes { div class="pt-cause" { "↳ " (cause) } }
                    @if let Some(code) = &record.code { div class="pt-muted" { code { (code) } } }
                }
            }
        }
        @if record.status == TaskStatus::Completed && let Some(result) = &record.result {
            section aria-label="Result" { (CodeBlock::new(pretty(result)).title("Result").wrap()) }
        }
    }
}

fn facts_list(reader: &Reader<'_>, about: &About) -> Markup {
    let (record, facts) = (&about.record, &about.facts);
    let moment = |at: DateTime<Utc>| time(&at.to_rfc3339(), TimeFormat::DateTime);
    let mut rows: Vec<(&str, Markup)> = vec![
        ("Task", html! { code { (record.state) "/" (record.name) } }),
        ("Id", html! { code class="pt-break" { (record.id) } }),
        ("Started by", started_by(reader, about)),
        ("Asked for", moment(record.created_at)),
    ];
    if let Some(at) = record.started_at {
        rows.push(("Begun", moment(at)));
        let waited = TaskRowView::span(record.created_at, at);
        rows.push(("Waited", html! { (waited) }));
        let took = record.finished_at.map(|end| TaskRowView::span(at, end));
        rows.push((
            "Took",
            html! { span data-part="duration" { (took.unwrap_or_default()) } },
        ));
    }
    if let Some(at) = record.finished_at {
        rows.push(("Ended", moment(at)));
    }
    rows.push((
        "Attempts",
        html! { (record.attempt) " of " (record.max_attempts) },
    ));
    if facts.crashes > 0 {
        rows.push(("Crashes", html! { (facts.crashes) }));
    }
    if facts.priority != 0 {
        rows.push(("Priority", html! { (facts.priority) }));
    }
    if let Some(trace) = &record.trace_parent {
        rows.push(("Request", html! { code class="pt-break" { (trace) } }));
    }
    detail_list(&rows)
}

fn started_by(reader: &Reader<'_>, about: &About) -> Markup {
    let (record, facts) = (&about.record, &about.facts);
    let owner = record.owner_user_id.and_then(|id| about.owners.get(&id));
    html! {
        @if let Some(schedule) = &facts.schedule {
            "the schedule " a href=(reader.url(SCHEDULES)) { (schedule) }
            @if let Some(at) = facts.scheduled_for { " for " (time(&at.to_rfc3339(), TimeFormat::DateTime)) }
        } @else if let Some(owner) = owner {
            (owner)
        } @else if record.owner_user_id.is_some() {
            "a user who is gone"
        } @else {
            "the application"
        }
        @if let Some(token) = record.client_token_id {
            div class="pt-muted" { "token " code { (token.to_string().get(..8).unwrap_or_default()) "…" } }
        }
    }
}

/// What has happened, attempt by attempt; and what administrators have done.
fn time_line(reader: &Reader<'_>, about: &About) -> Markup {
    let mut attempts: BTreeMap<u32, Vec<&TaskEvent>> = BTreeMap::new();
    for event in about
        .history
        .events
        .iter()
        .filter(|event| event.kind != "log")
    {
        attempts.entry(event.attempt).or_default().push(event);
    }
    let mut lines: Vec<(DateTime<Utc>, Markup)> = Vec::new();
    for (attempt, events) in &attempts {
        let updates = events.iter().filter(|event| event.kind == "update");
        let left_out = updates.count().saturating_sub(UPDATES);
        let mut passed = 0;
        for event in events {
            if event.kind == "update" {
                passed += 1;
            }
            if event.kind == "update" && passed <= left_out {
                if passed == left_out {
                    let text = html! { li class="pt-muted" { (left_out) " earlier updates" } };
                    lines.push((event.at, text));
                }
                continue;
            }
            let max_attempts = about.record.max_attempts;
            lines.push((event.at, entry(event, *attempt, max_attempts)));
        }
    }
    lines.extend(
        about
            .done
            .iter()
            .map(|done| (done.at, by_hand(reader, done))),
    );
    // Stable: what happened at the same time stays in its order.
    lines.sort_by_key(|(at, _)| *at);
    html! {
        section class="pt-card" aria-label="Timeline" data-swap="timeline" {
            h2 { "Timeline" }
            @if about.history.truncated { p class="pt-hint" { "The oldest entries are no longer kept." } }
            ol class="pt-timeline" {
                @for (_, line) in &lines { (line) }
            }
        }
    }
}

fn entry(event: &TaskEvent, attempt: u32, max_attempts: u32) -> Markup {
    let text = |name: &str| event.data.get(name).and_then(serde_json::Value::as_str);
    let status = text("status");
    let words = match status {
        Some("PENDING") if attempt == 0 => "Stored".to_owned(),
        Some("PENDING") => format!("Attempt {attempt} is over, waiting for the next"),
        Some("PROCESSING") if max_attempts > 1 || attempt > 1 => format!("Attempt {attempt} begun"),
        Some("PROCESSING") => "Begun".to_owned(),
        Some("COMPLETED") => "Completed".to_owned(),
        Some("ERROR") if text("code") == Some("cancelled") => "Cancelled".to_owned(),
        Some("ERROR") => "Failed".to_owned(),
        Some(other) => other.to_owned(),
        None => {
            let progress = event
                .data
                .get("progress")
                .and_then(serde_json::Value::as_u64);
            progress.map_or_else(String::new, |progress| format!("{progress}%"))
        }
    };
    let tone = match status {
        Some("COMPLETED") => Some("success"),
        Some("ERROR") if text("code") != Some("cancelled") => Some("danger"),
        Some("PROCESSING") => Some("info"),
        _ => None,
    };
    html! {
        li data-tone=[tone] data-kind=(event.kind) {
            b { (words) }
            @if let Some(message) = text("message").or_else(|| text("error").filter(|error| *error != "cancelled")) { span { (message) } }
            (bare_time(&event.at.to_rfc3339(), TimeFormat::Precise))
        }
    }
}

fn by_hand(reader: &Reader<'_>, entry: &AuditEntry) -> Markup {
    let again = entry
        .details
        .get("new_task_id")
        .and_then(serde_json::Value::as_str);
    html! {
        li data-kind="audit" {
            b { (if again.is_some() { "Run again" } else { "Told to stop" }) }
            span {
                "by " (entry.actor_email)
                @if let Some(id) = again { ", as " a href=(reader.url(&format!("/admin/tasks/{id}"))) { code { (id.get(..8).unwrap_or(id)) "…" } } }
            }
            (bare_time(&entry.at.to_rfc3339(), TimeFormat::Precise))
        }
    }
}
