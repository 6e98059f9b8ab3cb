use maud::{Markup, html};

use crate::pages::assets;

/// The names under which scripts and styles are served, as `portal.js` finds them beside itself.
pub(super) fn files(names: &[&str]) -> String {
    let files = names.iter().map(|name| assets::file(name));
    files.collect::<Vec<_>>().join(" ")
}

/// Loads scripts and styles that few pages need, once, as soon as this stands in the page.
pub(super) fn needs(names: &[&str]) -> Markup {
    html! { pt-needs hidden data-files=(files(names)) {} }
}
