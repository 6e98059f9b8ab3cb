//! Layouts: the markup around the content of a page, and the context they receive.

use maud::{Markup, Render, html};

use super::components::{Banner, Tone};
pub use super::document::Document;
use super::href::Href;
use super::notification_bell::UnreadSummary;
use super::{BrandAssets, assets, theme::Theme};

static SIGN_IN: Href<'static> = Href::from_static("/sign-in");

/// Data that a layout receives about the page that it renders.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PageContext<'a> {
    /// Name of the portal.
    pub app_name: &'a str,
    /// Title of the page.
    pub title: &'a str,
    /// Description for search engines and link previews: one sentence.
    pub description: Option<&'a str>,
    /// Path inside the portal, such as `/admin/overview`.
    pub path: &'a str,
    /// Prefix of every path: empty, or for example `/portal`.
    pub base_path: &'a str,
    /// Navigation entries of the pages that the visitor may open.
    pub nav: &'a [NavLink],
    /// Signed-in user; `None` for guests.
    pub user: Option<UserSummary<'a>>,
    /// Unread notifications of the user; `None` for guests.
    pub unread: Option<&'a UnreadSummary>,
    /// The identity provider's ID of the impersonator; `None` if the user is not impersonated.
    pub impersonated_by: Option<&'a str>,
    /// Theme of the page.
    pub theme: &'a Theme,
    /// The application's brand; `None` for the portal's own.
    pub brand: Option<&'a BrandAssets>,
    /// `true` if the visitor collapsed the sidebar.
    pub sidebar_collapsed: bool,
    /// Link to the sign-in page, which then redirects to this page.
    pub sign_in_url: &'a Href<'a>,
    /// `true` if the portal runs in DEV, so that layouts can indicate it.
    pub development: bool,
    /// Flash message of the previous request.
    pub flash: Option<&'a Flash>,
    /// Additional markup for the head of the document.
    pub head: Option<&'a Markup>,
    /// Hidden fields for every POST form in the layout, such as an anti-forgery token.
    pub form_fields: Option<&'a Markup>,
}

impl<'a> PageContext<'a> {
    /// Creates the context of a guest's page without navigation; set the other fields afterwards.
    #[must_use]
    pub const fn new(app_name: &'a str, title: &'a str, path: &'a str, theme: &'a Theme) -> Self {
        Self {
            app_name,
            title,
            description: None,
            path,
            base_path: "",
            nav: &[],
            user: None,
            unread: None,
            impersonated_by: None,
            theme,
            brand: None,
            sidebar_collapsed: false,
            sign_in_url: &SIGN_IN,
            development: false,
            flash: None,
            head: None,
            form_fields: None,
        }
    }

    /// Returns a link to a path inside the portal, with the base path of this context.
    #[must_use]
    pub fn url(&self, path: &str) -> Href<'static> {
        Href::host(crate::auth::with_base_path(self.base_path, path))
    }
}

/// Navigation entry for a layout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NavLink {
    /// Label of the link.
    pub label: String,
    /// Link to the page.
    pub href: Href<'static>,
    /// Name of the icon.
    pub icon: String,
    /// Navigation group, shown as a heading; adjacent entries of a group share it.
    pub group: Option<String>,
    /// `true` if the visitor is on this page or one below it.
    pub active: bool,
}

/// Data about the signed-in user for a layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserSummary<'a> {
    /// Stable ID, which determines the avatar's color.
    pub id: &'a str,
    /// Display name, or its replacement.
    pub name: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// Title of the role, such as `Admin` or `User`.
    pub role: Option<&'a str>,
    /// URL of the avatar image, which the Content-Security-Policy must allow.
    pub avatar_url: Option<&'a str>,
    /// Link to the user's profile page.
    pub profile_url: Option<&'a Href<'a>>,
}

/// Kind of a flash message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlashKind {
    /// The action succeeded.
    Success,
    /// The action failed.
    Error,
    /// General information.
    Info,
}

/// Message that is shown once, on the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// Kind of the message.
    pub kind: FlashKind,
    /// Text of the message, one sentence.
    pub text: String,
    /// Link to the subject of the message, with its label.
    pub link: Option<(String, Href<'static>)>,
}

/// Layout: renders the whole document around the content of a page.
///
/// ```
/// use maud::{Markup, html};
/// use portal_core::pages::layout::{Document, Layout, PageContext, document};
///
/// struct Bare;
///
/// impl Layout for Bare {
///     fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
///         document(page, html! { main id="main" { (content) } })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layout",
    note = "implement `Layout`, or use `DefaultLayout` or `PlainLayout`"
)]
pub trait Layout: Send + Sync + 'static {
    /// Renders the document with `content` inside.
    ///
    /// [`document`] creates it. Declare the layout's style sheets and scripts with
    /// [`require`](super::require). Requests for live regions in the content are served without
    /// rendering the layout.
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document;

    /// Returns `true` if the layout's own markup can be cached for guests. Default: `false`.
    ///
    /// Return `true` only if the markup around the content depends on the page's context alone (not
    /// on the content or the time) and the layout inserts the content once, unmodified. The markup
    /// is then rendered once for all guests with the same URL, theme and sidebar, and cached until
    /// the portal stops; otherwise it is rendered for every response.
    fn is_cacheable(&self) -> bool {
        false
    }
}

/// Reserves capacity for the markup that follows, so that the buffer is allocated only once.
pub(super) struct Reserve(pub(super) usize);

impl Render for Reserve {
    fn render_to(&self, markup: &mut String) {
        markup.reserve(self.0);
    }
}

/// Creates the document around a body: head, theme, style sheets and scripts. For custom layouts.
pub fn document(page: &PageContext<'_>, body: Markup) -> Document {
    let title = if page.title.is_empty() || page.title == page.app_name {
        page.app_name.to_owned()
    } else {
        format!("{} · {}", page.title, page.app_name)
    };
    let own_icon = page.brand.and_then(BrandAssets::favicon);
    let (icon, icon_type) = match own_icon {
        Some((path, media_type)) => (page.url(path), media_type),
        None => (Href::host(assets::icon()), "image/svg+xml"),
    };
    let start = html! {
        (Start(page))
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { (title) }
        @if let Some(description) = page.description { meta name="description" content=(description); }
        meta name="color-scheme" content="light dark";
        meta name="htmx-config" content=r#"{"includeIndicatorCSS":false,"mode":"same-origin"}"#;
        @if let Some(font) = font(page) { link rel="preload" href=(page.url(font)) as="font" type="font/woff2" crossorigin; }
        link rel="stylesheet" href=(page.url(assets::url("portal.css")));
    };
    let head = html! {
        @if let Some(style) = page.brand.and_then(BrandAssets::style_url) { link rel="stylesheet" href=(page.url(style)); }
        link rel="icon" href=(icon) type=(icon_type);
        script src=(page.url(assets::url("portal.js"))) defer {}
        @if let Some(head) = page.head { (head) }
    };
    let banner = page
        .impersonated_by
        .map(|actor| impersonation_banner(page, actor));
    Document {
        start: start.0,
        head: head.0,
        banner: banner.unwrap_or_default(),
        body,
    }
}

/// Doctype and start tags of a document, with its language and theme.
struct Start<'a>(&'a PageContext<'a>);

impl Render for Start<'_> {
    fn render_to(&self, out: &mut String) {
        let Self(page) = self;
        let theme = page.theme;
        let is_rtl = page.brand.is_some_and(BrandAssets::right_to_left);
        out.push_str("<!DOCTYPE html><html");
        let mut write = |name: &str, value: &str| {
            out.extend([" ", name, "=\""]);
            value.render_to(out);
            out.push('"');
        };
        write("lang", page.brand.map_or("en", BrandAssets::language));
        if is_rtl {
            write("dir", "rtl");
        }
        if page.sidebar_collapsed {
            write("data-rail", "");
        }
        write("data-accent", theme.accent.as_str());
        write("data-gray", theme.gray.as_str());
        write("data-radius", theme.radius.as_str());
        write("data-scaling", theme.scaling.as_str());
        write("data-appearance", theme.appearance.as_str());
        write("data-density", theme.density.as_str());
        out.push_str("><head>");
    }
}

/// Returns the font file of the page, unless it uses the system font.
fn font<'a>(page: &PageContext<'a>) -> Option<&'a str> {
    match page.brand {
        Some(brand) if brand.has_font() => brand.font_url(),
        _ => Some(assets::url("geist.woff2")),
    }
}

/// Renders the impersonation banner, which every page has regardless of its layout.
fn impersonation_banner(page: &PageContext<'_>, actor: &str) -> Markup {
    let whom = page.user.as_ref().map_or("another user", |user| user.name);
    let email = page.user.as_ref().map_or("", |user| user.email);
    html! {
        div class="pt-impersonation" {
            (Banner::new(Tone::Warning, format!("You signed in as {actor} and are using the account {email}."))
                .title(format!("You are acting as {whom}")))
        }
    }
}
