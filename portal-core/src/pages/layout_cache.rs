//! Layout cache: layouts rendered for guests, to be combined with the content of a page.
//!
//! Rendering a layout takes several times as long as rendering a small page, and a guest's layout
//! depends on few inputs. Layouts for signed-in users contain the user's name and are not cached.

use std::fmt;
use std::sync::Arc;

use maud::{Markup, PreEscaped};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::document::{Document, Pieces};
use super::requirements::Requirements;
use super::scope;
use super::theme::Theme;

/// Maximum number of cached layouts per page; each query and theme that guests use needs one.
const MAX_STORED: usize = 32;

/// Maximum length of path and query, in bytes. Layouts for longer URLs are not cached.
const MAX_LEN: usize = 512;

/// Placeholder for the content while a layout is rendered to be cached.
///
/// A layout may insert the content into markup that it then inserts elsewhere, so its position is
/// only known at the end. Text cannot contain the placeholder, since text is escaped.
const PLACEHOLDER: &str = "<!--content-->";

/// Inputs that determine a guest's layout for one page.
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
    /// Returns the layout for a key; on a miss, `render` renders it around the given placeholder.
    ///
    /// Returns `None` if the layout must not be cached, or does not enclose its content.
    pub(super) fn get(
        &self,
        key: LayoutKey<'_>,
        render: impl FnOnce(Markup) -> Document,
    ) -> Option<Arc<CachedLayout>> {
        // The URL is untrusted input.
        if key.address.len() > MAX_LEN {
            return None;
        }
        if let Some(layout) = self.0.get(&key) {
            return Some(layout);
        }
        let placeholder = PreEscaped(PLACEHOLDER.to_owned());
        let (document, required) = scope::with_requirements(|| render(placeholder));
        let layout = Arc::new(CachedLayout::of(document, required)?);
        let owned = OwnedLayoutKey {
            address: key.address.into(),
            theme: key.theme,
            rail: key.rail,
        };
        self.0.insert(owned, Arc::clone(&layout));
        Some(layout)
    }
}

/// Layout without the content of a page, and the requirements of its markup.
pub(super) struct CachedLayout {
    start: Box<str>,
    head: Box<str>,
    before: Box<str>,
    after: Box<str>,
    pub(super) required: Requirements,
}

impl CachedLayout {
    fn of(document: Document, required: Requirements) -> Option<Self> {
        let (before, after) = document.body.0.split_once(PLACEHOLDER)?;
        (!after.contains(PLACEHOLDER)).then(|| Self {
            start: document.start.into(),
            head: document.head.into(),
            before: [&document.banner.0, before].concat().into(),
            after: after.into(),
            required,
        })
    }

    /// Returns the pieces of a document with the given content.
    pub(super) fn around<'a>(&'a self, content: &'a str) -> Pieces<'a> {
        Pieces {
            start: &self.start,
            head: &self.head,
            body: [&self.before, content, &self.after],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use maud::html;

    use super::*;
    use crate::pages::scope::RenderScope;
    use crate::pages::theme::Appearance;
    use crate::pages::{Requirement, require};

    fn key(address: &str) -> LayoutKey<'_> {
        LayoutKey {
            address,
            theme: Theme::default(),
            rail: false,
        }
    }

    fn document(body: Markup) -> Document {
        Document {
            start: "<head>".to_owned(),
            head: "+".to_owned(),
            banner: html! {},
            body,
        }
    }

    fn render(pieces: Pieces<'_>) -> String {
        pieces.render(&Requirements::default(), "", "")
    }

    #[test]
    fn layout_is_rendered_once_per_key() {
        let (layouts, rendered) = (LayoutCache::default(), Cell::new(0));
        let show = |key: LayoutKey<'_>, content: &str| {
            let layout = layouts.get(key, |content| {
                rendered.set(rendered.get() + 1);
                let inner = html! { p { (content) } };
                document(html! { (inner) (key.address) })
            });
            render(layout.unwrap().around(content))
        };
        let page = |body: &str| format!("<head>+</head><body>{body}</body></html>");
        assert_eq!(show(key("/one"), "a <b>"), page("<p>a <b></p>/one"));
        assert_eq!(
            show(key("/one"), PLACEHOLDER),
            page(&format!("<p>{PLACEHOLDER}</p>/one"))
        );
        assert_eq!(rendered.get(), 1);
        assert_eq!(show(key("/two"), "b"), page("<p>b</p>/two"));
        assert_eq!(rendered.get(), 2);
        let mut dark = key("/one");
        dark.theme.appearance = Appearance::Dark;
        show(dark, "a");
        let mut narrow = key("/one");
        narrow.rail = true;
        show(narrow, "a");
        assert_eq!(rendered.get(), 4);
    }

    #[test]
    fn layout_that_does_not_enclose_its_content_is_not_cached() {
        let layouts = LayoutCache::default();
        let long = "/".repeat(MAX_LEN + 1);
        let without = layouts.get(key("/one"), |_| document(html! { "nothing" }));
        let twice = layouts.get(key("/one"), |content| {
            document(html! { (content) (content) })
        });
        let too_long = layouts.get(key(&long), document);
        assert!(without.is_none() && twice.is_none() && too_long.is_none());
        assert_eq!(layouts.0.len(), 0);
    }

    #[test]
    fn cached_layout_keeps_only_its_own_requirements() {
        let layouts = LayoutCache::default();
        RenderScope::default().enter_sync(|| {
            require(Requirement::stylesheet("/content.css"));
            for _ in 0..2 {
                let layout = layouts.get(key("/"), |content| {
                    require(Requirement::stylesheet("/layout.css"));
                    document(content)
                });
                let urls = layout.unwrap().required.stylesheet_urls("");
                assert_eq!(urls, ["/layout.css"]);
            }
        });
    }
}
