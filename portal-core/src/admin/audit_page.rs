//! `/admin/audit`: who has done what, newest first.

use axum::extract::Request;
use maud::{Markup, html};
use serde_json::Value;
use uuid::Uuid;

use super::address::Address;
use crate::auth::{Access, AuditEntry, AuditFilter, AuditLog};
use crate::config::Config;
use crate::error::Result;
use crate::live;
use crate::pages::components::{
    Column, EmptyState, KeysetPages, PageHead, Row, Table, TimeFormat, Toolbar, list_card, time,
};
use crate::pages::{IntoPage, NavItem, Page};
use crate::source;
use crate::state::PortalState;

const PATH: &str = "/admin/audit";

/// How many entries a page has.
const ON_PAGE: usize = 50;

/// Most letters of a value in the list; the API has all of it.
const VALUE_LENGTH: usize = 80;

pub(super) fn page() -> Page {
    Page::new(source!(audit), PATH, |state, request| {
        Box::pin(async move { show(&state, request).await.into_page() })
    })
    .title("Audit log")
    .description("Who has changed what.")
    .access(Access::Admin)
    .nav(
        NavItem::new("Audit log")
            .icon("history")
            .order(220)
            .group("Administration"),
    )
}

async fn show(state: &PortalState, request: Request) -> Result<Markup> {
    let base_path = &state.borrow::<Config>()?.base_path;
    let query = request.uri().query().unwrap_or_default();
    let here = Address::new(format!("{base_path}{PATH}")).read(query);
    let given = |name: &str| Some(here.get(name).trim().to_owned()).filter(|it| !it.is_empty());
    let filter = AuditFilter {
        target: given("target"),
        actor: given("actor"),
        // What is no id is no place in the list: it begins with the newest.
        before: here.get("before").parse().ok(),
        // One too many tells whether there is another page.
        limit: ON_PAGE as u64 + 1,
    };
    let mut entries = state.borrow::<AuditLog>()?.list(&filter).await?;
    let older = (entries.len() > ON_PAGE).then(|| entries.truncate(ON_PAGE));
    let older = older.and_then(|()| entries.last()).map(|entry| entry.id);
    Ok(html! {
        (PageHead::new("Audit log")
            .description("Who has changed roles, accounts, settings and tasks. What is here stays as it is."))
        (live::region("audit", list_card("entries", html! {
            (search(&here))
            (table(&entries, &here, &filter))
            (steps(&here, filter.before, older))
        })))
    })
}

fn search(here: &Address) -> Toolbar {
    let all = here.without("before");
    let mut bar = Toolbar::new(here.path())
        .search("actor", "Who: an address", here.get("actor"))
        .search("target", "What: such as user:…", here.get("target"));
    for (name, words) in [("actor", "Who"), ("target", "What")] {
        if !here.get(name).is_empty() {
            let label = format!("{words}: {}", here.get(name));
            bar = bar
                .chip(label, all.without(name).to_string())
                .clear(here.path());
        }
    }
    bar
}

fn table(entries: &[AuditEntry], here: &Address, filter: &AuditFilter) -> Table {
    let empty = if filter.actor.is_some() || filter.target.is_some() {
        EmptyState::no_match(here.path())
    } else {
        EmptyState::new("inbox", "Nothing has been changed yet")
    };
    Table::new("Audit log")
        .column(Column::new("What"))
        .column(Column::new("Who"))
        .column(Column::new("On"))
        .column(Column::new("Changes"))
        .column(Column::new("When"))
        .rows(entries.iter().map(|entry| row(entry, here)))
        .empty(empty)
}

fn row(entry: &AuditEntry, here: &Address) -> Row {
    let only = |name: &str, value: &str| {
        here.without("before")
            .with(name, value.to_owned())
            .to_string()
    };
    let label = entry.details.get("label").and_then(Value::as_str);
    let cells = vec![
        html! { code { (entry.action) } },
        html! {
            a href=(only("actor", &entry.actor_email)) { (entry.actor_email) }
            @if let Some(acted_by) = &entry.acted_by {
                div class="pt-muted" { "signed in as " (acted_by) }
            }
        },
        html! {
            a href=(only("target", &entry.target)) { (label.unwrap_or(&entry.target)) }
            @if label.is_some() { div class="pt-muted pt-break" { (entry.target) } }
        },
        changes(&entry.details),
        time(&entry.at.to_rfc3339(), TimeFormat::DateTime),
    ];
    Row::new(entry.id.to_string(), cells)
}

/// The fields with their old and new values; whatever else was written down as it is.
fn changes(details: &Value) -> Markup {
    let Some(changes) = details.get("changes").and_then(Value::as_array) else {
        return match details.as_object() {
            Some(details) if !details.is_empty() => html! {
                ul class="pt-changes" {
                    @for (name, value) in details { li { (name) ": " (shown(value)) } }
                }
            },
            _ => html! { span class="pt-muted" { "-" } },
        };
    };
    html! {
        ul class="pt-changes" {
            @for change in changes {
                li {
                    (change["field"].as_str().unwrap_or_default()) ": "
                    (shown(&change["old"])) " → " (shown(&change["new"]))
                }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(VALUE_LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn steps(here: &Address, before: Option<Uuid>, older: Option<Uuid>) -> Markup {
    let newest = before.map(|_| here.without("before").to_string());
    let older = older.map(|older| here.with("before", older.to_string()).to_string());
    html! {
        @if newest.is_some() || older.is_some() { (KeysetPages::new(newest, older).named("Newest", "Older")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_readable_and_escaped() {
        let details = json!({"label": "x", "changes": [
            {"field": "name", "old": null, "new": "<b>"},
            {"field": "seats", "old": 1, "new": 2},
        ]});
        let text = changes(&details).into_string();
        assert!(text.contains("name: nothing → &lt;b&gt;"), "{text}");
        assert!(text.contains("seats: 1 → 2"));
        assert!(
            changes(&json!({"days": 7}))
                .into_string()
                .contains("days: 7")
        );
        assert_eq!(
            shown(&json!("ä".repeat(200))).chars().count(),
            VALUE_LENGTH + 1
        );
    }
}
