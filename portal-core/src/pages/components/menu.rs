use maud::{Markup, Render, html};

use super::{Button, Tone, rel};
use crate::pages::Href;

/// A list of actions behind a button, by default `…`. Works without JavaScript.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Menu, Tone};
///
/// let menu = Menu::new("row-3", "Actions for Ada")
///     .link("pencil", "Edit", "/admin/users?edit=3")
///     .dialog("trash-2", "Delete…", "delete-3", Tone::Danger);
/// assert!(menu.render().into_string().contains("popover"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Menu {
    id: String,
    label: String,
    icon: &'static str,
    items: Vec<Markup>,
}

impl Menu {
    /// Creates an empty menu; the label names its button for screen readers.
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            icon: "ellipsis",
            items: Vec::new(),
        }
    }

    /// Sets the icon of the button. Default: `ellipsis`.
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = icon;
        self
    }

    /// Adds a link.
    pub fn link<'h>(mut self, icon: &str, label: &str, href: impl Into<Href<'h>>) -> Self {
        let href = href.into();
        self.items
            .push(html! { a href=(href) rel=[rel(href.as_str())] { (super::icon(icon)) (label) } });
        self
    }

    /// Adds a POST form with one button; `hidden` holds its hidden fields.
    pub fn post<'h>(
        mut self,
        icon: &str,
        label: &str,
        action: impl Into<Href<'h>>,
        hidden: impl Render,
        tone: Tone,
    ) -> Self {
        self.items.push(html! {
            form method="post" action=(action.into()) {
                (hidden)
                button type="submit" data-tone=[tone.attribute_value()] { (super::icon(icon)) (label) }
            }
        });
        self
    }

    /// Adds a submit button for a form elsewhere on the page, which posts to `action`. The button
    /// submits its name and value.
    pub fn submit<'h>(
        mut self,
        icon: &str,
        label: &str,
        form: &str,
        action: impl Into<Href<'h>>,
        (name, value): (&str, &str),
        tone: Tone,
    ) -> Self {
        self.items.push(html! {
            button type="submit" form=(form) formaction=(action.into()) formnovalidate name=(name) value=(value)
                data-tone=[tone.attribute_value()] { (super::icon(icon)) (label) }
        });
        self
    }

    /// Adds a button that opens a drawer or dialog on the page.
    pub fn dialog(mut self, icon: &str, label: &str, dialog_id: &str, tone: Tone) -> Self {
        self.items.push(html! {
            button type="button" data-opens=(dialog_id) popovertarget=(dialog_id) data-tone=[tone.attribute_value()] { (super::icon(icon)) (label) }
        });
        self
    }

    /// Adds a line between two groups.
    pub fn divider(mut self) -> Self {
        self.items.push(html! { hr; });
        self
    }
}

impl Render for Menu {
    fn render(&self) -> Markup {
        html! {
            (Button::icon_only(self.icon, self.label.as_str()).size(1).attribute("popovertarget", self.id.as_str()))
            div class="pt-menu" id=(self.id) popover {
                @for item in &self.items { (item) }
            }
        }
    }
}
