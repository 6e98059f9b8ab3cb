use maud::{Markup, Render, html};

use super::icon;
use crate::pages::stylesheet::Stylesheet;
use crate::pages::theme::{Accent, Appearance, Density, Gray, Radius, Scaling, Theme, ThemeChoice};
use crate::pages::{Href, scope};

/// A form for choosing a theme.
///
/// With scripts, each choice is applied and saved immediately; without them, the button at the end
/// saves. The form posts `accent`, `gray`, `radius`, `scaling`, `appearance` and `density`, each
/// empty if it follows the portal's default, or `reset`.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::ThemePicker;
/// use portal_core::pages::theme::{Theme, ThemeChoice};
///
/// let picker = ThemePicker::new("/theme", ThemeChoice::default(), Theme::default());
/// assert!(picker.render().into_string().contains("name=\"accent\""));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ThemePicker {
    action: Href<'static>,
    choice: ThemeChoice,
    portal: Theme,
    brand: Option<Gray>,
    hidden_fields: Markup,
}

impl ThemePicker {
    /// Creates a picker that posts to `action`, with the user's choice and the portal's default.
    pub fn new<'h>(action: impl Into<Href<'h>>, choice: ThemeChoice, portal: Theme) -> Self {
        Self {
            action: action.into().into_owned(),
            choice,
            portal,
            brand: None,
            hidden_fields: html! {},
        }
    }

    /// Adds the brand's accent as the first swatch, paired with the given gray.
    pub const fn brand(mut self, gray: Option<Gray>) -> Self {
        self.brand = gray;
        self
    }

    /// Returns the label of the gray that matches an accent.
    fn pair(&self, accent: Accent) -> &'static str {
        let paired = self.portal.accent(accent).paired_gray();
        match (accent, self.brand) {
            (Accent::Brand, Some(gray)) => gray.label(),
            _ => paired.label(),
        }
    }

    /// Sets hidden fields, such as the page to return to.
    pub fn hidden_fields(mut self, fields: impl Render) -> Self {
        self.hidden_fields = fields.render();
        self
    }

    /// Renders one setting: its title, the portal's default, and the other choices.
    fn setting(&self, name: &'static str, title: &str, portal: &str, choices: Markup) -> Markup {
        let portal_value = self.portal.settings().into_iter();
        let shown = portal_value
            .filter_map(|(it, value)| (it == name).then_some(value))
            .next();
        html! {
            fieldset class="pt-set" {
                legend class="pt-legend" { (title) }
                label class="pt-follow" {
                    input type="radio" name=(name) value="" data-shows=[shown] checked[self.choice.get(name).is_none()];
                    (icon("check"))
                    span { "Default: " (portal) }
                }
                (choices)
            }
        }
    }

    fn accents(&self) -> Markup {
        let own = self.brand.map(|_| Accent::Brand);
        html! {
            div class="pt-swatches" {
                @for accent in own.iter().chain(Accent::ALL) {
                    label data-accent=(accent) data-portal[*accent == self.portal.accent] {
                        input type="radio" name="accent" value=(accent) data-pair=(self.pair(*accent))
                            checked[self.choice.accent == Some(*accent)];
                        span { (icon("check")) }
                        span { (accent.label()) }
                    }
                }
            }
        }
    }

    fn grays(&self, theme: Theme) -> Markup {
        html! {
            div class="pt-swatches" {
                @for gray in Gray::ALL {
                    // The color of `auto` follows the selected accent.
                    label data-gray=(gray) data-portal[*gray == self.portal.gray] data-accent=[(*gray == Gray::Auto).then_some(theme.accent)] {
                        input type="radio" name="gray" value=(gray) checked[self.choice.gray == Some(*gray)];
                        span { (icon("check")) }
                        span {
                            (gray.label())
                            @if *gray == Gray::Auto { " · " span data-part="pair" { (self.pair(theme.accent)) } }
                        }
                    }
                }
            }
        }
    }

    fn appearances(&self) -> Markup {
        html! {
            div class="pt-swatches" data-wide {
                @for appearance in Appearance::ALL {
                    label data-portal[*appearance == self.portal.appearance] {
                        input type="radio" name="appearance" value=(appearance) checked[self.choice.appearance == Some(*appearance)];
                        span class="pt-mini" data-appearance=(appearance) {
                            @if *appearance == Appearance::Inherit {
                                span class="pt-mini" data-appearance="light" {} span class="pt-mini" data-appearance="dark" {}
                            }
                        }
                        span { (appearance.label()) }
                    }
                }
            }
        }
    }

    fn radii(&self) -> Markup {
        html! {
            div class="pt-swatches" {
                @for radius in Radius::ALL {
                    label data-radius=(radius) data-portal[*radius == self.portal.radius] {
                        input type="radio" name="radius" value=(radius) checked[self.choice.radius == Some(*radius)];
                        span class="pt-corner" {}
                        span { (radius.label()) }
                    }
                }
            }
        }
    }
}

/// Renders a few adjacent text choices, at most one of them selected.
fn words(name: &str, choices: &[(&str, &str)], chosen: Option<&str>, portal: &str) -> Markup {
    html! {
        div class="pt-seg" {
            @for (value, label) in choices {
                label data-portal[*value == portal] { input type="radio" name=(name) value=(value) checked[chosen == Some(*value)]; span { (label) } }
            }
        }
    }
}

macro_rules! choices {
    ($kind:ident) => {
        $kind::ALL
            .iter()
            .map(|choice| (choice.as_str(), choice.label()))
            .collect::<Vec<_>>()
    };
}

impl Render for ThemePicker {
    fn render(&self) -> Markup {
        let (choice, portal) = (&self.choice, self.portal);
        let theme = choice.apply_to(portal);
        scope::require_stylesheet(Stylesheet::Picker);
        html! {
            form class="pt-form" method="post" action=(self.action) data-theme-form {
                (self.hidden_fields)
                (self.setting("appearance", "Appearance", portal.appearance.label(), self.appearances()))
                @if !portal.is_locked() {
                    (self.setting("accent", "Accent", portal.accent.label(), self.accents()))
                    (self.setting("gray", "Gray", portal.gray.label(), self.grays(theme)))
                    (self.setting("radius", "Radius", portal.radius.label(), self.radii()))
                }
                (self.setting("scaling", "Scaling", portal.scaling.label(),
                    words("scaling", &choices!(Scaling), choice.scaling.map(Scaling::as_str), portal.scaling.as_str())))
                (self.setting("density", "Table density", portal.density.label(),
                    words("density", &choices!(Density), choice.density.map(Density::as_str), portal.density.as_str())))
                div class="pt-form-actions" {
                    span class="pt-no-js" { button type="submit" class="pt-btn" data-kind="solid" { "Save" } }
                    button type="submit" class="pt-btn" data-kind="outline" name="reset" value="all" { (icon("rotate-ccw")) "Use portal defaults" }
                    span class="pt-muted" data-part="saved" role="status" {}
                }
            }
        }
    }
}
