//! Forms of rows: creating and updating a row, converting its documents and previewing its texts.

use axum::http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::changed::last_change;
use super::super::consequences::{question, saved, shorten};
use super::super::form::CONFIRMED;
use super::super::form_state::{CONVERT, FormState, PREVIEW};
use super::super::policy::Operation;
use super::super::precondition::Precondition;
use super::super::users;
use super::place::FormPlace;
use super::request::PageRequest;
use super::screen::Screen;
use crate::error::{Error, FieldError, Result};
use crate::pages::components::row_id;
use crate::pages::{Flash, IntoPage, PageResponse};

/// Bytes of an element id that are percent-encoded in the fragment of a URL.
const FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Adds a row.
pub(super) async fn create(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    screen.rows.permit(Operation::Create)?;
    let model = screen.model();
    let draft = FormState::read(model, None, &request.form());
    let created = match draft.values(model) {
        Ok(values) => screen.rows.create(values).await,
        Err(errors) => return screen.invalid(draft, errors).await,
    };
    let record = match created {
        Ok(record) => record,
        Err(error) => return screen.save_failed(draft, error).await,
    };
    let message = format!("Added “{}”", shorten(&model.label_of(&record.values)));
    // Scroll to the new row, if the list shows it.
    let key = model.key_of(&record.values);
    let id = row_id(model.plural, &key);
    let row = utf8_percent_encode(&id, FRAGMENT);
    let view = match screen.place {
        FormPlace::List => screen.list.with("edit", key),
        _ => screen.list.record(&key),
    };
    let flash = Flash::success(message).link("View", view.to_string());
    let back = screen.back();
    Ok(flash.redirect(format!("{back}#{row}")).into_page())
}

/// Changes a row, unless someone else has changed the same fields.
pub(super) async fn update(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    screen.rows.permit(Operation::Change)?;
    let (model, form, key) = (screen.model(), request.form(), &request.key);
    let mut draft = FormState::read(model, Some(key), &form);
    let values = match draft.values(model) {
        Ok(values) => values,
        Err(errors) => return screen.invalid(draft, errors).await,
    };
    // If the row cannot be read, the update below fails as well and reports the error.
    let before = screen.rows.get(key).await.ok().map(|record| record.values);
    if let (users::MODEL, Some(before), None) = (model.name, &before, form.get(CONFIRMED)) {
        let is_own = model.key_of(before) == screen.user.id.to_string();
        draft.question = question(before, &values, is_own);
        if draft.question.is_some() {
            return Ok(screen.show(&draft).await?.into_page());
        }
    }
    let expected = Precondition::OneOf(draft.row.iter().map(|(_, version)| *version).collect());
    let changed = match screen.rows.change(key, &expected, values, false).await {
        Ok(changed) => changed,
        Err(error) => return screen.save_failed(draft, error).await,
    };
    Ok(screen.redirect(Flash::success(saved(model, &changed))))
}

/// Converts a document of the form to the other format, or shows the preview of a text. Nothing is
/// stored.
pub(super) async fn convert(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    let (model, form) = (screen.model(), request.form());
    let key = Some(request.key.as_str()).filter(|key| !key.is_empty());
    screen.rows.permit(match key {
        Some(_) => Operation::Change,
        None => Operation::Create,
    })?;
    let mut draft = FormState::read(model, key, &form);
    match form.get(PREVIEW) {
        Some(name) => draft.preview = model.field(name).map(|field| field.name),
        None => draft.convert(model, form.get(CONVERT).map_or("", String::as_str)),
    }
    let status = if draft.errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    screen.render_form(draft, status).await
}

impl Screen<'_> {
    async fn invalid(&self, mut draft: FormState, errors: Vec<FieldError>) -> Result<PageResponse> {
        draft.errors = errors;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        self.render_form(draft, status).await
    }

    /// Renders the form again, with all submitted values and the reason why it was not saved.
    async fn save_failed(&self, mut draft: FormState, error: Error) -> Result<PageResponse> {
        if error.status().is_server_error() {
            return Err(error);
        }
        let model = self.model();
        let status = error.status();
        match (error.code(), draft.row.clone()) {
            ("stale", Some((key, _))) => {
                let present = self.rows.get(&key).await?;
                draft.rebase(model, &present);
                let change = last_change(self.state, model, &key).await?;
                let advice = if draft.conflicts.is_empty() {
                    "Your edits are kept; other fields were updated. Save again to overwrite."
                } else {
                    "Your edits are kept; other fields were updated. Choose which values to keep, \
                     then save again."
                };
                draft.banner = Some(format!("{change} {advice}"));
            }
            ("row_not_found", Some(_)) if model.permissions.create => {
                draft.row = None;
                draft.banner =
                    Some("This record was deleted. Add it again to keep your input.".to_owned());
            }
            _ if error.field_errors().is_empty() => draft.banner = Some(error.detail().to_owned()),
            _ => draft.errors = error.field_errors().to_vec(),
        }
        self.render_form(draft, status).await
    }

    async fn render_form(&self, mut draft: FormState, status: StatusCode) -> Result<PageResponse> {
        if let Some((key, _)) = &draft.row
            && let Ok(present) = self.rows.get(key).await
        {
            draft.fill_read_only(self.model(), &present);
        }
        Ok((status, self.show(&draft).await?).into_page())
    }
}
