use maud::{Markup, Render, html};

use super::{icon, segmented};
use crate::pages::theme::{Accent, Appearance, Density, Gray, Radius, Scaling, Theme};

/// The words and values of a setting.
macro_rules! choices {
    ($kind:ident) => {
        $kind::ALL
            .iter()
            .map(|choice| (choice.as_str(), choice.label()))
            .collect::<Vec<_>>()
    };
}

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
            div class="pt-field" {
                (legend("Appearance"))
                div class="pt-row" {
                    (segmented("Appearance", "appearance", &choices!(Appearance), theme.appearance.as_str()))
                    span class="pt-muted" data-part="saved" role="status" {}
                }
            }
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
                div {
                    div class="pt-seg" {
                        @for gray in Gray::ALL {
                            label data-gray=(gray.as_str()) {
                                input type="radio" name="gray" value=(gray.as_str()) checked[*gray == theme.gray];
                                span class="pt-dot" {}
                                span { (gray.label()) }
                            }
                        }
                    }
                }
            }
            div class="pt-field" {
                (legend("Radius"))
                div { (segmented("Radius", "radius", &choices!(Radius), theme.radius.as_str())) }
            }
            div class="pt-field" {
                (legend("Scaling"))
                div { (segmented("Scaling", "scaling", &choices!(Scaling), theme.scaling.as_str())) }
            }
            div class="pt-field" {
                (legend("Density"))
                div { (segmented("Density", "density", &choices!(Density), theme.density.as_str())) }
            }
            div class="pt-nojs" { button type="submit" class="pt-btn" data-kind="solid" { "Save theme" } }
        }
    }
}

/// What is seen; the fieldset of the choices says it to a screen reader.
fn legend(label: &str) -> Markup {
    html! { span class="pt-legend" aria-hidden="true" { (label) } }
}
