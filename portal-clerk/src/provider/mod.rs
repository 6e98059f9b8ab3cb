//! The identity provider: Clerk, or the development identity provider.

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

use crate::backend::BackendApi;
use crate::claims::Claims;
use crate::clerk::{self, Clerk};
use crate::config::{self, ProviderConfig};
#[cfg(feature = "dev-identity")]
use crate::dev;
use crate::handshake::Resolved;
use crate::verifier::{self, TimePoint, VerifiedSession, Verifier};
use crate::{cookies, sync};

/// Sign-in with Clerk, or with the development identity provider if no keys are set.
#[derive(Default)]
pub struct ClerkAuth {
    mode: Mode,
    /// Routes required by the settings.
    declared: Vec<RouteInfo>,
    backend: BackendApi,
}

#[derive(Default)]
enum Mode {
    /// The portal has not started; every caller is a guest.
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

    /// Returns the verified claims of a request's session, including those that [`Identity`] does
    /// not contain.
    ///
    /// # Errors
    ///
    /// Fails if the session cannot be verified because no keys are available or the request has
    /// several `Authorization` headers. An invalid or missing token is not an error: the result is
    /// `None`.
    pub async fn claims(&self, parts: &Parts) -> Result<Option<Arc<Claims>>, AuthError> {
        let session = self.session(parts).await?;
        Ok(session.map(|(claims, _)| claims))
    }

    /// Returns Clerk's Backend API for the application's handlers.
    ///
    /// Pass it to the builder with `.data(..)`. It can be used once the portal has started.
    #[must_use]
    pub fn backend(&self) -> BackendApi {
        self.backend.clone()
    }

    /// Returns a request's session. If a browser is opening a page, the session has already been
    /// resolved.
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

    async fn init(&mut self, context: &ProviderContext) -> Result<()> {
        let (plan, problems) = config::read(&context.config);
        self.mode = match plan {
            Some(ProviderConfig::Clerk(clerk)) => {
                let clerk = Clerk::new(*clerk, context, &self.backend)?;
                // With this prefetch, the first request finds the keys in the cache or only waits
                // for the fetch to finish.
                clerk.verifier.keys.prefetch(TimePoint::now().instant);
                Mode::Clerk(Box::new(clerk))
            }
            #[cfg(feature = "dev-identity")]
            Some(ProviderConfig::Development) => {
                tracing::warn!("development sign-in is enabled; anyone can sign in as any user");
                Mode::Development(Arc::new(dev::DevProvider::start(context).await?))
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
mod tests;
