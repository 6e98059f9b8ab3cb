use chrono::{DateTime, Utc};
use maud::{Markup, Render, html};

use super::{Button, EmptyState, TimeFormat, Tone, progress, time};
use crate::pages::{Href, scope};

/// One background task, as shown in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskRowView {
    /// Id of the task.
    pub id: String,
    /// Title that users see.
    pub title: String,
    /// Task group.
    pub group: String,
    /// Name of the task type within its group.
    pub name: String,
    /// Status: `PENDING`, `PROCESSING`, `COMPLETED` or `ERROR`.
    pub status: String,
    /// Progress, from 0 to 100.
    pub progress: u8,
    /// Current progress message.
    pub message: Option<String>,
    /// Result, as JSON.
    pub result: Option<String>,
    /// Reason for the failure; `cancelled` if the task was cancelled.
    pub error: Option<String>,
    /// Number of attempts started so far.
    pub attempt: u32,
    /// Maximum number of attempts before a failure is final.
    pub max_attempts: u32,
    /// `true` while a cancellation of the running task is pending.
    pub is_cancelling: bool,
    /// Reason why the task is waiting, such as a paused task type.
    pub note: Option<String>,
    /// Owner, if the list shows owners.
    pub owner: Option<String>,
    /// URL of the page with all task details.
    pub href: Option<String>,
    /// Time at which the task was enqueued, in RFC 3339 format.
    pub created_at: String,
    /// Time at which the task started, in RFC 3339 format.
    pub started_at: Option<String>,
    /// Time at which the task finished, in RFC 3339 format.
    pub finished_at: Option<String>,
    /// Form action of the cancel button, if the user may cancel the task.
    pub cancel_action: Option<String>,
    /// Form action of the "Run again" button of a finished task, if the user may run it.
    pub run_again_action: Option<String>,
}

impl TaskRowView {
    fn cancelled(&self) -> bool {
        self.error.as_deref() == Some("cancelled")
    }

    fn status_word(&self) -> (&str, Tone) {
        match self.status.as_str() {
            _ if self.cancelled() => ("Cancelled", Tone::Neutral),
            "PENDING" => ("Pending", Tone::Neutral),
            "PROCESSING" if self.is_cancelling => ("Cancelling…", Tone::Warning),
            "PROCESSING" => ("Running", Tone::Info),
            "COMPLETED" => ("Completed", Tone::Success),
            "ERROR" => ("Failed", Tone::Danger),
            other => (other, Tone::Neutral),
        }
    }

    /// Returns the run time until the end or until now; `None` while the task is pending.
    fn duration(&self) -> Option<String> {
        let from = self.started_at.as_deref().unwrap_or(&self.created_at);
        let to = match self.finished_at.as_deref() {
            Some(to) => parse(to)?,
            None if self.status == "PROCESSING" => Utc::now(),
            None => return None,
        };
        Some(Self::span(parse(from)?, to))
    }

    /// Formats a duration in words.
    pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
        let tenths = to.signed_duration_since(from).num_milliseconds().max(0) / 100;
        let seconds = tenths / 10;
        match seconds {
            0..10 => format!("{seconds}.{} s", tenths % 10),
            10..60 => format!("{seconds} s"),
            60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
            _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        }
    }

    fn row(&self, hidden: Option<&Markup>) -> Markup {
        let (_, tone) = self.status_word();
        let bar = match tone {
            Tone::Success | Tone::Danger => tone,
            _ => Tone::Neutral,
        };
        let error = self.error.as_deref().filter(|_| !self.cancelled());
        let tries = (self.attempt > 1 || (self.max_attempts > 1 && self.attempt > 0))
            .then(|| format!("{}/{}", self.attempt, self.max_attempts.max(self.attempt)));
        html! {
            // The id identifies the row when the list is re-rendered.
            li class="pt-task" id=[(!self.id.is_empty()).then(|| format!("row-{}", self.id))] data-task-id=(self.id) data-status=(self.status) data-cancelling[self.is_cancelling]
                data-from=(self.started_at.as_deref().unwrap_or(&self.created_at)) data-to=[&self.finished_at] {
                (task_status(self))
                div class="pt-task-main" {
                    div class="pt-task-title" {
                        @match &self.href {
                            Some(href) => a href=(Href::from(href)) data-part="title" data-task-link { (self.title) },
                            None => span data-part="title" { (self.title) },
                        }
                        span class="pt-attempt" data-part="attempt" title="Attempt" { @if let Some(tries) = tries { (tries) } }
                    }
                    div class="pt-task-sub" {
                        @if let Some(note) = &self.note { span class="pt-task-note" { (note) } }
                        span data-part="message" { @if let Some(message) = &self.message { (message) } }
                        span { span data-part="state" { (self.group) } " / " code data-part="name" { (self.name) } }
                        @if let Some(owner) = &self.owner { span class="pt-truncate" { (owner) } }
                    }
                }
                (progress(self.progress, &format!("Progress of {}", self.title), bar))
                div class="pt-task-time" {
                    div data-part="duration" { @if let Some(duration) = self.duration() { (duration) } }
                    (time(&self.created_at, TimeFormat::Ago))
                }
                div class="pt-task-actions" {
                    (form(self.cancel_action.as_ref(), "active", hidden, Button::icon_only("ban", format!("Cancel: {}", self.title)).disabled(self.is_cancelling)))
                    (form(self.run_again_action.as_ref(), "ended", hidden, Button::icon_only("rotate-ccw", format!("Run again: {}", self.title))))
                }
                pre class="pt-task-out" data-part="result" { @if let Some(result) = &self.result { (result) } }
                pre class="pt-task-out" data-part="error" { @if let Some(error) = error { (error) } }
            }
        }
    }
}

/// Renders the status of a task as a badge.
#[must_use]
pub fn task_status(task: &TaskRowView) -> Markup {
    let (word, tone) = task.status_word();
    html! { span class="pt-badge" data-part="status" data-tone=[tone.attribute_value()] { (word) } }
}

/// Renders a button that is visible either while the task is `active` or once it has `ended`.
fn form(action: Option<&String>, when: &str, hidden: Option<&Markup>, button: Button) -> Markup {
    html! {
        @if let Some(action) = action {
            form method="post" action=(Href::from(action)) data-when=(when) {
                @if let Some(hidden) = hidden { (hidden) }
                (button.size(1).submit())
            }
        }
    }
}

fn parse(moment: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(moment)
        .ok()
        .map(|moment| moment.to_utc())
}

/// A list of tasks, newest first, which a monitor updates if scripts are enabled.
#[derive(Debug, Clone)]
#[must_use]
pub struct TaskList {
    rows: Vec<TaskRowView>,
    monitor: Option<String>,
    cancel: Option<String>,
    again: Option<String>,
    empty: Option<EmptyState>,
    hidden_fields: Option<Markup>,
    title: Option<String>,
    actions: Option<Markup>,
    toolbar: Option<Markup>,
    footer: Option<Markup>,
    detail: Option<String>,
}

impl TaskList {
    /// Creates a list without live updates.
    pub fn new(rows: Vec<TaskRowView>) -> Self {
        Self {
            rows,
            monitor: None,
            cancel: None,
            again: None,
            empty: None,
            hidden_fields: None,
            title: None,
            actions: None,
            toolbar: None,
            footer: None,
            detail: None,
        }
    }

    /// Sets a row above the list, such as filters.
    pub fn toolbar(mut self, toolbar: impl Render) -> Self {
        self.toolbar = Some(toolbar.render());
        self
    }

    /// Sets a row below the list, such as a link to older tasks.
    pub fn footer(mut self, footer: Option<Markup>) -> Self {
        self.footer = footer;
        self
    }

    /// Sets the URL of each task's page, for new rows; `{id}` and `{state}` are filled in.
    pub fn detail_pattern(mut self, href: impl Into<String>) -> Self {
        self.detail = Some(href.into());
        self
    }

    /// Updates the list from the WebSocket at this path, such as `/api/tasks/{token}/monitor`.
    pub fn monitor(mut self, src: impl Into<String>) -> Self {
        self.monitor = Some(src.into());
        self
    }

    /// Sets the form action of cancel buttons in new rows; `{id}` and `{state}` are filled in.
    pub fn cancel_pattern(mut self, action: impl Into<String>) -> Self {
        self.cancel = Some(action.into());
        self
    }

    /// Sets the form action of the "Run again" buttons of finished tasks in new rows.
    pub fn run_again_pattern(mut self, action: impl Into<String>) -> Self {
        self.again = Some(action.into());
        self
    }

    /// Sets the content shown while there are no rows.
    pub fn empty(mut self, empty: EmptyState) -> Self {
        self.empty = Some(empty);
        self
    }

    /// Sets the hidden fields of the rows' forms, such as the anti-forgery token.
    pub fn hidden_fields(mut self, fields: impl Render) -> Self {
        self.hidden_fields = Some(fields.render());
        self
    }

    /// Sets the title of the card around the list.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the content at the end of the title row.
    pub fn actions(mut self, actions: impl Render) -> Self {
        self.actions = Some(actions.render());
        self
    }
}

impl Render for TaskList {
    fn render(&self) -> Markup {
        let blank = TaskRowView {
            status: "PENDING".to_owned(),
            cancel_action: self.cancel.clone(),
            run_again_action: self.again.clone(),
            href: self.detail.clone(),
            title: "task".to_owned(),
            ..TaskRowView::default()
        };
        scope::require_zone();
        if self.monitor.is_some() {
            // This adds to the document the cursor from which the monitor starts.
            scope::require_live();
        }
        let none = EmptyState::new("list-checks", "No tasks yet")
            .text("Tasks you start appear here with live progress.");
        let list = html! {
            // An empty list must not contain whitespace, since the style sheet matches `:empty`.
            ul class="pt-tasks" { @for row in &self.rows { (row.row(self.hidden_fields.as_ref())) } }
            div class="pt-tasks-empty" { (self.empty.as_ref().unwrap_or(&none)) }
        };
        html! {
            pt-task-monitor src=[self.monitor.as_ref().map(Href::from)] {
                section class="pt-card" data-flush {
                    @if self.title.is_some() || self.monitor.is_some() || self.actions.is_some() {
                        div class="pt-card-head" {
                            div { @if let Some(title) = &self.title { h2 { (title) } } }
                            @if self.monitor.is_some() { span class="pt-live" data-part="connection" { "Live updates off" } }
                            @if let Some(actions) = &self.actions { (actions) }
                        }
                    }
                    @if let Some(toolbar) = &self.toolbar { (toolbar) }
                    button type="button" class="pt-pill" data-part="new" hidden {}
                    (list)
                    @if let Some(foot) = &self.footer { div class="pt-card-foot" { (foot) } }
                }
                @if self.monitor.is_some() { template data-task { (blank.row(self.hidden_fields.as_ref())) } }
                span class="pt-sr-only" role="status" data-part="announce" {}
            }
        }
    }
}

/// Renders a [`TaskList`] with rows and a monitor, without a title.
#[must_use]
pub fn task_list(rows: Vec<TaskRowView>, monitor_src: &str) -> Markup {
    TaskList::new(rows).monitor(monitor_src).render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_unit_depends_on_its_length() {
        let task = |to: &str| TaskRowView {
            created_at: "2026-11-22T08:00:00Z".to_owned(),
            finished_at: Some(to.to_owned()),
            ..TaskRowView::default()
        };
        assert_eq!(
            task("2026-11-22T08:00:04.250Z").duration().unwrap(),
            "4.2 s"
        );
        assert_eq!(
            task("2026-11-22T08:02:05Z").duration().unwrap(),
            "2 min 5 s"
        );
        assert_eq!(
            task("2026-11-22T10:30:00Z").duration().unwrap(),
            "2 h 30 min"
        );
        assert_eq!(task("soon").duration(), None);
    }

    #[test]
    fn cancelled_task_is_not_shown_as_failed() {
        let task = TaskRowView {
            status: "ERROR".to_owned(),
            error: Some("cancelled".to_owned()),
            ..TaskRowView::default()
        };
        assert_eq!(task.status_word(), ("Cancelled", Tone::Neutral));
    }
}
