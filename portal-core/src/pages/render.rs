//! Putting the layout around a page's content.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::bell::UnreadSource;
use super::brand::BrandAssets;
use super::components::{Banner, Button, Tone};
use super::flash;
use super::frame::{Document, FrameKey, Frames};
use super::layout::{Flash, Layout, NavLink, PageContext, UserSummary};
use super::nav::Nav;
use super::portal_theme::PortalTheme;
use super::regions::{self, Mark, ReadMark};
use super::theme::{Theme, ThemeChoice};
use super::theme_form;
use super::zone::Zone;
use crate::auth::{Auth, CurrentUser, RouteIndex, ShownPage, User, address};
use crate::config::Config;

/// What all pages of a portal share.
pub(crate) struct PageSetup {
    pub(crate) config: Arc<Config>,
    pub(crate) nav: Nav,
    pub(crate) theme: PortalTheme,
    pub(crate) brand: BrandAssets,
    pub(crate) layout: Arc<dyn Layout>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) unread: Arc<dyn UnreadSource>,
    /// Only administrators are let in, and are told so.
    pub(crate) in_maintenance: Arc<AtomicBool>,
    /// The routes with their handlers, for error reports.
    pub(crate) routes: RouteIndex,
    /// The content security policy of pages on which the identity provider brings its own styles.
    pub(crate) inline_styles_policy: HeaderValue,
    /// Up to when a page that is read now knows of changes.
    pub(crate) read_mark: ReadMark,
}

/// Where administrators end maintenance.
pub(crate) const MAINTENANCE: &str = "/admin/maintenance";

/// What must not stand bare in the value of a query parameter.
pub(super) const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'=');

impl PageSetup {
    /// The sign-in page that comes back to the page of a request.
    pub(crate) fn sign_in_url(&self, parts: &Parts) -> String {
        let base_path = &self.config.base_path;
        let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        self.sign_in_url_to(&address(base_path, wanted))
    }

    /// The sign-in page that comes back to an address with base path.
    pub(crate) fn sign_in_url_to(&self, wanted: &str) -> String {
        format!(
            "{}/sign-in?redirect_url={}",
            self.config.base_path,
            utf8_percent_encode(wanted, QUERY_VALUE)
        )
    }

    /// The theme of a reader: what he has chosen, over what holds for the portal.
    pub(crate) fn theme_of(&self, headers: &HeaderMap, user: Option<&User>) -> Theme {
        self.choice_of(headers, user).over(self.theme.theme())
    }

    /// What a reader has chosen: his own, wherever he signs in; else that of the browser, from its
    /// cookie.
    pub(crate) fn choice_of(&self, headers: &HeaderMap, user: Option<&User>) -> ThemeChoice {
        if let Some(choice) = user.and_then(|user| user.preferences.get(theme_form::PREFERENCE)) {
            return ThemeChoice::from_preference(choice);
        }
        flash::cookie(headers, theme_form::COOKIE, self.config.is_https())
            .and_then(|text| ThemeChoice::from_cookie(&text))
            .unwrap_or_default()
    }

    /// Makes sure that a page can be drawn with what its reader has not read.
    pub(crate) async fn prepare(&self, user: Option<&CurrentUser>) {
        if let Some(user) = user
            && !self.unread.is_fresh(user.id)
        {
            self.unread.refresh(user.id).await;
        }
    }

    /// The navigation as the reader of a page sees it.
    pub(crate) fn nav_of(&self, parts: &Parts, user: Option<&CurrentUser>) -> Vec<NavLink> {
        let user = user.map(|user| &**user);
        let path = parts.uri.path();
        self.nav.visible(user, &self.config.base_path, path)
    }

    /// A page of the portal, as a response.
    pub(crate) fn render(
        &self,
        parts: &Parts,
        user: Option<&CurrentUser>,
        head: PageHead<'_>,
        content: Markup,
    ) -> Response {
        let layout = head.layout.unwrap_or(&*self.layout);
        let regions = regions::wanted(parts);
        if let Some(ids) = &regions
            && layout.keeps_content()
            && regions::are_in(&content.0, ids)
        {
            // Nothing that the layout draws is asked for.
            return regions::answer(head.status, &content.0, ids);
        }
        let https = self.config.is_https();
        let reader = Reader {
            parts,
            user,
            theme: self.theme_of(&parts.headers, user.map(|user| &**user)),
            rail: flash::cookie(&parts.headers, theme_form::RAIL, https)
                .is_some_and(|rail| rail == theme_form::NARROW),
            // Whoever asks for regions shows no message: it waits for the page.
            flash: match regions {
                Some(_) => None,
                None => Flash::of(&parts.headers, https),
            },
        };
        let content = match user {
            Some(user) if user.is_admin() && self.in_maintenance.load(Ordering::Relaxed) => {
                html! { (maintenance_banner(&self.config.base_path)) (content) }
            }
            _ => content,
        };
        let note = Zone::current().note(&content.0);
        let content = html! { (content) (note) };
        let frames = head
            .frames
            .filter(|_| reader.is_anybody() && layout.keeps_content() && layout.keeps_frame());
        let frame = frames.and_then(|frames| {
            frames.get(reader.key(), |stand_in| self.draw(&reader, &head, stand_in))
        });
        let drawn;
        let document = match &frame {
            Some(frame) => frame.around(&content.0),
            None => {
                drawn = self.draw(&reader, &head, content);
                Document::of(&drawn.0)
            }
        };
        if let Some(ids) = regions {
            return regions::answer(head.status, &document.pieces().concat(), &ids);
        }
        self.answer(&reader, &head, document)
    }

    /// A page as its layout has it.
    fn draw(&self, reader: &Reader<'_>, head: &PageHead<'_>, content: Markup) -> Markup {
        let base_path = self.config.base_path.as_str();
        let nav = self.nav_of(reader.parts, reader.user);
        let sign_in_url = self.sign_in_url(reader.parts);
        let impersonated_by = reader.user.and_then(CurrentUser::actor);
        let user: Option<&User> = reader.user.map(|user| &**user);
        let name = user.map(User::full_name).unwrap_or_default();
        let id = user.map(|user| user.id.to_string()).unwrap_or_default();
        let profile_url = self
            .config
            .profile_path
            .as_ref()
            .map(|path| format!("{base_path}{path}"));
        let unread = user.map(|user| self.unread.last_known(user.id).unwrap_or_default());
        // Where the portal is nested, the host has taken the prefix away.
        let path = reader.parts.uri.path();
        let context = PageContext {
            description: head.description,
            base_path,
            nav: &nav,
            user: user.map(|user| UserSummary {
                id: &id,
                name: &name,
                email: &user.email,
                role: Some(user.role_title()),
                avatar_url: user.avatar_url.as_deref(),
                profile_url: profile_url.as_deref(),
            }),
            brand: Some(&self.brand),
            rail: reader.rail,
            unread: unread.as_deref(),
            impersonated_by,
            sign_in_url: &sign_in_url,
            development: self.config.is_dev(),
            flash: reader.flash.as_ref(),
            head: head.extra,
            ..PageContext::new(&self.config.app_name, head.title, path, &reader.theme)
        };
        let layout = head.layout.unwrap_or(&*self.layout);
        layout.render(&context, content)
    }

    /// A document with what it requires, and what the identity provider adds to it.
    fn answer(&self, reader: &Reader<'_>, head: &PageHead<'_>, document: Document<'_>) -> Response {
        let base_path = self.config.base_path.as_str();
        let mut more = document.styles(base_path).0;
        if document.required.live {
            more += &regions::head(base_path, head.read_mark.as_deref()).0;
        }
        let mut page = ShownPage::new("");
        page.pieces = document.pieces();
        page.signed_in = reader.user.is_some();
        page.base_path = base_path;
        let addition = self.auth.on_page(&page);
        if let Some(addition) = &addition {
            more += &addition.head.0;
        }
        let mut response = Response::new(Body::from(document.complete(&more)));
        *response.status_mut() = head.status;
        let headers = response.headers_mut();
        if addition.is_some_and(|addition| addition.inline_styles) {
            let policy = self.inline_styles_policy.clone();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        if reader.flash.is_some() {
            Flash::clear(&mut response);
        }
        response
    }
}

/// Who asks for a page, and how he wants it to look.
struct Reader<'a> {
    parts: &'a Parts,
    user: Option<&'a CurrentUser>,
    theme: Theme,
    rail: bool,
    flash: Option<Flash>,
}

impl Reader<'_> {
    /// Whether nothing on the page is for him alone.
    fn is_anybody(&self) -> bool {
        self.user.is_none() && self.flash.is_none()
    }

    fn key(&self) -> FrameKey<'_> {
        let address = self.parts.uri.path_and_query();
        FrameKey {
            address: address.map_or("/", |address| address.as_str()),
            theme: self.theme,
            rail: self.rail,
        }
    }
}

/// Keeps administrators from forgetting that nobody else sees what they see.
fn maintenance_banner(base_path: &str) -> Markup {
    let page = Button::new("Maintenance")
        .size(1)
        .href(address(base_path, MAINTENANCE));
    html! { (Banner::new(Tone::Warning, "Only administrators have access.").title("Maintenance is on.").action(page)) }
}

/// What a page says of itself beside its content.
pub(crate) struct PageHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) title: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) layout: Option<&'a dyn Layout>,
    /// More for the document's head.
    pub(crate) extra: Option<&'a Markup>,
    /// Up to when what it shows is known.
    pub(crate) read_mark: Option<Mark>,
    /// What has been drawn of the page for guests.
    pub(super) frames: Option<&'a Frames>,
}

impl<'a> PageHead<'a> {
    pub(crate) fn new(status: StatusCode, title: &'a str) -> Self {
        Self {
            status,
            title,
            description: None,
            layout: None,
            extra: None,
            read_mark: None,
            frames: None,
        }
    }
}
