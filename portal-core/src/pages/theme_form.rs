//! Choosing a theme: kept with the user who is signed in, in a cookie for guests.

use axum::extract::{RawForm, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use maud::{Markup, html};
use serde_json::Map;

use super::components::theme_picker;
use super::layout::Flash;
use super::render::PageSetup;
use super::theme::Theme;
use crate::auth::{Access, Auth, CurrentUser, Routes, known_caller, safe_return};
use crate::error::Result;
use crate::state::PortalState;

pub(super) const COOKIE: &str = "portal_theme";

/// Name among the preferences of a user.
pub(crate) const PREFERENCE: &str = "theme";

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
    let user = known_caller(parts).map(|user| &**user);
    Ok(theme_picker(
        &setup.theme_of(&parts.headers, user),
        &action,
        back,
    ))
}

async fn save(
    State(state): State<PortalState>,
    user: Option<CurrentUser>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<Response> {
    let setup = state.borrow::<PageSetup>()?;
    let mut theme: Theme = setup.theme_of(&headers, user.as_deref());
    let mut return_to = String::new();
    for (name, value) in url::form_urlencoded::parse(&form) {
        match &*name {
            "return_to" => return_to = value.into_owned(),
            // An unknown choice leaves the setting as it was.
            _ => drop(theme.set(&name, &value)),
        }
    }
    if let Some(user) = &user {
        user.acts_himself()?;
        let auth = state.borrow::<Auth>()?;
        let preference = Map::from_iter([(PREFERENCE.to_owned(), theme.to_preference())]);
        auth.users.set_preferences(user.id, preference).await?;
        auth.forget_user(user.id);
    }
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
    if user.is_none()
        && let Ok(value) = HeaderValue::from_str(&cookie(setup, &theme))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn cookie(setup: &PageSetup, theme: &Theme) -> String {
    Cookie::build((COOKIE, theme.to_cookie()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(setup.config.public_url.starts_with("https:"))
        .max_age(cookie::time::Duration::days(365))
        .build()
        .encoded()
        .to_string()
}
