//! Sign-in with a real Clerk instance.

use std::sync::Arc;

use maud::{Markup, html};
use portal_core::auth::{AuthError, AuthSetup, Profile, Routes, SignIn};
use portal_core::pages::components::Button;
use portal_core::{Access, Error, Result};
use url::Url;

use crate::backend::BackendApi;
use crate::components;
use crate::config::ClerkConfig;
use crate::hosted::{self, Hosted};
use crate::jwks::KeyCache;
use crate::session::CookieNames;
use crate::token::Rules;
use crate::verifier::Verifier;
use crate::webhook;

pub(crate) struct Clerk {
    pub(crate) verifier: Verifier,
    pub(crate) hosted: Hosted,
    pub(crate) backend: BackendApi,
    webhooks: Option<Arc<webhook::Receiver>>,
    account_portal: String,
    public_url: String,
}

impl Clerk {
    pub(crate) fn new(clerk: ClerkConfig, setup: &AuthSetup, backend: &BackendApi) -> Result<Self> {
        let hosted = Hosted::new(&clerk);
        let keys = match clerk.jwt_key {
            Some(key) => KeyCache::fixed(None, key),
            None => KeyCache::remote(
                format!("{}/.well-known/jwks.json", clerk.frontend_api),
                clerk.https_only,
            )
            .map_err(Error::internal)?,
        };
        let suffix = clerk.publishable_key.cookie_suffix();
        let host = clerk.publishable_key.account_portal();
        // A host that is not named in Clerk's way serves its own pages, like the double of tests.
        let account_portal = match host == clerk.publishable_key.host {
            true => clerk.frontend_api.clone(),
            false => format!("https://{host}"),
        };
        let rules = Rules {
            issuer: clerk.frontend_api,
            authorized_parties: clerk.authorized_parties,
        };
        backend
            .connect(&clerk.backend_api, clerk.secret_key, clerk.https_only)
            .map_err(Error::internal)?;
        let webhooks = clerk.webhook_secrets.map(|secrets| {
            let receiver = webhook::Receiver::new(secrets, setup.directory.clone());
            Arc::new(receiver)
        });
        if webhooks.is_none() {
            tracing::warn!(
                "without CLERK_WEBHOOK_SIGNING_SECRET the portal does not hear of deleted and banned users, \
                 nor of sessions that end at Clerk"
            );
        }
        Ok(Self {
            verifier: Verifier::new(keys, rules, CookieNames::new(Some(&suffix))),
            hosted,
            backend: backend.clone(),
            webhooks,
            account_portal,
            public_url: setup.config.public_url.clone(),
        })
    }

    pub(crate) async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        self.backend.profile(subject).await
    }

    /// Ends a session at Clerk behind the scenes: nobody waits for Clerk to sign out here.
    pub(crate) fn revoke(&self, session_id: &str) {
        let (backend, session_id) = (self.backend.clone(), session_id.to_owned());
        tokio::spawn(async move {
            if let Err(error) = backend.revoke_session(&session_id).await {
                tracing::warn!(session_id, %error, "a session that was signed out of here goes on at Clerk");
            }
        });
    }

    pub(crate) fn routes(&self) -> Routes {
        let webhooks = self.webhooks.clone();
        let webhooks = webhooks.map(webhook::routes).unwrap_or_default();
        webhooks.get(hosted::LOADER_PATH, Access::Public, hosted::loader)
    }

    /// Clerk's own part; until its script has come, a link to the pages that Clerk hosts.
    pub(crate) fn sign_in(&self, page: &SignIn<'_>) -> Markup {
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
                Ok(target) => (Button::new(label).solid().wide().href(target)),
                Err(_) => p { "The address of the sign-in page is not known." },
            }
        };
        match page.sign_up {
            false => components::sign_in(page.return_to, fallback),
            true => components::sign_up(page.return_to, fallback),
        }
    }
}
