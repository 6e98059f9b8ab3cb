//! `/admin/app-settings`: the user's theme and, for administrators, the default theme.

use axum::extract::State;
use axum::http::request::Parts;
use portal_core::pages::components::PageHead;
use portal_core::prelude::*;

/// Appearance
///
/// Your theme: accent, gray, radius, scaling, density, light or dark.
#[page("/admin/app-settings", nav(icon = "palette", order = 50))]
async fn app_settings(State(state): State<PortalState>, parts: Parts) -> Result<Markup> {
    Ok(html! {
        (PageHead::new("Appearance").description("Changes apply immediately, here and in your other tabs."))
        (portal_core::pages::theme_settings(&state, &parts)?)
    })
}
