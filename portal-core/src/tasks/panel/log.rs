//! What administrators have done lately.

use maud::{Markup, html};

use super::Reader;
use crate::auth::{AuditEntry, AuditFilter};
use crate::error::Result;
use crate::pages::components::{Card, EmptyState, TimeFormat, actor_name, icon, time};

/// How many lines the page shows; all of them come with `GET /api/admin/audit`.
const LINES: u64 = 8;

pub(super) async fn latest(reader: &Reader<'_>) -> Result<Vec<AuditEntry>> {
    let filter = AuditFilter {
        limit: LINES,
        ..AuditFilter::default()
    };
    reader.audit.list(&filter).await
}

pub(super) fn card(entries: &[AuditEntry]) -> Markup {
    let card = Card::new().title("Audit log").body(html! {
        @if entries.is_empty() {
            (EmptyState::new("history", "Nothing yet")
                .text("What administrators do to tasks is written down here."))
        } @else {
            ul class="pt-feed" { @for entry in entries { (line(entry)) } }
        }
    });
    html! { (card) }
}

fn line(entry: &AuditEntry) -> Markup {
    let is_person = entry.actor_user_id.is_some();
    html! {
        li {
            (icon("history"))
            span class="pt-break" {
                (words(entry))
                div class="pt-muted" { code { (entry.target) } " · " (actor_name(&entry.actor_email, is_person)) }
            }
            (time(&entry.at.to_rfc3339(), TimeFormat::Ago))
        }
    }
}

/// The action for people; one of a newer version as it is.
fn words(entry: &AuditEntry) -> String {
    let detail = |name: &str| entry.details.get(name).and_then(serde_json::Value::as_u64);
    match entry.action.as_str() {
        "task.cancel" => "Cancelled a task".to_owned(),
        "task.run_again" => "Ran a task again".to_owned(),
        "tasks.pause" => "Paused a kind of task".to_owned(),
        "tasks.resume" => "Resumed a kind of task".to_owned(),
        "tasks.prune" => match detail("tasks") {
            Some(1) => "Deleted 1 ended task".to_owned(),
            tasks => format!("Deleted {} ended tasks", tasks.unwrap_or_default()),
        },
        other => other.to_owned(),
    }
}
