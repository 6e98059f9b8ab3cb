//! Recent activity: audit entries for administrators, sign-ins for users.

use portal_core::auth::{AuditEntry, AuditFilter, AuditLog};
use portal_core::pages::components::{
    Button, Card, EmptyState, TimeFormat, Tone, actor_name, avatar, badge, icon, time,
};
use portal_core::prelude::*;

/// Number of entries shown.
const MAX_SHOWN: u64 = 6;

/// Renders the latest audit entries.
pub(super) async fn of_all_users(audit: &AuditLog, users: &Users) -> Result<Markup> {
    let filter = AuditFilter {
        limit: MAX_SHOWN,
        ..AuditFilter::default()
    };
    let entries = audit.list(&filter).await?;
    let actors = entries.iter().filter_map(|entry| entry.actor_user_id);
    let target_user = |entry: &AuditEntry| entry.target.strip_prefix("user:")?.parse().ok();
    let people = actors.chain(entries.iter().filter_map(target_user));
    let names = users.names(people.collect::<Vec<_>>()).await?;
    Ok(html! {
        (Card::new().title("Recent activity").actions(Button::new("Audit log").size(1).href("/admin/audit"))
            .body(html! {
                @if entries.is_empty() {
                    (EmptyState::new("history", "No changes yet")
                        .text("Changes by administrators appear here."))
                } @else {
                    ul class="pt-feed" {
                        // Show the user's current name, as the menu and lists do, or, for a deleted
                        // user, the e-mail address stored in the entry.
                        @for entry in &entries {
                            @let name = entry.actor_user_id.and_then(|id| names.get(&id));
                            @let target = target_user(entry).and_then(|id| names.get(&id));
                            (line(entry, name.unwrap_or(&entry.actor_email), target))
                        }
                     }
                }
            }))
    })
}

fn line(entry: &AuditEntry, name: &str, target: Option<&String>) -> Markup {
    html! {
        li {
            @match entry.actor_user_id {
                Some(id) => (avatar(&id.to_string(), name)),
                None => span class="pt-avatar" data-accent="gray" aria-hidden="true" { (icon("settings")) },
            }
            span class="pt-break" { b { (actor_name(name, entry.actor_user_id.is_some())) } " " (sentence(entry, target)) }
            (time(&entry.at.to_rfc3339(), TimeFormat::Ago))
        }
    }
}

/// Describes an entry in words; the log stores a label and an action such as `user.update`.
fn sentence(entry: &AuditEntry, target: Option<&String>) -> String {
    let label = entry.details.get("label").and_then(|label| label.as_str());
    let what = target.map(String::as_str).or(label);
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
        "prune" => "deleted old",
        "pause_schedule" => "paused the schedule of",
        "resume_schedule" => "resumed the schedule of",
        "send" => "sent",
        "begin" => "turned on",
        "end" => "turned off",
        "ban" => "banned",
        "unban" => "unbanned",
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

/// Renders the user's latest sign-ins, so that they can notice a sign-in that was not theirs.
pub(super) async fn own_sign_ins(users: &Users, user: &CurrentUser) -> Result<Markup> {
    let sign_ins = users.latest_sign_ins(user.id, MAX_SHOWN).await?;
    Ok(html! {
        (Card::new().title("Your latest sign-ins").body(html! {
            ul class="pt-feed" {
                @for sign_in in &sign_ins {
                    li {
                        (icon("log-in"))
                        span { "Signed in " @if sign_in.is_open { (badge("Active session", Tone::Success)) } }
                        (time(&sign_in.at.to_rfc3339(), TimeFormat::Ago))
                    }
                }
            }
        }))
    })
}
