//! What the identity provider has of a user, for the application.

use std::sync::Arc;

use uuid::Uuid;

use super::client_tokens::ClientTokens;
use super::identity::Profile;
use super::service::Auth;
use super::sessions::OpenSession;
use super::user::User;
use crate::error::Result;

/// What the identity provider keeps of users: an extractor through `Data<Accounts>`.
///
/// Each call may be a request to the provider; the rights of a user never need one.
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

    /// The provider's record of a user, with the metadata that it keeps of him: `404` if it has
    /// none any more, `503` while it is away.
    ///
    /// `public_metadata` and `private_metadata` are written by servers only; private metadata must
    /// not reach browsers. Roles and permissions are the portal's own and are in neither.
    pub async fn profile_of(&self, user: &User) -> Result<Profile> {
        self.auth.profile(&user.clerk_id).await
    }

    /// The sessions of a user that go on, newest first: those of the last month.
    pub async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<OpenSession>> {
        self.auth.sessions_of(user_id).await
    }

    /// Signs a user out everywhere but in the session `keep`, at the provider too, and revokes all
    /// client tokens of the user. Returns the number of ended sessions of
    /// [`sessions_of`](Self::sessions_of).
    ///
    /// ```
    /// use portal_core::auth::Accounts;
    /// use portal_core::prelude::*;
    ///
    /// async fn sign_out_others(user: CurrentUser, accounts: Data<Accounts>) -> Result<usize> {
    ///     user.acts_himself()?;
    ///     accounts.end_other_sessions(user.id, user.session_id()).await
    /// }
    /// ```
    pub async fn end_other_sessions(&self, user_id: Uuid, keep: &str) -> Result<usize> {
        self.tokens.delete_all(user_id).await?;
        self.auth.end_other_sessions(user_id, keep).await
    }
}
