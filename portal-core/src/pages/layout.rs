//! What surrounds the content of a page, and what it is told.

use maud::{DOCTYPE, Markup, Render, html};

use super::bell::Unread;
use super::components::{Banner, Tone};
use super::requires::Requirements;
use super::{BrandAssets, assets, theme::Theme};

/// What a layout is told about the page it draws.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PageContext<'a> {
    /// The portal's name.
    pub app_name: &'a str,
    /// The page's title.
    pub title: &'a str,
    /// One sentence for search engines and link previews.
    pub description: Option<&'a str>,
    /// The path inside the portal: `/admin/overview`.
    pub path: &'a str,
    /// What comes before every path: empty, or `/portal`.
    pub base_path: &'a str,
    /// The pages that the reader may see.
    pub nav: &'a [NavLink],
    /// Who reads; nobody is a guest.
    pub user: Option<UserSummary<'a>>,
    /// What the reader has not read; nothing for guests.
    pub unread: Option<&'a Unread>,
    /// The provider's id of whoever acts in the name of the reader, if it is not he himself.
    pub impersonated_by: Option<&'a str>,
    /// How the page looks.
    pub theme: &'a Theme,
    /// What is the application's own of the look; nothing is the portal's.
    pub brand: Option<&'a BrandAssets>,
    /// The reader wants the sidebar narrow.
    pub rail: bool,
    /// Where a guest signs in, with the way back; with base path.
    pub sign_in_url: &'a str,
    /// Shows that this is a development build.
    pub development: bool,
    /// A message that the last request left.
    pub flash: Option<&'a Flash>,
    /// More for the document's head.
    pub head: Option<&'a Markup>,
    /// Hidden fields that every POST form of the layout carries, such as the anti-forgery token.
    pub form_fields: Option<&'a Markup>,
}

impl<'a> PageContext<'a> {
    /// A page for a guest, without navigation; set the other fields afterwards.
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
            rail: false,
            sign_in_url: "/sign-in",
            development: false,
            flash: None,
            head: None,
            form_fields: None,
        }
    }

    /// The address of a path inside the portal.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        crate::auth::address(self.base_path, path)
    }
}

/// One entry of the navigation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NavLink {
    /// What it says.
    pub label: String,
    /// Where it leads, with base path.
    pub href: String,
    /// The name of its icon.
    pub icon: String,
    /// The heading under which it stands; neighbours of one group stand together.
    pub group: Option<String>,
    /// The reader is there.
    pub active: bool,
}

/// Who reads the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserSummary<'a> {
    /// An id that does not change; the avatar's colour follows from it.
    pub id: &'a str,
    /// The name, or whatever stands in for it.
    pub name: &'a str,
    /// The e-mail address.
    pub email: &'a str,
    /// `Admin`, `User`.
    pub role: Option<&'a str>,
    /// A picture, which the Content-Security-Policy has to allow.
    pub avatar_url: Option<&'a str>,
    /// The page of one's own profile, with base path.
    pub profile_url: Option<&'a str>,
}

/// What kind of message the last request left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlashKind {
    /// It worked.
    Success,
    /// It did not.
    Error,
    /// Something to know.
    Info,
}

/// A message that is shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// What kind of message it is.
    pub kind: FlashKind,
    /// One sentence.
    pub text: String,
    /// Link to what the message is about: its label and its URL.
    pub link: Option<(String, String)>,
}

/// Draws the whole document around a page's content.
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
    message = "`{Self}` is no layout",
    note = "implement `Layout`, or use `DefaultLayout` or `PlainLayout`"
)]
pub trait Layout: Send + Sync + 'static {
    /// The document with `content` in its place.
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Markup;

    /// Whether the content of every page stands in its document as it is. Then live regions in it
    /// are read anew without the layout, which is quicker; otherwise the whole document is drawn
    /// for them.
    fn keeps_content(&self) -> bool {
        false
    }

    /// Whether all that stands around the content follows from the page's context, and neither from
    /// the content nor from the time. Then it is drawn once for the guests of a page that see it
    /// alike, around something that only stands for the content, and kept until the portal stops;
    /// otherwise it is drawn for every answer. It counts for layouts that also
    /// [keep the content](Self::keeps_content), and have it in the document once.
    fn keeps_frame(&self) -> bool {
        false
    }
}

/// What stands around the body of a document, roughly, in bytes.
const HEAD: usize = 4 << 10;

/// Makes room for what follows: markup begins small and is copied whenever it has doubled.
pub(super) struct Room(pub(super) usize);

impl Render for Room {
    fn render_to(&self, markup: &mut String) {
        markup.reserve(self.0);
    }
}

/// The document around a body: head, theme, style sheet and scripts. For layouts of your own.
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
        None => (assets::icon().to_owned(), "image/svg+xml"),
    };
    html! {
        (Room(body.0.len() + HEAD))
        (DOCTYPE)
        html lang=(page.brand.map_or("en", BrandAssets::language))
            dir=[page.brand.is_some_and(BrandAssets::right_to_left).then_some("rtl")]
            data-rail[page.rail] data-accent=(theme.accent.as_str()) data-gray=(theme.gray.as_str()) data-radius=(theme.radius.as_str())
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
                // A portal adds these to every answer; a document that is drawn without one has them from here.
                (Requirements::of(&body.0).styles(page.base_path, ""))
                @if let Some(style) = page.brand.and_then(BrandAssets::style_url) { link rel="stylesheet" href=(page.url(style)); }
                link rel="icon" href=(icon) type=(icon_type);
                script src=(page.url(assets::url("portal.js"))) defer {}
                @if let Some(head) = page.head { (head) }
            }
            body { @if let Some(actor) = page.impersonated_by { (acting(page, actor)) } (body) }
        }
    }
}

/// The link, for a document's head, to the styles of pages that face the public: a bar on top
/// (`pt-site-bar`), sections (`pt-site-part`), features, numbered steps, code in colours, a foot.
/// Only the pages that ask for them load them.
#[must_use]
pub fn site_styles(page: &PageContext<'_>) -> Markup {
    html! { link rel="stylesheet" href=(page.url(assets::url("site.css"))); }
}

/// The font file that the page is set in, if it is not the system's.
fn font<'a>(page: &PageContext<'a>) -> Option<&'a str> {
    match page.brand {
        Some(brand) if brand.has_font() => brand.font_url(),
        _ => Some(assets::url("geist.woff2")),
    }
}

/// Says on every page, whatever its layout, that its reader is somebody else.
fn acting(page: &PageContext<'_>, actor: &str) -> Markup {
    let whom = page.user.as_ref().map_or("another user", |user| user.name);
    let email = page.user.as_ref().map_or("", |user| user.email);
    html! {
        div class="pt-acting" {
            (Banner::new(Tone::Warning, format!("{email}, signed in as {actor}."))
                .title(format!("You act as {whom}")))
        }
    }
}
