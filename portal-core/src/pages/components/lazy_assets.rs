use maud::{Markup, html};

use crate::pages::assets;

/// Returns the names under which scripts and styles are served, relative to `portal.js`.
pub(super) fn asset_files(names: &[&str]) -> String {
    let files = names.iter().map(|name| assets::file(name));
    files.collect::<Vec<_>>().join(" ")
}

/// Renders an element that loads scripts and styles needed by few pages.
///
/// The files are loaded once, as soon as the element is in the page.
pub(super) fn lazy_assets(names: &[&str]) -> Markup {
    html! { pt-lazy-assets hidden data-files=(asset_files(names)) {} }
}
