//! Forms for viewing, adding and editing a row, in a drawer and on the page of the row.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::actions;
use super::changed::notice;
use super::consequences::{Question, shorten};
use super::field::FieldSpec;
use super::field_type::ControlSpec;
use super::form_state::{CONVERT, FieldInput, FormState, PREVIEW, format_name, original_name};
use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::references::{ReferenceChoices, record_url, search_url};
use super::row_service::RowService;
use crate::error::Result;
use crate::pages::Href;
use crate::pages::components::{
    Banner, Button, Combobox, Confirm, Conflict, Drawer, Field, FieldOption, Menu, Tone,
    list_scripts,
};

/// Choices of each reference field whose model the user may view.
pub(super) type ReferenceOptions = BTreeMap<&'static str, ReferenceChoices>;

const DELETE_DIALOG: &str = "delete-row";

/// Parameter that marks the change in a form as confirmed.
pub(super) const CONFIRMED: &str = "_confirmed";

/// Returns the choices of the references in a form.
pub(super) async fn reference_options(
    rows: &RowService<'_>,
    draft: &FormState,
) -> Result<ReferenceOptions> {
    let mut options = ReferenceOptions::new();
    for field in rows.model().fields() {
        let key = draft.inputs.get(field.name);
        let key = key.map_or("", |input| input.text.as_str());
        if let Some(choices) = ReferenceChoices::of(rows, field, key).await? {
            options.insert(field.name, choices);
        }
    }
    Ok(options)
}

/// URLs of a form.
#[derive(Debug, Clone)]
pub(super) struct FormUrls {
    /// URL of the model's list, below which the actions are. Its parameters lead back to the page
    /// of the form.
    pub(super) actions: ListUrl,
    /// Page that shows the form.
    pub(super) here: ListUrl,
    /// Page behind the form.
    pub(super) back: ListUrl,
    /// Page of the record; `None` if it contains the form.
    pub(super) record: Option<ListUrl>,
}

impl FormUrls {
    /// Returns the URL that saves the row of a form.
    fn save(&self, draft: &FormState) -> String {
        match &draft.row {
            Some((key, _)) => self.actions.row_action(key, "update"),
            None => self.actions.below("create"),
        }
    }

    /// Returns the URL that converts a document in a form.
    fn convert(&self, draft: &FormState) -> String {
        match &draft.row {
            Some((key, _)) => self.actions.row_action(key, "convert"),
            None => self.actions.below("convert"),
        }
    }
}

/// Renders the open drawer of a row.
pub(super) fn drawer(
    model: &ModelView<'_>,
    draft: &FormState,
    targets: &ReferenceOptions,
    urls: &FormUrls,
) -> Markup {
    if let Some(question) = &draft.question {
        return question_drawer(model, draft, question, urls);
    }
    let is_new = draft.row.is_none();
    let title = model.title.to_lowercase();
    let may_save = may_save(model, draft);
    let title = match (is_new, may_save) {
        (true, _) => format!("New {title}"),
        (false, true) => format!("Edit {title}"),
        (false, false) => model.title.to_owned(),
    };
    let mut drawer = Drawer::new("row", title)
        .form(urls.save(draft), hidden(draft, may_save))
        .body(body(model, draft, targets, urls))
        .footer(foot(is_new, may_save))
        .open(urls.back.to_string());
    let may_delete = !is_new && model.permissions.delete;
    let menu = record_menu(model, draft, urls);
    if may_delete || menu.is_some() {
        drawer = drawer.aside(html! {
            div class="pt-row" {
                @if may_delete { (delete_button()) }
                @if let Some(menu) = menu { (menu) }
            }
        });
    }
    if !is_new {
        drawer = drawer.description(draft.label.clone());
    }
    if let Some(record) = &urls.record {
        drawer = drawer
            .actions(Button::icon_only("external-link", "Open page").href(record.to_string()));
    }
    html! { (drawer) (delete_dialog(model, draft, urls)) }
}

/// Renders the form of a stored row on the page of the record, and the dialogs that belong to it.
pub(super) fn on_page(
    model: &ModelView<'_>,
    draft: &FormState,
    targets: &ReferenceOptions,
    urls: &FormUrls,
) -> Markup {
    let may_save = may_save(model, draft);
    html! {
        form method="post" action=(Href::from(urls.save(draft))) data-guard data-record {
            (hidden(draft, may_save))
            section class="pt-card" aria-label=(model.title) {
                div class="pt-form" { (body(model, draft, targets, urls)) }
                @if may_save { div class="pt-card-foot" { (foot(false, true)) } }
            }
            (list_scripts())
        }
        (delete_dialog(model, draft, urls))
        @if let Some(question) = &draft.question { (question_drawer(model, draft, question, urls)) }
    }
}

/// Returns the menu with the actions on the record of a form.
pub(super) fn record_menu(
    model: &ModelView<'_>,
    draft: &FormState,
    urls: &FormUrls,
) -> Option<Menu> {
    let (key, _) = draft.row.as_ref()?;
    actions::row_menu(model, "record-actions", (key, &draft.label), &urls.actions)
}

/// Returns the button that opens the confirmation for deleting the record.
pub(super) fn delete_button() -> Button<'static> {
    Button::new("Delete…").icon("trash-2").opens(DELETE_DIALOG)
}

/// Returns `true` if the user may save the form.
fn may_save(model: &ModelView<'_>, draft: &FormState) -> bool {
    match draft.row {
        None => model.permissions.create,
        Some(_) => model.permissions.change,
    }
}

fn hidden_row(draft: &FormState) -> Markup {
    html! {
        @if let Some((_, version)) = &draft.row {
            input type="hidden" name="_version" value=(version);
            input type="hidden" name="_label" value=(draft.label);
        }
    }
}

fn hidden(draft: &FormState, may_save: bool) -> Markup {
    html! {
        (hidden_row(draft))
        // Pressing Enter activates the first button of a form, so this button must save.
        @if may_save {
            button type="submit" class="pt-sr-only" tabindex="-1" aria-hidden="true" { "Save" }
        }
    }
}

/// Renders the drawer with a required confirmation and, in hidden fields, the submitted data.
fn question_drawer(
    model: &ModelView<'_>,
    draft: &FormState,
    question: &Question,
    urls: &FormUrls,
) -> Markup {
    let is_submitted = |name: &str, input: &FieldInput| {
        let field = model.field(name);
        field.is_none_or(|field| input.text != field.kind.unsubmitted_text())
    };
    let fields = html! {
        (hidden_row(draft))
        input type="hidden" name=(CONFIRMED) value="1";
        @for (name, input) in &draft.inputs {
            @if is_submitted(name, input) { input type="hidden" name=(name) value=(input.text); }
            input type="hidden" name={ "_was." (name) } value=(input.original);
        }
    };
    let button = Button::new(question.verb);
    let button = if question.is_danger {
        button.danger()
    } else {
        button.solid()
    };
    let drawer = Drawer::new("row", question.title.clone())
        .form(urls.save(draft), fields)
        .body(html! { p { (question.text) } })
        .footer(button.submit())
        .open(urls.back.to_string());
    html! { (drawer) }
}

fn foot(is_new: bool, may_save: bool) -> Markup {
    html! {
        @if may_save { (Button::new(if is_new { "Add" } else { "Save" }).solid().submit()) }
    }
}

/// Renders the closed confirmation for deleting the row, if the user may delete it.
fn delete_dialog(model: &ModelView<'_>, draft: &FormState, urls: &FormUrls) -> Markup {
    let Some((key, version)) = draft.row.as_ref().filter(|_| model.permissions.delete) else {
        return html! {};
    };
    let title = format!("Delete “{}”?", draft.label);
    let dialog = Confirm::new(
        DELETE_DIALOG,
        title,
        urls.actions.row_action(key, "delete"),
        "Delete",
    );
    html! {
        (dialog.text("This cannot be undone.").hidden_fields(html! {
            input type="hidden" name="_version" value=(version);
        }))
    }
}

fn body(
    model: &ModelView<'_>,
    draft: &FormState,
    targets: &ReferenceOptions,
    urls: &FormUrls,
) -> Markup {
    let is_new = draft.row.is_none();
    let may_change = may_save(model, draft);
    let convert = Href::from(urls.convert(draft)).to_string();
    html! {
        (notice(&urls.here, draft.notice.as_deref()))
        @match &draft.banner {
            Some(text) if !draft.conflicts.is_empty() => (conflict(draft, text)),
            Some(text) => (Banner::new(Tone::Warning, text.as_str())),
            None => {}
        }
        @for error in draft.form_errors() { (Banner::new(Tone::Danger, error)) }
        @for field in model.fields() {
            @if let Some(input) = draft.inputs.get(field.name) {
                @if may_change && model.is_editable(field, is_new) {
                    (control(model, draft, field, input, targets, &convert))
                    (open_link(field, input, targets))
                } @else if !is_new {
                    (shown(model, field, input, targets))
                    (open_link(field, input, targets))
                }
            }
        }
        @for field in model.computed() {
            @if let Some(input) = draft.inputs.get(field.name) { (shown(model, field, input, targets)) }
        }
    }
}

/// Renders the link to the row to which a field refers, if the user may view it.
fn open_link(field: &FieldSpec, input: &FieldInput, targets: &ReferenceOptions) -> Markup {
    let label = targets.get(field.name).and_then(|it| it.label(&input.text));
    let url = label.and_then(|_| record_url(field, &input.text));
    html! {
        @if let (Some(label), Some(url)) = (label, url) {
            p class="pt-muted" { a href=(Href::from(url)) { "Open “" (shorten(label)) "”" } }
        }
    }
}

fn conflict(draft: &FormState, text: &str) -> Conflict {
    let panel = Conflict::new(text);
    draft.conflicts.iter().fold(panel, |panel, conflict| {
        let (field, [mine, theirs]) = (conflict.field, &conflict.values);
        panel.field(field.name, field.title, mine, theirs)
    })
}

/// Renders a read-only field. It is not submitted, because the server would reject it.
fn shown(
    model: &ModelView<'_>,
    field: &FieldSpec,
    input: &FieldInput,
    targets: &ReferenceOptions,
) -> Field {
    let name = format!("_shown.{}", field.name);
    let mut options = field.kind.options().iter();
    let option = options.find(|(value, _)| *value == input.text);
    let text = option.map_or_else(
        || model.choice_title(field.name, &input.text),
        |(_, label)| label,
    );
    let label = targets.get(field.name).and_then(|it| it.label(&input.text));
    if let Some(label) = label {
        return Field::text(name, field.title).value(label).read_only(true);
    }
    let control = field.kind.read_only_control(name, field.title, text);
    control.read_only(true)
}

fn control(
    model: &ModelView<'_>,
    draft: &FormState,
    field: &'static FieldSpec,
    input: &FieldInput,
    targets: &ReferenceOptions,
    convert: &str,
) -> Markup {
    if let Some(ReferenceChoices::Searched { model, label }) = targets.get(field.name) {
        return reference_search(draft, field, input, (model, label.as_deref()));
    }
    let mut control = plain_control(model, field, input, targets)
        .value(input.text.as_str())
        .checked(input.text == "true")
        .error(draft.error_of(field));
    if !field.help.is_empty() {
        control = control.hint(field.help);
    }
    html! {
        (control)
        @if !field.kind.formats().is_empty() { (format_switch(field, input, convert)) }
        @if let Some(preview) = field.kind.preview(&input.text) {
            (Button::new("Preview").ghost().size(1).icon("eye").submit()
                .attribute("id", format!("preview-{}", field.name))
                .attribute("name", PREVIEW).attribute("value", field.name)
                .attribute("formaction", convert)
                .attribute("formnovalidate", ""))
            @if draft.preview == Some(field.name) {
                div class="pt-card pt-prose" role="region" aria-label={ "Preview of " (field.title) } { (preview) }
            }
        }
        input type="hidden" name=(original_name(field)) value=(input.original);
    }
}

/// Renders a field that searches the rows of the model to which it refers.
fn reference_search(
    draft: &FormState,
    field: &FieldSpec,
    input: &FieldInput,
    (model, label): (&str, Option<&str>),
) -> Markup {
    let text = input.text.as_str();
    let mut search = Combobox::new(field.name, field.title)
        .source(search_url(model))
        .value(text, label.unwrap_or(text))
        .required(field.is_required())
        .error(draft.error_of(field));
    if field.nullable {
        search = search.clearable();
    }
    if !field.help.is_empty() {
        search = search.hint(field.help);
    }
    html! {
        (search)
        input type="hidden" name=(original_name(field)) value=(input.original);
    }
}

/// Renders buttons that convert the document to the other format. A hidden field contains the
/// current format.
fn format_switch(field: &FieldSpec, input: &FieldInput, convert: &str) -> Markup {
    html! {
        div class="pt-row" role="group" aria-label={ "Format of " (field.title) } {
            input type="hidden" name=(format_name(field)) value=(input.format.as_str());
            @for format in field.kind.formats() {
                @let is_current = *format == input.format;
                (Button::new(format.title()).ghost().size(1).submit()
                    .attribute("id", format!("format-{}-{}", field.name, format.as_str()))
                    .attribute("name", CONVERT).attribute("value", format!("{}:{}", field.name, format.as_str()))
                    .attribute("formaction", convert)
                    .attribute("formnovalidate", "")
                    .attribute("aria-pressed", if is_current { "true" } else { "false" }))
            }
        }
    }
}

fn plain_control(
    model: &ModelView<'_>,
    field: &'static FieldSpec,
    input: &FieldInput,
    targets: &ReferenceOptions,
) -> Field {
    let (name, title) = (field.name, field.title);
    // Text may be empty unless the model requires a value.
    let is_required = field.is_required()
        && (!field.kind.accepts_empty_text() || field.unique || field.primary_key);
    if let Some(ReferenceChoices::Listed(rows)) = targets.get(name) {
        let rows = rows
            .iter()
            .map(|(key, label)| (key.as_str(), label.as_str()));
        return Field::select(name, title, options(rows, field, input)).required(is_required);
    }
    let choices = model.choices(field);
    if !choices.is_empty() {
        let choices = choices
            .into_iter()
            .map(|choice| (choice, model.choice_title(name, choice)));
        return Field::select(name, title, options(choices, field, input))
            .required(!field.nullable);
    }
    let values = field.kind.options();
    if field.nullable && !values.is_empty() {
        return Field::select(name, title, options(values.iter().copied(), field, input));
    }
    field.kind.control(ControlSpec {
        name,
        title,
        is_required,
        widget: field.widget,
    })
}

/// Returns the options of a select, including the current value. The first option is empty if the
/// field may be empty or has no value yet.
fn options<'a>(
    choices: impl Iterator<Item = (&'a str, &'a str)>,
    field: &FieldSpec,
    input: &'a FieldInput,
) -> Vec<FieldOption> {
    let choices: Vec<_> = choices.collect();
    let mut options = Vec::new();
    if field.nullable || input.text.is_empty() {
        options.push(FieldOption::new("", "—"));
    }
    let is_known = choices.iter().any(|(value, _)| *value == input.text);
    if !is_known && !input.text.is_empty() {
        options.push(FieldOption::new(input.text.as_str(), input.text.as_str()));
    }
    options.extend(
        choices
            .into_iter()
            .map(|(value, label)| FieldOption::new(value, label)),
    );
    options
}
