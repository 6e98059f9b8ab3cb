//! The frame around the pages of guests, drawn once and kept.
//!
//! Drawing it takes several times as long as a small page itself, and for guests it follows from few
//! things. Signed-in readers see their own name in it, so theirs are not kept.

use std::fmt;
use std::sync::Arc;

use maud::{Markup, PreEscaped};
use quick_cache::sync::Cache;

use super::layout::{NavLink, PageContext};

/// How many are kept: one for each address, theme and so on that guests ask for.
const KEPT: usize = 256;

/// Beyond this length of the way to sign-in and back, which holds the address with its query, a
/// frame is not kept.
const LONGEST: usize = 512;

/// Stands for the content while a frame is drawn. No text of anybody can look like this, since text
/// is escaped.
const CONTENT: &str = "<!--content-->";

/// What stands before and after the content of a page.
struct Frame {
    before: Box<str>,
    after: Box<str>,
}

/// The frames that were asked for lately.
pub(super) struct Frames(Cache<Box<[u8]>, Arc<Frame>>);

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
    /// Puts the frame around a content; `draw` draws both.
    pub(super) fn around(
        &self,
        page: &PageContext<'_>,
        content: Markup,
        draw: impl FnOnce(Markup) -> Markup,
    ) -> Markup {
        let Some(key) = key(page) else {
            return draw(content);
        };
        if let Some(frame) = self.0.get(key.as_slice()) {
            return frame.around(&content);
        }
        let drawn = draw(PreEscaped(CONTENT.to_owned()));
        let Some((before, after)) = drawn.0.split_once(CONTENT) else {
            return drawn;
        };
        let frame = Arc::new(Frame {
            before: before.into(),
            after: after.into(),
        });
        self.0.insert(key.into(), Arc::clone(&frame));
        frame.around(&content)
    }
}

impl Frame {
    fn around(&self, content: &Markup) -> Markup {
        PreEscaped([&*self.before, &content.0, &*self.after].concat())
    }
}

/// All that a guest's frame follows from; nothing where it is drawn for one page alone.
fn key(page: &PageContext<'_>) -> Option<Vec<u8>> {
    // Named one by one, so that none is forgotten.
    let PageContext {
        app_name,
        title,
        description,
        path,
        base_path,
        nav,
        user: None,
        unread: None,
        impersonated_by: None,
        theme,
        brand,
        rail,
        sign_in_url,
        development,
        flash: None,
        head: None,
        form_fields: None,
    } = *page
    else {
        return None;
    };
    // The address is whatever a stranger asks for.
    if sign_in_url.len() > LONGEST {
        return None;
    }
    let mut key = Vec::with_capacity(1024);
    let mut add = |text: &str| {
        key.extend_from_slice(&text.len().to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    };
    let mut flags = vec![rail, development, description.is_some()];
    for text in [app_name, title, path, base_path, sign_in_url] {
        add(text);
    }
    add(description.unwrap_or_default());
    for link in nav {
        let NavLink {
            label,
            href,
            icon,
            group,
            active,
        } = link;
        for text in [label, href, icon] {
            add(text);
        }
        add(group.as_deref().unwrap_or_default());
        flags.extend([group.is_some(), *active]);
    }
    for (_, choice) in theme.settings() {
        add(choice);
    }
    if let Some(brand) = brand {
        let icon = brand.favicon().map(|(url, _)| url);
        for url in [brand.style_url(), brand.logo_url(), brand.font_url(), icon] {
            add(url.unwrap_or_default());
        }
        add(brand.language());
        flags.extend([brand.has_font(), brand.right_to_left()]);
    }
    key.extend(flags.iter().map(|flag| u8::from(*flag)));
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use maud::html;

    use super::*;
    use crate::pages::theme::Appearance;
    use crate::pages::{Flash, Theme, UserSummary};

    #[test]
    fn a_frame_is_drawn_once_for_all_that_looks_the_same() {
        let (frames, drawn) = (Frames::default(), Cell::new(0));
        let theme = Theme::default();
        let show = |page: &PageContext<'_>, content: &str| {
            let draw = |content| {
                drawn.set(drawn.get() + 1);
                html! { h1 { (page.title) } (content) (page.path) }
            };
            frames.around(page, html! { (content) }, draw).into_string()
        };
        let page = PageContext::new("Portal", "One", "/one", &theme);
        assert_eq!(show(&page, "a <b>"), "<h1>One</h1>a &lt;b&gt;/one");
        assert_eq!(
            show(&page, "<!--content-->"),
            "<h1>One</h1>&lt;!--content--&gt;/one"
        );
        assert_eq!(drawn.get(), 1);

        let other = PageContext::new("Portal", "One", "/two", &theme);
        assert_eq!(show(&other, "b"), "<h1>One</h1>b/two");
        assert_eq!(drawn.get(), 2);
        // The same letters, divided otherwise.
        let other = PageContext::new("Portal", "One/", "two", &theme);
        assert_eq!(show(&other, "b"), "<h1>One/</h1>btwo");
        assert_eq!(drawn.get(), 3);
        let mut dark = theme;
        dark.appearance = Appearance::Dark;
        show(&PageContext::new("Portal", "One", "/one", &dark), "a");
        assert_eq!(drawn.get(), 4);
    }

    #[test]
    fn what_is_for_one_reader_or_one_time_is_not_kept() {
        let (frames, theme) = (Frames::default(), Theme::default());
        let page = PageContext::new("Portal", "One", "/one", &theme);
        let long = format!("/sign-in?redirect_url={}", "x".repeat(LONGEST));
        let (flash, head) = (Flash::success("Saved"), html! { meta name="x"; });
        let pages = [
            PageContext {
                user: Some(UserSummary::default()),
                ..page
            },
            PageContext {
                flash: Some(&flash),
                ..page
            },
            PageContext {
                head: Some(&head),
                ..page
            },
            PageContext {
                form_fields: Some(&head),
                ..page
            },
            PageContext {
                sign_in_url: &long,
                ..page
            },
        ];
        for page in &pages {
            frames.around(page, html! {}, |content| content);
        }
        assert_eq!(frames.0.len(), 0);
    }
}
