//! Layouts: the markup around the content of a page, and the context they receive.

use maud::{DOCTYPE, Markup, Render, html};

use super::asset_requirements::AssetRequirements;
use super::components::{Banner, Tone};
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
    /// The identity provider's ID of the impersonator; `None` if the session is not impersonated.
    pub impersonated_by: Option<&'a str>,
    /// Theme of the page.
    pub theme: &'a Theme,
    /// Brand of the application; `None` for the portal's own.
    pub brand: Option<&'a BrandAssets>,
    /// `true` if the visitor collapsed the sidebar.
    pub sidebar_collapsed: bool,
    /// Link to the sign-in page, which returns to this page.
    pub sign_in_url: &'a Href<'a>,
    /// `true` if the portal runs in DEV, so that layouts can indicate it.
    pub development: bool,
    /// Flash message of the previous request.
    pub flash: Option<&'a Flash>,
    /// Additional markup for the document's head.
    pub head: Option<&'a Markup>,
    /// Hidden fields for every POST form of the layout, such as an anti-forgery token.
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

/// Navigation entry as a layout shows it.
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
    /// `true` if the visitor is on this page or below it.
    pub active: bool,
}

/// Signed-in user as a layout shows them.
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

/// Renders the whole document around the content of a page.
///
/// ```
/// use maud::{Markup, html};
/// use portal_core::pages::layout::{Layout, PageContext, document};
///
/// struct Bare;
///
/// impl Layout for Bare {
///     fn render(&self, page: &PageContext<'_>, content: Markup) -> Markup {
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
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Markup;

    /// Returns `true` if the layout inserts the content of every page unmodified. Default: `false`.
    ///
    /// Live regions in the content are then refreshed without rendering the layout, which is
    /// faster; otherwise the whole document is rendered for them.
    fn embeds_content_verbatim(&self) -> bool {
        false
    }

    /// Returns `true` if the layout's own markup can be cached for guests. Default: `false`.
    ///
    /// That requires the markup around the content to depend only on the page's context, not on
    /// the content or the time. It is then rendered around a placeholder, once for all
    /// guests with the same URL, theme and sidebar, and cached until the portal stops; otherwise it
    /// is rendered for every response. Only applies to layouts that also return `true` from
    /// [`embeds_content_verbatim`](Self::embeds_content_verbatim), and that insert the content once.
    fn is_cacheable(&self) -> bool {
        false
    }
}

/// Approximate size of a document without its body, in bytes.
const HEAD: usize = 4 << 10;

/// Reserves capacity for the following markup, which would otherwise be reallocated while it grows.
pub(super) struct Reserve(pub(super) usize);

impl Render for Reserve {
    fn render_to(&self, markup: &mut String) {
        markup.reserve(self.0);
    }
}

/// Renders the document around a body: head, theme, style sheets and scripts. For custom layouts.
#[must_use]
pub fn document(page: &PageContext<'_>, body: Markup) -> Markup {
    let theme = page.theme;
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
    html! {
        (Reserve(body.0.len() + HEAD))
        (DOCTYPE)
        html lang=(page.brand.map_or("en", BrandAssets::language))
            dir=[page.brand.is_some_and(BrandAssets::right_to_left).then_some("rtl")]
            data-rail[page.sidebar_collapsed] data-accent=(theme.accent.as_str()) data-gray=(theme.gray.as_str()) data-radius=(theme.radius.as_str())
            data-scaling=(theme.scaling.as_str()) data-appearance=(theme.appearance.as_str()) data-density=(theme.density.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                @if let Some(description) = page.description { meta name="description" content=(description); }
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=r#"{"includeIndicatorCSS":false,"mode":"same-origin"}"#;
                @if let Some(font) = font(page) { link rel="preload" href=(page.url(font)) as="font" type="font/woff2" crossorigin; }
                link rel="stylesheet" href=(page.url(assets::url("portal.css")));
                // The portal adds these to every response; documents rendered without a portal get
                // them here.
                (AssetRequirements::of(&body.0).styles(page.base_path, ""))
                @if let Some(style) = page.brand.and_then(BrandAssets::style_url) { link rel="stylesheet" href=(page.url(style)); }
                link rel="icon" href=(icon) type=(icon_type);
                script src=(page.url(assets::url("portal.js"))) defer {}
                @if let Some(head) = page.head { (head) }
            }
            body { @if let Some(actor) = page.impersonated_by { (impersonation_banner(page, actor)) } (body) }
        }
    }
}

/// Renders the style sheet link of public pages, for a document's head.
///
/// The styles cover a top bar (`pt-site-bar`), sections (`pt-site-section`), features, numbered steps,
/// syntax-highlighted code and a footer. Only pages that include this link load them.
#[must_use]
pub fn site_stylesheet(page: &PageContext<'_>) -> Markup {
    html! { link rel="stylesheet" href=(page.url(assets::url("site.css"))); }
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
