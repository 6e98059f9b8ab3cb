//! Drawers of an action: its arguments and confirmation, and the report.

use maud::{Markup, html};

use super::super::list_url::ListUrl;
use super::super::model_view::{ModelView, VisibleRow};
use super::super::selection::{self, RowSelection};
use super::definition::AdminAction;
use super::execution::ActionOutcome;
use super::report::ActionReport;
use crate::error::FieldError;
use crate::pages::Href;
use crate::pages::assets::url as asset_url;
use crate::pages::components::thousands::grouped;
use crate::pages::components::{Banner, Button, Drawer, Tone};
use crate::tasks::{FormInput, RenderOptions, SchemaForm};

/// Prefix of the names of argument fields.
const PREFIX: &str = "args";

/// Id of the drawers.
const DRAWER: &str = "action";

/// State of the form with the arguments of an action.
#[derive(Debug)]
pub(in super::super) struct ActionForm<'a> {
    pub(in super::super) action: &'a AdminAction,
    pub(in super::super) selection: RowSelection,
    /// Number of selected rows, and some of them.
    pub(in super::super) count: u64,
    pub(in super::super) first: Vec<VisibleRow>,
    pub(in super::super) input: FormInput,
    pub(in super::super) errors: Vec<FieldError>,
    pub(in super::super) banner: Option<String>,
    /// Name of the field, or of the group of fields, that receives the focus.
    pub(in super::super) focus: Option<String>,
}

impl<'a> ActionForm<'a> {
    /// Returns the form for the arguments, if the action takes any.
    pub(in super::super) fn args_form(action: &'a AdminAction) -> Option<SchemaForm<'a>> {
        Some(SchemaForm::new(action.args_schema()?, PREFIX))
    }

    /// Renders the drawer with the arguments and the confirmation. The URL of the action is below
    /// `actions`, and `back` is the page behind the drawer.
    pub(in super::super) fn render(
        &self,
        model: &ModelView<'_>,
        actions: &ListUrl,
        back: &ListUrl,
    ) -> Drawer {
        let action = self.action;
        let (fields, others) = self.fields();
        let button = Button::new(action.title.as_ref());
        let button = if action.is_danger {
            button.danger()
        } else {
            button.solid()
        };
        let drawer = Drawer::new(DRAWER, action.title.as_ref())
            .form(actions.below(&format!("actions/{}", action.name)), self.hidden())
            .body(html! {
                @if let Some(text) = &self.banner { (Banner::new(Tone::Warning, text.as_str())) }
                @for error in &others {
                    (Banner::new(Tone::Danger, format!("{} {}", error.pointer, error.message).trim()))
                }
                @if let Some(question) = self.question(model) { p { (question) } }
                (fields)
                (self.rows(model))
            })
            .footer(button.submit())
            .open(back.to_string());
        if action.description.is_empty() {
            return drawer;
        }
        drawer.description(action.description.as_ref())
    }

    fn question(&self, model: &ModelView<'_>) -> Option<String> {
        let count = grouped(&self.count.to_string());
        if let Some(question) = &self.action.confirm {
            return Some(question.replace("{count}", &count));
        }
        let is_matching = matches!(self.selection, RowSelection::Matching { .. });
        is_matching.then(|| format!("This runs on {count} {}.", noun(model, self.count)))
    }

    fn hidden(&self) -> Markup {
        html! {
            // The Enter key activates the first submit button in a form.
            button type="submit" class="pt-sr-only" tabindex="-1" aria-hidden="true" { (self.action.title) }
            @match &self.selection {
                RowSelection::Keys(keys) => {
                    @for key in keys { input type="hidden" name=(selection::KEY) value=(key); }
                }
                RowSelection::Matching { .. } => {
                    input type="hidden" name=(selection::SELECT) value=(selection::ALL);
                    input type="hidden" name=(selection::CONFIRM) value=(self.count);
                }
            }
        }
    }

    /// Renders the arguments, and returns the errors that do not belong to a field.
    fn fields(&self) -> (Markup, Vec<FieldError>) {
        let Some(form) = Self::args_form(self.action) else {
            return (html! {}, self.errors.clone());
        };
        let options = RenderOptions {
            post: None,
            focus: self.focus.as_deref(),
        };
        let rendered = form.render(&self.input, &self.errors, &options);
        let fields = html! {
            link rel="stylesheet" href=(Href::from(asset_url("tasks.css")));
            (rendered.fields)
        };
        (fields, rendered.others)
    }

    fn rows(&self, model: &ModelView<'_>) -> Markup {
        let others = self.count.saturating_sub(self.first.len() as u64);
        html! {
            ul {
                @for row in &self.first { li { (model.label_of(&row.values)) } }
                @if others > 0 { li { "and " (grouped(&others.to_string())) " more" } }
            }
        }
    }
}

/// Renders the drawer with the result of an action. `back` is the page behind it.
pub(in super::super) fn report_drawer(
    model: &ModelView<'_>,
    action: &AdminAction,
    outcome: &ActionOutcome,
    (list, back): (&ListUrl, &ListUrl),
) -> Drawer {
    Drawer::new(DRAWER, action.title.as_ref())
        .body(report(model, outcome, list))
        .open(back.to_string())
}

/// Renders the result of an action.
fn report(model: &ModelView<'_>, outcome: &ActionOutcome, list: &ListUrl) -> Markup {
    let report = &outcome.report;
    let listed = report.failures();
    let others = report.failed().saturating_sub(listed.len() as u64);
    html! {
        @if let Some(error) = &outcome.error {
            (Banner::new(Tone::Danger, format!("The action stopped early: {}.", error.detail())))
        }
        p role="status" { (summary(model, report)) "." }
        @if !listed.is_empty() {
            p { "These rows were not changed:" }
            ul {
                @for row in listed {
                    li {
                        @if row.code == "row_not_found" { (row.label) } @else {
                            a href=(Href::from(list.with("edit", row.id.as_str()))) { (row.label) }
                        }
                        p class="pt-hint" { (row.reason) }
                    }
                }
                @if others > 0 { li { "and " (grouped(&others.to_string())) " more" } }
            }
        }
    }
}

/// Describes a report in a line, without a period.
pub(in super::super) fn summary(model: &ModelView<'_>, report: &ActionReport) -> String {
    let number = |count: u64| grouped(&count.to_string());
    let changed = report.changed();
    let mut parts = vec![match changed {
        0 => format!("No {} changed", model.title.to_lowercase()),
        _ => format!("{} {} changed", number(changed), noun(model, changed)),
    }];
    if report.unchanged() > 0 {
        parts.push(format!("{} unchanged", number(report.unchanged())));
    }
    if report.failed() > 0 {
        parts.push(format!("{} failed", number(report.failed())));
    }
    parts.join(", ")
}

fn noun(model: &ModelView<'_>, count: u64) -> String {
    match count {
        1 => model.title.to_lowercase(),
        _ => model.plural.to_lowercase(),
    }
}
