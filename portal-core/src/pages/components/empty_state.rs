use maud::{Markup, Render, html};

use super::icon;
use crate::pages::Href;

/// Placeholder for missing content: an icon, a sentence and one next step.
///
/// ```
/// use maud::Render as _;
/// use portal_core::pages::components::{Button, EmptyState};
///
/// let empty = EmptyState::new("users", "No users yet")
///     .text("People appear here when they sign in for the first time.")
///     .action(Button::new("Invite someone"));
/// assert!(empty.render().into_string().contains("No users yet"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct EmptyState {
    icon: String,
    title: String,
    text: Option<String>,
    action: Option<Markup>,
}

impl EmptyState {
    /// Creates an empty state with an icon and a short title.
    pub fn new(icon: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            icon: icon.into(),
            title: title.into(),
            text: None,
            action: None,
        }
    }

    /// Creates an empty state for a search without matches; the link clears search and filters.
    pub fn no_match<'h>(clear_href: impl Into<Href<'h>>) -> Self {
        Self::new("search", "No results")
            .text("Try a different search or clear the filters.")
            .action(super::Button::new("Clear filters").href(clear_href))
    }

    /// Sets a sentence below the title.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets one button or link.
    pub fn action(mut self, action: impl Render) -> Self {
        self.action = Some(action.render());
        self
    }
}

impl Render for EmptyState {
    fn render(&self) -> Markup {
        html! {
            div class="pt-empty" {
                (icon(&self.icon))
                h3 { (self.title) }
                @if let Some(text) = &self.text { p { (text) } }
                @if let Some(action) = &self.action { div class="pt-row" { (action) } }
            }
        }
    }
}
