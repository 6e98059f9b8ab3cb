use maud::{Markup, html};

use super::{icon, kbd, needs::files};
use crate::pages::layout::PageContext;

/// The way to the search over everything: pages, records, tasks, actions.
///
/// A link to `/search`; with JavaScript it opens the command palette, as `Ctrl K` does on every
/// page that has this button. Layouts draw it once, or once for each width.
#[must_use]
pub fn palette_button(page: &PageContext<'_>) -> Markup {
    html! {
        a class="pt-palette-btn" href=(page.url("/search")) data-palette=(files(&["palette.js", "widgets.css"]))
            data-reader=[page.user.map(|user| user.id)] data-tip aria-keyshortcuts="Control+K Meta+K" {
            (icon("search")) span { "Search" } (kbd("Ctrl K"))
        }
    }
}
