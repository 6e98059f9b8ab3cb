//! Sign-in for Portal: verifies session tokens of Clerk or of the development identity provider.
//!
//! The latter runs on a developer's machine and speaks the same protocol.
//!
//! ```
//! use portal_clerk::ClerkAuth;
//! use portal_core::AuthProvider;
//!
//! let auth = ClerkAuth::new();
//! assert!(auth.settings().iter().any(|setting| setting.name == "CLERK_SECRET_KEY"));
//! ```
//!
//! Pass the value to the portal's builder. With both of Clerk's keys in the environment it uses
//! Clerk; with neither, in `DEV`, the development identity provider. The variables are documented
//! at [`AuthProvider::settings`].
//!
//! The development identity provider lets anyone sign in as any user. It requires all of: the
//! feature `dev-identity`, `APP_ENV=DEV`, a loopback address in `HOST`, a `PUBLIC_URL` of this
//! machine over `http://`, no `TRUSTED_PROXIES`, no Clerk keys, and in each request to it a
//! loopback name in the `Host` header and no proxy headers. It signs with a key that is generated
//! per database, so its tokens are not valid anywhere else.

mod auth_state;
mod backend;
mod claims;
mod clerk;
mod clerk_js;
pub mod components;
mod config;
mod cookies;
mod credential;
#[cfg(feature = "dev-identity")]
mod dev;
#[cfg(any(test, feature = "testing"))]
mod fake;
#[cfg(test)]
mod fuzz;
mod handshake;
mod http;
mod jwks;
mod log_rate;
mod query;
mod revoke;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token;
mod token_cache;
mod user_record;
mod verifier;
mod webhook;

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use maud::{Markup, html};
use portal_core::auth::{
    AuthError, AuthProvider, CspSources, Identity, NavigationOutcome, PageAdditions, Profile,
    ProviderContext, RenderedPage, RouteInfo, Routes, SignInPage, SyncReport, UserDirectory,
};
use portal_core::config::{Config, Setting};
use portal_core::{Error, Result};

pub use backend::{BackendApi, BackendError, ClerkSession, ClerkUser, MetadataChange, UserQuery};
pub use claims::{Claims, Organization};

use clerk::Clerk;
use config::ProviderConfig;
use handshake::Resolved;
use verifier::{TimePoint, VerifiedSession, Verifier};

/// Sign-in with Clerk, or with the development identity provider if no keys are set.
#[derive(Default)]
pub struct ClerkAuth {
    mode: Mode,
    /// Routes that the settings require.
    declared: Vec<RouteInfo>,
    backend: BackendApi,
}

#[derive(Default)]
enum Mode {
    /// Not started; every caller is a guest.
    #[default]
    Off,
    Clerk(Box<Clerk>),
    #[cfg(feature = "dev-identity")]
    Development(Arc<dev::DevProvider>),
}

impl ClerkAuth {
    /// Creates a provider that reads its configuration from the settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the verified claims of a request's session, including those not in [`Identity`].
    ///
    /// # Errors
    ///
    /// Fails if the session cannot be verified, because no keys are available or the request has
    /// several `Authorization` headers. An invalid or missing token is `None`.
    pub async fn claims(&self, parts: &Parts) -> Result<Option<Arc<Claims>>, AuthError> {
        let session = self.session(parts).await?;
        Ok(session.map(|(claims, _)| claims))
    }

    /// Returns Clerk's Backend API for the application's handlers.
    ///
    /// Pass it to the builder with `.data(..)`. It works once the portal has started.
    #[must_use]
    pub fn backend(&self) -> BackendApi {
        self.backend.clone()
    }

    /// Returns the session of a request, which is already resolved if the request opened a page.
    async fn session(&self, parts: &Parts) -> Result<VerifiedSession, AuthError> {
        if let Some(Resolved(found)) = parts.extensions.get() {
            return Ok(found.clone());
        }
        match self.verifier() {
            None => Ok(None),
            Some(verifier) => {
                let query = parts.uri.query();
                verifier
                    .session(&parts.headers, query, TimePoint::now())
                    .await
            }
        }
    }

    fn verifier(&self) -> Option<&Verifier> {
        match &self.mode {
            Mode::Off => None,
            Mode::Clerk(clerk) => Some(&clerk.verifier),
            #[cfg(feature = "dev-identity")]
            Mode::Development(development) => Some(&development.verifier),
        }
    }
}

impl AuthProvider for ClerkAuth {
    async fn authenticate(&self, parts: &Parts) -> Result<Option<Identity>, AuthError> {
        Ok(self.session(parts).await?.map(verifier::identity))
    }

    fn handles_navigation(&self, parts: &Parts) -> bool {
        match &self.mode {
            Mode::Clerk(clerk) => clerk.handshake.handles(&clerk.verifier, parts),
            _ => false,
        }
    }

    async fn handle_navigation(&self, parts: &mut Parts) -> NavigationOutcome {
        match &self.mode {
            Mode::Clerk(clerk) => {
                let now = TimePoint::now();
                clerk.handshake.navigate(&clerk.verifier, parts, now).await
            }
            _ => NavigationOutcome::default(),
        }
    }

    async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        match &self.mode {
            Mode::Off => Ok(None),
            Mode::Clerk(clerk) => clerk.profile(subject).await,
            #[cfg(feature = "dev-identity")]
            Mode::Development(development) => Ok(development.profile(subject).await?),
        }
    }

    fn refreshes_profile(&self) -> bool {
        !matches!(self.mode, Mode::Off | Mode::Clerk(_))
    }

    /// | variable | description |
    /// | --- | --- |
    /// | `NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY` | also read as `CLERK_PUBLISHABLE_KEY` |
    /// | `CLERK_SECRET_KEY` | secret key of the same instance |
    /// | `CLERK_JWT_KEY` | PEM public key, to verify sessions without network access |
    /// | `CLERK_AUTHORIZED_PARTIES` | origins accepted as `azp`, also read as `CLERK_AUTHORIZED_DOMAINS`; default: the origin of `PUBLIC_URL` |
    /// | `CLERK_WEBHOOK_SIGNING_SECRET` | enables `POST /api/webhooks/clerk`; comma-separated during a rotation |
    /// | `CLERK_FRONTEND_API_URL`, `CLERK_BACKEND_API_URL` | override Clerk's hosts; `http://` only in `DEV` |
    /// | `CLERK_IS_SATELLITE` | satellite domains are not supported: with `true`, the portal does not start |
    fn settings(&self) -> &'static [Setting] {
        config::SETTINGS
    }

    fn configure(&mut self, config: &Config) -> Vec<String> {
        let (plan, problems) = config::read(config);
        self.declared = match &plan {
            None => Vec::new(),
            Some(ProviderConfig::Clerk(clerk)) => clerk::list_routes(clerk),
            #[cfg(feature = "dev-identity")]
            Some(ProviderConfig::Development) => dev::routes().list(),
        };
        problems
    }

    async fn init(&mut self, setup: &ProviderContext) -> Result<()> {
        let (plan, problems) = config::read(&setup.config);
        self.mode = match plan {
            Some(ProviderConfig::Clerk(clerk)) => {
                let clerk = Clerk::new(*clerk, setup, &self.backend)?;
                // The first request then finds the keys cached or waits for this fetch.
                clerk.verifier.keys.prefetch(TimePoint::now().instant);
                Mode::Clerk(Box::new(clerk))
            }
            #[cfg(feature = "dev-identity")]
            Some(ProviderConfig::Development) => {
                tracing::warn!("development sign-in is enabled; anyone can sign in as any user");
                Mode::Development(Arc::new(dev::DevProvider::start(setup).await?))
            }
            None => return Err(Error::internal(problems.join("; "))),
        };
        Ok(())
    }

    fn routes(&self) -> Routes {
        match &self.mode {
            Mode::Off => Routes::new(),
            Mode::Clerk(clerk) => clerk.routes(),
            #[cfg(feature = "dev-identity")]
            Mode::Development(development) => dev::routes().with_state(Arc::clone(development)),
        }
    }

    fn list_routes(&self) -> Vec<RouteInfo> {
        self.declared.clone()
    }

    fn render_sign_in(&self, page: &SignInPage<'_>) -> Markup {
        match &self.mode {
            Mode::Off => html! { p { "Sign-in is not available until the portal has started." } },
            Mode::Clerk(clerk) => clerk.sign_in(page),
            #[cfg(feature = "dev-identity")]
            Mode::Development(_) => dev::sign_in(page),
        }
    }

    fn offers_sign_up(&self) -> bool {
        true
    }

    fn csp_sources(&self) -> CspSources {
        match &self.mode {
            Mode::Clerk(clerk) => clerk.hosted.csp_sources(),
            _ => CspSources::default(),
        }
    }

    fn augment_page(&self, page: &RenderedPage<'_>) -> Option<PageAdditions> {
        match &self.mode {
            Mode::Clerk(clerk) => clerk.hosted.on_page(page),
            _ => None,
        }
    }

    async fn sync_users(&self, directory: &UserDirectory) -> Result<SyncReport> {
        match &self.mode {
            Mode::Clerk(clerk) => sync::sync(&clerk.backend, directory).await,
            _ => Err(Error::internal(
                "there are no users to synchronize, because the portal does not use Clerk; set Clerk's keys",
            )),
        }
    }

    async fn session_to_revoke(&self, parts: &Parts) -> Option<Identity> {
        let verifier = self.verifier()?;
        verifier
            .session_to_end(&parts.headers, TimePoint::now())
            .await
    }

    async fn on_sign_out(&self, session_id: &str) {
        if let Mode::Clerk(clerk) = &self.mode {
            clerk.revocations.revoke(session_id);
        }
    }

    fn clear_session_cookies(&self) -> Vec<HeaderValue> {
        let Some(verifier) = self.verifier() else {
            return Vec::new();
        };
        let domain = match &self.mode {
            Mode::Clerk(clerk) => clerk.handshake.shared_domain(),
            _ => None,
        };
        cookies::forget(verifier.names.of_session(), domain)
    }
}

impl std::fmt::Debug for ClerkAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.mode {
            Mode::Off => "ClerkAuth(not started)",
            Mode::Clerk(_) => "ClerkAuth(Clerk)",
            #[cfg(feature = "dev-identity")]
            Mode::Development(_) => "ClerkAuth(development)",
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use portal_core::PortalState;
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{FakeServer, SigningKey, setup};

    const PK: (&str, &str) = (
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
        "pk_test_aGFwcHktb3R0ZXItMTIuY2xlcmsuYWNjb3VudHMuZGV2JA",
    );
    const SK: (&str, &str) = ("CLERK_SECRET_KEY", "sk_test_abc");

    async fn started(directory: &TempDir, pairs: &[(&str, &str)]) -> ClerkAuth {
        let setup = setup(directory, pairs).await;
        let mut auth = ClerkAuth::new();
        assert_eq!(auth.configure(&setup.config), [""; 0]);
        auth.init(&setup).await.unwrap();
        auth
    }

    async fn with_clerk(directory: &TempDir, server: &FakeServer) -> ClerkAuth {
        let frontend = ("CLERK_FRONTEND_API_URL", server.url.as_str());
        let backend = ("CLERK_BACKEND_API_URL", server.url.as_str());
        started(directory, &[("APP_ENV", "DEV"), PK, SK, frontend, backend]).await
    }

    fn request(token: &str) -> Parts {
        let request = Request::builder().header("authorization", format!("Bearer {token}"));
        request.body(()).unwrap().into_parts().0
    }

    fn live_token(issuer: &str) -> String {
        let now = TimePoint::now().unix;
        SigningKey::first().token(
            json!({}),
            json!({"iss": issuer, "azp": "http://localhost:8000", "iat": now, "nbf": now, "exp": now + 60}),
        )
    }

    #[tokio::test]
    async fn clerk_sessions_are_accepted_with_clerk_keys() {
        let directory = TempDir::new().unwrap();
        let server =
            FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
        let auth = with_clerk(&directory, &server).await;
        let good = request(&live_token(&server.url));
        let identity = auth.authenticate(&good).await.unwrap().unwrap();
        assert_eq!(identity.subject, "user_1");
        let claims = auth.claims(&good).await.unwrap().unwrap();
        assert_eq!(claims.session_id, "sess_1");
        let foreign = request(&live_token("https://happy-otter-12.clerk.accounts.dev"));
        assert_eq!(auth.authenticate(&foreign).await.unwrap(), None);
        assert_eq!(server.requests(), ["/.well-known/jwks.json -"]);
        assert!(!auth.refreshes_profile());
    }

    #[tokio::test]
    async fn expired_session_is_renewed_for_pages_only() {
        let directory = TempDir::new().unwrap();
        let server =
            FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
        let auth = with_clerk(&directory, &server).await;
        let now = TimePoint::now().unix;
        let expired = SigningKey::first().token(
            json!({}),
            json!({"iss": server.url, "azp": "http://localhost:8000", "iat": now - 70, "nbf": now - 70, "exp": now - 10}),
        );
        let uat = now - 100;
        let open = |session: &str| {
            let cookies = format!("__session={session}; __client_uat={uat}; __clerk_db_jwt=dvb_1");
            let request = Request::get("/admin/tasks").header("cookie", cookies);
            request.body(()).unwrap().into_parts().0
        };
        let mut parts = open(&expired);
        assert!(auth.handles_navigation(&parts));
        assert_eq!(auth.authenticate(&parts).await.unwrap(), None);
        let response = auth.handle_navigation(&mut parts).await.response.unwrap();
        assert_eq!(response.status(), 307);
        let location = response.headers()["location"].to_str().unwrap();
        let endpoint = format!("{}/v1/client/handshake?", server.url);
        assert!(location.starts_with(&endpoint), "{location}");

        let mut parts = open(&live_token(&server.url));
        assert!(auth.authenticate(&parts).await.unwrap().is_some());
        assert!(auth.handle_navigation(&mut parts).await.response.is_none());
        // The resolved session applies to the rest of the request.
        parts.headers.clear();
        assert!(auth.authenticate(&parts).await.unwrap().is_some());
        // A token in the header does not come from a browser.
        let parts = request(&expired);
        assert!(!auth.handles_navigation(&parts));
        assert!(!ClerkAuth::new().handles_navigation(&open("x")));
    }

    #[tokio::test]
    async fn jwt_key_verifies_without_fetching() {
        let directory = TempDir::new().unwrap();
        let server = FakeServer::start(500, "").await;
        let frontend = ("CLERK_FRONTEND_API_URL", server.url.as_str());
        let pem = SigningKey::first().pem();
        let pairs = [
            ("APP_ENV", "DEV"),
            PK,
            SK,
            frontend,
            ("CLERK_JWT_KEY", &pem),
        ];
        let auth = started(&directory, &pairs).await;
        let good = request(&live_token(&server.url));
        assert!(auth.authenticate(&good).await.unwrap().is_some());
        assert_eq!(server.count(), 0);
    }

    #[tokio::test]
    async fn records_are_read_from_the_backend_api() {
        let directory = TempDir::new().unwrap();
        let server = FakeServer::start(500, "").await;
        let pem = SigningKey::first().pem();
        let backend = ("CLERK_BACKEND_API_URL", server.url.as_str());
        let pairs = [("APP_ENV", "DEV"), PK, SK, backend, ("CLERK_JWT_KEY", &pem)];
        let auth = started(&directory, &pairs).await;
        assert_eq!(auth.profile("user_1/../x").await.unwrap(), None);
        assert_eq!(server.count(), 0);
        assert!(matches!(
            auth.profile("user_1").await,
            Err(AuthError::Unavailable(_))
        ));
        server.respond_with(429, "");
        assert!(matches!(
            auth.profile("user_1").await,
            Err(AuthError::Unavailable(_))
        ));
        server.respond_with(401, "");
        assert!(matches!(
            auth.profile("user_1").await,
            Err(AuthError::Internal(_))
        ));
        server.respond_with(302, "");
        assert!(matches!(
            auth.profile("user_1").await,
            Err(AuthError::Unavailable(_))
        ));
        server.respond_with(404, "");
        assert_eq!(auth.profile("user_1").await.unwrap(), None);
        server.respond_with(200, json!({"id": "user_2"}));
        assert!(matches!(
            auth.profile("user_1").await,
            Err(AuthError::Internal(_))
        ));
        server.respond_with(200, json!({"id": "user_1", "first_name": "Ada"}));
        assert_eq!(
            auth.profile("user_1").await.unwrap().unwrap().first_name,
            "Ada"
        );
        let paths = server.requests();
        assert!(
            paths
                .iter()
                .all(|path| path == "/v1/users/user_1 Bearer sk_test_abc"),
            "{paths:?}"
        );
    }

    #[tokio::test]
    async fn sign_in_links_to_the_pages_of_clerk() {
        let directory = TempDir::new().unwrap();
        let server = FakeServer::start(500, "").await;
        let auth = with_clerk(&directory, &server).await;
        let mut page = SignInPage::new("/admin/tasks?state=a&b=\"");
        let link = |path: &str| {
            format!(
                "href=\"{}/{path}?redirect_url=http%3A%2F%2F127.0.0.1%3A8000%2Fadmin%2Ftasks%3Fstate%3Da%26b%3D%22\"",
                server.url
            )
        };
        let markup = auth.render_sign_in(&page).into_string();
        assert!(markup.contains(&link("sign-in")), "{markup}");
        page.sign_up = true;
        let markup = auth.render_sign_in(&page).into_string();
        assert!(markup.contains(&link("sign-up")), "{markup}");
    }

    #[tokio::test]
    async fn sign_out_clears_every_session_cookie() {
        let directory = TempDir::new().unwrap();
        let server = FakeServer::start(500, "").await;
        let auth = with_clerk(&directory, &server).await;
        assert_eq!(
            auth.clear_session_cookies(),
            [
                "__session=; Path=/; Max-Age=0; SameSite=Lax",
                "__session_1YzQInlU=; Path=/; Max-Age=0; SameSite=Lax",
                "__client_uat=; Path=/; Max-Age=0; SameSite=Lax",
                "__client_uat_1YzQInlU=; Path=/; Max-Age=0; SameSite=Lax",
                "__refresh_1YzQInlU=; Path=/; Max-Age=0; SameSite=Lax",
            ]
        );
    }

    #[tokio::test]
    async fn routes_are_listed_before_the_start() {
        let directory = TempDir::new().unwrap();
        let secret = (
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        );
        let setup = setup(&directory, &[("APP_ENV", "DEV"), PK, SK, secret]).await;
        let mut auth = ClerkAuth::new();
        assert_eq!(auth.configure(&setup.config), [""; 0]);
        let mut before = auth.list_routes();
        auth.init(&setup).await.unwrap();
        let mut after = auth.routes().list();
        for routes in [&mut before, &mut after] {
            routes.sort_by(|one, other| one.path.cmp(&other.path));
        }
        assert_eq!(before, after);
        assert!(
            before
                .iter()
                .any(|route| route.path == "/api/webhooks/clerk")
        );
    }

    #[tokio::test]
    async fn invalid_settings_prevent_the_start() {
        let directory = TempDir::new().unwrap();
        let setup = setup(&directory, &[("APP_ENV", "DEV"), PK]).await;
        let mut auth = ClerkAuth::new();
        assert_eq!(auth.configure(&setup.config).len(), 1);
        assert!(auth.init(&setup).await.is_err());
        assert_eq!(auth.authenticate(&request("x")).await.unwrap(), None);
    }

    #[cfg(feature = "dev-identity")]
    #[tokio::test]
    async fn development_routes_are_missing_with_clerk_keys() {
        use tower::ServiceExt;

        let directory = TempDir::new().unwrap();
        let server = FakeServer::start(500, "").await;
        let auth = with_clerk(&directory, &server).await;
        for path in ["/dev/token", "/dev/sign-in", "/.well-known/jwks.json"] {
            let request = Request::post(path).header("host", "localhost");
            let request = request.body(axum::body::Body::empty()).unwrap();
            let state = PortalState::default();
            let router = auth.routes().into_router(&state).with_state(state);
            assert_eq!(
                router.oneshot(request).await.unwrap().status(),
                404,
                "{path}"
            );
        }
    }
}
