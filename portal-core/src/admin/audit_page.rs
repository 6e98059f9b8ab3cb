//! `/admin/audit`: audit entries, newest first.

use std::collections::HashMap;

use axum::extract::{RawQuery, State};
use maud::{Markup, html};
use serde_json::Value;
use uuid::Uuid;

use super::audit_changes::{EntryLabels, changes, cut};
use super::list_url::ListUrl;
use super::models::Models;
use super::row_service::RowService;
use crate::auth::{Access, Actor, AuditEntry, AuditFilter, AuditLog, CurrentUser, Users};
use crate::error::Result;
use crate::live;
use crate::pages::components::{
    Column, EmptyState, KeysetPagination, PageHead, Row, Table, TimeFormat, Toolbar, actor_name,
    list_card, time,
};
use crate::pages::{Href, NavItem, Page};
use crate::source;
use crate::state::{Data, PortalState};

const PATH: &str = "/admin/audit";

/// Number of entries per page.
const ON_PAGE: usize = 50;

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
    State(state): State<PortalState>,
    user: CurrentUser,
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
    let actor = Actor::from(&user);
    let labels = labels(&state, &user, &actor, &entries).await?;
    Ok(html! {
        (PageHead::new("Audit log")
            .description("A permanent record of changes to roles, accounts, settings and tasks."))
        (live::region("audit", list_card("entries", html! {
            (search(&here))
            (table(&entries, &names, &labels, &here, &filter))
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

/// Returns the model and the key of the row that an entry is about, if the target is a row.
fn target_row(entry: &AuditEntry) -> Option<(&str, &str)> {
    entry.target.split_once(':')
}

/// Labels of the values in entries, by the model of the row.
type Labels<'a> = HashMap<&'static str, EntryLabels<'a>>;

/// Returns the labels for the entries about rows of models, with one query for each reference field.
async fn labels<'a>(
    state: &'a PortalState,
    user: &'a CurrentUser,
    actor: &'a Actor,
    entries: &[AuditEntry],
) -> Result<Labels<'a>> {
    let registry = state.borrow::<Models>()?.registry();
    let mut labels = Labels::new();
    for (name, _) in entries.iter().filter_map(target_row) {
        let Some(model) = registry
            .find(name)
            .filter(|it| !labels.contains_key(it.name))
        else {
            continue;
        };
        let rows = RowService::open(state, model.name, user, actor).await?;
        let of_model = |entry: &&AuditEntry| target_row(entry).is_some_and(|it| it.0 == model.name);
        let entries = entries.iter().filter(of_model);
        labels.insert(model.name, EntryLabels::of(&rows, entries).await?);
    }
    Ok(labels)
}

fn table(
    entries: &[AuditEntry],
    names: &Names,
    labels: &Labels<'_>,
    here: &ListUrl,
    filter: &AuditFilter,
) -> Table {
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
        .rows(entries.iter().map(|entry| row(entry, names, labels, here)))
        .empty(empty)
}

fn row(entry: &AuditEntry, names: &Names, labels: &Labels<'_>, here: &ListUrl) -> Row {
    let only = |name: &str, value: &str| Href::from(here.without("before").with(name, value));
    let label = entry.details.get("label").and_then(Value::as_str);
    let actor = entry.actor_user_id.and_then(|id| names.get(&id));
    let actor = actor.filter(|name| **name != entry.actor_email);
    let (target, second) = match target_user(entry).and_then(|id| names.get(&id)) {
        Some(name) => (Some(name.as_str()), label.filter(|label| label != name)),
        None => (label, label.map(|_| entry.target.as_str())),
    };
    let row = target_row(entry).and_then(|(model, key)| Some((labels.get(model)?, model, key)));
    let record = row.map(|(_, model, key)| ListUrl::of(model).record(key));
    // The pages of deleted rows and of unknown users do not exist.
    let is_known = target_user(entry).is_none_or(|id| names.contains_key(&id));
    let record = record.filter(|_| is_known && !entry.action.ends_with(".delete"));
    let labels = row.map(|(labels, ..)| labels);
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
            @if let Some(record) = record { div { a href=(Href::from(record)) { "Open record" } } }
        },
        html! {
            // The values are collapsed, because they can be seen in the new row itself.
            @if entry.action.ends_with(".create") {
                details { summary { "Created" } (changes(&entry.details, labels, true)) }
            } @else { (changes(&entry.details, labels, true)) }
        },
    ];
    Row::new(entry.id.to_string(), cells)
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
