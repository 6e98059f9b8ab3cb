use std::sync::LazyLock;

use maud::{Markup, html};

use super::{icon, kbd, lazy_assets::asset_files};
use crate::pages::layout::PageContext;

/// Renders the button that opens the search for pages, records, tasks and actions.
///
/// It is a link to `/search`; with JavaScript, it opens the command palette, as does `Ctrl K` on
/// every page with this button. Layouts render the button once, or once per screen width.
#[must_use]
pub fn search_button(page: &PageContext<'_>) -> Markup {
    static FILES: LazyLock<String> = LazyLock::new(|| asset_files(&["palette.js", "widgets.css"]));
    static FACE: LazyLock<Markup> = LazyLock::new(|| {
        html! { (icon("search")) span { "Search" } (kbd("Ctrl K")) }
    });
    html! {
        a class="pt-palette-btn" href=(page.url("/search")) data-palette=(*FILES)
            data-reader=[page.user.map(|user| user.id)] data-tip aria-keyshortcuts="Control+K Meta+K" { (*FACE) }
    }
}
