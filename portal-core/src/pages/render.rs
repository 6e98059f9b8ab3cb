//! Page rendering: wraps the content of a page in the layout.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::brand::BrandAssets;
use super::components::{Banner, Button, Tone};
use super::default_theme::DefaultTheme;
use super::document::{Document, Pieces};
use super::flash;
use super::href::Href;
use super::layout::{Flash, Layout, NavLink, PageContext, UserSummary};
use super::layout_cache::{LayoutCache, LayoutKey};
use super::nav::Nav;
use super::notification_bell::UnreadSource;
use super::regions::{self, CursorSource, RegionCursor, RequestedRegions};
use super::requirements::Requirements;
use super::scope::{self, RenderScope};
use super::theme::{Theme, ThemeChoice};
use super::theme_form;
use super::zone::Zone;
use crate::auth::{Auth, CspSources, CurrentUser, RenderedPage, User, with_base_path};
use crate::config::Config;

/// Shared settings and services of all pages.
pub(crate) struct PageRenderer {
    pub(crate) config: Arc<Config>,
    /// Prefix of every path, as in the configuration; shared with the render scopes.
    pub(crate) base_path: Arc<str>,
    pub(crate) nav: Nav,
    pub(crate) theme: DefaultTheme,
    pub(crate) brand: BrandAssets,
    pub(crate) layout: Arc<dyn Layout>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) unread: Arc<dyn UnreadSource>,
    /// `true` during maintenance, when only administrators have access and see a banner.
    pub(crate) in_maintenance: Arc<AtomicBool>,
    /// CSP sources for all pages.
    pub(crate) csp_sources: CspSources,
    /// Content security policy for pages to which the identity provider adds inline styles.
    pub(crate) inline_styles_policy: HeaderValue,
    /// Source of cursors for data that is read afterwards.
    pub(crate) read_mark: CursorSource,
}

/// Path of the page on which administrators end maintenance.
pub(crate) const MAINTENANCE: &str = "/admin/maintenance";

/// Characters that are percent-encoded in the value of a query parameter.
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

impl PageRenderer {
    /// Returns the render scope of a request.
    pub(super) fn scope(&self, method: &Method, headers: &HeaderMap) -> RenderScope {
        let zone = Zone::of(headers, self.config.is_https());
        RenderScope::new(zone, Arc::clone(&self.base_path))
            .regions(RequestedRegions::of(method, headers))
    }

    /// Returns a link to the sign-in page, which then redirects to the requested page.
    pub(crate) fn sign_in_url(&self, parts: &Parts) -> Href<'static> {
        let base_path = &self.config.base_path;
        let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        self.sign_in_url_to(&with_base_path(base_path, wanted))
    }

    /// Returns a link to the sign-in page, which then redirects to a URL with base path.
    pub(crate) fn sign_in_url_to(&self, wanted: &str) -> Href<'static> {
        let wanted = utf8_percent_encode(wanted, QUERY_VALUE);
        Href::from(format!("/sign-in?redirect_url={wanted}"))
    }

    /// Returns a caller's theme: their choice, applied to the default theme.
    pub(crate) fn theme_of(&self, headers: &HeaderMap, user: Option<&User>) -> Theme {
        self.choice_of(headers, user).apply_to(self.theme.theme())
    }

    /// Returns a caller's theme choice, from the user's preferences or else from the cookie.
    pub(crate) fn choice_of(&self, headers: &HeaderMap, user: Option<&User>) -> ThemeChoice {
        if let Some(choice) = user.and_then(|user| user.preferences.get(theme_form::PREFERENCE)) {
            return ThemeChoice::from_preference(choice);
        }
        flash::cookie(headers, theme_form::COOKIE, self.config.is_https())
            .and_then(|text| ThemeChoice::from_cookie(&text))
            .unwrap_or_default()
    }

    /// Loads the unread notifications of a user unless the cached ones are fresh.
    pub(crate) async fn prepare(&self, user: Option<&CurrentUser>) {
        if let Some(user) = user
            && !self.unread.is_fresh(user.id)
        {
            self.unread.refresh(user.id).await;
        }
    }

    /// Returns the navigation that a caller sees on a page.
    pub(crate) fn nav_of(&self, parts: &Parts, user: Option<&CurrentUser>) -> Vec<NavLink> {
        let user = user.map(|user| &**user);
        let path = parts.uri.path();
        self.nav.visible(user, path)
    }

    /// Renders a page of the portal into a response.
    pub(crate) fn render(
        &self,
        parts: &Parts,
        user: Option<&CurrentUser>,
        head: PageMeta<'_>,
        content: Markup,
    ) -> Response {
        if let Some(regions) = scope::complete_regions() {
            // All requested regions are in the content, so the layout is not rendered.
            return regions::respond(head.status, regions);
        }
        let requests_regions = scope::requests_regions();
        let layout = head.layout.unwrap_or(&*self.layout);
        let https = self.config.is_https();
        let context = RenderContext {
            parts,
            user,
            theme: self.theme_of(&parts.headers, user.map(|user| &**user)),
            rail: flash::cookie(&parts.headers, theme_form::RAIL, https)
                .is_some_and(|rail| rail == theme_form::NARROW),
            // Requests for regions do not consume the message; the next page shows it.
            flash: match requests_regions {
                true => None,
                false => Flash::of(&parts.headers, https),
            },
        };
        let content = match user {
            Some(user) if user.is_admin() && self.in_maintenance.load(Ordering::Relaxed) => {
                html! { (maintenance_banner()) (content) }
            }
            _ => content,
        };
        let content = match scope::has_times() {
            true => html! { (content) (scope::zone().note()) },
            false => content,
        };
        // Regions in a cached layout would not be rendered again.
        let layouts = head
            .layouts
            .filter(|_| !requests_regions && context.is_cacheable() && layout.is_cacheable());
        let cached = layouts.and_then(|layouts| {
            layouts.get(context.key(), |placeholder| {
                self.render_layout(&context, &head, placeholder)
            })
        });
        let rendered;
        let pieces = match &cached {
            Some(layout) => layout.around(&content.0),
            None => {
                rendered = self.render_layout(&context, &head, content);
                rendered.pieces()
            }
        };
        if requests_regions {
            return regions::respond(head.status, scope::rendered_regions());
        }
        let mut required = scope::requirements();
        if let Some(layout) = &cached {
            required.extend(&layout.required);
        }
        self.respond(&context, &head, pieces, &required)
    }

    /// Renders the layout of a page.
    fn render_layout(
        &self,
        context: &RenderContext<'_>,
        head: &PageMeta<'_>,
        content: Markup,
    ) -> Document {
        let base_path = self.config.base_path.as_str();
        let nav = self.nav_of(context.parts, context.user);
        let sign_in_url = self.sign_in_url(context.parts);
        let impersonated_by = context.user.and_then(CurrentUser::impersonator);
        let user: Option<&User> = context.user.map(|user| &**user);
        let name = user.map(User::full_name).unwrap_or_default();
        let id = user.map(|user| user.id.to_string()).unwrap_or_default();
        let profile_url = self.config.profile_path.as_ref().map(Href::from);
        let unread = user.map(|user| self.unread.last_known(user.id).unwrap_or_default());
        // If the portal is nested, the host application has removed the prefix.
        let path = context.parts.uri.path();
        let page = PageContext {
            description: head.description,
            base_path,
            nav: &nav,
            user: user.map(|user| UserSummary {
                id: &id,
                name: &name,
                email: &user.email,
                role: Some(user.role_title()),
                avatar_url: user.avatar_url.as_deref(),
                profile_url: profile_url.as_ref(),
            }),
            brand: Some(&self.brand),
            sidebar_collapsed: context.rail,
            unread: unread.as_deref(),
            impersonated_by,
            sign_in_url: &sign_in_url,
            development: self.config.is_dev(),
            flash: context.flash.as_ref(),
            head: head.extra,
            ..PageContext::new(&self.config.app_name, head.title, path, &context.theme)
        };
        let layout = head.layout.unwrap_or(&*self.layout);
        layout.render(&page, content)
    }

    /// Returns a document with its requirements and the identity provider's additions.
    fn respond(
        &self,
        context: &RenderContext<'_>,
        head: &PageMeta<'_>,
        pieces: Pieces<'_>,
        required: &Requirements,
    ) -> Response {
        let base_path = self.config.base_path.as_str();
        let page = RenderedPage {
            has_provider_markup: required.has_provider_markup(),
            signed_in: context.user.is_some(),
            base_path,
        };
        let additions = self.auth.on_page(&page).unwrap_or_default();
        let last = match required.is_live() {
            true => {
                html! { (regions::head(base_path, head.read_mark.as_deref())) (additions.head) }
            }
            false => additions.head,
        };
        let document = pieces.render(required, base_path, &last.0);
        let mut response = Response::new(Body::from(document));
        *response.status_mut() = head.status;
        let headers = response.headers_mut();
        if let Some(policy) = self.policy(required, additions.inline_styles) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        if context.flash.is_some() {
            Flash::clear(&mut response);
        }
        response
    }

    /// Returns the content security policy for a document if it differs from the default.
    fn policy(&self, required: &Requirements, inline_styles: bool) -> Option<HeaderValue> {
        match required.csp_sources(&self.csp_sources) {
            Some(mut sources) => {
                sources.style_unsafe_inline |= inline_styles;
                Some(sources.header())
            }
            None => inline_styles.then(|| self.inline_styles_policy.clone()),
        }
    }
}

/// Caller that a page is rendered for, with the settings that affect rendering.
struct RenderContext<'a> {
    parts: &'a Parts,
    user: Option<&'a CurrentUser>,
    theme: Theme,
    rail: bool,
    flash: Option<Flash>,
}

impl RenderContext<'_> {
    /// Returns `true` if the layout contains nothing specific to this caller.
    fn is_cacheable(&self) -> bool {
        self.user.is_none() && self.flash.is_none()
    }

    fn key(&self) -> LayoutKey<'_> {
        let address = self.parts.uri.path_and_query();
        LayoutKey {
            address: address.map_or("/", |address| address.as_str()),
            theme: self.theme,
            rail: self.rail,
        }
    }
}

/// Renders the banner that reminds administrators that other users have no access.
fn maintenance_banner() -> Markup {
    let page = Button::new("Maintenance").size(1).href(MAINTENANCE);
    html! { (Banner::new(Tone::Warning, "Only administrators have access.").title("Maintenance is on.").action(page)) }
}

/// Metadata of a page, in addition to its content.
pub(crate) struct PageMeta<'a> {
    pub(crate) status: StatusCode,
    pub(crate) title: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) layout: Option<&'a dyn Layout>,
    /// Additional markup for the head of the document.
    pub(crate) extra: Option<&'a Markup>,
    /// Cursor for the data on the page.
    pub(crate) read_mark: Option<RegionCursor>,
    /// Cached layouts of the page for guests.
    pub(super) layouts: Option<&'a LayoutCache>,
}

impl<'a> PageMeta<'a> {
    pub(crate) fn new(status: StatusCode, title: &'a str) -> Self {
        Self {
            status,
            title,
            description: None,
            layout: None,
            extra: None,
            read_mark: None,
            layouts: None,
        }
    }
}
