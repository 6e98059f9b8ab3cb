//! What an identity provider says of a caller.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Maximum length of the id of a user, a session or an impersonator, in bytes.
const MAX_ID_LEN: usize = 512;

/// A caller whom the identity provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The provider's id of the user (`sub`).
    pub subject: String,
    /// The provider's id of the session (`sid`): of one sign-in of one user. After a sign-out it is
    /// refused for good, so it must not follow from the user alone.
    pub session_id: String,
    /// When the credential ends.
    pub expires_at: DateTime<Utc>,
    /// Where the credential stood.
    pub source: CredentialSource,
    /// The provider's id of whoever acts in the name of the user, if it is not he himself.
    pub actor: Option<String>,
}

impl Identity {
    /// An identity.
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
            actor: None,
        }
    }

    /// Returns `true` if the ids can be stored and shown: not empty, without control characters
    /// and of bounded length.
    pub(super) fn is_well_formed(&self) -> bool {
        let is_plain = |id: &str| id.len() <= MAX_ID_LEN && !id.chars().any(char::is_control);
        let ids = [self.subject.as_str(), self.session_id.as_str()];
        let actor = self.actor.as_deref();
        ids.iter().all(|id| !id.is_empty() && is_plain(id)) && actor.is_none_or(is_plain)
    }

    /// In the name of the user somebody else acts.
    #[must_use]
    pub fn acted_by(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }
}

/// Where a credential stood in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    /// `Authorization: Bearer`.
    Header,
    /// A cookie, which a browser sends by itself.
    Cookie,
}

/// The provider's record of a user.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Profile {
    /// Primary e-mail address.
    pub email: String,
    /// Whether the provider has verified that the address is the user's.
    pub email_verified: bool,
    /// First name, may be empty.
    pub first_name: String,
    /// Last name, may be empty.
    pub last_name: String,
    /// Picture of the user.
    pub avatar_url: Option<String>,
    /// Whether the provider has banned the user. A lock that anybody can cause by guessing
    /// passwords is none.
    pub banned: bool,
    /// When the provider's record last changed, in milliseconds since 1970; 0 if it does not say.
    pub updated_at: i64,
    /// What the provider keeps of the user for everyone to see.
    pub public_metadata: Value,
    /// What the provider keeps of the user for servers only; never shown to browsers.
    pub private_metadata: Value,
    /// The whole record as the provider has it, for `GET /api/auth/clerk/me`.
    pub record: Value,
}

/// Why a provider could not say who is calling.
///
/// A credential that is merely wrong is no error: the caller is then signed out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The provider cannot be reached, or its keys cannot be loaded.
    #[error("the identity provider is away: {0}")]
    Unavailable(String),
    /// The request contradicts itself, such as two `Authorization` headers.
    #[error("{0}")]
    BadRequest(&'static str),
    /// Something of ours failed.
    #[error(transparent)]
    Internal(#[from] crate::error::Error),
}

impl From<AuthError> for crate::error::Error {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unavailable(_) => {
                Self::unavailable("sign-in cannot be checked at the moment; try again shortly")
                    .with_cause(error)
            }
            AuthError::BadRequest(detail) => Self::bad_request(detail),
            AuthError::Internal(error) => error,
        }
    }
}
