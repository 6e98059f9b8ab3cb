use maud::{Markup, html};

use super::icon;

/// A line between two groups, with words in it if there are any.
#[must_use]
pub fn divider(words: &str) -> Markup {
    html! {
        @if words.is_empty() { hr; } @else { div class="pt-or" { (words) } }
    }
}

/// Keys to press: each word is a key.
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

/// Where a page is: the pages above it, outermost first, each with its address, and itself.
#[must_use]
pub fn breadcrumb(above: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav class="pt-crumbs" aria-label="Breadcrumb" {
            ol {
                @for (label, href) in above { li { a href=(href) { (label) } (icon("chevron-right")) } }
                li aria-current="page" { (here) }
            }
        }
    }
}

/// Lines of text that are not there yet, each as wide as its share in percent. Give what stands
/// around them `aria-busy="true"` and say in words what is awaited.
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
