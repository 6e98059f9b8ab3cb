//! History of a record: its audit entries, with labels instead of keys.

use maud::{Markup, html};

use super::audit_changes::{EntryLabels, changes};
use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::row_service::RowService;
use crate::auth::{AuditEntry, AuditFilter, AuditLog, Users};
use crate::error::Result;
use crate::live::Region;
use crate::pages::components::{
    Column, EmptyState, KeysetPagination, Row, Table, TimeFormat, actor_name, list_card, time,
};
use crate::state::PortalState;

/// Number of entries per page.
const ON_PAGE: usize = 20;

/// Renders the audit entries of a record, newest first. `here` is the URL of the tab.
pub(super) async fn render(
    state: &PortalState,
    rows: &RowService<'_>,
    key: &str,
    here: &ListUrl,
) -> Result<Markup> {
    let filter = AuditFilter {
        target: Some(format!("{}:{key}", rows.model().name)),
        // An invalid id is ignored; the list then starts with the newest entry.
        before: here.get("before").parse().ok(),
        // One more entry than shown is read, to find out whether another page exists.
        limit: ON_PAGE as u64 + 1,
        ..AuditFilter::default()
    };
    let mut entries = state.borrow::<AuditLog>()?.list(&filter).await?;
    let has_more = entries.len() > ON_PAGE;
    entries.truncate(ON_PAGE);
    let older = entries.last().filter(|_| has_more).map(|entry| entry.id);
    let labels = EntryLabels::of(rows, &entries).await?;
    let users = state.borrow::<Users>()?;
    let names = users
        .names(entries.iter().filter_map(|entry| entry.actor_user_id))
        .await?;
    let cells = |entry: &AuditEntry| {
        let name = entry.actor_user_id.and_then(|id| names.get(&id));
        vec![
            time(&entry.at.to_rfc3339(), TimeFormat::DateTime),
            html! {
                @match (name.filter(|name| !name.is_empty()), entry.actor_user_id) {
                    (Some(name), _) => (name),
                    (None, Some(_)) => (entry.actor_email),
                    (None, None) => (actor_name(&entry.actor_email, false)),
                }
                @if entry.acted_by.is_some() { div class="pt-muted" { "impersonated" } }
            },
            html! { (verb(rows.model(), &entry.action)) },
            changes(&entry.details, Some(&labels), false),
        ]
    };
    let table = ["When", "Actor", "Action", "Changes"]
        .into_iter()
        .fold(Table::new("History"), |table, title| {
            table.column(Column::new(title))
        })
        .empty(
            EmptyState::new("history", "No changes yet")
                .text("Changes to this record appear here."),
        )
        .rows(
            entries
                .iter()
                .map(|entry| Row::new(entry.id.to_string(), cells(entry))),
        );
    let newest = filter.before.map(|_| here.without("before").to_string());
    let older = older.map(|id| here.with("before", id.to_string()).to_string());
    let content = list_card(
        "entries",
        html! {
            (table)
            @if newest.is_some() || older.is_some() {
                (KeysetPagination::new(newest, older).labels("Newest", "Older"))
            }
        },
    );
    Ok(Region::new(&rows.model().topic())
        .id("live-history")
        .render(content))
}

/// Returns an action on a row of a model in words, or its name if it is not a usual one.
fn verb<'a>(model: &ModelView<'a>, action: &'a str) -> &'a str {
    let name = action
        .strip_prefix(model.name)
        .and_then(|it| it.strip_prefix('.'));
    match name {
        Some("create") => "Created",
        Some("update") => "Changed",
        Some("delete") => "Deleted",
        Some(name) => model.action(name).map_or(action, |it| it.title.as_ref()),
        None => action,
    }
}
