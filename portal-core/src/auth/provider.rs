//! The one thing about sign-in that can be replaced.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use maud::{Markup, html};

use super::admin_emails::AdminEmails;
use super::content_sources::ContentSources;
use super::declared::{DeclaredRoute, Routes};
use super::directory::{Directory, SyncReport};
use super::identity::{AuthError, Identity, Profile};
use super::values::Values;
use crate::config::{Config, Setting};
use crate::error::{Error, Result};
use crate::store::Store;

/// Says who is calling. `portal-clerk` is one; an application may write its own.
///
/// A provider only vouches for an identity. The local user, the role and whether the session
/// has ended are the portal's own business.
///
/// [`Identity::session_id`] identifies one sign-in of one user: it differs for each user and for
/// each sign-in. After a sign-out the portal refuses it for good, so an id that follows from the
/// user alone locks the user out. A session id that the portal has stored for another user is
/// refused, with an error in the log.
///
/// ```
/// use axum::http::request::Parts;
/// use portal_core::auth::{AuthError, AuthProvider, CredentialSource, Identity, Profile};
///
/// /// Trusts headers that a proxy in front of the portal sets: the user, and the session that
/// /// the proxy begins at each sign-in.
/// struct ProxyHeaders;
///
/// impl AuthProvider for ProxyHeaders {
///     async fn authenticate(&self, parts: &Parts) -> Result<Option<Identity>, AuthError> {
///         let header = |name: &str| parts.headers.get(name)?.to_str().ok();
///         let (Some(user), Some(session)) = (header("x-user"), header("x-session")) else {
///             return Ok(None);
///         };
///         let tomorrow = chrono::Utc::now() + chrono::TimeDelta::days(1);
///         Ok(Some(Identity::new(user, session, tomorrow, CredentialSource::Cookie)))
///     }
///
///     async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
///         let mut profile = Profile::default();
///         profile.email = subject.to_owned();
///         profile.email_verified = true;
///         Ok(Some(profile))
///     }
/// }
/// ```
pub trait AuthProvider: Send + Sync + 'static {
    /// Who is calling: `None` without a credential, or with one that does not hold.
    fn authenticate(
        &self,
        parts: &Parts,
    ) -> impl Future<Output = Result<Option<Identity>, AuthError>> + Send;

    /// The provider's record of a user; `None` if it has none of that id.
    fn profile(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Option<Profile>, AuthError>> + Send;

    /// Whether `profile` is cheap enough to be asked at each new session, not only at the first.
    fn refreshes_profile(&self) -> bool {
        false
    }

    /// The variables that configure the provider.
    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    /// Reads the provider's settings and gives everything that is wrong with them, a line each.
    fn configure(&mut self, config: &Config) -> Vec<String> {
        let _ = config;
        Vec::new()
    }

    /// Gets the provider ready, before the first request; the database is there by now.
    fn start(&mut self, setup: &AuthSetup) -> impl Future<Output = Result<()>> + Send {
        let _ = setup;
        ready(Ok(()))
    }

    /// Routes of the provider's own, such as the target of its sign-in form.
    fn routes(&self) -> Routes {
        Routes::new()
    }

    /// The list of these routes, which is asked for before [`start`](Self::start) as well.
    fn declared_routes(&self) -> Vec<DeclaredRoute> {
        self.routes().declared()
    }

    /// What stands on the portal's sign-in and sign-up pages.
    fn sign_in(&self, page: &SignIn<'_>) -> Markup {
        let _ = page;
        html! { p { "Sign-in is handled in front of this portal." } }
    }

    /// Returns `true` if people can create an account: the sign-in page then links to the sign-up
    /// page. Default: `false`.
    fn offers_sign_up(&self) -> bool {
        false
    }

    /// What the provider's parts of pages load from elsewhere; every page's
    /// `Content-Security-Policy` allows it. Asked for once, after [`start`](Self::start).
    fn content_sources(&self) -> ContentSources {
        ContentSources::default()
    }

    /// `Set-Cookie` values that make the browser forget the session.
    fn forget(&self) -> Vec<HeaderValue> {
        Vec::new()
    }

    /// Whether [`navigate`](Self::navigate) has anything to say to a request.
    fn wants_navigation(&self, parts: &Parts) -> bool {
        let _ = parts;
        false
    }

    /// Looks at a request by which a browser opens a page, before anything else does, where
    /// [`wants_navigation`](Self::wants_navigation) has asked for it.
    ///
    /// The provider may answer itself, such as with a redirect that renews the session, or give
    /// the request another `Cookie` header and the browser cookies to keep.
    fn navigate(&self, parts: &mut Parts) -> impl Future<Output = Navigation> + Send {
        let _ = parts;
        ready(Navigation::default())
    }

    /// What the provider adds to a page, such as a script that keeps the session alive.
    fn on_page(&self, page: &ShownPage<'_>) -> Option<PageAddition> {
        let _ = page;
        None
    }

    /// Brings the portal's users to what the provider has, for `users sync` on the command line.
    fn sync(&self, directory: &Directory) -> impl Future<Output = Result<SyncReport>> + Send {
        let _ = directory;
        ready(Err(Error::internal(
            "the identity provider of this portal has no list of users to compare with",
        )))
    }

    /// Session to end for a request that no longer authenticates with it: its token may have
    /// expired a while ago, but must be one that the provider has issued.
    fn session_to_end(&self, parts: &Parts) -> impl Future<Output = Option<Identity>> + Send {
        let _ = parts;
        ready(None)
    }

    /// A user has signed out of a session here: the provider may end it as well.
    fn signed_out(&self, session_id: &str) -> impl Future<Output = ()> + Send {
        let _ = session_id;
        ready(())
    }
}

/// A page that is about to be sent, as a provider sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ShownPage<'a> {
    /// The document.
    pub(crate) pieces: [&'a str; 4],
    /// Whether its reader is signed in.
    pub signed_in: bool,
    /// Prefix of every path of the portal, empty or such as `/portal`.
    pub base_path: &'a str,
}

impl<'a> ShownPage<'a> {
    /// A page for a guest, in a portal that is not nested.
    #[must_use]
    pub fn new(content: &'a str) -> Self {
        Self {
            pieces: [content, "", "", ""],
            signed_in: false,
            base_path: "",
        }
    }

    /// Whether a text stands in the document, such as what marks an element of the provider's.
    ///
    /// ```
    /// use portal_core::auth::ShownPage;
    ///
    /// let page = ShownPage::new("<div data-acme=\"badge\"></div>");
    /// assert!(page.contains("data-acme"));
    /// ```
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.pieces.iter().any(|piece| piece.contains(text))
    }
}

/// What a provider adds to a page.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PageAddition {
    /// Stands at the end of the document's head.
    pub head: Markup,
    /// Whether `style` elements and attributes have to be allowed on this page.
    pub inline_styles: bool,
}

/// What a provider has made of a request that opens a page.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Navigation {
    /// The answer, if the provider gives it itself.
    pub answer: Option<Response>,
    /// `Set-Cookie` values for the answer, whoever gives it.
    pub cookies: Vec<HeaderValue>,
}

/// What a provider may use to get ready.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthSetup {
    /// The configuration of the portal.
    pub config: Arc<Config>,
    /// Values that last, shared by all replicas.
    pub values: Values,
    /// The portal's users and sessions, for what happens to them at the provider.
    pub directory: Directory,
}

impl AuthSetup {
    /// What a portal of this configuration and database gives its provider; for a provider's own tests.
    #[must_use]
    pub fn new(config: Arc<Config>, store: Store) -> Self {
        let admin_emails = AdminEmails::new(&config.admin_emails);
        Self {
            config,
            values: Values::new(store.clone()),
            directory: Directory::new(store, admin_emails),
        }
    }
}

/// What a provider is told of the page that it signs people in on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SignIn<'a> {
    /// Whether the page is for people who have no account yet.
    pub sign_up: bool,
    /// Path to go to afterwards, checked to be one of this site.
    pub return_to: &'a str,
    /// Prefix of every path of the portal, empty or such as `/portal`.
    pub base_path: &'a str,
    /// The query of the page's address: a provider whose form was refused can send the browser
    /// back with what was given.
    pub query: &'a str,
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<'a> SignIn<'a> {
    /// A sign-in page that leads to a path, in a portal that is not nested.
    #[must_use]
    pub fn new(return_to: &'a str) -> Self {
        Self {
            sign_up: false,
            return_to,
            base_path: "",
            query: "",
        }
    }
}

/// [`AuthProvider`] as a trait object.
pub(crate) trait ErasedProvider: Send + Sync {
    fn authenticate<'a>(
        &'a self,
        parts: &'a Parts,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthError>>;
    fn profile<'a>(&'a self, subject: &'a str)
    -> BoxFuture<'a, Result<Option<Profile>, AuthError>>;
    fn start<'a>(&'a mut self, setup: &'a AuthSetup) -> BoxFuture<'a, Result<()>>;
    fn configure(&mut self, config: &Config) -> Vec<String>;
    fn refreshes_profile(&self) -> bool;
    fn settings(&self) -> &'static [Setting];
    fn routes(&self) -> Routes;
    fn declared_routes(&self) -> Vec<DeclaredRoute>;
    fn sign_in(&self, page: &SignIn<'_>) -> Markup;
    fn offers_sign_up(&self) -> bool;
    fn content_sources(&self) -> ContentSources;
    fn forget(&self) -> Vec<HeaderValue>;
    fn wants_navigation(&self, parts: &Parts) -> bool;
    fn navigate<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Navigation>;
    fn on_page(&self, page: &ShownPage<'_>) -> Option<PageAddition>;
    fn sync<'a>(&'a self, directory: &'a Directory) -> BoxFuture<'a, Result<SyncReport>>;
    fn session_to_end<'a>(&'a self, parts: &'a Parts) -> BoxFuture<'a, Option<Identity>>;
    fn signed_out<'a>(&'a self, session_id: &'a str) -> BoxFuture<'a, ()>;
}

impl<P: AuthProvider> ErasedProvider for P {
    fn authenticate<'a>(
        &'a self,
        parts: &'a Parts,
    ) -> BoxFuture<'a, Result<Option<Identity>, AuthError>> {
        Box::pin(AuthProvider::authenticate(self, parts))
    }

    fn profile<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Option<Profile>, AuthError>> {
        Box::pin(AuthProvider::profile(self, subject))
    }

    fn start<'a>(&'a mut self, setup: &'a AuthSetup) -> BoxFuture<'a, Result<()>> {
        Box::pin(AuthProvider::start(self, setup))
    }

    fn configure(&mut self, config: &Config) -> Vec<String> {
        AuthProvider::configure(self, config)
    }

    fn refreshes_profile(&self) -> bool {
        AuthProvider::refreshes_profile(self)
    }

    fn settings(&self) -> &'static [Setting] {
        AuthProvider::settings(self)
    }

    fn routes(&self) -> Routes {
        AuthProvider::routes(self)
    }

    fn declared_routes(&self) -> Vec<DeclaredRoute> {
        AuthProvider::declared_routes(self)
    }

    fn sign_in(&self, page: &SignIn<'_>) -> Markup {
        AuthProvider::sign_in(self, page)
    }

    fn offers_sign_up(&self) -> bool {
        AuthProvider::offers_sign_up(self)
    }

    fn content_sources(&self) -> ContentSources {
        AuthProvider::content_sources(self)
    }

    fn forget(&self) -> Vec<HeaderValue> {
        AuthProvider::forget(self)
    }

    fn wants_navigation(&self, parts: &Parts) -> bool {
        AuthProvider::wants_navigation(self, parts)
    }

    fn navigate<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Navigation> {
        Box::pin(AuthProvider::navigate(self, parts))
    }

    fn on_page(&self, page: &ShownPage<'_>) -> Option<PageAddition> {
        AuthProvider::on_page(self, page)
    }

    fn sync<'a>(&'a self, directory: &'a Directory) -> BoxFuture<'a, Result<SyncReport>> {
        Box::pin(AuthProvider::sync(self, directory))
    }

    fn session_to_end<'a>(&'a self, parts: &'a Parts) -> BoxFuture<'a, Option<Identity>> {
        Box::pin(AuthProvider::session_to_end(self, parts))
    }

    fn signed_out<'a>(&'a self, session_id: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(AuthProvider::signed_out(self, session_id))
    }
}

/// Stands in where no provider was given: everyone is a guest.
pub(crate) struct NoProvider;

impl AuthProvider for NoProvider {
    async fn authenticate(&self, _: &Parts) -> Result<Option<Identity>, AuthError> {
        Ok(None)
    }

    async fn profile(&self, _: &str) -> Result<Option<Profile>, AuthError> {
        Ok(None)
    }

    fn sign_in(&self, _: &SignIn<'_>) -> Markup {
        html! { p { "This portal has no sign-in: its builder was given no auth provider." } }
    }
}
