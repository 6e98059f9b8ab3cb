//! The action "Add default records" of the settings.

use super::super::api::initialize_defaults;
use super::request::PageRequest;
use crate::auth::Access;
use crate::error::Result;
use crate::pages::{Flash, IntoPage, PageResponse};

/// Adds the default rows that are missing.
pub(super) async fn add(request: PageRequest) -> Result<PageResponse> {
    Access::Admin.check(Some(&request.user))?;
    let added = initialize_defaults(&request.state, &request.actor).await?;
    let added: u64 = added.values().sum();
    let flash = match added {
        0 => Flash::info("All default records exist"),
        1 => Flash::success("Added 1 default record"),
        added => Flash::success(format!("Added {added} default records")),
    };
    Ok(flash.redirect(&request.here).into_page())
}
