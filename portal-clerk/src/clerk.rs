//! Sign-in with a real Clerk instance.

use maud::{Markup, html};
use portal_core::auth::{AuthError, Profile, SignIn};
use portal_core::config::Config;
use portal_core::pages::components::Button;
use portal_core::{Error, Result};
use url::Url;

use crate::backend::Backend;
use crate::components;
use crate::config::ClerkConfig;
use crate::hosted::Hosted;
use crate::jwks::KeyCache;
use crate::session::CookieNames;
use crate::token::Rules;
use crate::users;
use crate::verifier::Verifier;

pub(crate) struct Clerk {
    pub(crate) verifier: Verifier,
    pub(crate) hosted: Hosted,
    backend: Backend,
    account_portal: String,
    public_url: String,
}

impl Clerk {
    pub(crate) fn new(clerk: ClerkConfig, config: &Config) -> Result<Self> {
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
        Ok(Self {
            verifier: Verifier::new(keys, rules, CookieNames::new(Some(&suffix))),
            hosted,
            backend: Backend::new(clerk.backend_api, clerk.secret_key, clerk.https_only)
                .map_err(Error::internal)?,
            account_portal,
            public_url: config.public_url.clone(),
        })
    }

    pub(crate) async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        Ok(self.backend.user(subject).await?.map(users::profile))
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
