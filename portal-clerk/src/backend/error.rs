//! Why a call of the Backend API has failed.

use std::time::Duration;

use portal_core::Error;
use portal_core::auth::AuthError;

/// Why a call of Clerk's Backend API has failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The portal has not been started, or does not use Clerk.
    #[error("Clerk's Backend API is not set up: the portal has not started, or has no Clerk keys")]
    NotConfigured,
    /// An id that is none of Clerk's; nothing was sent.
    #[error("this is not an id of Clerk's: {0:?}")]
    InvalidId(String),
    /// Clerk has answered with an error.
    #[error("Clerk answers {status} {code}: {message} ({})", trace_id.as_deref().unwrap_or("no trace"))]
    Refused {
        /// Status of the answer.
        status: u16,
        /// Clerk's word for it, such as `resource_not_found`.
        code: String,
        /// Clerk's explanation.
        message: String,
        /// By which Clerk's support finds the call.
        trace_id: Option<String>,
        /// After which time Clerk wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// Clerk cannot be reached, or breaks off.
    #[error("Clerk cannot be reached: {0}")]
    Unreachable(String),
    /// The answer is not what it should be.
    #[error("Clerk answers with something else: {0}")]
    Unexpected(String),
}

impl BackendError {
    /// Whether Clerk has nothing of this id.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the same call may well succeed a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether Clerk does not take the secret key.
    fn is_key_refused(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 401 | 403,
                ..
            }
        )
    }
}

impl From<BackendError> for AuthError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Unreachable(_) => Self::Unavailable(error.to_string()),
            error @ BackendError::Refused { .. } if !error.is_key_refused() => {
                Self::Unavailable(error.to_string())
            }
            error => Error::from(error).into(),
        }
    }
}

impl From<BackendError> for Error {
    fn from(error: BackendError) -> Self {
        if error.is_passing() {
            return Self::unavailable("Clerk cannot be asked at the moment; try again shortly")
                .with_cause(error);
        }
        if error.is_key_refused() {
            return Self::internal(format!("{error}: is CLERK_SECRET_KEY of this instance?"));
        }
        Self::internal(error)
    }
}
