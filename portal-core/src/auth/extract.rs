//! Extractors for the caller.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use super::access::Access;
use super::service::Auth;
use super::users::User;
use crate::error::Error;
use crate::state::PortalState;

/// The signed-in user. As an extractor it rejects guests with `401`, deactivated users with `403`.
///
/// `Option<CurrentUser>` never rejects: it is `None` for guests.
///
/// ```
/// use portal_core::prelude::*;
///
/// async fn greet(user: Option<CurrentUser>) -> String {
///     match user {
///         Some(user) => format!("Hello {}", user.full_name()),
///         None => "Hello stranger".to_owned(),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct CurrentUser {
    user: Arc<User>,
    session_id: Arc<str>,
}

impl CurrentUser {
    pub(crate) fn new(user: Arc<User>, session_id: Arc<str>) -> Self {
        Self { user, session_id }
    }

    /// The e-mail address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.user.email
    }

    /// The provider's id of the session.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }
}

impl Deref for CurrentUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

/// A signed-in administrator. As an extractor it rejects everyone else.
#[derive(Debug, Clone)]
pub struct AdminUser(CurrentUser);

impl Deref for AdminUser {
    type Target = CurrentUser;

    fn deref(&self) -> &CurrentUser {
        &self.0
    }
}

/// What was found out about the caller of a request, kept for the extractors that follow.
#[derive(Clone)]
struct Resolved(Option<CurrentUser>);

/// The caller, whatever his account's state; found out once a request.
pub(crate) async fn caller(
    parts: &mut Parts,
    state: &PortalState,
) -> Result<Option<CurrentUser>, Error> {
    if let Some(Resolved(caller)) = parts.extensions.get() {
        return Ok(caller.clone());
    }
    let caller = state.borrow::<Auth>()?.caller(parts).await?;
    parts.extensions.insert(Resolved(caller.clone()));
    Ok(caller)
}

/// The caller if a guard lets him pass.
pub(crate) async fn admit(
    access: &Access,
    parts: &mut Parts,
    state: &PortalState,
) -> Result<Option<CurrentUser>, Error> {
    if *access == Access::Public {
        return Ok(None);
    }
    let caller = caller(parts, state).await?;
    access.check(caller.as_deref())?;
    Ok(caller)
}

impl FromRequestParts<PortalState> for CurrentUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Error> {
        admit(&Access::User, parts, state)
            .await?
            .ok_or_else(Error::unauthorized)
    }
}

impl OptionalFromRequestParts<PortalState> for CurrentUser {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &PortalState,
    ) -> Result<Option<Self>, Infallible> {
        match caller(parts, state).await {
            Ok(caller) => Ok(caller.filter(|user| user.is_allowed_in())),
            Err(error) => {
                tracing::warn!(%error, "the caller could not be found out and counts as a guest");
                Ok(None)
            }
        }
    }
}

impl FromRequestParts<PortalState> for AdminUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Error> {
        admit(&Access::Admin, parts, state)
            .await?
            .map(Self)
            .ok_or_else(Error::unauthorized)
    }
}
