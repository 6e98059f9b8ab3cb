//! Fields of a form: their controls, choices and errors.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::consequences::shorten;
use super::field::FieldSpec;
use super::field_type::ControlSpec;
use super::form_state::{
    CONVERT, FieldInput, FormState, PREVIEW, format_name, listed_name, original_name,
};
use super::model_view::ModelView;
use super::references::{ReferenceChoices, record_url, search_url};
use super::row_service::RowService;
use crate::error::Result;
use crate::pages::Href;
use crate::pages::components::{Banner, Button, Combobox, Conflict, Field, FieldOption, Tone};

/// Choices of each reference field whose model the user may view.
pub(super) type ReferenceOptions = BTreeMap<&'static str, ReferenceChoices>;

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

/// Fields of a row in a form.
#[derive(Clone, Copy)]
pub(super) struct FormFields<'a> {
    pub(super) model: &'a ModelView<'a>,
    pub(super) draft: &'a FormState,
    pub(super) targets: &'a ReferenceOptions,
    /// Start of the names of the controls.
    pub(super) prefix: &'a str,
    /// URL that converts documents and renders previews; empty if the form does not offer this.
    pub(super) convert: &'a str,
    /// Field that refers to the record whose form contains these fields. The form then contains only
    /// the other fields that can be changed.
    pub(super) parent: Option<&'a FieldSpec>,
}

impl FormFields<'_> {
    /// Renders the messages about the row, and all fields.
    pub(super) fn render(&self) -> Markup {
        let (model, draft) = (self.model, self.draft);
        let is_new = draft.row.is_none();
        let may_change = match is_new {
            true => model.permissions.create,
            false => model.permissions.change,
        };
        let is_parent = |field: &FieldSpec| self.parent.is_some_and(|it| it.name == field.name);
        let shows_others = !is_new && self.parent.is_none();
        html! {
            @match &draft.banner {
                Some(text) if !draft.conflicts.is_empty() => (self.conflict(text)),
                Some(text) => (Banner::new(Tone::Warning, text.as_str())),
                None => {}
            }
            @for error in draft.form_errors() { (Banner::new(Tone::Danger, error)) }
            @for field in model.fields().filter(|field| !is_parent(field)) {
                @if let Some(input) = draft.inputs.get(field.name) {
                    @if may_change && model.is_editable(field, is_new) {
                        (self.control(field, input))
                        (self.open_link(field, input))
                    } @else if shows_others {
                        (self.shown(field, input))
                        (self.open_link(field, input))
                    }
                }
            }
            @for field in model.computed().iter().filter(|_| shows_others) {
                @if let Some(input) = draft.inputs.get(field.name) { (self.shown(field, input)) }
            }
        }
    }

    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    fn conflict(&self, text: &str) -> Conflict {
        let panel = Conflict::new(text);
        self.draft.conflicts.iter().fold(panel, |panel, conflict| {
            let (field, [mine, theirs]) = (conflict.field, &conflict.values);
            panel.field(self.name(field.name), field.title, mine, theirs)
        })
    }

    /// Renders the link to the row to which a field refers, if the user may view it.
    fn open_link(&self, field: &FieldSpec, input: &FieldInput) -> Markup {
        let target = self.targets.get(field.name);
        let label = target.and_then(|it| it.label(&input.text));
        let url = label.and_then(|_| record_url(field, &input.text));
        html! {
            @if let (Some(label), Some(url)) = (label, url) {
                p class="pt-muted" { a href=(Href::from(url)) { "Open “" (shorten(label)) "”" } }
            }
        }
    }

    /// Renders a read-only field. It is not submitted, because the server would reject it.
    fn shown(&self, field: &FieldSpec, input: &FieldInput) -> Field {
        let name = self.name(&format!("_shown.{}", field.name));
        let mut options = field.kind.options().iter();
        let option = options.find(|(value, _)| *value == input.text);
        let text = option.map_or_else(
            || self.model.choice_title(field.name, &input.text),
            |(_, label)| label,
        );
        let target = self.targets.get(field.name);
        if field.many_to_many.is_some() {
            let label = |key| target.and_then(|it| it.label(key)).unwrap_or(key);
            let labels: Vec<&str> = input.text.lines().map(label).collect();
            return Field::text(name, field.title)
                .value(labels.join(", "))
                .read_only(true);
        }
        if let Some(label) = target.and_then(|it| it.label(&input.text)) {
            return Field::text(name, field.title).value(label).read_only(true);
        }
        let control = field.kind.read_only_control(name, field.title, text);
        control.read_only(true)
    }

    /// Renders the hidden field with the fingerprint of a field.
    fn original(&self, field: &FieldSpec, input: &FieldInput) -> Markup {
        html! { input type="hidden" name=(self.name(&original_name(field))) value=(input.original); }
    }

    fn control(&self, field: &'static FieldSpec, input: &FieldInput) -> Markup {
        if field.many_to_many.is_some() {
            return self.related(field, input);
        }
        if let Some(ReferenceChoices::Searched { model, label }) = self.targets.get(field.name) {
            return self.reference_search(field, input, (model, label.as_deref()));
        }
        let mut control = self
            .plain_control(field, input)
            .value(input.text.as_str())
            .checked(input.text == "true")
            .error(self.draft.error_of(field));
        if !field.help.is_empty() {
            control = control.hint(field.help);
        }
        html! {
            (control)
            @if !self.convert.is_empty() {
                @if !field.kind.formats().is_empty() { (self.format_switch(field, input)) }
                (self.preview(field, input))
            }
            (self.original(field, input))
        }
    }

    /// Renders the button that shows the preview of a text, and the preview that is shown.
    fn preview(&self, field: &FieldSpec, input: &FieldInput) -> Markup {
        html! {
            @if let Some(preview) = field.kind.preview(&input.text) {
                (Button::new("Preview").ghost().size(1).icon("eye").submit()
                    .attribute("id", format!("preview-{}", field.name))
                    .attribute("name", PREVIEW).attribute("value", field.name)
                    .attribute("formaction", self.convert)
                    .attribute("formnovalidate", ""))
                @if self.draft.preview == Some(field.name) {
                    div class="pt-card pt-prose" role="region" aria-label={ "Preview of " (field.title) } { (preview) }
                }
            }
        }
    }

    /// Renders a field that searches the rows of the model to which it refers.
    fn reference_search(
        &self,
        field: &FieldSpec,
        input: &FieldInput,
        (model, label): (&str, Option<&str>),
    ) -> Markup {
        let text = input.text.as_str();
        let mut search = Combobox::new(self.name(field.name), field.title)
            .source(search_url(model))
            .value(text, label.unwrap_or(text))
            .required(field.is_required())
            .error(self.draft.error_of(field));
        if field.nullable {
            search = search.clearable();
        }
        if !field.help.is_empty() {
            search = search.hint(field.help);
        }
        html! { (search) (self.original(field, input)) }
    }

    /// Renders a list of keys: a checkbox for each row, and a field that adds a row if there are too
    /// many for checkboxes.
    fn related(&self, field: &FieldSpec, input: &FieldInput) -> Markup {
        let (mut rows, searched) = match self.targets.get(field.name) {
            Some(ReferenceChoices::Related { rows, searched }) => (rows.clone(), *searched),
            _ => (Vec::new(), None),
        };
        // Rows that the user cannot see remain in the list.
        for key in input.text.lines() {
            if !rows.iter().any(|(known, _)| known == key) {
                rows.push((key.to_owned(), key.to_owned()));
            }
        }
        let is_listed = |key: &str| input.text.lines().any(|it| it == key);
        let error = self.draft.error_of(field);
        html! {
            fieldset class="pt-field" {
                legend class="pt-label" { (field.title) }
                @for (key, label) in &rows {
                    label class="pt-tick" {
                        input type="checkbox" name=(self.name(&listed_name(field, key))) value="1" checked[is_listed(key)];
                        (shorten(label))
                    }
                }
                @if rows.is_empty() { p class="pt-muted" { "No records to choose from" } }
                @if !field.help.is_empty() { p class="pt-hint" { (field.help) } }
                @if let Some(error) = error.as_ref().filter(|_| searched.is_none()) { (Banner::new(Tone::Danger, error.as_str())) }
            }
            @if let Some(model) = searched {
                (Combobox::new(self.name(field.name), format!("Add to {}", field.title.to_lowercase()))
                    .source(search_url(model))
                    .clearable()
                    .error(error))
            }
            (self.original(field, input))
        }
    }

    /// Renders buttons that convert the document to the other format. A hidden field contains the
    /// current format.
    fn format_switch(&self, field: &FieldSpec, input: &FieldInput) -> Markup {
        html! {
            div class="pt-row" role="group" aria-label={ "Format of " (field.title) } {
                input type="hidden" name=(format_name(field)) value=(input.format.as_str());
                @for format in field.kind.formats() {
                    @let is_current = *format == input.format;
                    (Button::new(format.title()).ghost().size(1).submit()
                        .attribute("id", format!("format-{}-{}", field.name, format.as_str()))
                        .attribute("name", CONVERT).attribute("value", format!("{}:{}", field.name, format.as_str()))
                        .attribute("formaction", self.convert)
                        .attribute("formnovalidate", "")
                        .attribute("aria-pressed", if is_current { "true" } else { "false" }))
                }
            }
        }
    }

    fn plain_control(&self, field: &'static FieldSpec, input: &FieldInput) -> Field {
        let (name, title) = (self.name(field.name), field.title);
        // Text may be empty unless the model requires a value.
        let is_required = field.is_required()
            && (!field.kind.accepts_empty_text() || field.unique || field.primary_key);
        if let Some(ReferenceChoices::Listed(rows)) = self.targets.get(field.name) {
            let rows = rows
                .iter()
                .map(|(key, label)| (key.as_str(), label.as_str()));
            return Field::select(name, title, options(rows, field, input)).required(is_required);
        }
        let choices = self.model.choices(field);
        if !choices.is_empty() {
            let choices = choices
                .into_iter()
                .map(|choice| (choice, self.model.choice_title(field.name, choice)));
            return Field::select(name, title, options(choices, field, input))
                .required(!field.nullable);
        }
        let values = field.kind.options();
        if field.nullable && !values.is_empty() {
            return Field::select(name, title, options(values.iter().copied(), field, input));
        }
        field.kind.control(ControlSpec {
            name: &name,
            title,
            is_required,
            widget: field.widget,
        })
    }
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
