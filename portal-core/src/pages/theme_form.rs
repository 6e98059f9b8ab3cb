//! Choosing a theme: kept in a cookie for everyone.

use axum::extract::{RawForm, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use maud::{Markup, html};

use super::components::theme_picker;
use super::layout::Flash;
use super::render::PageSetup;
use super::theme::Theme;
use crate::auth::{Access, Routes, safe_return};
use crate::error::Result;
use crate::state::PortalState;

pub(super) const COOKIE: &str = "portal_theme";

const ACTION: &str = "/theme";

pub(crate) fn routes() -> Routes {
    Routes::new().post(ACTION, Access::Public, save)
}

/// A form in which the reader chooses his theme; works on every page.
///
/// ```
/// use axum::http::request::Parts;
/// use portal_core::prelude::*;
///
/// /// Appearance
/// #[page("/appearance")]
/// async fn appearance(state: axum::extract::State<PortalState>, parts: Parts) -> Result<Markup> {
///     portal_core::pages::theme_form(&state, &parts)
/// }
/// # fn main() {}
/// ```
pub fn theme_form(state: &PortalState, parts: &Parts) -> Result<Markup> {
    let setup = state.borrow::<PageSetup>()?;
    let action = format!("{}{ACTION}", setup.config.base_path);
    let back = html! { input type="hidden" name="return_to" value=(parts.uri.path()); };
    Ok(theme_picker(&setup.theme_of(&parts.headers), &action, back))
}

async fn save(
    State(state): State<PortalState>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<Response> {
    let setup = state.borrow::<PageSetup>()?;
    let mut theme: Theme = setup.theme_of(&headers);
    let mut return_to = String::new();
    for (name, value) in url::form_urlencoded::parse(&form) {
        match &*name {
            "return_to" => return_to = value.into_owned(),
            // An unknown choice leaves the setting as it was.
            _ => drop(theme.set(&name, &value)),
        }
    }
    let cookie = Cookie::build((COOKIE, theme.to_cookie()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(setup.config.public_url.starts_with("https:"))
        .max_age(cookie::time::Duration::days(365))
        .build()
        .encoded()
        .to_string();
    // portal.js sends the form by itself and stays on the page.
    let by_script = headers
        .get(header::ACCEPT)
        .is_none_or(|accept| !accept.as_bytes().starts_with(b"text/html"));
    let mut response = if by_script {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Flash::success("Appearance saved")
            .redirect(&safe_return(&setup.config.base_path, &return_to))
    };
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}
