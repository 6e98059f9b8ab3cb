use maud::{Markup, Render, html};

use super::{icon, segmented};
use crate::pages::theme::{Accent, Appearance, Density, Gray, Radius, Scaling, Theme};

/// A form for the six settings of a theme. With scripts each choice shows and is saved at once;
/// without them the button at the end saves.
///
/// It posts `accent`, `gray`, `radius`, `scaling`, `appearance` and `density` to `action`;
/// `hidden` holds hidden fields, such as the anti-forgery token.
#[must_use]
pub fn theme_picker(theme: &Theme, action: &str, hidden: impl Render) -> Markup {
    html! {
        form class="pt-form" method="post" action=(action) data-theme-form {
            (hidden)
            (setting("Appearance", "appearance", &Appearance::ALL.iter().map(|choice| (choice.as_str(), choice.label())).collect::<Vec<_>>(), theme.appearance.as_str()))
            fieldset class="pt-field" {
                legend class="pt-legend" { "Accent" }
                div class="pt-swatches" {
                    @for accent in Accent::ALL {
                        label data-accent=(accent.as_str()) title=(accent.label()) {
                            input type="radio" name="accent" value=(accent.as_str()) aria-label=(accent.label()) checked[*accent == theme.accent];
                            (icon("check"))
                        }
                    }
                }
            }
            fieldset class="pt-field" {
                legend class="pt-legend" { "Gray" }
                div class="pt-swatches" {
                    @for gray in Gray::ALL {
                        label data-gray=(gray.as_str()) title=(gray.label()) {
                            input type="radio" name="gray" value=(gray.as_str()) aria-label=(gray.label()) checked[*gray == theme.gray];
                            (icon("check"))
                        }
                    }
                }
            }
            (setting("Radius", "radius", &Radius::ALL.iter().map(|choice| (choice.as_str(), choice.label())).collect::<Vec<_>>(), theme.radius.as_str()))
            (setting("Scaling", "scaling", &Scaling::ALL.iter().map(|choice| (choice.as_str(), choice.label())).collect::<Vec<_>>(), theme.scaling.as_str()))
            (setting("Density", "density", &Density::ALL.iter().map(|choice| (choice.as_str(), choice.label())).collect::<Vec<_>>(), theme.density.as_str()))
            div class="pt-row pt-muted" {
                button type="submit" class="pt-btn pt-nojs" data-kind="solid" { "Save theme" }
                span data-part="saved" role="status" {}
            }
        }
    }
}

fn setting(label: &str, name: &str, choices: &[(&str, &str)], current: &str) -> Markup {
    html! {
        div class="pt-field" {
            span class="pt-legend" aria-hidden="true" { (label) }
            div { (segmented(label, name, choices, current)) }
        }
    }
}
