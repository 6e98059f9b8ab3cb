//! What a document requires beside what every document loads.
//!
//! Its elements say so themselves, in `data-requires`: the file of a style sheet, or `live`. So it is
//! found in one pass over the document, whoever has drawn it.

use maud::{Markup, html};

use super::assets;
use crate::auth::address;

/// What stands before and after the one letter of `data-requires` that is rare: whoever looks for
/// that letter is through with a document many times as soon.
const BEFORE: &str = " data-re";
const RARE: u8 = b'q';
const AFTER: &str = "quires=\"";

/// The value of elements that follow what changes at the server.
const LIVE: &str = "live";

/// What the elements of a document require.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// It has live regions.
    pub(super) live: bool,
    /// Paths of style sheets, without base path.
    styles: Vec<&'static str>,
}

impl Requirements {
    pub(super) fn of(document: &str) -> Self {
        let mut required = Self::default();
        required.add(document);
        required
    }

    /// Adds what another part of the document requires.
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

    /// The links to the style sheets that a head does not link yet.
    pub(super) fn styles(&self, base_path: &str, head: &str) -> Markup {
        html! {
            @for style in self.styles.iter().filter(|style| !head.contains(**style)) {
                link rel="stylesheet" href=(address(base_path, style));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_is_linked_once_and_none_that_there_is_not() {
        let file = assets::file("table.css");
        let document = format!(
            "<div data-requires=\"{file}\"></div><nav data-requires=\"{file}\"></nav>\
             <p data-requires=\"portal.js\">data-requires=&quot;site.css&quot;</p><p data-requires=\"none.css\"></p>"
        );
        let required = Requirements::of(&document);
        assert!(!required.live);
        let links = required.styles("/portal", "").into_string();
        assert_eq!(
            links,
            format!("<link rel=\"stylesheet\" href=\"/portal/_portal/assets/{file}\">")
        );
        assert_eq!(required.styles("/portal", &links).into_string(), "");
        assert!(Requirements::of("<pt-live data-requires=\"live\"></pt-live>").live);
        assert_eq!(
            Requirements::of("<main data-requires=\""),
            Requirements::default()
        );
    }
}
