//! Sign-in with a real Clerk instance.

use maud::{Markup, html};
use portal_core::auth::{AuthError, Profile, SignIn};
use portal_core::config::Config;
use portal_core::pages::components::Button;
use portal_core::{Error, Result};
use url::Url;

use crate::backend::Backend;
use crate::config::{ClerkConfig, KeyKind};
use crate::cookies::CookieNames;
use crate::handshake::{Handshake, Payloads};
use crate::jwks::KeyCache;
use crate::token::Rules;
use crate::users;
use crate::verifier::Verifier;

pub(crate) struct Clerk {
    pub(crate) verifier: Verifier,
    pub(crate) handshake: Handshake,
    backend: Backend,
    account_portal: String,
    public_url: String,
}

impl Clerk {
    pub(crate) fn new(clerk: ClerkConfig, config: &Config) -> Result<Self> {
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
            public_url: config.public_url.clone(),
            base_path: config.base_path.clone(),
            development,
            payloads: Payloads::new(
                &clerk.backend_api,
                clerk.secret_key.clone(),
                clerk.https_only,
            )?,
        };
        let rules = Rules {
            issuer: clerk.frontend_api,
            authorized_parties: clerk.authorized_parties,
        };
        Ok(Self {
            verifier: Verifier::new(keys, rules, names),
            handshake,
            backend: Backend::new(clerk.backend_api, clerk.secret_key, clerk.https_only)
                .map_err(Error::internal)?,
            account_portal,
            public_url: config.public_url.clone(),
        })
    }

    pub(crate) async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        Ok(self.backend.user(subject).await?.map(users::profile))
    }

    /// A link to the pages on which Clerk signs people in.
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
        html! {
            @match target {
                Ok(target) => (Button::new(label).solid().wide().href(target)),
                Err(_) => p { "The address of the sign-in page is not known." },
            }
        }
    }
}
