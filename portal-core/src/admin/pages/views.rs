//! Saving, changing and deleting the saved views of a list.

use axum::http::StatusCode;

use super::super::consequences::shorten;
use super::super::list_url::ListUrl;
use super::super::views::{SavedView, SavedViews, ViewForm};
use super::request::PageRequest;
use super::screen::Screen;
use crate::error::{Error, Result};
use crate::pages::{Flash, IntoPage, PageResponse};

/// Saves the list as a new view.
pub(super) async fn create(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    let views = SavedViews::of(&request.state, &request.user, &request.actor)?;
    let (form, draft) = ViewForm::read(None, &request.fields, &screen.list);
    let created = views.create(screen.model(), draft).await;
    respond(&screen, form, created).await
}

/// Changes a view.
pub(super) async fn update(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    let views = SavedViews::of(&request.state, &request.user, &request.actor)?;
    let view = match views.get(&request.key).await {
        Ok(view) => view,
        Err(error) => return not_found(&screen, error),
    };
    let (form, draft) = ViewForm::read(Some(view), &request.fields, &screen.list);
    let updated = views.update(screen.model(), &request.key, draft).await;
    respond(&screen, form, updated).await
}

/// Deletes a view.
pub(super) async fn delete(request: PageRequest) -> Result<PageResponse> {
    let screen = request.screen().await?;
    let views = SavedViews::of(&request.state, &request.user, &request.actor)?;
    match views.delete(screen.model(), &request.key).await {
        Ok(view) => {
            let flash = Flash::success(format!("Deleted view “{}”", shorten(&view.name)));
            Ok(flash
                .redirect(ListUrl::new(screen.list.path()).to_string())
                .into_page())
        }
        Err(error) => not_found(&screen, error),
    }
}

async fn respond(
    screen: &Screen<'_>,
    form: ViewForm,
    saved: Result<SavedView>,
) -> Result<PageResponse> {
    match saved {
        Ok(view) => {
            let list = ListUrl::new(screen.list.path()).with("view", view.id.to_string());
            let flash = Flash::success(format!("Saved view “{}”", shorten(&view.name)));
            Ok(flash.redirect(list.to_string()).into_page())
        }
        Err(error) if !error.field_errors().is_empty() => {
            let form = form.with_errors(error.field_errors());
            let page = screen.show_view_form(form).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_page())
        }
        Err(error) if error.code() == "too_many_views" => {
            Ok(screen.redirect(Flash::error(format!("Not saved: {}", error.detail()))))
        }
        Err(error) => not_found(screen, error),
    }
}

fn not_found(screen: &Screen<'_>, error: Error) -> Result<PageResponse> {
    match error.code() {
        "view_unknown" => Ok(screen.redirect(Flash::info("This view does not exist any longer"))),
        _ => Err(error),
    }
}
