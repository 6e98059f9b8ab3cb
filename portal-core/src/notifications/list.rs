//! Rendering of notifications, on the notifications page and in the bell menu.

use chrono::{DateTime, NaiveDate, Utc};
use maud::{Markup, html};

use super::page::READ_ALL;
use super::record::NotificationRecord;
use crate::pages::components::{Button, EmptyState, TimeFormat, icon, time};
use crate::pages::{Href, NOTIFICATIONS as PATH};

/// Renders notifications grouped by the day on which they were sent.
pub(super) fn grouped(items: &[NotificationRecord]) -> Markup {
    let today = Utc::now().date_naive();
    let days = items.chunk_by(|one, next| day_of(one) == day_of(next));
    html! {
        @for entries in days {
            @if let Some(first) = entries.first() {
                section class="pt-notes" {
                    h2 { (day(first.updated_at, today)) }
                    ul { @for entry in entries { (row(entry)) } }
                }
            }
        }
    }
}

fn day_of(entry: &NotificationRecord) -> NaiveDate {
    entry.updated_at.date_naive()
}

fn day(at: DateTime<Utc>, today: NaiveDate) -> Markup {
    match (today - at.date_naive()).num_days() {
        0 => html! { "Today" },
        1 => html! { "Yesterday" },
        _ => time(&at.to_rfc3339(), TimeFormat::Date),
    }
}

fn row(entry: &NotificationRecord) -> Markup {
    let action = |action: &str, button: Button| {
        html! {
            form method="post" action=(Href::from(format!("{PATH}/{}/{action}", entry.id))) {
                (button.size(1).submit())
            }
        }
    };
    html! {
        li class="pt-note" data-unread[entry.is_unread()] data-link[entry.link.is_some()] {
            (content(entry))
            div class="pt-note-actions" {
                @if entry.is_unread() {
                    (action("read", Button::icon_only("check", format!("Mark “{}” as read", entry.title))))
                }
                (action("delete", Button::icon_only("trash-2", format!("Delete “{}”", entry.title))))
            }
        }
    }
}

fn content(entry: &NotificationRecord) -> Markup {
    html! {
        span class="pt-note-icon" data-tone=[entry.tone.attribute_value()] { (icon(glyph(entry))) }
        div {
            div class="pt-note-title" {
                @if entry.link.is_some() {
                    // Following the link also marks the notification as read, so this is a form
                    // instead of a plain link.
                    form method="post" action=(Href::from(format!("{PATH}/{}", entry.id))) {
                        button type="submit" { (entry.title) }
                    }
                } @else { (entry.title) }
                @if entry.is_unread() { span class="pt-sr-only" { " (unread)" } }
            }
            @if let Some(text) = &entry.text { p class="pt-note-text" { (text) } }
        }
        (time(&entry.updated_at.to_rfc3339(), TimeFormat::Ago))
    }
}

fn glyph(entry: &NotificationRecord) -> &'static str {
    use crate::pages::components::Tone;
    match (entry.kind.as_str(), entry.tone) {
        ("account", _) => "shield",
        (_, Tone::Danger) => "circle-x",
        (_, Tone::Warning) => "triangle-alert",
        (_, Tone::Success) => "circle-check",
        ("task", _) => "list-checks",
        ("message", _) => "mail",
        _ => "bell",
    }
}

/// Renders the newest notifications, for the bell menu.
pub(super) fn menu(items: &[NotificationRecord]) -> Markup {
    let has_unread = items.iter().any(NotificationRecord::is_unread);
    html! {
        header {
            h2 id="pt-inbox-title" { "Notifications" }
            @if has_unread {
                form method="post" action=(Href::from(READ_ALL)) {
                    (Button::new("Mark all as read").ghost().size(1).submit())
                }
            }
        }
        @if items.is_empty() {
            (EmptyState::new("bell", "You're all caught up"))
        } @else {
            ul {
                @for entry in items {
                    li class="pt-note" data-unread[entry.is_unread()] data-link[entry.link.is_some()] { (content(entry)) }
                }
            }
        }
        footer { a href=(Href::from(PATH)) { "See all" } }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::pages::components::Tone;

    fn entry(title: &str, days_ago: i64, is_read: bool) -> NotificationRecord {
        let at = Utc::now() - TimeDelta::days(days_ago);
        NotificationRecord {
            id: Uuid::now_v7(),
            kind: "message".to_owned(),
            title: title.to_owned(),
            count: 1,
            text: None,
            link: Some("/admin/profile".to_owned()),
            tone: Tone::Info,
            created_at: at,
            updated_at: at,
            read_at: is_read.then_some(at),
        }
    }

    #[test]
    fn entries_are_grouped_by_day_and_marked_as_unread() {
        let items = [
            entry("<b>", 0, false),
            entry("two", 0, true),
            entry("three", 1, true),
        ];
        let html = grouped(&items).into_string();
        assert_eq!(html.matches("<h2>").count(), 2);
        assert!(html.contains("Today") && html.contains("Yesterday"));
        assert!(html.contains("&lt;b&gt;"));
        assert_eq!(html.matches("(unread)").count(), 1);
        assert!(html.contains(&format!("/admin/notifications/{}", items[0].id)));
    }

    #[test]
    fn empty_menu_has_an_empty_state() {
        let html = menu(&[]).into_string();
        assert!(html.contains("caught up") && !html.contains("Mark all"));
    }
}
