//! Layout cache: rendered layouts for guests, combined with the content of a page into a document.
//!
//! Rendering a layout takes several times as long as rendering a small page, and for guests it
//! depends on few inputs. Layouts of signed-in users contain their name and are not cached.

use std::fmt;
use std::sync::Arc;

use maud::{Markup, PreEscaped};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::asset_requirements::AssetRequirements;
use super::theme::Theme;

/// Maximum number of cached layouts per page: one for each query and theme that guests request.
const MAX_STORED: usize = 32;

/// Maximum length of path and query, in bytes. Layouts for longer ones are not cached.
const MAX_LEN: usize = 512;

/// Placeholder for the content while a layout is rendered.
///
/// Text cannot contain it, since text is escaped.
const CONTENT_MARKER: &str = "<!--content-->";

const HEAD_END: &str = "</head>";

/// Inputs that determine a guest's layout of one page.
#[derive(Clone, Copy, Hash)]
pub(super) struct LayoutKey<'a> {
    /// Path and query of the request.
    pub(super) address: &'a str,
    pub(super) theme: Theme,
    pub(super) rail: bool,
}

#[derive(PartialEq, Eq, Hash)]
struct OwnedLayoutKey {
    address: Box<str>,
    theme: Theme,
    rail: bool,
}

impl Equivalent<OwnedLayoutKey> for LayoutKey<'_> {
    fn equivalent(&self, key: &OwnedLayoutKey) -> bool {
        self.address == &*key.address && self.theme == key.theme && self.rail == key.rail
    }
}

/// Recently used guest layouts of one page.
pub(super) struct LayoutCache(Cache<OwnedLayoutKey, Arc<CachedLayout>>);

impl Default for LayoutCache {
    fn default() -> Self {
        Self(Cache::new(MAX_STORED))
    }
}

impl fmt::Debug for LayoutCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LayoutCache").field(&self.0.len()).finish()
    }
}

impl LayoutCache {
    /// Returns the layout of a key; on a miss, `draw` renders it around the given placeholder.
    ///
    /// Returns `None` if the layout must not be cached, or does not enclose its content.
    pub(super) fn get(
        &self,
        key: LayoutKey<'_>,
        draw: impl FnOnce(Markup) -> Markup,
    ) -> Option<Arc<CachedLayout>> {
        // The URL is untrusted input.
        if key.address.len() > MAX_LEN {
            return None;
        }
        if let Some(frame) = self.0.get(&key) {
            return Some(frame);
        }
        let frame = Arc::new(CachedLayout::of(
            &draw(PreEscaped(CONTENT_MARKER.to_owned())).0,
        )?);
        let owned = OwnedLayoutKey {
            address: key.address.into(),
            theme: key.theme,
            rail: key.rail,
        };
        self.0.insert(owned, Arc::clone(&frame));
        Some(frame)
    }
}

/// Markup before and after the content of a page.
pub(super) struct CachedLayout {
    head: Box<str>,
    before: Box<str>,
    after: Box<str>,
    required: AssetRequirements,
}

impl CachedLayout {
    fn of(drawn: &str) -> Option<Self> {
        let (before, after) = drawn.split_once(CONTENT_MARKER)?;
        let (head, before) = before.split_at(before.find(HEAD_END)?);
        (!after.contains(CONTENT_MARKER)).then(|| Self {
            head: head.into(),
            before: before.into(),
            after: after.into(),
            required: AssetRequirements::of(drawn),
        })
    }

    /// Returns the document with a page's content.
    pub(super) fn around<'a>(&'a self, content: &'a str) -> Document<'a> {
        let mut required = self.required.clone();
        required.add(content);
        Document {
            head: &self.head,
            body: [&self.before, content, &self.after],
            required,
        }
    }
}

/// Document whose head can still be extended.
pub(super) struct Document<'a> {
    head: &'a str,
    /// Pieces from the end of the head on.
    body: [&'a str; 3],
    pub(super) required: AssetRequirements,
}

impl<'a> Document<'a> {
    /// Splits a document that a layout has rendered.
    pub(super) fn of(drawn: &'a str) -> Self {
        let (head, body) = match drawn.find(HEAD_END) {
            Some(end) => drawn.split_at(end),
            None => ("", drawn),
        };
        Self {
            head,
            body: [body, "", ""],
            required: AssetRequirements::of(drawn),
        }
    }

    /// Returns the pieces rendered so far.
    pub(super) fn pieces(&self) -> [&'a str; 4] {
        let [before, content, after] = self.body;
        [self.head, before, content, after]
    }

    /// Renders links to the required style sheets that the head lacks.
    pub(super) fn styles(&self, base_path: &str) -> Markup {
        self.required.styles(base_path, self.head)
    }

    /// Returns the document with additional markup at the end of its head, if it has a head.
    pub(super) fn complete(self, more: &str) -> String {
        let [before, content, after] = self.body;
        let more = if self.head.is_empty() { "" } else { more };
        [self.head, more, before, content, after].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use maud::html;

    use super::*;
    use crate::pages::asset_file;
    use crate::pages::theme::Appearance;

    fn key(address: &str) -> LayoutKey<'_> {
        LayoutKey {
            address,
            theme: Theme::default(),
            rail: false,
        }
    }

    #[test]
    fn layout_is_rendered_once_per_key() {
        let (frames, drawn) = (LayoutCache::default(), Cell::new(0));
        let show = |key: LayoutKey<'_>, content: &str| {
            let frame = frames.get(key, |content| {
                drawn.set(drawn.get() + 1);
                html! { head {} (content) (key.address) }
            });
            frame.unwrap().around(content).complete("+")
        };
        assert_eq!(show(key("/one"), "a <b>"), "<head>+</head>a <b>/one");
        assert_eq!(
            show(key("/one"), CONTENT_MARKER),
            format!("<head>+</head>{CONTENT_MARKER}/one")
        );
        assert_eq!(drawn.get(), 1);
        assert_eq!(show(key("/two"), "b"), "<head>+</head>b/two");
        assert_eq!(drawn.get(), 2);
        let mut dark = key("/one");
        dark.theme.appearance = Appearance::Dark;
        show(dark, "a");
        let mut narrow = key("/one");
        narrow.rail = true;
        show(narrow, "a");
        assert_eq!(drawn.get(), 4);
    }

    #[test]
    fn layout_that_does_not_enclose_its_content_is_not_cached() {
        let frames = LayoutCache::default();
        let long = "/".repeat(MAX_LEN + 1);
        let none = [
            frames
                .get(key("/one"), |_| html! { head {} "nothing" })
                .is_none(),
            frames
                .get(key("/one"), |content| html! { head {} (content) (content) })
                .is_none(),
            frames
                .get(key("/one"), |content| html! { (content) })
                .is_none(),
            frames
                .get(key(&long), |content| html! { head {} (content) })
                .is_none(),
        ];
        assert_eq!(none, [true; 4]);
        assert_eq!(frames.0.len(), 0);
    }

    #[test]
    fn document_has_requirements_of_layout_and_content() {
        let (frames, file) = (LayoutCache::default(), asset_file("table.css"));
        let live = html! { pt-live data-requires="live" {} };
        let frame = frames.get(key("/"), |content| html! { head {} (live) (content) });
        let frame = frame.unwrap();
        let content = html! { div data-requires=(file) {} };
        let document = frame.around(&content.0);
        assert!(document.required.live);
        assert!(document.styles("").0.contains(file));
        assert_eq!(frame.around("").styles("").0, "");
        let whole = document.complete("");
        assert!(Document::of(&whole).styles("").0.contains(file));
        assert_eq!(Document::of("no head").complete("more"), "no head");
    }
}
