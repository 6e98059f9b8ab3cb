//! Sign-in with a Clerk instance.

use std::sync::Arc;

use maud::{Markup, html};
use portal_core::auth::{AuthError, Profile, ProviderContext, RouteInfo, Routes, SignInPage};
use portal_core::pages::components::Button;
use portal_core::{Error, Result};
use url::Url;

use crate::backend::BackendApi;
use crate::clerk_js::{self, ClerkJs};
use crate::components;
use crate::config::{ClerkConfig, KeyKind};
use crate::cookies::CookieNames;
use crate::handshake::{Handshake, PayloadFetcher};
use crate::jwks::KeyCache;
use crate::log_rate::LogRate;
use crate::revoke::Revocations;
use crate::token::VerificationRules;
use crate::verifier::Verifier;
use crate::webhook;

pub(crate) struct Clerk {
    pub(crate) verifier: Verifier,
    pub(crate) handshake: Handshake,
    pub(crate) hosted: ClerkJs,
    pub(crate) backend: BackendApi,
    pub(crate) revocations: Revocations,
    webhooks: Option<Arc<webhook::WebhookReceiver>>,
    account_portal: String,
    public_url: String,
}

/// Returns the routes for an instance; they are known before the portal starts.
pub(crate) fn list_routes(clerk: &ClerkConfig) -> Vec<RouteInfo> {
    let mut routes = clerk_js::routes().list();
    if clerk.webhook_secrets.is_some() {
        routes.extend(webhook::routes().list());
    }
    routes
}

impl Clerk {
    pub(crate) fn new(
        clerk: ClerkConfig,
        setup: &ProviderContext,
        backend: &BackendApi,
    ) -> Result<Self> {
        let hosted = ClerkJs::new(&clerk);
        let account_portal = clerk.account_portal();
        let keys = match clerk.jwt_key {
            Some(key) => KeyCache::fixed(None, key),
            None => KeyCache::remote(
                format!("{}/.well-known/jwks.json", clerk.frontend_api),
                clerk.https_only,
            )
            .map_err(Error::internal)?,
        };
        let development = clerk.publishable_key.kind == KeyKind::Test;
        let names = CookieNames::of_instance(&clerk.publishable_key.cookie_suffix(), development);
        let endpoint = format!("{}/v1/client/handshake", clerk.frontend_api);
        let handshake = Handshake {
            endpoint: Url::parse(&endpoint).map_err(Error::internal)?,
            public_url: setup.config.public_url.clone(),
            base_path: setup.config.base_path.clone(),
            development,
            payloads: PayloadFetcher::new(backend.clone()),
            ignored: LogRate::default(),
        };
        let rules = VerificationRules {
            issuer: clerk.frontend_api,
            authorized_parties: clerk.authorized_parties,
        };
        backend
            .connect(&clerk.backend_api, clerk.secret_key, clerk.https_only)
            .map_err(Error::internal)?;
        let webhooks = clerk.webhook_secrets.map(|secrets| {
            let receiver = webhook::WebhookReceiver::new(secrets, setup.directory.clone());
            Arc::new(receiver)
        });
        if webhooks.is_none() {
            tracing::warn!(
                "CLERK_WEBHOOK_SIGNING_SECRET is not set; the portal is not notified of deleted and banned users \
                or of sessions that end at Clerk"
            );
        }
        Ok(Self {
            verifier: Verifier::new(keys, rules, names),
            handshake,
            hosted,
            backend: backend.clone(),
            revocations: Revocations::new(backend.clone()),
            webhooks,
            account_portal,
            public_url: setup.config.public_url.clone(),
        })
    }

    pub(crate) async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        self.backend.profile(subject).await
    }

    pub(crate) fn routes(&self) -> Routes {
        let webhooks = self.webhooks.clone();
        let webhooks = webhooks.map(|receiver| webhook::routes().with_state(receiver));
        clerk_js::routes().merge(webhooks.unwrap_or_default())
    }

    /// Renders Clerk's component, with a link to Clerk's hosted pages until the script has loaded.
    pub(crate) fn sign_in(&self, page: &SignInPage<'_>) -> Markup {
        let (path, label) = match page.sign_up {
            false => ("sign-in", "Sign in"),
            true => ("sign-up", "Create an account"),
        };
        let return_to = format!("{}{}", self.public_url, page.return_to);
        let target = Url::parse_with_params(
            &format!("{}/{path}", self.account_portal),
            [("redirect_url", return_to)],
        );
        let fallback = html! {
            @match target {
                Ok(target) => (Button::new(label).solid().wide().href(target.as_str())),
                Err(_) => p { "The sign-in page is unavailable because its URL is invalid." },
            }
        };
        match page.sign_up {
            false => components::sign_in(page.return_to, fallback),
            true => components::sign_up(page.return_to, fallback),
        }
    }
}
