//! Theme settings: the user's theme with a preview, and the default theme for administrators.

use axum::http::request::Parts;
use maud::{Markup, html};

use super::components::{
    Button, Card, Column, Field, FieldOption, Row, StatCard, Table, TimeFormat, Tone, badge,
    progress, time,
};
use super::href::Href;
use super::render::PageRenderer;
use super::theme::{Accent, Appearance, Density, Gray, Radius, Scaling, Theme};
use super::theme_form::{PORTAL_ACTION, return_to, theme_form};
use crate::auth::known_caller;
use crate::error::Result;
use crate::state::PortalState;

/// Renders the content of a theme settings page.
///
/// It contains the user's theme with a preview and, for administrators, the default theme.
///
/// # Errors
///
/// Returns an internal error if `state` is not the state of a running portal.
///
/// ```
/// use axum::http::request::Parts;
/// use portal_core::prelude::*;
///
/// /// App settings
/// #[page("/settings")]
/// async fn settings(state: axum::extract::State<PortalState>, parts: Parts) -> Result<Markup> {
///     portal_core::pages::theme_settings(&state, &parts)
/// }
/// # fn main() {}
/// ```
pub fn theme_settings(state: &PortalState, parts: &Parts) -> Result<Markup> {
    let setup = state.borrow::<PageRenderer>()?;
    let caller = known_caller(parts);
    let kept = match caller {
        Some(_) => "Saved to your account on every device.",
        None => "Saved in this browser. Sign in to use it on every device.",
    };
    let own = Card::new()
        .title("Your theme")
        .description(kept)
        .body(html! {
            div class="pt-stack" {
                @if setup.theme.theme().is_locked() {
                    p class="pt-muted" { "Accent, gray and radius are the same for everyone in this portal." }
                }
                (theme_form(state, parts)?)
            }
        });
    let is_admin = caller.is_some_and(|user| user.is_admin());
    Ok(html! {
        div class="pt-split pt-settings" {
            div class="pt-stack" { (own) }
            div class="pt-stack" {
                (preview())
                @if is_admin { (portal_card(setup, parts)) }
            }
        }
    })
}

/// Renders a preview with real components, which follow the theme of the page.
fn preview() -> Card<'static> {
    let people = Table::new("Sample table")
        .column(Column::new("Name"))
        .column(Column::new("Status"))
        .row(Row::new(
            "1",
            vec![html! { "Ada Lovelace" }, badge("Active", Tone::Success)],
        ))
        .row(Row::new(
            "2",
            vec![html! { "Grace Hopper" }, badge("Invited", Tone::Info)],
        ));
    let trend = [3.0, 5.0, 4.0, 7.0, 6.0, 9.0, 8.0, 12.0];
    Card::new().title("Preview").body(html! {
        div class="pt-stack" {
            div class="pt-row" {
                (Button::new("Save").solid()) (Button::new("Share").soft()) (Button::new("Cancel"))
                (Button::new("Remove").danger())
            }
            (Field::text("preview", "Name").value("Ada Lovelace").hint("Visible to other users.").autocomplete("off"))
            (Field::switch("preview-switch", "Send me news").checked(true))
            div class="pt-row" {
                (badge("New", Tone::Accent)) (badge("Done", Tone::Success)) (badge("Late", Tone::Warning))
                (badge("Failed", Tone::Danger))
            }
            (people)
            (StatCard::new("Sign-ups", "128").trend(&trend))
            (progress(64, "Sample task", Tone::Accent))
            p { "A " a href="#main" { "link" } " and some running text." }
        }
    })
}

/// Renders a select field whose first option follows the application's code.
fn select<T: Copy + PartialEq>(
    name: &'static str,
    label: &str,
    all: &[T],
    words: fn(T) -> (&'static str, &'static str),
    chosen: Option<&str>,
    code: T,
) -> Field {
    let follow = FieldOption::new("", format!("{} (default)", words(code).1));
    let options = all.iter().map(|choice| {
        let (value, label) = words(*choice);
        FieldOption::new(value, label)
    });
    Field::select(
        name,
        label,
        std::iter::once(follow).chain(options).collect(),
    )
    .id(format!("portal-{name}"))
    .value(chosen.unwrap_or_default())
}

fn portal_card(setup: &PageRenderer, parts: &Parts) -> Markup {
    macro_rules! setting {
        ($name:literal, $label:literal, $kind:ident, $all:expr, $stored:expr, $code:expr) => {
            select(
                $name,
                $label,
                $all,
                |it: $kind| (it.as_str(), it.label()),
                $stored.get($name),
                $code,
            )
        };
    }
    let stored = setup.theme.stored();
    let (choice, code): (_, Theme) = (stored.look.choice, setup.theme.code());
    let mut accents = Accent::ALL.to_vec();
    if setup.brand.has_accent() {
        accents.insert(0, Accent::Brand);
    }
    let may_choose = |locked: bool| if locked { "No" } else { "Yes" };
    let lock = Field::select(
        "locked",
        "Let users change accent, gray and radius",
        vec![
            FieldOption::new("", format!("{} (default)", may_choose(code.is_locked()))),
            FieldOption::new("false", may_choose(false)),
            FieldOption::new("true", may_choose(true)),
        ],
    )
    .id("portal-locked")
    .value(
        stored
            .look
            .locked
            .map(|it| it.to_string())
            .unwrap_or_default(),
    )
    .hint("Users can always change appearance, scaling and density.");
    let card = Card::new()
        .title("Default theme")
        .description("Used by everyone who hasn't picked their own theme. Only administrators see this.")
        .body(html! {
            form class="pt-form" method="post" action=(Href::from(PORTAL_ACTION)) {
                (return_to(parts))
                input type="hidden" name="version" value=(stored.version);
                div class="pt-pair" {
                    (setting!("accent", "Accent", Accent, &accents, choice, code.accent))
                    (setting!("gray", "Gray", Gray, Gray::ALL, choice, code.gray))
                    (setting!("radius", "Radius", Radius, Radius::ALL, choice, code.radius))
                    (setting!("scaling", "Scaling", Scaling, Scaling::ALL, choice, code.scaling))
                    (setting!("appearance", "Appearance", Appearance, Appearance::ALL, choice, code.appearance))
                    (setting!("density", "Table density", Density, Density::ALL, choice, code.density))
                }
                (lock)
                div class="pt-form-actions" {
                    (Button::new("Save for everyone").solid().submit())
                    (Button::new("Save my theme for everyone").submit().attribute("name", "mine").attribute("value", "true"))
                }
                @if let Some(at) = stored.updated_at {
                    p class="pt-hint" { "Last changed " (time(&at.to_rfc3339(), TimeFormat::Ago)) "." }
                }
            }
        });
    html! { (card) }
}
