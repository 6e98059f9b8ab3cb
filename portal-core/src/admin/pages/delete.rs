//! Deleting a row, or the selected rows after a confirmation.

use maud::html;

use super::super::consequences::shorten;
use super::super::list::delete_drawer;
use super::super::model_view::ModelView;
use super::super::policy::Operation;
use super::super::precondition::Precondition;
use super::request::PageRequest;
use crate::error::{Error, Result};
use crate::pages::{Flash, IntoPage, PageResponse};

/// Maximum number of rows that a form selects: the size of the longest list page.
const MAX_SELECTED: usize = 100;

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
    let mut records = Vec::new();
    for key in selected_keys(&request)? {
        records.extend(screen.rows.get(key).await.ok());
    }
    if records.is_empty() {
        return Ok(screen.redirect(Flash::info("No rows selected")));
    }
    let question = delete_drawer(screen.model(), &records, &screen.list);
    Ok(html! { (screen.show_list(None).await?) (question) }.into_page())
}

/// Deletes all of the selected rows or none.
pub(super) async fn selected(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    screen.rows.permit(Operation::Delete)?;
    let keys: Vec<String> = selected_keys(&request)?.map(str::to_owned).collect();
    let flash = match screen.rows.delete_all(&keys).await {
        Ok(deleted) => Flash::success(count(deleted, screen.model(), "deleted")),
        Err(error) => not_deleted(error)?,
    };
    Ok(screen.redirect(flash))
}

fn selected_keys(request: &PageRequest) -> Result<impl Iterator<Item = &str>> {
    let ids = request
        .fields
        .pairs()
        .iter()
        .filter(|(name, _)| name == "id");
    if ids.clone().count() > MAX_SELECTED {
        return Err(Error::bad_request(format!(
            "select at most {MAX_SELECTED} rows at once"
        )));
    }
    Ok(ids.map(|(_, key)| key.as_str()))
}

fn count(rows: u64, model: &ModelView<'_>, done: &str) -> String {
    match rows {
        1 => format!("1 {} was {done}", model.title.to_lowercase()),
        rows => format!("{rows} {} were {done}", model.plural.to_lowercase()),
    }
}

/// Converts the reason why rows were not deleted to a message; returns unexpected errors unchanged.
fn not_deleted(error: Error) -> Result<Flash> {
    match error.code() {
        "stale" => Ok(Flash::error("Not deleted: someone else changed the record")),
        "row_not_found" => Ok(Flash::info("It was already deleted")),
        "referenced" => Ok(Flash::error("Not deleted: other records refer to it")),
        _ => Err(error),
    }
}
