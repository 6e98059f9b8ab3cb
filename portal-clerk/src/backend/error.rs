//! Errors from the Backend API.

use std::time::Duration;

use portal_core::Error;
use portal_core::auth::AuthError;

/// Error from a call to Clerk's Backend API.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The portal has not started or does not use Clerk.
    #[error(
        "Clerk's Backend API is not configured: the portal has not started or has no Clerk keys"
    )]
    NotConfigured,
    /// The id does not have the format of Clerk's ids; no request was sent.
    #[error("invalid Clerk id: {0:?}")]
    InvalidId(String),
    /// Clerk responded with an error.
    #[error("Clerk responded with {status} {code}: {message} ({})", trace_id.as_deref().unwrap_or("no trace id"))]
    Refused {
        /// Status code of the response.
        status: u16,
        /// Clerk's error code, such as `resource_not_found`.
        code: String,
        /// Clerk's error message.
        message: String,
        /// Trace id of the call, for Clerk's support team.
        trace_id: Option<String>,
        /// Delay after which Clerk accepts a retry.
        retry_after: Option<Duration>,
    },
    /// Clerk is unreachable or closed the connection early.
    #[error("Clerk is unreachable: {0}")]
    Unreachable(String),
    /// The response does not have the expected format.
    #[error("unexpected response from Clerk: {0}")]
    Unexpected(String),
}

impl BackendError {
    /// Returns `true` if Clerk has no resource with this id.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Returns `true` if the same call is likely to succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
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

    /// Returns `true` if Clerk rejects the secret key.
    fn is_key_rejected(&self) -> bool {
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
            error @ BackendError::Refused { .. } if !error.is_key_rejected() => {
                Self::Unavailable(error.to_string())
            }
            error => Error::from(error).into(),
        }
    }
}

impl From<BackendError> for Error {
    fn from(error: BackendError) -> Self {
        if error.is_transient() {
            return Self::unavailable("Clerk is unavailable; try again shortly").with_cause(error);
        }
        if error.is_key_rejected() {
            return Self::internal(format!(
                "{error}; check that CLERK_SECRET_KEY belongs to this instance"
            ));
        }
        Self::internal(error)
    }
}
