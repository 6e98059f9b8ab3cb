//! Identities: information that an identity provider supplies about a caller.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Maximum length of a user, session or impersonator id, in bytes.
const MAX_ID_LEN: usize = 512;

/// A caller for whom the identity provider vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Id of the user at the provider (`sub`).
    pub subject: String,
    /// Id of the session at the provider (`sid`): one sign-in of one user.
    ///
    /// After a sign-out, the id is permanently rejected, so it must not be derived from the user
    /// alone.
    pub session_id: String,
    /// Time at which the credential expires.
    pub expires_at: DateTime<Utc>,
    /// Location of the credential in the request.
    pub source: CredentialSource,
    /// Impersonator's id at the provider, if the user is being impersonated.
    pub impersonator: Option<String>,
}

impl Identity {
    /// Creates an identity without an impersonator.
    #[must_use]
    pub fn new(
        subject: impl Into<String>,
        session_id: impl Into<String>,
        expires_at: DateTime<Utc>,
        source: CredentialSource,
    ) -> Self {
        Self {
            subject: subject.into(),
            session_id: session_id.into(),
            expires_at,
            source,
            impersonator: None,
        }
    }

    /// Returns `true` if all ids can be stored and displayed.
    ///
    /// They must not be empty, contain control characters or exceed the maximum length.
    pub(super) fn is_well_formed(&self) -> bool {
        let is_plain = |id: &str| id.len() <= MAX_ID_LEN && !id.chars().any(char::is_control);
        let ids = [self.subject.as_str(), self.session_id.as_str()];
        let actor = self.impersonator.as_deref();
        ids.iter().all(|id| !id.is_empty() && is_plain(id)) && actor.is_none_or(is_plain)
    }

    /// Sets the impersonator who acts as the user.
    #[must_use]
    pub fn with_impersonator(mut self, impersonator: impl Into<String>) -> Self {
        self.impersonator = Some(impersonator.into());
        self
    }
}

/// Location of a credential in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    /// `Authorization: Bearer`.
    Header,
    /// A cookie, which browsers send automatically.
    Cookie,
}

/// The provider's record of a user.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Profile {
    /// Primary e-mail address.
    pub email: String,
    /// `true` if the provider has verified the e-mail address.
    pub email_verified: bool,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// URL of the user's avatar.
    pub avatar_url: Option<String>,
    /// `true` if the provider has banned the user.
    ///
    /// An account lock that anyone can trigger by guessing passwords does not count as a ban.
    pub banned: bool,
    /// Time of the last change to the provider's record, in milliseconds since 1970; 0 if unknown.
    pub updated_at: i64,
    /// The user's public metadata at the provider.
    pub public_metadata: Value,
    /// The user's private metadata at the provider, for servers only; never sent to browsers.
    pub private_metadata: Value,
    /// The complete record as returned by the provider, for `GET /api/auth/clerk/me`.
    pub record: Value,
}

/// Reason why a provider could not identify a caller.
///
/// An invalid credential is not an error: the caller is treated as a guest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The provider cannot be reached, or its keys cannot be loaded.
    #[error("the identity provider is unavailable: {0}")]
    Unavailable(String),
    /// The request is contradictory, for example because it has two `Authorization` headers.
    #[error("{0}")]
    BadRequest(&'static str),
    /// An internal error.
    #[error(transparent)]
    Internal(#[from] crate::error::Error),
}

impl From<AuthError> for crate::error::Error {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unavailable(_) => {
                Self::unavailable("the identity provider is unavailable; try again shortly")
                    .with_cause(error)
            }
            AuthError::BadRequest(detail) => Self::bad_request(detail),
            AuthError::Internal(error) => error,
        }
    }
}
