//! Deleting a row, or the selected rows after a confirmation.

use maud::html;

use super::super::consequences::shorten;
use super::super::deletion::DeletionEffects;
use super::super::list::delete_drawer;
use super::super::model_view::ModelView;
use super::super::policy::Operation;
use super::super::precondition::Precondition;
use super::super::selection::MAX_MATCHING;
use super::request::PageRequest;
use crate::error::{Error, Result};
use crate::pages::{Flash, IntoPage, PageResponse};

/// Maximum number of rows that the confirmation names.
const NAMED: usize = 20;

/// Maximum number of selected rows for which the confirmation lists the rows that refer to them.
const CHECKED: u64 = 1000;

/// Deletes a row if its version is still the one in the form.
pub(super) async fn one(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    screen.rows.permit(Operation::Delete)?;
    let (form, key) = (request.form(), &request.key);
    let version = form.get("_version").and_then(|text| text.parse().ok());
    let expected = Precondition::OneOf(version.into_iter().collect());
    let deleted = match screen.rows.get(key).await {
        Ok(row) => {
            let label = screen.model().label_of(&row.values);
            screen.rows.delete(key, &expected).await.map(|()| label)
        }
        Err(error) => Err(error),
    };
    match deleted {
        Ok(label) => {
            let flash = Flash::success(format!("Deleted “{}”", shorten(&label)));
            Ok(flash.redirect(&screen.list).into_page())
        }
        Err(error) => Ok(screen.redirect(not_deleted(error)?)),
    }
}

/// Responds with the list and the confirmation for deleting the selected rows.
pub(super) async fn confirm(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    screen.rows.permit(Operation::Delete)?;
    let selection = screen.selection(&request)?;
    let (count, rows) = match screen.rows.selected(&selection, CHECKED).await {
        Ok(selected) => selected,
        Err(error) => return Ok(screen.redirect(not_deleted(error)?)),
    };
    if count == 0 {
        return Ok(screen.redirect(Flash::info("No rows selected")));
    }
    let model = screen.model();
    let keys = rows
        .iter()
        .map(|row| model.parse_key(&model.key_of(&row.values)));
    let effects = DeletionEffects::of(&screen.rows, keys.collect()).await?;
    let first = rows.get(..NAMED).unwrap_or(&rows);
    let question = delete_drawer(model, &selection, count, first, &effects, &screen.list);
    Ok(html! { (screen.show_list(None).await?) (question) }.into_page())
}

/// Deletes all of the selected rows or none.
pub(super) async fn selected(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    screen.rows.permit(Operation::Delete)?;
    let selection = screen.selection(&request)?;
    let flash = match screen.rows.delete_all(&selection).await {
        Ok(deleted) => Flash::success(count(deleted, screen.model(), "deleted")),
        Err(error) => not_deleted(error)?,
    };
    Ok(screen.redirect(flash))
}

fn count(rows: u64, model: &ModelView<'_>, done: &str) -> String {
    match rows {
        1 => format!("1 {} was {done}", model.title.to_lowercase()),
        rows => format!("{rows} {} were {done}", model.plural.to_lowercase()),
    }
}

/// Returns `true` if more rows match than can be selected.
fn exceeds_limit(error: &Error) -> bool {
    let errors = error.field_errors();
    errors.iter().any(|error| error.pointer == "/filter")
}

/// Converts the reason why rows were not deleted to a message; returns unexpected errors unchanged.
fn not_deleted(error: Error) -> Result<Flash> {
    match error.code() {
        "stale" => Ok(Flash::error("Not deleted: someone else changed the record")),
        "row_not_found" => Ok(Flash::info("It was already deleted")),
        "count_changed" => Ok(Flash::error(
            "Not deleted: the number of rows has changed; select them again",
        )),
        "invalid_parameters" if exceeds_limit(&error) => Ok(Flash::error(format!(
            "Not deleted: at most {MAX_MATCHING} rows can be deleted at once; add a filter"
        ))),
        "referenced" | "too_many_referring" => {
            Ok(Flash::error(format!("Not deleted: {}", error.detail())))
        }
        _ => Err(error),
    }
}
