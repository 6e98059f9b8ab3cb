//! Accounts: users' profiles and sessions at the identity provider.

use std::sync::Arc;

use uuid::Uuid;

use super::client_tokens::ClientTokens;
use super::identity::Profile;
use super::service::Auth;
use super::sessions::OpenSession;
use super::user::User;
use crate::error::Result;

/// User accounts at the identity provider. Extract it with `Data<Accounts>`.
///
/// Each call may send a request to the provider; authorization never does.
///
/// ```
/// use portal_core::auth::Accounts;
/// use portal_core::prelude::*;
///
/// /// Your plan
/// #[page("/plan", requires_auth)]
/// async fn plan(user: CurrentUser, accounts: Data<Accounts>) -> Result<Markup> {
///     let profile = accounts.profile_of(&user).await?;
///     Ok(html! { p { (profile.public_metadata["plan"].as_str().unwrap_or("free")) } })
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Accounts {
    auth: Arc<Auth>,
    tokens: ClientTokens,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accounts")
    }
}

impl Accounts {
    pub(crate) fn new(auth: Arc<Auth>, tokens: ClientTokens) -> Self {
        Self { auth, tokens }
    }

    /// Returns the provider's record of a user, with its metadata.
    ///
    /// Only servers write `public_metadata` and `private_metadata`; private metadata must not reach
    /// browsers. Neither contains roles or permissions, which are managed by the portal.
    ///
    /// # Errors
    ///
    /// `404` if the provider no longer has a record of the user, `503` while it is unavailable.
    pub async fn profile_of(&self, user: &User) -> Result<Profile> {
        self.auth.profile(&user.subject).await
    }

    /// Returns a user's active sessions, newest first: only those first seen in the last 30 days or
    /// whose credential has not expired.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<OpenSession>> {
        self.auth.sessions_of(user_id).await
    }

    /// Signs a user out everywhere, including at the provider, except in the session `keep`.
    ///
    /// Also revokes all of the user's client tokens. Returns the number of sessions ended, counting
    /// only those listed by [`sessions_of`](Self::sessions_of).
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    ///
    /// ```
    /// use portal_core::auth::Accounts;
    /// use portal_core::prelude::*;
    ///
    /// async fn sign_out_others(user: CurrentUser, accounts: Data<Accounts>) -> Result<usize> {
    ///     user.require_not_impersonated()?;
    ///     accounts.end_other_sessions(user.id, user.session_id()).await
    /// }
    /// ```
    pub async fn end_other_sessions(&self, user_id: Uuid, keep: &str) -> Result<usize> {
        self.tokens.revoke_all(user_id).await?;
        self.auth.end_other_sessions(user_id, keep).await
    }
}
