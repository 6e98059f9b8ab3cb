//! Putting the layout around a page's content.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::flash;
use super::layout::{Flash, Layout, PageContext, UserSummary};
use super::nav::Nav;
use super::regions::{self, ReadMark};
use super::theme::Theme;
use super::theme_form;
use crate::auth::{Auth, CurrentUser, ShownPage, User, address};
use crate::config::Config;

/// What all pages of a portal share.
pub(crate) struct PageSetup {
    pub(crate) config: Arc<Config>,
    pub(crate) nav: Nav,
    pub(crate) theme: Theme,
    pub(crate) layout: Arc<dyn Layout>,
    /// The page of one's own profile, if the application has one.
    pub(crate) profile_path: Option<String>,
    pub(crate) auth: Arc<Auth>,
    /// The content security policy of pages on which the identity provider brings its own styles.
    pub(crate) inline_styles_policy: HeaderValue,
    /// Up to when a page that is read now knows of changes.
    pub(crate) read_mark: ReadMark,
}

/// What must not stand bare in the value of a query parameter.
const QUERY_VALUE: &AsciiSet = &CONTROLS
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
        let wanted = address(base_path, wanted);
        format!(
            "{base_path}/sign-in?redirect_url={}",
            utf8_percent_encode(&wanted, QUERY_VALUE)
        )
    }

    /// The theme of a reader: his own, wherever he signs in; else that of the browser, from its
    /// cookie; else the portal's.
    pub(crate) fn theme_of(&self, headers: &HeaderMap, user: Option<&User>) -> Theme {
        if let Some(theme) = user.and_then(|user| user.preferences.get(theme_form::PREFERENCE)) {
            return self.theme.with_preference(theme);
        }
        flash::cookie(headers, theme_form::COOKIE, self.config.is_https())
            .and_then(|text| Theme::from_cookie(&text))
            .unwrap_or(self.theme)
    }

    /// A page of the portal, as a response.
    pub(crate) fn render(
        &self,
        parts: &Parts,
        user: Option<&CurrentUser>,
        head: PageHead<'_>,
        content: Markup,
    ) -> Response {
        let base_path = self.config.base_path.as_str();
        // Where the portal is nested, the host has taken the prefix away.
        let path = parts.uri.path();
        let impersonated_by = user.and_then(CurrentUser::actor);
        let user: Option<&User> = user.map(|user| &**user);
        let nav = self.nav.visible(user, base_path, path);
        let theme = self.theme_of(&parts.headers, user);
        let regions = regions::wanted(parts);
        // Whoever asks for regions shows no message: it waits for the page.
        let flash = match regions {
            Some(_) => None,
            None => Flash::of(&parts.headers, self.config.is_https()),
        };
        let sign_in_url = self.sign_in_url(parts);
        let name = user.map(User::full_name).unwrap_or_default();
        let id = user.map(|user| user.id.to_string()).unwrap_or_default();
        let profile_url = self
            .profile_path
            .as_ref()
            .map(|path| format!("{base_path}{path}"));
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
            impersonated_by,
            sign_in_url: &sign_in_url,
            development: self.config.is_dev(),
            flash: flash.as_ref(),
            ..PageContext::new(&self.config.app_name, head.title, path, &theme)
        };
        let layout = head.layout.unwrap_or(&*self.layout);
        let mut document = layout.render(&context, content);
        if let Some(ids) = regions {
            return regions::answer(head.status, &document.0, &ids);
        }
        let addition = self.auth.on_page(&{
            let mut page = ShownPage::new(&document.0);
            page.signed_in = user.is_some();
            page.base_path = base_path;
            page
        });
        let mut more = addition
            .as_ref()
            .map(|addition| addition.head.0.clone())
            .unwrap_or_default();
        if regions::are_in(&document.0) {
            more += &regions::head(base_path, head.read_mark.as_deref()).0;
        }
        if !more.is_empty()
            && let Some(end) = document.0.find("</head>")
        {
            document.0.insert_str(end, &more);
        }
        let mut response = (head.status, document).into_response();
        let headers = response.headers_mut();
        if addition.is_some_and(|addition| addition.inline_styles) {
            let policy = self.inline_styles_policy.clone();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        // What a page shows depends on who looks at it.
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        );
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        if flash.is_some() {
            Flash::clear(&mut response);
        }
        response
    }
}

/// What a page says of itself beside its content.
pub(crate) struct PageHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) title: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) layout: Option<&'a dyn Layout>,
    /// Up to when what it shows is known.
    pub(crate) read_mark: Option<String>,
}

impl<'a> PageHead<'a> {
    pub(crate) fn new(status: StatusCode, title: &'a str) -> Self {
        Self {
            status,
            title,
            description: None,
            layout: None,
            read_mark: None,
        }
    }
}
