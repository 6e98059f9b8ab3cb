//! Identity providers: the replaceable part of sign-in.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use maud::{Markup, html};

use super::admin_emails::AdminEmails;
use super::csp_sources::CspSources;
use super::directory::{SyncReport, UserDirectory};
use super::identity::{AuthError, Identity, Profile};
use super::key_value::KeyValueStore;
use super::routes::{RouteInfo, Routes};
use crate::config::{Config, Setting};
use crate::error::{Error, Result};
use crate::store::Store;

/// Identity provider, which identifies callers. Implemented by `portal-clerk` or by the application
/// itself.
///
/// A provider only vouches for an identity. The portal manages the local user, the user's role and
/// the state of the session.
///
/// [`Identity::session_id`] identifies one sign-in of one user: it is different for each user and
/// each sign-in. After a sign-out, the portal permanently rejects it, so an id derived from the
/// user alone would lock the user out. A session id that is already stored for another user is
/// rejected and logged as an error.
///
/// ```
/// use axum::http::request::Parts;
/// use portal_core::auth::{AuthError, AuthProvider, CredentialSource, Identity, Profile};
///
/// /// Trusts headers of a proxy in front of the portal: the user, and the session that the
/// /// proxy starts at each sign-in.
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
    /// Identifies the caller; `None` if the credential is missing or invalid.
    ///
    /// # Errors
    ///
    /// [`AuthError`] if the provider cannot decide, for example while it is unavailable.
    fn authenticate(
        &self,
        parts: &Parts,
    ) -> impl Future<Output = Result<Option<Identity>, AuthError>> + Send;

    /// Returns the provider's record of a user; `None` if no record has this id.
    ///
    /// # Errors
    ///
    /// [`AuthError`] if the record cannot be read.
    fn profile(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Option<Profile>, AuthError>> + Send;

    /// Returns `true` if [`profile`](Self::profile) is cheap enough to call for each new session.
    /// Default: `false`.
    ///
    /// If `false`, the portal calls `profile` only for a user's first session.
    fn refreshes_profile(&self) -> bool {
        false
    }

    /// Returns the environment variables that configure the provider.
    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    /// Reads the provider's settings and returns all problems with them, each as one line.
    fn configure(&mut self, config: &Config) -> Vec<String> {
        let _ = config;
        Vec::new()
    }

    /// Initializes the provider before the first request, when the database is already available.
    ///
    /// # Errors
    ///
    /// An error prevents the portal from starting.
    fn init(&mut self, context: &ProviderContext) -> impl Future<Output = Result<()>> + Send {
        let _ = context;
        ready(Ok(()))
    }

    /// Returns the provider's own routes, such as the target of its sign-in form.
    fn routes(&self) -> Routes {
        Routes::new()
    }

    /// Lists the provider's own routes; the portal may call it before [`init`](Self::init).
    fn list_routes(&self) -> Vec<RouteInfo> {
        self.routes().list()
    }

    /// Renders the content of the sign-in and sign-up pages.
    fn render_sign_in(&self, page: &SignInPage<'_>) -> Markup {
        let _ = page;
        html! { p { "Sign-in is handled before requests reach this portal." } }
    }

    /// Returns `true` if visitors can create an account. Default: `false`.
    ///
    /// The sign-in page then links to the sign-up page.
    fn offers_sign_up(&self) -> bool {
        false
    }

    /// Returns the external sources from which the provider's markup loads content.
    ///
    /// The `Content-Security-Policy` of every page allows them. Called once, after
    /// [`init`](Self::init).
    fn csp_sources(&self) -> CspSources {
        CspSources::default()
    }

    /// Returns `Set-Cookie` values that remove the session from the browser.
    fn clear_session_cookies(&self) -> Vec<HeaderValue> {
        Vec::new()
    }

    /// Returns `true` if the provider handles this request for a page. Default: `false`.
    ///
    /// The portal then calls [`handle_navigation`](Self::handle_navigation).
    fn handles_navigation(&self, parts: &Parts) -> bool {
        let _ = parts;
        false
    }

    /// Processes a request for a page before anything else does.
    ///
    /// Called if [`handles_navigation`](Self::handles_navigation) returned `true`.
    ///
    /// The provider may respond itself, for example with a redirect that renews the session, or
    /// replace the `Cookie` header of the request and set cookies in the browser.
    fn handle_navigation(
        &self,
        parts: &mut Parts,
    ) -> impl Future<Output = NavigationOutcome> + Send {
        let _ = parts;
        ready(NavigationOutcome::default())
    }

    /// Returns the provider's additions to a page, such as a script that keeps the session alive.
    fn augment_page(&self, page: &RenderedPage<'_>) -> Option<PageAdditions> {
        let _ = page;
        None
    }

    /// Synchronizes the portal's users with the provider, for `users sync` on the command line.
    ///
    /// # Errors
    ///
    /// The default implementation always fails: it is for providers without a user list.
    fn sync_users(
        &self,
        directory: &UserDirectory,
    ) -> impl Future<Output = Result<SyncReport>> + Send {
        let _ = directory;
        ready(Err(Error::internal(
            "the identity provider of this portal has no list of users to synchronize",
        )))
    }

    /// Returns the session to revoke for a request whose credential is no longer accepted.
    ///
    /// The session's token may have expired long ago, but it must have been issued by the provider.
    fn session_to_revoke(&self, parts: &Parts) -> impl Future<Output = Option<Identity>> + Send {
        let _ = parts;
        ready(None)
    }

    /// Called after a user has signed out of a session; the provider may end the session too.
    fn on_sign_out(&self, session_id: &str) -> impl Future<Output = ()> + Send {
        let _ = session_id;
        ready(())
    }
}

/// A page that is about to be sent, as passed to a provider.
///
/// ```
/// use portal_core::auth::RenderedPage;
///
/// let mut page = RenderedPage::default();
/// page.has_provider_markup = true;
/// assert!(!page.signed_in);
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct RenderedPage<'a> {
    /// `true` if the page contains the provider's markup, as declared by the page's components.
    ///
    /// See [`Requirement::provider_markup`](crate::pages::Requirement::provider_markup).
    pub has_provider_markup: bool,
    /// `true` if the page is rendered for a signed-in user.
    pub signed_in: bool,
    /// Prefix of every path of the portal: empty, or a path such as `/portal`.
    pub base_path: &'a str,
}

/// A provider's additions to a page.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PageAdditions {
    /// Markup appended to the head of the document.
    pub head: Markup,
    /// `true` if this page must allow `style` elements and attributes.
    pub inline_styles: bool,
}

/// Result of [`AuthProvider::handle_navigation`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct NavigationOutcome {
    /// The response, if the provider responds itself.
    pub response: Option<Response>,
    /// `Set-Cookie` values for the response, regardless of whether the provider or the portal
    /// creates it.
    pub cookies: Vec<HeaderValue>,
}

/// Resources for initializing a provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProviderContext {
    /// The portal's configuration.
    pub config: Arc<Config>,
    /// Persistent values, shared by all replicas.
    pub key_values: KeyValueStore,
    /// The portal's users and sessions, for applying events from the provider.
    pub directory: UserDirectory,
}

impl ProviderContext {
    /// Creates the context from a configuration and a database, for testing a provider.
    #[must_use]
    pub fn new(config: Arc<Config>, store: Store) -> Self {
        let admin_emails = AdminEmails::new(&config.admin_emails);
        Self {
            config,
            key_values: KeyValueStore::new(store.clone()),
            directory: UserDirectory::new(store, admin_emails),
        }
    }
}

/// Context of a sign-in or sign-up page, as passed to a provider.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SignInPage<'a> {
    /// `true` if this is the sign-up page.
    pub sign_up: bool,
    /// Path to redirect to after sign-in; it has been verified to be within this site.
    pub return_to: &'a str,
    /// Prefix of every path of the portal: empty, or a path such as `/portal`.
    pub base_path: &'a str,
    /// Query of the page. A provider that rejects a submitted form can redirect back with the
    /// submitted values in the query.
    pub query: &'a str,
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<'a> SignInPage<'a> {
    /// Creates a sign-in page that redirects to a path after sign-in, for a portal that is not
    /// nested.
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
    fn start<'a>(&'a mut self, context: &'a ProviderContext) -> BoxFuture<'a, Result<()>>;
    fn configure(&mut self, config: &Config) -> Vec<String>;
    fn refreshes_profile(&self) -> bool;
    fn settings(&self) -> &'static [Setting];
    fn routes(&self) -> Routes;
    fn list_routes(&self) -> Vec<RouteInfo>;
    fn sign_in(&self, page: &SignInPage<'_>) -> Markup;
    fn offers_sign_up(&self) -> bool;
    fn csp_sources(&self) -> CspSources;
    fn forget(&self) -> Vec<HeaderValue>;
    fn wants_navigation(&self, parts: &Parts) -> bool;
    fn navigate<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, NavigationOutcome>;
    fn on_page(&self, page: &RenderedPage<'_>) -> Option<PageAdditions>;
    fn sync<'a>(&'a self, directory: &'a UserDirectory) -> BoxFuture<'a, Result<SyncReport>>;
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

    fn start<'a>(&'a mut self, context: &'a ProviderContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(AuthProvider::init(self, context))
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

    fn list_routes(&self) -> Vec<RouteInfo> {
        AuthProvider::list_routes(self)
    }

    fn sign_in(&self, page: &SignInPage<'_>) -> Markup {
        AuthProvider::render_sign_in(self, page)
    }

    fn offers_sign_up(&self) -> bool {
        AuthProvider::offers_sign_up(self)
    }

    fn csp_sources(&self) -> CspSources {
        AuthProvider::csp_sources(self)
    }

    fn forget(&self) -> Vec<HeaderValue> {
        AuthProvider::clear_session_cookies(self)
    }

    fn wants_navigation(&self, parts: &Parts) -> bool {
        AuthProvider::handles_navigation(self, parts)
    }

    fn navigate<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, NavigationOutcome> {
        Box::pin(AuthProvider::handle_navigation(self, parts))
    }

    fn on_page(&self, page: &RenderedPage<'_>) -> Option<PageAdditions> {
        AuthProvider::augment_page(self, page)
    }

    fn sync<'a>(&'a self, directory: &'a UserDirectory) -> BoxFuture<'a, Result<SyncReport>> {
        Box::pin(AuthProvider::sync_users(self, directory))
    }

    fn session_to_end<'a>(&'a self, parts: &'a Parts) -> BoxFuture<'a, Option<Identity>> {
        Box::pin(AuthProvider::session_to_revoke(self, parts))
    }

    fn signed_out<'a>(&'a self, session_id: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(AuthProvider::on_sign_out(self, session_id))
    }
}

/// Provider that is used if none is configured: everyone is a guest.
pub(crate) struct NoProvider;

impl AuthProvider for NoProvider {
    async fn authenticate(&self, _: &Parts) -> Result<Option<Identity>, AuthError> {
        Ok(None)
    }

    async fn profile(&self, _: &str) -> Result<Option<Profile>, AuthError> {
        Ok(None)
    }

    fn render_sign_in(&self, _: &SignInPage<'_>) -> Markup {
        html! { p { "This portal has no sign-in: no identity provider is configured." } }
    }
}
