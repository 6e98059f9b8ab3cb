use maud::{Markup, html};

use super::icon;
use crate::pages::Href;

/// Renders a line between two groups, with text in it unless `text` is empty.
#[must_use]
pub fn divider(text: &str) -> Markup {
    html! {
        @if text.is_empty() { hr; } @else { div class="pt-or" { (text) } }
    }
}

/// Renders a key combination; each word is a key.
///
/// ```
/// use portal_core::pages::components::kbd;
///
/// let html = kbd("Ctrl K").into_string();
/// assert!(html.contains("<kbd>Ctrl</kbd><kbd>K</kbd>"));
/// ```
#[must_use]
pub fn kbd(keys: &str) -> Markup {
    html! {
        span class="pt-keys" { @for key in keys.split_whitespace() { kbd { (key) } } }
    }
}

/// Renders a breadcrumb: the parent pages with their URLs, outermost first, and the page itself.
#[must_use]
pub fn breadcrumb(parents: &[(&str, &str)], current: &str) -> Markup {
    let parents = parents
        .iter()
        .map(|(label, href)| (*label, Href::from(*href)));
    crumbs(parents, current)
}

/// Renders links to the parent pages, followed by the name of this page.
pub(super) fn crumbs<'a>(
    parents: impl Iterator<Item = (&'a str, Href<'a>)>,
    current: &str,
) -> Markup {
    html! {
        nav class="pt-crumbs" aria-label="Breadcrumb" {
            ol {
                @for (label, href) in parents { li { a href=(href) { (label) } (icon("chevron-right")) } }
                li aria-current="page" { (current) }
            }
        }
    }
}

/// Renders placeholders for lines of text, each with a width in percent.
///
/// Set `aria-busy="true"` on the surrounding element and state in words what is being loaded.
///
/// ```
/// use portal_core::pages::components::skeleton;
///
/// assert_eq!(skeleton(&[60, 40]).into_string().matches("<rect").count(), 2);
/// ```
#[must_use]
pub fn skeleton(widths: &[u8]) -> Markup {
    html! {
        span class="pt-skeletons" aria-hidden="true" {
            @for width in widths {
                svg class="pt-skeleton" { rect width={ ((*width).min(100)) "%" } height="100%" rx="4" {} }
            }
        }
    }
}
