//! Builtin layouts: `DefaultLayout` with navigation, and `PlainLayout`.

use std::fmt;
use std::sync::Arc;

use maud::{Markup, html};

use super::components::{Button, Tone, badge, search_button, toast_region};
use super::layout::{Document, Layout, NavLink, PageContext, Reserve, document};
use super::layout_parts::{self, DefaultParts, LayoutParts};
use super::notification_bell::notification_bell;

/// Place in [`DefaultLayout`] for the application's own markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Slot {
    /// End of the document's head, for additional style sheets, scripts and icons.
    HeadExtra,
    /// Next to the brand, for small buttons.
    ///
    /// Rendered once per screen width, so it must not contain ids.
    TopBarEnd,
    /// Above the navigation, for example for a workspace switcher.
    NavHeader,
    /// Below the navigation, for example for a help link.
    NavFooter,
    /// Above the content of every page, for example for an announcement.
    BeforeContent,
    /// Below the content of every page.
    AfterContent,
    /// Footer of the page; at the bottom of the window if the content is short.
    Footer,
}

/// Approximate size of the layout in bytes, without navigation and content.
const SHELL: usize = 8 << 10;

type Fill = Arc<dyn Fn(&PageContext<'_>) -> Markup + Send + Sync>;

/// Layout with a sidebar, an icon rail, or a top bar with a drawer, depending on the screen width.
///
/// Applications can fill its [slots](Slot) and replace its [parts](LayoutParts); for an entirely
/// different layout, implement [`Layout`].
///
/// ```
/// use maud::html;
/// use portal_core::Portal;
/// use portal_core::pages::{DefaultLayout, Slot};
///
/// let layout = DefaultLayout::new()
///     .slot(Slot::NavFooter, |page| html! { a href=(page.url("/help")) { "Help" } })
///     .slot(Slot::Footer, |_| html! { "© Acme Ltd." });
/// let builder = Portal::builder().layout(layout);
/// ```
#[derive(Clone)]
pub struct DefaultLayout {
    slots: Vec<(Slot, Fill)>,
    parts: Arc<dyn LayoutParts>,
    /// `true` if the application sets slots or parts; their markup can differ between requests.
    is_customized: bool,
}

impl Default for DefaultLayout {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            parts: Arc::new(DefaultParts),
            is_customized: false,
        }
    }
}

impl fmt::Debug for DefaultLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots: Vec<_> = self.slots.iter().map(|(slot, _)| slot).collect();
        f.debug_struct("DefaultLayout")
            .field("slots", &slots)
            .finish_non_exhaustive()
    }
}

/// Layout with a centered card, for sign-in and error pages.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainLayout;

impl DefaultLayout {
    /// Creates the layout with empty slots and builtin parts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds markup to a slot, after its existing markup.
    #[must_use]
    pub fn slot(
        mut self,
        slot: Slot,
        fill: impl Fn(&PageContext<'_>) -> Markup + Send + Sync + 'static,
    ) -> Self {
        self.slots.push((slot, Arc::new(fill)));
        self.is_customized = true;
        self
    }

    /// Replaces parts of the layout.
    #[must_use]
    pub fn parts(mut self, parts: impl LayoutParts) -> Self {
        self.parts = Arc::new(parts);
        self.is_customized = true;
        self
    }

    /// Renders the markup of a slot.
    fn fill(&self, slot: Slot, page: &PageContext<'_>) -> Markup {
        html! {
            @for (_, fill) in self.slots.iter().filter(|(it, _)| *it == slot) { (fill(page)) }
        }
    }

    fn has(&self, slot: Slot) -> bool {
        self.slots.iter().any(|(it, _)| *it == slot)
    }

    fn navigation(&self, page: &PageContext<'_>) -> Markup {
        let groups = page.nav.chunk_by(|one, next| one.group == next.group);
        html! {
            (self.fill(Slot::NavHeader, page))
            nav class="pt-nav" aria-label="Main" {
                @for links in groups { (self.nav_group(page, links)) }
            }
            @if self.has(Slot::NavFooter) { div class="pt-nav-foot" { (self.fill(Slot::NavFooter, page)) } }
        }
    }

    fn nav_group(&self, page: &PageContext<'_>, links: &[NavLink]) -> Markup {
        let group = links.first().and_then(|link| link.group.as_deref());
        html! {
            @if let Some(group) = group { h2 { (group) } }
            ul { @for link in links { li { (self.parts.nav_link(page, link)) } } }
        }
    }

    fn foot(&self, page: &PageContext<'_>, menu_id: &str) -> Markup {
        html! {
            @if page.development { div class="pt-dev" { (badge("Development", Tone::Warning)) } }
            div class="pt-side-foot" {
                @match &page.user {
                    Some(user) => (self.parts.user_menu(page, user, menu_id)),
                    None => (self.parts.guest_menu(page)),
                }
            }
        }
    }
}

impl Layout for DefaultLayout {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        let mut page = *page;
        let head = html! {
            @if let Some(head) = page.head { (head) }
            (self.fill(Slot::HeadExtra, &page))
        };
        page.head = Some(&head);
        let page = &page;
        // Rendered once, then inserted for each screen width.
        let brand = self.parts.brand(page);
        let top_end = self.fill(Slot::TopBarEnd, page);
        let search = search_button(page);
        let navigation = self.navigation(page);
        let body = html! {
            (Reserve(content.0.len() + 2 * navigation.0.len() + SHELL))
            (skip_link())
            div class="pt-shell" {
                header class="pt-topbar" {
                    (brand)
                    (top_end)
                    (search)
                    (notification_bell(page, "bell-top"))
                    (Button::icon_only("menu", "Open navigation").opens("pt-nav"))
                }
                aside class="pt-side" aria-label="Sidebar" {
                    div class="pt-side-head" {
                        (brand)
                        (top_end)
                        (notification_bell(page, "bell-side"))
                        (layout_parts::rail_toggle(page))
                    }
                    div class="pt-side-search" { (search) }
                    (navigation)
                    (self.foot(page, "pt-user-menu"))
                }
                div class="pt-body" {
                    main class="pt-main" id="main" tabindex="-1" {
                        (self.fill(Slot::BeforeContent, page)) (content) (self.fill(Slot::AfterContent, page))
                    }
                    @if self.has(Slot::Footer) { footer class="pt-footer" { (self.fill(Slot::Footer, page)) } }
                }
            }
            dialog class="pt-drawer" id="pt-nav" data-side="start" popover="auto" aria-label="Navigation" {
                div class="pt-drawer-head" {
                    (brand)
                    (Button::icon_only("x", "Close navigation").closes()
                        .attribute("popovertarget", "pt-nav").attribute("popovertargetaction", "hide"))
                }
                (navigation)
                (self.foot(page, "pt-drawer-user-menu"))
            }
            (toast_region(page.flash))
        };
        document(page, body)
    }

    fn is_cacheable(&self) -> bool {
        !self.is_customized
    }
}

impl Layout for PlainLayout {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        let body = html! {
            (skip_link())
            div class="pt-plain" {
                header { (layout_parts::brand(page)) }
                main id="main" tabindex="-1" { (content) }
            }
            (toast_region(page.flash))
        };
        document(page, body)
    }

    fn is_cacheable(&self) -> bool {
        true
    }
}

fn skip_link() -> Markup {
    html! { a class="pt-skip" href="#main" { "Skip to content" } }
}

#[cfg(test)]
mod tests {
    use maud::Render as _;

    use super::*;
    use crate::pages::components::KeysetPagination;
    use crate::pages::scope::RenderScope;
    use crate::pages::zone::Zone;
    use crate::pages::{Brand, Requirement, Theme, UserSummary, require};

    struct Arrows;

    impl LayoutParts for Arrows {
        fn nav_link(&self, _: &PageContext<'_>, link: &NavLink) -> Markup {
            html! { a href=(link.href) { "-> " (link.label) } }
        }
    }

    fn nav() -> [NavLink; 2] {
        let link = |label: &str, group: Option<&str>| NavLink {
            label: label.to_owned(),
            href: format!("/{label}").into(),
            group: group.map(str::to_owned),
            active: group.is_none(),
            ..NavLink::default()
        };
        [link("one", None), link("two", Some("More"))]
    }

    fn places(html: &str, parts: &[&str]) -> Vec<usize> {
        let find = |part: &&str| html.find(*part).unwrap_or_else(|| panic!("{part}: {html}"));
        parts.iter().map(find).collect()
    }

    #[test]
    fn slots_are_rendered_in_their_places() {
        let (theme, nav) = (Theme::default(), nav());
        let mut page = PageContext::new("Portal", "Home", "/", &theme);
        page.nav = &nav;
        let fill = |text: &'static str| move |_: &PageContext<'_>| html! { (text) };
        let layout = DefaultLayout::new()
            .slot(Slot::HeadExtra, fill("<in the head>"))
            .slot(Slot::TopBarEnd, fill("next to the brand"))
            .slot(Slot::NavHeader, fill("above the entries"))
            .slot(Slot::NavFooter, fill("below the entries"))
            .slot(Slot::BeforeContent, fill("before it"))
            .slot(Slot::AfterContent, fill("after it"))
            .slot(Slot::AfterContent, fill("and more"))
            .slot(Slot::Footer, |page| html! { "of " (page.app_name) });
        let html = layout
            .render(&page, html! { "the content" })
            .into_markup()
            .into_string();
        let in_order = places(
            &html,
            &[
                "&lt;in the head&gt;",
                "</head>",
                "next to the brand",
                "above the entries",
                "/one",
                "below the entries",
                "before it",
                "the content",
                "after it",
                "and more",
                "</main>",
                "of Portal",
            ],
        );
        assert!(in_order.is_sorted(), "{in_order:?}");
        let bare = DefaultLayout::new()
            .render(&page, html! {})
            .into_markup()
            .into_string();
        assert!(!bare.contains("pt-footer") && !bare.contains("pt-nav-foot"));
    }

    #[test]
    fn replaced_part_leaves_the_others_unchanged() {
        let (theme, nav) = (Theme::default(), nav());
        let mut page = PageContext::new("Portal", "Home", "/", &theme);
        page.nav = &nav;
        page.user = Some(UserSummary {
            name: "Ada",
            ..UserSummary::default()
        });
        let html = DefaultLayout::new().parts(Arrows).render(&page, html! {});
        let html = html.into_markup().into_string();
        assert!(html.contains("-&gt; one") && html.contains("<h2>More</h2>"));
        assert!(html.contains("pt-user") && html.contains("pt-brand"));
    }

    #[test]
    fn layouts_show_the_brand_and_load_its_font_only() {
        let theme = Theme::default();
        let brand = Brand::new()
            .logo(b"<svg></svg>".as_slice())
            .font("Inter", b"wOF2".as_slice())
            .prepare()
            .unwrap();
        let mut page = PageContext::new("Portal", "Home", "/", &theme);
        page.brand = Some(&brand);
        page.base_path = "/portal";
        let layouts: [&dyn Layout; 2] = [&DefaultLayout::new(), &PlainLayout];
        for layout in layouts {
            let html = layout.render(&page, html! {}).into_markup().into_string();
            assert!(html.contains("src=\"/portal/_portal/brand/logo."), "{html}");
            assert!(html.contains("rel=\"icon\" href=\"/portal/_portal/brand/logo."));
            assert!(html.contains("rel=\"preload\" href=\"/portal/_portal/brand/font."));
            assert!(!html.contains("geist"));
        }
    }

    #[test]
    fn head_links_the_styles_of_content_and_layout() {
        let theme = Theme::default();
        let page = PageContext::new("Portal", "Home", "/", &theme);
        let layout = DefaultLayout::new().slot(Slot::Footer, |_| {
            require(Requirement::stylesheet("/footer.css"));
            html! { "footer" }
        });
        let render = |content: fn() -> Markup| {
            let render = || layout.render(&page, content()).into_markup().into_string();
            RenderScope::new(Zone::default(), "/portal".into()).enter_sync(render)
        };
        let html = render(|| KeysetPagination::new(None, None).render());
        let table = crate::pages::asset_url("table.css");
        let in_order = places(&html, &["portal.", table, "/portal/footer.css", "</head>"]);
        assert!(in_order.is_sorted(), "{in_order:?}");
        assert!(!render(|| html! {}).contains(table));
    }

    #[test]
    fn current_page_and_collapsed_sidebar_are_marked() {
        let (theme, nav) = (Theme::default(), nav());
        let mut page = PageContext::new("Portal", "Home", "/", &theme);
        page.nav = &nav;
        let html = DefaultLayout::new()
            .render(&page, html! {})
            .into_markup()
            .into_string();
        assert_eq!(
            html.matches("aria-current=\"page\"").count(),
            2,
            "in the sidebar and in the drawer"
        );
        assert!(
            html.contains("value=\"narrow\" aria-expanded=\"true\""),
            "{html}"
        );
        page.sidebar_collapsed = true;
        let html = DefaultLayout::new()
            .render(&page, html! {})
            .into_markup()
            .into_string();
        assert!(
            html.contains("data-rail") && html.contains("value=\"wide\" aria-expanded=\"false\"")
        );
    }
}
