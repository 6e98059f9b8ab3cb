//! Asset requirements: what a document needs in addition to the assets that every document loads.
//!
//! Elements declare them in `data-requires`: the file of a style sheet, or `live`. One pass over
//! the document finds them all, regardless of the code that rendered them.

use maud::{Markup, html};

use super::assets;
use crate::auth::with_base_path;

/// Text before the rare character of `data-requires`.
///
/// Searching only for that character makes the scan of a document many times faster.
const BEFORE: &str = " data-re";
const RARE: u8 = b'q';
const AFTER: &str = "quires=\"";

/// Value on elements that follow changes on the server.
const LIVE: &str = "live";

/// Requirements of the elements of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AssetRequirements {
    /// `true` if the document has live regions.
    pub(super) live: bool,
    /// Paths of style sheets, without base path.
    styles: Vec<&'static str>,
}

impl AssetRequirements {
    pub(super) fn of(document: &str) -> Self {
        let mut required = Self::default();
        required.add(document);
        required
    }

    /// Adds the requirements of another part of the document.
    pub(super) fn add(&mut self, part: &str) {
        for at in memchr::memchr_iter(RARE, part.as_bytes()) {
            let (before, rest) = part.split_at(at);
            let Some(rest) = rest.strip_prefix(AFTER) else {
                continue;
            };
            if !before.ends_with(BEFORE) {
                continue;
            }
            match rest.split('"').next().unwrap_or_default() {
                LIVE => self.live = true,
                file => {
                    if let Some(style) = assets::style(file)
                        && !self.styles.contains(&style)
                    {
                        self.styles.push(style);
                    }
                }
            }
        }
    }

    /// Renders links to the style sheets that a head does not link yet.
    pub(super) fn styles(&self, base_path: &str, head: &str) -> Markup {
        html! {
            @for style in self.styles.iter().filter(|style| !head.contains(**style)) {
                link rel="stylesheet" href=(with_base_path(base_path, style));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_styles_are_linked_once_and_unknown_ones_ignored() {
        let file = assets::file("table.css");
        let document = format!(
            "<div data-requires=\"{file}\"></div><nav data-requires=\"{file}\"></nav>\
             <p data-requires=\"portal.js\">data-requires=&quot;site.css&quot;</p><p data-requires=\"none.css\"></p>"
        );
        let required = AssetRequirements::of(&document);
        assert!(!required.live);
        let links = required.styles("/portal", "").into_string();
        assert_eq!(
            links,
            format!("<link rel=\"stylesheet\" href=\"/portal/_portal/assets/{file}\">")
        );
        assert_eq!(required.styles("/portal", &links).into_string(), "");
        assert!(AssetRequirements::of("<pt-live data-requires=\"live\"></pt-live>").live);
        assert_eq!(
            AssetRequirements::of("<main data-requires=\""),
            AssetRequirements::default()
        );
    }
}
