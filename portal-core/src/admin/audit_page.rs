//! `/admin/audit`: audit entries, newest first.

use std::collections::{BTreeSet, HashMap};

use axum::extract::RawQuery;
use maud::{Markup, html};
use serde_json::Value;
use uuid::Uuid;

use super::list_url::ListUrl;
use crate::auth::{Access, AuditEntry, AuditFilter, AuditLog, Users};
use crate::error::Result;
use crate::live;
use crate::pages::components::{
    Column, EmptyState, KeysetPagination, PageHead, Row, Table, TimeFormat, Toolbar, actor_name,
    list_card, time,
};
use crate::pages::{Href, NavItem, Page};
use crate::source;
use crate::state::Data;

const PATH: &str = "/admin/audit";

/// Number of entries per page.
const ON_PAGE: usize = 50;

/// Maximum number of characters of a value in the list; the API returns the whole value.
const VALUE_LENGTH: usize = 80;

pub(super) fn page() -> Page {
    Page::get(PATH, show)
        .source(source!(audit))
        .title("Audit log")
        .description("Changes to roles, accounts, settings and tasks.")
        .access(Access::Admin)
        .nav(
            NavItem::new("Audit log")
                .icon("history")
                .order(220)
                .group("Administration"),
        )
}

async fn show(
    audit: Data<AuditLog>,
    users: Data<Users>,
    RawQuery(query): RawQuery,
) -> Result<Markup> {
    let here = ListUrl::new(PATH).read(&query.unwrap_or_default());
    let given = |name: &str| Some(here.get(name).trim().to_owned()).filter(|it| !it.is_empty());
    let filter = AuditFilter {
        target: given("target"),
        actor: given("actor"),
        // An invalid id is ignored; the list then starts with the newest entry.
        before: here.get("before").parse().ok(),
        // One more entry than shown is read, to find out whether another page exists.
        limit: ON_PAGE as u64 + 1,
    };
    let mut entries = audit.list(&filter).await?;
    let older = (entries.len() > ON_PAGE).then(|| entries.truncate(ON_PAGE));
    let older = older.and_then(|()| entries.last()).map(|entry| entry.id);
    let actors = entries.iter().filter_map(|entry| entry.actor_user_id);
    let people = actors.chain(entries.iter().filter_map(target_user));
    let names = users.names(people.collect::<Vec<_>>()).await?;
    Ok(html! {
        (PageHead::new("Audit log")
            .description("A permanent record of changes to roles, accounts, settings and tasks."))
        (live::region("audit", list_card("entries", html! {
            (search(&here))
            (table(&entries, &names, &here, &filter))
            (steps(&here, filter.before, older))
        })))
    })
}

fn search(here: &ListUrl) -> Toolbar {
    let all = here.without("before");
    let mut bar = Toolbar::new(here.path())
        .search("actor", "Actor (e-mail)", here.get("actor"))
        .search("target", "Target", here.get("target"));
    for (name, words) in [("actor", "Actor"), ("target", "Target")] {
        if !here.get(name).is_empty() {
            let label = format!("{words}: {}", here.get(name));
            bar = bar
                .chip(label, all.without(name).to_string())
                .clear(here.path());
        }
    }
    bar
}

/// Display names of users by id, without unknown and deleted users.
type Names = HashMap<Uuid, String>;

/// Returns the user id if the target of an entry is a user.
fn target_user(entry: &AuditEntry) -> Option<Uuid> {
    entry.target.strip_prefix("user:")?.parse().ok()
}

fn table(entries: &[AuditEntry], names: &Names, here: &ListUrl, filter: &AuditFilter) -> Table {
    let empty = if filter.actor.is_some() || filter.target.is_some() {
        EmptyState::no_match(here.path())
    } else {
        EmptyState::new("inbox", "No changes yet")
    };
    Table::new("Audit log")
        .column(Column::new("When"))
        .column(Column::new("Actor"))
        .column(Column::new("Action"))
        .column(Column::new("Target"))
        .column(Column::new("Changes"))
        .rows(entries.iter().map(|entry| row(entry, names, here)))
        .empty(empty)
}

fn row(entry: &AuditEntry, names: &Names, here: &ListUrl) -> Row {
    let only = |name: &str, value: &str| Href::from(here.without("before").with(name, value));
    let label = entry.details.get("label").and_then(Value::as_str);
    let actor = entry.actor_user_id.and_then(|id| names.get(&id));
    let actor = actor.filter(|name| **name != entry.actor_email);
    let (target, second) = match target_user(entry).and_then(|id| names.get(&id)) {
        Some(name) => (Some(name.as_str()), label.filter(|label| label != name)),
        None => (label, label.map(|_| entry.target.as_str())),
    };
    let cells = vec![
        time(&entry.at.to_rfc3339(), TimeFormat::DateTime),
        html! {
            a class="pt-break" href=(only("actor", &entry.actor_email)) {
                @match (actor, entry.actor_user_id) {
                    (Some(name), _) => (name),
                    (None, Some(_)) => (breakable(&entry.actor_email)),
                    (None, None) => (actor_name(&entry.actor_email, false)),
                }
            }
            @if actor.is_some() { div class="pt-muted pt-break" { (breakable(&entry.actor_email)) } }
            @if let Some(acted_by) = &entry.acted_by {
                div class="pt-muted" { "impersonated by " (acted_by) }
            }
        },
        html! { code class="pt-break" { (breakable(&entry.action)) } },
        html! {
            a class="pt-break" href=(only("target", &entry.target)) title=(entry.target) { (cut(target.unwrap_or(&entry.target))) }
            @if let Some(second) = second { div class="pt-muted pt-break" { (breakable(second)) } }
        },
        html! {
            // The values are collapsed, because they can be seen in the new row itself.
            @if entry.action.ends_with(".create") {
                details { summary { "Created" } (changes(&entry.details)) }
            } @else { (changes(&entry.details)) }
        },
    ];
    Row::new(entry.id.to_string(), cells)
}

/// Maximum number of lines per entry: a replaced document may differ in thousands of values.
const MAX_LINES: usize = 20;

/// Renders changed fields with their old and new values, and other details as they are.
fn changes(details: &Value) -> Markup {
    let lines: Vec<Markup> = match details.get("changes").and_then(Value::as_array) {
        Some(changes) => changes
            .iter()
            .flat_map(|change| {
                let name = change["field"].as_str().unwrap_or_default();
                differences(name, &change["old"], &change["new"])
            })
            .map(|(name, old, new)| html! { (field(&name)) (shown(old)) " → " (shown(new)) })
            .collect(),
        None => details
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| html! { (field(name)) (shown(value)) })
            .collect(),
    };
    html! {
        @if lines.is_empty() {
            span class="pt-muted" { "-" }
        } @else {
            ul class="pt-changes" {
                @for line in lines.iter().take(MAX_LINES) { li { (line) } }
                @if lines.len() > MAX_LINES {
                    li class="pt-muted" { "and " (lines.len() - MAX_LINES) " more" }
                }
            }
        }
    }
}

fn field(name: &str) -> Markup {
    html! { span class="pt-muted" { (name) ":" } " " }
}

/// Returns the values that differ; for two objects, returns each differing value inside them with
/// its path.
fn differences<'a>(
    name: &str,
    old: &'a Value,
    new: &'a Value,
) -> Vec<(String, &'a Value, &'a Value)> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return vec![(name.to_owned(), old, new)];
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names.into_iter().filter_map(|key| {
        let (old, new) = (before.get(key), after.get(key));
        let value = |it: Option<&'a Value>| it.unwrap_or(&Value::Null);
        (old != new).then(|| (key, value(old), value(new)))
    });
    differ
        .flat_map(|(key, old, new)| differences(&format!("{name}.{key}"), old, new))
        .collect()
}

/// Formats a value for display; an object becomes pairs of names and values.
fn words(value: &Value) -> String {
    let inner = |value: &Value| match value {
        Value::Object(object) if !object.is_empty() => format!("({})", words(value)),
        value => words(value),
    };
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if !values.is_empty() => {
            values.iter().map(inner).collect::<Vec<_>>().join(", ")
        }
        Value::Object(object) if !object.is_empty() => {
            let pairs = object
                .iter()
                .map(|(name, value)| format!("{name}: {}", inner(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        Value::Array(_) | Value::Object(_) => "empty".to_owned(),
        value => value.to_string(),
    }
}

fn shown(value: &Value) -> String {
    cut(&words(value))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Renders an identifier or an e-mail address that can wrap between its words.
fn breakable(name: &str) -> Markup {
    html! {
        @for part in name.split_inclusive(['@', '.', '_']) { (part) wbr; }
    }
}

fn steps(here: &ListUrl, before: Option<Uuid>, older: Option<Uuid>) -> Markup {
    let newest = before.map(|_| here.without("before").to_string());
    let older = older.map(|older| here.with("before", older.to_string()).to_string());
    html! {
        @if newest.is_some() || older.is_some() { (KeysetPagination::new(newest, older).labels("Newest", "Older")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn changes_are_readable_and_escaped() {
        let details = json!({"label": "x", "changes": [
            {"field": "name", "old": null, "new": "<b>"},
            {"field": "seats", "old": 1, "new": 2},
        ]});
        let text = changes(&details).into_string();
        assert!(text.contains("name:</span> nothing → &lt;b&gt;"), "{text}");
        assert!(text.contains("seats:</span> 1 → 2"));
        let text = changes(&json!({"days": 7})).into_string();
        assert!(text.contains("days:</span> 7"), "{text}");
        assert_eq!(
            shown(&json!("ä".repeat(200))).chars().count(),
            VALUE_LENGTH + 1
        );
    }

    #[test]
    fn nested_values_are_pairs_and_only_differences_are_shown() {
        let added = json!({"more": {}, "plan": 2, "team": {"name": "Ops", "tags": ["a", "b"]}});
        assert_eq!(
            shown(&added),
            "more: empty, plan: 2, team: (name: Ops, tags: a, b)"
        );
        let old = json!({"mail": {"host": "a", "port": 25}, "same": 1});
        let new = json!({"mail": {"host": "b", "port": 25}, "same": 1, "more": true});
        let rendered = differences("configuration", &old, &new);
        let rendered: Vec<_> = rendered
            .iter()
            .map(|(name, old, new)| format!("{name} {} {}", shown(old), shown(new)))
            .collect();
        assert_eq!(
            rendered,
            [
                "configuration.mail.host a b",
                "configuration.more nothing true"
            ]
        );
        let changes = json!({"changes": [{"field": "configuration", "old": old, "new": new}]});
        let text = super::changes(&changes).into_string();
        assert!(!text.contains("same") && text.contains("configuration.mail.host:</span> a → b"));
    }

    #[test]
    fn all_changes_are_listed_and_long_lists_are_cut() {
        let rendered = |old: Value, new: Value| {
            let change = json!({"field": "doc", "old": old, "new": new});
            changes(&json!({"changes": [change]})).into_string()
        };
        let text = rendered(json!({"a": 1}), json!({"a": 1, "b": null}));
        assert!(text.contains("doc.b:"), "{text}");
        let many: Map<String, Value> = (0..5000).map(|it| (it.to_string(), json!(it))).collect();
        let text = rendered(json!({}), many.into());
        assert_eq!(text.matches("<li").count(), MAX_LINES + 1);
        assert!(text.contains("and 4980 more"));
        let many: Map<String, Value> = (0..21).map(|it| (it.to_string(), json!(it))).collect();
        assert!(changes(&many.into()).into_string().contains("and 1 more"));
    }
}
