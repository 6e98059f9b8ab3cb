//! Log of one task: its latest lines, and the list to which the script appends new ones.

use maud::{Markup, html};

use crate::pages::components::{Button, TimeFormat, bare_time, icon};
use crate::tasks::TaskEvent;

/// Maximum number of rendered lines; the download contains all stored lines.
const MAX_SHOWN: usize = 500;

const LEVELS: [(&str, &str); 4] = [
    ("", "All levels"),
    ("INFO", "Info and above"),
    ("WARN", "Warnings and errors"),
    ("ERROR", "Errors"),
];

pub(super) fn card(events: &[TaskEvent], download: &str, is_active: bool) -> Markup {
    let lines: Vec<_> = events.iter().filter(|event| event.kind == "log").collect();
    let shown = &lines[lines.len().saturating_sub(MAX_SHOWN)..];
    html! {
        section class="pt-card pt-log" data-flush aria-label="Log" {
            div class="pt-card-head" {
                div { h2 { "Log" } }
                span class="pt-live" data-part="connection" { @if is_active { "Live updates off" } @else { "Finished" } }
                div class="pt-row pt-js" {
                    span class="pt-search" {
                        (icon("search"))
                        input class="pt-input" data-size="1" type="search" data-log="text" placeholder="Filter" aria-label="Filter the log";
                    }
                    span class="pt-select" {
                        select class="pt-input" data-size="1" data-log="level" aria-label="Level" {
                            @for (value, label) in LEVELS { option value=(value) { (label) } }
                        }
                        (icon("chevron-down"))
                    }
                    @if is_active {
                        (Button::new("Follow").size(1).icon("arrow-down").attribute("data-log", "follow").attribute("aria-pressed", "true"))
                    }
                    (Button::icon_only("copy", "Copy the log").size(1).attribute("data-log", "copy"))
                }
                (Button::icon_only("download", "Download the log").size(1).href(download))
            }
            @if lines.len() > shown.len() {
                p class="pt-hint pt-log-note" { (lines.len() - shown.len()) " older lines are only in the download." }
            }
            // The style sheet uses `:empty`, so an empty list must not contain white space.
            ol data-part="log" tabindex="0" aria-label="Log lines" { @for event in shown { (line(event)) } }
            p class="pt-log-empty" { "No log output" }
        }
    }
}

fn line(event: &TaskEvent) -> Markup {
    let text = |name: &str| {
        event
            .data
            .get(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    html! {
        li data-level=(text("level")) {
            (bare_time(&event.at.to_rfc3339(), TimeFormat::Precise))
            b { (text("level")) }
            span { (text("message")) @for (name, value) in event.fields() { " " i { (name) "=" } (value) } }
        }
    }
}
