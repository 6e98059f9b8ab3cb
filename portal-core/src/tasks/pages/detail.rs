//! `/tasks/{task_id}` and `/admin/tasks/{task_id}`: details of one task.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;
use uuid::Uuid;

use super::area::Area;
use super::request::TaskId;
use super::row::{Owners, shown_result};
use super::scope::PageScope;
use super::{ALL, SCHEDULES, log_view, styles};
use crate::auth::{AuditEntry, AuditFilter};
use crate::error::Result;
use crate::pages::Href;
use crate::pages::components::{
    Banner, Button, CodeBlock, Confirm, TaskRowView, TimeFormat, Tone, bare_time, detail_list,
    icon, progress, task_status, time,
};
use crate::store::now;
use crate::tasks::engine::detail_fields::{self, DetailFields};
use crate::tasks::events::history;
use crate::tasks::service::task_not_found;
use crate::tasks::{OWN, TaskEvent, TaskHistory, TaskRecord, TaskStatus};

/// Maximum number of progress updates shown per attempt; older ones are only counted.
const UPDATES: usize = 12;

pub(super) async fn show(scope: PageScope, TaskId(id): TaskId) -> Result<Markup> {
    let about = TaskDetail::of(&scope, id).await?;
    Ok(render(&scope, &about))
}

/// Data shown on the detail page of a task.
struct TaskDetail {
    record: TaskRecord,
    args: Value,
    facts: DetailFields,
    history: TaskHistory,
    /// `true` if the task type is paused.
    is_paused: bool,
    owners: Owners,
    /// Audit entries about the task.
    done: Vec<AuditEntry>,
}

impl TaskDetail {
    async fn of(scope: &PageScope, id: Uuid) -> Result<Self> {
        // Read the history first, since the event stream sends everything after it.
        let history = scope.tasks.history(id).await?.ok_or_else(task_not_found)?;
        let record = scope.find(id).await?;
        let facts = detail_fields::read(&scope.tasks.0.store, id)
            .await?
            .ok_or_else(task_not_found)?;
        let is_paused = record.status == TaskStatus::Pending
            && scope
                .tasks
                .paused_types()
                .await?
                .contains(&(record.group.clone(), record.name.clone()));
        let done = AuditFilter {
            target: Some(format!("task:{id}")),
            limit: 20,
            ..AuditFilter::default()
        };
        let done = scope.audit.list(&done).await?;
        let people = done.iter().filter_map(|entry| entry.actor_user_id);
        let people = people.chain(record.owner_user_id);
        Ok(Self {
            is_paused,
            owners: scope.users.names(people.collect::<Vec<_>>()).await?,
            done,
            args: scope.tasks.args(id).await?.ok_or_else(task_not_found)?,
            record,
            facts,
            history,
        })
    }

    /// Returns the position in the history from which the event stream continues.
    fn seen(&self) -> String {
        let events = &self.history.events;
        let attempt = events.iter().map(|event| event.attempt).max().unwrap_or(0);
        let of_it = events.iter().filter(|event| event.attempt == attempt);
        let is_over = attempt > 0
            && of_it.clone().any(|event| {
                event.kind == "status" && event.data.get("status") == Some(&"PENDING".into())
            });
        let seq = if is_over {
            history::SEQ_REQUEUED
        } else {
            let seqs = of_it
                .filter(|event| event.kind != "status")
                .map(|event| event.seq);
            seqs.max().unwrap_or(0)
        };
        format!("{attempt}-{seq}")
    }
}

fn render(scope: &PageScope, about: &TaskDetail) -> Markup {
    let record = &about.record;
    let id = record.id;
    let api = scope.area.api();
    let stream = Href::from(format!("{api}/{id}/events")).query("after", about.seen());
    let (all, crumb) = match scope.area {
        Area::Own => (OWN, "My tasks"),
        Area::Admin => (ALL, "All tasks"),
    };
    let is_active = record.is_active();
    html! {
        nav class="pt-crumbs" aria-label="Breadcrumb" {
            ol {
                li { a href=(Href::from(all)) { (crumb) } (icon("chevron-right")) }
                li aria-current="page" { (record.title) }
            }
        }
        pt-task id="task" class="pt-detail" data-task-id=(id) data-href=(Href::from(scope.task_path(id, ""))) data-status=(record.status) data-cancelling[about.facts.is_cancelling && is_active] data-stream=[is_active.then_some(&stream)]
            data-from=[record.started_at.map(|at| at.to_rfc3339())] {
            (styles())
            (top(scope, about))
            div class="pt-stack" data-swap="outcome" { (outcome(about)) }
            div class="pt-detail-grid" {
                div class="pt-stack" {
                    (log_view::card(&about.history.events, &format!("{api}/{id}/log"), is_active))
                    (time_line(scope, about))
                }
                div class="pt-stack" {
                    section class="pt-card" aria-label="Details" data-swap="facts" { (facts_list(about)) }
                    section class="pt-stack" aria-label="Arguments" {
                        (CodeBlock::new(pretty(&about.args)).title("Arguments").wrap())
                    }
                }
            }
            span class="pt-sr-only" role="status" data-part="announce" {}
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn top(scope: &PageScope, about: &TaskDetail) -> Markup {
    let record = &about.record;
    let id = record.id;
    let dialog = format!("cancel-{id}");
    let bar = match record.status {
        TaskStatus::Completed => Tone::Success,
        TaskStatus::Error if record.code.as_deref() != Some("cancelled") => Tone::Danger,
        _ => Tone::Neutral,
    };
    let edit = format!("{}?from={id}", scope.area.root());
    let task_type = scope.tasks.registry().get(&record.group, &record.name);
    let may_start = task_type.is_some_and(|task_type| scope.may_start(task_type));
    let row = TaskRowView {
        is_cancelling: about.facts.is_cancelling,
        ..TaskRowView::from(record)
    };
    let cancel = if about.facts.is_cancelling {
        "Cancelling…"
    } else {
        "Cancel"
    };
    html! {
        header class="pt-detail-head" data-swap="head" {
            div class="pt-row" {
                h1 id="task-title" { (record.title) }
                (task_status(&row))
                @if record.attempt > 1 || record.max_attempts > 1 {
                    span class="pt-attempt" { "attempt " (record.attempt) "/" (record.max_attempts) }
                }
                div class="pt-row pt-push-end" {
                    @if record.is_active() {
                        (Button::new(cancel).icon("ban").attribute("data-key", "c").opens(dialog.as_str()).disabled(about.facts.is_cancelling))
                    } @else {
                        @if may_start {
                            (Button::new("Edit and run").icon("pencil").href(&edit))
                            form method="post" action=(Href::from(scope.task_path(id, "/again"))) {
                                (Button::new("Run again").icon("rotate-ccw").submit())
                            }
                        }
                    }
                }
            }
            div class="pt-detail-now" {
                (progress(record.progress, &format!("Progress of {}", record.title), bar))
                p class="pt-muted" data-part="message" { @if let Some(message) = &record.message { (message) } }
            }
            @if record.is_active() {
                (Confirm::new(dialog.as_str(), format!("Cancel “{}”?", record.title), scope.task_path(id, "/cancel"), "Cancel task")
                    .text("Work already done is kept. You can run the task again later.")
                    .dismiss("Keep running")
                    .hidden_fields(html! { input type="hidden" name="back" value=(Href::from(scope.task_path(id, ""))); }))
            }
        }
    }
}

/// Renders the outcome of the task, or the reason why it is waiting.
fn outcome(about: &TaskDetail) -> Markup {
    let record = &about.record;
    let is_cancelled = record.code.as_deref() == Some("cancelled");
    let waits = record.status == TaskStatus::Pending && record.run_at > now();
    let result = record
        .result
        .as_ref()
        .and_then(|result| shown_result(result, pretty));
    html! {
        @if about.facts.is_cancelling && record.is_active() {
            (Banner::new(Tone::Warning, "Cancelling… The task stops at its next update."))
        }
        @if about.is_paused {
            (Banner::new(Tone::Warning, "This task type is paused. The task starts after an administrator resumes the type."))
        }
        @if waits {
            p class="pt-banner" data-tone="info" {
                (icon("clock"))
                span {
                    @if record.attempt > 0 { "Attempt " (record.attempt) " failed. The next one starts " }
                    @else { "It starts " }
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
        @if record.status == TaskStatus::Completed && let Some(result) = result {
            section aria-label="Result" { (CodeBlock::new(result).title("Result").wrap()) }
        }
    }
}

fn facts_list(about: &TaskDetail) -> Markup {
    let (record, facts) = (&about.record, &about.facts);
    let moment = |at: DateTime<Utc>| time(&at.to_rfc3339(), TimeFormat::DateTime);
    let mut rows: Vec<(&str, Markup)> = vec![
        (
            "Task type",
            html! { code { (record.group) "/" (record.name) } },
        ),
        ("ID", html! { code class="pt-break" { (record.id) } }),
        ("Started by", started_by(about)),
        ("Created", moment(record.created_at)),
    ];
    if let Some(at) = record.started_at {
        rows.push(("Started", moment(at)));
        let waited = TaskRowView::span(record.created_at, at);
        rows.push(("Wait time", html! { (waited) }));
        let took = record.finished_at.map(|end| TaskRowView::span(at, end));
        rows.push((
            "Duration",
            html! { span data-part="duration" { (took.unwrap_or_default()) } },
        ));
    }
    if let Some(at) = record.finished_at {
        rows.push(("Finished", moment(at)));
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

fn started_by(about: &TaskDetail) -> Markup {
    let (record, facts) = (&about.record, &about.facts);
    let owner = record.owner_user_id.and_then(|id| about.owners.get(&id));
    html! {
        @if let Some(schedule) = &facts.schedule {
            "the schedule " a href=(Href::from(SCHEDULES)) { (schedule) }
            @if let Some(at) = facts.scheduled_for { " for " (time(&at.to_rfc3339(), TimeFormat::DateTime)) }
        } @else if let Some(owner) = owner {
            (owner)
        } @else if record.owner_user_id.is_some() {
            "a deleted user"
        } @else {
            "the application"
        }
        @if let Some(token) = record.client_token_id {
            div class="pt-muted" { "token " code { (token.to_string().get(..8).unwrap_or_default()) "…" } }
        }
    }
}

/// Renders the events of all attempts and the audit entries, ordered by time.
fn time_line(scope: &PageScope, about: &TaskDetail) -> Markup {
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
            .map(|done| (done.at, admin_actions(scope, about, done))),
    );
    // The sort is stable: simultaneous entries keep their order.
    lines.sort_by_key(|(at, _)| *at);
    html! {
        section class="pt-card" aria-label="Timeline" data-swap="timeline" {
            h2 { "Timeline" }
            @if about.history.truncated { p class="pt-hint" { "Older entries are no longer stored." } }
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
        Some("PENDING") if attempt == 0 => "Queued".to_owned(),
        Some("PENDING") => format!("Attempt {attempt} failed. Retrying soon"),
        Some("PROCESSING") if max_attempts > 1 || attempt > 1 => {
            format!("Attempt {attempt} started")
        }
        Some("PROCESSING") => "Started".to_owned(),
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

fn admin_actions(scope: &PageScope, about: &TaskDetail, entry: &AuditEntry) -> Markup {
    let actor = entry.actor_user_id;
    let name = match scope.area {
        // Users do not see administrators' names anywhere else either.
        Area::Own if actor != Some(scope.user.id) => "an administrator",
        _ => actor
            .and_then(|id| about.owners.get(&id))
            .map_or(&*entry.actor_email, String::as_str),
    };
    let again = entry
        .details
        .get("new_task_id")
        .and_then(serde_json::Value::as_str);
    html! {
        li data-kind="audit" {
            b { (if again.is_some() { "Run again" } else { "Cancellation requested" }) }
            span {
                "by " (name)
                @if let Some(id) = again { ", as " a href=(Href::from(scope.task_path(id, ""))) { code { (id.get(..8).unwrap_or(id)) "…" } } }
            }
            (bare_time(&entry.at.to_rfc3339(), TimeFormat::Precise))
        }
    }
}
