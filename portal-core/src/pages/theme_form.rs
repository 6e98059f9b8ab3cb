//! Theme form: stores the choice with the signed-in user, or in a cookie for guests.

use axum::extract::{RawForm, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use maud::{Markup, Render, html};
use serde_json::Map;

use super::components::ThemePicker;
use super::default_theme::ThemeSettings;
use super::href::Href;
use super::layout::Flash;
use super::render::PageRenderer;
use super::theme::ThemeChoice;
use crate::auth::{
    Access, AdminUser, Auth, CurrentUser, RateClass, Routes, known_caller, safe_return,
};
use crate::error::{Error, Result};
use crate::state::PortalState;

pub(super) const COOKIE: &str = "portal_theme";
/// Cookie that is present if the visitor has collapsed the sidebar.
pub(super) const RAIL: &str = "portal_rail";
pub(super) const NARROW: &str = "narrow";

/// Key of the theme in a user's preferences.
pub(crate) const PREFERENCE: &str = "theme";

const ACTION: &str = "/theme";
pub(super) const PORTAL_ACTION: &str = "/theme/portal";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post(ACTION, Access::Public, save)
        .post(PORTAL_ACTION, Access::Admin, save_portal)
        .form()
        .rate_class(RateClass::OwnWrite)
}

/// Renders the form in which users choose their theme. It can be used on every page.
///
/// # Errors
///
/// Returns an internal error if `state` is not the state of a running portal.
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
    let setup = state.borrow::<PageRenderer>()?;
    let user = known_caller(parts).map(|user| &**user);
    let choice = setup.choice_of(&parts.headers, user);
    Ok(ThemePicker::new(ACTION, choice, setup.theme.theme())
        .brand(setup.brand.accent_gray())
        .hidden_fields(return_to(parts))
        .render())
}

/// Renders the hidden field that makes a form return to the requested page.
pub(super) fn return_to(parts: &Parts) -> Markup {
    html! { input type="hidden" name="return_to" value=(parts.uri.path()); }
}

/// Contents of a submitted theme form.
#[derive(Default)]
struct ThemeForm {
    choice: ThemeChoice,
    chooses: bool,
    rail: Option<bool>,
    return_to: String,
}

impl ThemeForm {
    /// Parses a form and applies it to the previous choice.
    fn read(form: &[u8], before: ThemeChoice) -> Self {
        let mut sent = Self {
            choice: before,
            ..Self::default()
        };
        for (name, value) in url::form_urlencoded::parse(form) {
            match &*name {
                "return_to" => sent.return_to = value.into_owned(),
                "rail" => sent.rail = Some(value == NARROW),
                "reset" => {
                    sent.choice = ThemeChoice::default();
                    sent.chooses = true;
                    // A reset overrides the other fields in the form.
                    sent.return_to = field(form, "return_to").unwrap_or_default();
                    break;
                }
                // An unknown choice leaves the setting unchanged.
                name => {
                    sent.chooses |=
                        ThemeChoice::is_setting(name) && sent.choice.set(name, &value).is_ok()
                }
            }
        }
        sent
    }
}

fn field(form: &[u8], wanted: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(form);
    let found = fields.find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}

fn is_sent(form: &[u8], wanted: &str) -> bool {
    field(form, wanted).is_some_and(|value| !value.is_empty())
}

async fn save(
    State(state): State<PortalState>,
    user: Option<CurrentUser>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<Response> {
    let setup = state.borrow::<PageRenderer>()?;
    let before = setup.choice_of(&headers, user.as_deref());
    let is_reset = is_sent(&form, "reset");
    let sent = ThemeForm::read(&form, before);
    let mut cookies = Vec::new();
    if let Some(user) = user.as_ref().filter(|_| sent.chooses) {
        user.require_not_impersonated()?;
        let auth = state.borrow::<Auth>()?;
        let preference = Map::from_iter([(PREFERENCE.to_owned(), sent.choice.to_preference())]);
        auth.users.set_preferences(user.id, preference).await?;
        auth.forget_user(user.id);
    } else if sent.chooses {
        cookies.push(cookie(setup, COOKIE, sent.choice.to_cookie(), !is_reset));
    }
    if let Some(rail) = sent.rail {
        cookies.push(cookie(setup, RAIL, NARROW.to_owned(), rail));
    }
    // portal.js submits the form with `fetch` and stays on the page.
    let by_script = headers
        .get(header::ACCEPT)
        .is_none_or(|accept| !accept.as_bytes().starts_with(b"text/html"));
    let back = safe_return(&setup.config, &sent.return_to);
    let mut response = match (by_script, sent.rail) {
        (true, _) => StatusCode::NO_CONTENT.into_response(),
        (false, Some(_)) => axum::response::Redirect::to(&back).into_response(),
        (false, None) if is_reset => {
            Flash::success("Portal defaults restored").redirect(Href::host(&back))
        }
        (false, None) => Flash::success("Appearance saved").redirect(Href::host(&back)),
    };
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

/// Saves the default theme, used until a user chooses their own.
async fn save_portal(
    State(state): State<PortalState>,
    admin: AdminUser,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<Response> {
    admin.require_not_impersonated()?;
    let setup = state.borrow::<PageRenderer>()?;
    let version = field(&form, "version").and_then(|it| it.parse().ok());
    let version = version.unwrap_or(-1);
    // The form may come from a replica with a newer version.
    if setup.theme.stored().version != version {
        setup.theme.refresh().await?;
    }
    let stored = setup.theme.stored();
    let sent = ThemeForm::read(&form, stored.look.choice);
    let mut look = ThemeSettings {
        choice: sent.choice,
        locked: match field(&form, "locked").as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some("") => None,
            // Missing and unknown values leave the setting unchanged, as they do for the choices.
            _ => stored.look.locked,
        },
    };
    if is_sent(&form, "mine") {
        let mine = setup.choice_of(&headers, Some(&admin));
        let theme = mine.apply_to(setup.theme.theme().with_lock(false));
        look = ThemeSettings {
            choice: theme.into(),
            ..stored.look
        };
    }
    let back = safe_return(&setup.config, &sent.return_to);
    let flash = match setup.theme.set(&admin, look, version).await {
        Ok(()) => Flash::success("Saved for everyone"),
        Err(error) if error.status() == StatusCode::CONFLICT => Flash::error(conflict(error)),
        Err(error) => return Err(error),
    };
    Ok(flash.redirect(Href::host(&back)))
}

fn conflict(error: Error) -> String {
    let mut detail = error.into_problem().detail.into_owned();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    detail
}

/// Returns a cookie that is stored for a year or, without `keep`, deleted.
fn cookie(setup: &PageRenderer, name: &'static str, value: String, keep: bool) -> String {
    let days = if keep { 365 } else { 0 };
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(setup.config.public_url.starts_with("https:"))
        .max_age(cookie::time::Duration::days(days))
        .build()
        .encoded()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::theme::{Accent, Appearance};

    #[test]
    fn form_changes_listed_settings_and_reset_clears_all() {
        let before = ThemeChoice {
            accent: Some(Accent::Jade),
            ..ThemeChoice::default()
        };
        let sent = ThemeForm::read(b"appearance=dark&radius=huge&return_to=%2Fa", before);
        assert_eq!(sent.choice.accent, Some(Accent::Jade));
        assert_eq!(sent.choice.appearance, Some(Appearance::Dark));
        assert_eq!((sent.choice.radius, sent.chooses), (None, true));
        assert_eq!(sent.return_to, "/a");
        assert_eq!(ThemeForm::read(b"accent=", before).choice.accent, None);
        let reset = ThemeForm::read(b"accent=ruby&reset=all&gray=sand&return_to=%2Fb", before);
        assert_eq!(reset.choice, ThemeChoice::default());
        assert_eq!((reset.return_to.as_str(), reset.chooses), ("/b", true));
        let rail = ThemeForm::read(b"rail=narrow", before);
        assert_eq!(
            (rail.rail, rail.chooses, rail.choice),
            (Some(true), false, before)
        );
    }
}
