//! Documents: the frame around a page, which is kept for guests, its content, and what both require.
//!
//! To draw a frame takes several times as long as a small page itself, and for guests it follows from
//! few things. Signed-in readers see their own name in it, so theirs are not kept.

use std::fmt;
use std::sync::Arc;

use maud::{Markup, PreEscaped};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::requires::Requirements;
use super::theme::Theme;

/// How many a page keeps: one for each query and theme that guests ask for.
const KEPT: usize = 32;

/// A frame of a longer address, which holds its query, is not kept.
const LONGEST: usize = 512;

/// Stands for the content while a frame is drawn. No text of anybody can look like this, since text
/// is escaped.
const CONTENT: &str = "<!--content-->";

const HEAD_END: &str = "</head>";

/// All that a guest's frame of one page follows from.
#[derive(Clone, Copy, Hash)]
pub(super) struct FrameKey<'a> {
    /// Path and query, as they were asked for.
    pub(super) address: &'a str,
    pub(super) theme: Theme,
    pub(super) rail: bool,
}

#[derive(PartialEq, Eq, Hash)]
struct OwnedKey {
    address: Box<str>,
    theme: Theme,
    rail: bool,
}

impl Equivalent<OwnedKey> for FrameKey<'_> {
    fn equivalent(&self, key: &OwnedKey) -> bool {
        self.address == &*key.address && self.theme == key.theme && self.rail == key.rail
    }
}

/// The frames of one page that guests asked for lately.
pub(super) struct Frames(Cache<OwnedKey, Arc<Frame>>);

impl Default for Frames {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frames").field(&self.0.len()).finish()
    }
}

impl Frames {
    /// The frame of a key; `draw` puts one around what it is given, if none is kept. Nothing where
    /// it is not to be kept, or does not stand around its content.
    pub(super) fn get(
        &self,
        key: FrameKey<'_>,
        draw: impl FnOnce(Markup) -> Markup,
    ) -> Option<Arc<Frame>> {
        // The address is whatever a stranger asks for.
        if key.address.len() > LONGEST {
            return None;
        }
        if let Some(frame) = self.0.get(&key) {
            return Some(frame);
        }
        let frame = Arc::new(Frame::of(&draw(PreEscaped(CONTENT.to_owned())).0)?);
        let owned = OwnedKey {
            address: key.address.into(),
            theme: key.theme,
            rail: key.rail,
        };
        self.0.insert(owned, Arc::clone(&frame));
        Some(frame)
    }
}

/// What stands before and after the content of a page.
pub(super) struct Frame {
    head: Box<str>,
    before: Box<str>,
    after: Box<str>,
    required: Requirements,
}

impl Frame {
    fn of(drawn: &str) -> Option<Self> {
        let (before, after) = drawn.split_once(CONTENT)?;
        let (head, before) = before.split_at(before.find(HEAD_END)?);
        (!after.contains(CONTENT)).then(|| Self {
            head: head.into(),
            before: before.into(),
            after: after.into(),
            required: Requirements::of(drawn),
        })
    }

    /// The document of a content.
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

/// A document whose head is still open.
pub(super) struct Document<'a> {
    head: &'a str,
    /// From the end of the head, in pieces.
    body: [&'a str; 3],
    pub(super) required: Requirements,
}

impl<'a> Document<'a> {
    /// A document as a layout has drawn it.
    pub(super) fn of(drawn: &'a str) -> Self {
        let (head, body) = match drawn.find(HEAD_END) {
            Some(end) => drawn.split_at(end),
            None => ("", drawn),
        };
        Self {
            head,
            body: [body, "", ""],
            required: Requirements::of(drawn),
        }
    }

    /// What there is of it so far.
    pub(super) fn pieces(&self) -> [&'a str; 4] {
        let [before, content, after] = self.body;
        [self.head, before, content, after]
    }

    /// The links to the style sheets that it requires and does not have.
    pub(super) fn styles(&self, base_path: &str) -> Markup {
        self.required.styles(base_path, self.head)
    }

    /// The whole of it, with more at the end of its head; one without a head gets nothing into it.
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

    fn key(address: &str) -> FrameKey<'_> {
        FrameKey {
            address,
            theme: Theme::default(),
            rail: false,
        }
    }

    #[test]
    fn a_frame_is_drawn_once_for_all_that_looks_the_same() {
        let (frames, drawn) = (Frames::default(), Cell::new(0));
        let show = |key: FrameKey<'_>, content: &str| {
            let frame = frames.get(key, |content| {
                drawn.set(drawn.get() + 1);
                html! { head {} (content) (key.address) }
            });
            frame.unwrap().around(content).complete("+")
        };
        assert_eq!(show(key("/one"), "a <b>"), "<head>+</head>a <b>/one");
        assert_eq!(
            show(key("/one"), CONTENT),
            format!("<head>+</head>{CONTENT}/one")
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
    fn what_does_not_stand_around_its_content_is_not_kept() {
        let frames = Frames::default();
        let long = "/".repeat(LONGEST + 1);
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
    fn a_document_gets_what_its_frame_and_its_content_require() {
        let (frames, file) = (Frames::default(), asset_file("table.css"));
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
