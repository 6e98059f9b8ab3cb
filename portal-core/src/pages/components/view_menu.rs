use maud::{Markup, Render, html};

use super::{Button, segmented};
use crate::pages::Href;
use crate::pages::theme::Density;

/// View options for a list: its columns and the height of its rows.
///
/// ```
/// use maud::{Render as _, html};
/// use portal_core::pages::components::ViewMenu;
/// use portal_core::pages::theme::Density;
///
/// let menu = ViewMenu::new("people-view")
///     .columns("/people", &[("sort", "name")], &[("name", "Name", true), ("role", "Role", false)])
///     .density(Density::Compact, "/theme", html! { input type="hidden" name="return_to" value="/people"; });
/// assert!(menu.render().into_string().contains(r#"name="columns" value="role""#));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ViewMenu {
    id: String,
    columns: Option<Markup>,
    density: Option<Markup>,
}

impl ViewMenu {
    /// Creates an empty menu.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            columns: None,
            density: None,
        }
    }

    /// Adds checkboxes for the columns, each with a name, a label, and `true` if it is shown.
    ///
    /// A GET form to `action` submits the checked columns as `columns`, along with the given query.
    pub fn columns<'h>(
        mut self,
        action: impl Into<Href<'h>>,
        preserve: &[(&str, &str)],
        columns: &[(&str, &str, bool)],
    ) -> Self {
        self.columns = Some(html! {
            form class="pt-view" method="get" action=(action.into()) data-autosubmit {
                @for (name, value) in preserve { input type="hidden" name=(name) value=(value); }
                fieldset {
                    legend class="pt-legend" { "Columns" }
                    @for (at, (name, words, shown)) in columns.iter().enumerate() {
                        @let id = format!("{}-{at}", self.id);
                        div class="pt-check" {
                            input type="checkbox" id=(id) name="columns" value=(name) checked[*shown];
                            label for=(id) { (words) }
                        }
                    }
                }
                span class="pt-no-js" { (Button::new("Apply").size(1).submit()) }
            }
        });
        self
    }

    /// Adds a choice of density for all of the user's lists, posted to `action` (`/theme`).
    pub fn density<'h>(
        mut self,
        current: Density,
        action: impl Into<Href<'h>>,
        hidden: impl Render,
    ) -> Self {
        let choices: Vec<_> = Density::ALL
            .iter()
            .map(|density| (density.as_str(), density.label()))
            .collect();
        self.density = Some(html! {
            form class="pt-view" method="post" action=(action.into()) data-theme-form {
                (hidden)
                span class="pt-legend" aria-hidden="true" { "Density" }
                (segmented("Density", "density", &choices, current.as_str()))
                span class="pt-no-js" { (Button::new("Save").size(1).submit()) }
            }
        });
        self
    }
}

impl Render for ViewMenu {
    fn render(&self) -> Markup {
        html! {
            (Button::new("View").size(1).icon("sliders-horizontal").attribute("popovertarget", self.id.as_str()))
            div class="pt-menu" id=(self.id) popover {
                @if let Some(columns) = &self.columns { (columns) }
                @if self.columns.is_some() && self.density.is_some() { hr; }
                @if let Some(density) = &self.density { (density) }
            }
        }
    }
}
