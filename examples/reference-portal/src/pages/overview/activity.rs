//! What has happened lately.

use portal_core::auth::{AuditEntry, AuditFilter, AuditLog};
use portal_core::pages::components::{
    Button, Card, EmptyState, TimeFormat, Tone, actor_name, avatar, badge, icon, time,
};
use portal_core::prelude::*;

/// How many lines.
const SHOWN: u64 = 6;

/// What administrators have done.
pub(super) async fn of_everybody(audit: &AuditLog) -> Result<Markup> {
    let filter = AuditFilter {
        limit: SHOWN,
        ..AuditFilter::default()
    };
    let entries = audit.list(&filter).await?;
    Ok(html! {
        (Card::new().title("Recent activity").actions(Button::new("Audit log").size(1).href("/admin/audit"))
            .body(html! {
                @if entries.is_empty() {
                    (EmptyState::new("history", "Nothing has been changed yet")
                        .text("What administrators change appears here, with who it was."))
                } @else {
                    ul class="pt-feed" { @for entry in &entries { (line(entry)) } }
                }
            }))
    })
}

fn line(entry: &AuditEntry) -> Markup {
    let name = &entry.actor_email;
    html! {
        li {
            @match entry.actor_user_id {
                Some(id) => (avatar(&id.to_string(), name)),
                None => span class="pt-avatar" data-accent="gray" aria-hidden="true" { (icon("settings")) },
            }
            span class="pt-break" { b { (actor_name(name, entry.actor_user_id.is_some())) } " " (sentence(entry)) }
            (time(&entry.at.to_rfc3339(), TimeFormat::Ago))
        }
    }
}

/// What was done, in words: the log keeps `user.update` and the name of the user.
fn sentence(entry: &AuditEntry) -> String {
    let what = entry.details.get("label").and_then(|label| label.as_str());
    let (kind, verb) = entry
        .action
        .rsplit_once('.')
        .unwrap_or(("", entry.action.as_str()));
    let verb = match verb {
        "create" => "added",
        "update" => "changed",
        "delete" => "deleted",
        "cancel" => "cancelled",
        "run_again" => "ran again",
        "prune" => "cleared away",
        "initialize" => "initialized",
        "pause" => "paused",
        "resume" => "resumed",
        other => other,
    };
    let kind = kind.replace(['_', '.'], " ");
    match what {
        Some(what) => format!("{verb} {kind} “{what}”"),
        None => format!("{verb} {kind}"),
    }
}

/// The last times that the reader signed in, so that he sees one that was not his.
pub(super) async fn own_sign_ins(users: &Users, user: &CurrentUser) -> Result<Markup> {
    let sign_ins = users.latest_sign_ins(user.id, SHOWN).await?;
    Ok(html! {
        (Card::new().title("Your latest sign-ins").body(html! {
            ul class="pt-feed" {
                @for sign_in in &sign_ins {
                    li {
                        (icon("log-in"))
                        span { "Signed in " @if sign_in.is_open { (badge("Open", Tone::Success)) } }
                        (time(&sign_in.at.to_rfc3339(), TimeFormat::Ago))
                    }
                }
            }
        }))
    })
}
