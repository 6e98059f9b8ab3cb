//! Forms for viewing, adding and editing a row, in a drawer and on the page of the row.

use maud::{Markup, html};

use super::actions;
use super::changed::notice;
use super::consequences::Question;
use super::deletion::DeletionEffects;
use super::form_fields::{FormFields, ReferenceOptions};
use super::form_state::{FieldInput, FormState};
use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::row_service::RowService;
use crate::error::Result;
use crate::pages::Href;
use crate::pages::components::{Button, Confirm, Drawer, Menu, list_scripts};

const DELETE_DIALOG: &str = "delete-row";

/// Parameter that marks the change in a form as confirmed.
pub(super) const CONFIRMED: &str = "_confirmed";

/// Returns the effects of deleting the row of a form, if the user may delete it.
pub(super) async fn deletion_effects(
    rows: &RowService<'_>,
    draft: &FormState,
) -> Result<DeletionEffects> {
    match &draft.row {
        Some((key, _)) if rows.model().permissions.delete => {
            DeletionEffects::of(rows, vec![rows.model().parse_key(key)]).await
        }
        _ => Ok(DeletionEffects::default()),
    }
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
    pub(super) fn convert(&self, draft: &FormState) -> String {
        match &draft.row {
            Some((key, _)) => self.actions.row_action(key, "convert"),
            None => self.actions.below("convert"),
        }
    }
}

/// Renders the open drawer of a row. `effects` are those of deleting it.
pub(super) fn drawer(
    model: &ModelView<'_>,
    draft: &FormState,
    targets: &ReferenceOptions,
    urls: &FormUrls,
    effects: &DeletionEffects,
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
    html! { (drawer) (delete_dialog(model, draft, urls, effects)) }
}

/// Renders the form of a stored row on the page of the record, and the dialogs that belong to it.
/// `children` are further fields of the form.
pub(super) fn on_page(
    model: &ModelView<'_>,
    draft: &FormState,
    targets: &ReferenceOptions,
    urls: &FormUrls,
    effects: &DeletionEffects,
    children: &Markup,
) -> Markup {
    let may_save = may_save(model, draft);
    html! {
        form method="post" action=(Href::from(urls.save(draft))) data-guard data-record {
            (hidden(draft, may_save))
            section class="pt-card" aria-label=(model.title) {
                div class="pt-form" { (body(model, draft, targets, urls)) }
            }
            (children)
            @if may_save { div class="pt-form-actions" { (foot(false, true)) } }
            (list_scripts())
        }
        (delete_dialog(model, draft, urls, effects))
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
fn delete_dialog(
    model: &ModelView<'_>,
    draft: &FormState,
    urls: &FormUrls,
    effects: &DeletionEffects,
) -> Markup {
    let Some((key, version)) = draft.row.as_ref().filter(|_| model.permissions.delete) else {
        return html! {};
    };
    let url = urls.actions.row_action(key, "delete");
    if effects.prevent_deletion() {
        let title = format!("“{}” cannot be deleted", draft.label);
        let text = "Other records refer to it.";
        let dialog = Confirm::new(DELETE_DIALOG, title, url, "Delete").text(text);
        return html! { (dialog.body(effects.render()).without_action().dismiss("Close")) };
    }
    let title = format!("Delete “{}”?", draft.label);
    let dialog = Confirm::new(DELETE_DIALOG, title, url, "Delete").text("This cannot be undone.");
    html! {
        (dialog.body(effects.render()).hidden_fields(html! {
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
    let convert = Href::from(urls.convert(draft)).to_string();
    let fields = FormFields {
        model,
        draft,
        targets,
        prefix: "",
        convert: &convert,
        parent: None,
    };
    html! {
        (notice(&urls.here, draft.notice.as_deref()))
        (fields.render())
    }
}
