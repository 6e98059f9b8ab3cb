//! `/admin/app-settings`: how the portal looks for its reader.

use axum::extract::State;
use axum::http::request::Parts;
use portal_core::pages::components::{Card, PageHead};
use portal_core::pages::theme_form;
use portal_core::prelude::*;

/// App settings
#[page("/admin/app-settings", nav(icon = "palette", order = 50))]
async fn app_settings(State(state): State<PortalState>, parts: Parts) -> Result<Markup> {
    Ok(html! {
        (PageHead::new("App settings").description("How the portal looks in this browser."))
        (Card::new().title("Theme").description("Every change shows at once.").body(theme_form(&state, &parts)?))
    })
}
