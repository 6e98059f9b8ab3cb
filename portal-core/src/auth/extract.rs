//! Extractors for the caller of a request.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use super::access::{Access, Denied};
use super::identity::Identity;
use super::service::Auth;
use super::users::User;
use crate::error::Error;
use crate::state::PortalState;

/// The signed-in user.
///
/// As an extractor it rejects guests with `401` and deactivated users with `403`.
/// `Option<CurrentUser>` never rejects: it is `None` for guests and deactivated users.
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
    impersonator: Option<Arc<str>>,
}

impl CurrentUser {
    /// Creates a session's user, with the rights that apply in this session.
    ///
    /// Unless the portal grants more, an impersonator only has the rights of an ordinary user.
    pub(super) fn of(
        identity: &Identity,
        user: User,
        impersonators_have_full_rights: bool,
    ) -> Self {
        let actor = identity.impersonator.as_deref();
        let user = match actor {
            Some(_) if !impersonators_have_full_rights => user.restricted(),
            _ => user,
        };
        Self {
            user: Arc::new(user),
            session_id: identity.session_id.as_str().into(),
            impersonator: actor.map(Arc::from),
        }
    }

    /// Returns `true` if an identity is that of the same user with the same impersonator.
    pub(super) fn is_of(&self, identity: &Identity) -> bool {
        self.user.subject == identity.subject
            && self.impersonator() == identity.impersonator.as_deref()
    }

    /// Returns the impersonator's id at the provider, if the user is being impersonated.
    #[must_use]
    pub fn impersonator(&self) -> Option<&str> {
        self.impersonator.as_deref()
    }

    /// Returns an error if the session is impersonated.
    ///
    /// Call it before actions reserved for the actual user, such as those on settings, credentials
    /// and payments.
    ///
    /// # Errors
    ///
    /// `403 impersonated` if the session is impersonated and the portal does not grant
    /// impersonators full rights.
    pub fn require_not_impersonated(&self) -> Result<(), Error> {
        if self.user.is_restricted() {
            return Err(Denied::Impersonated.into());
        }
        Ok(())
    }

    /// Returns the account, for example for [`Access::check`]: `user.map(CurrentUser::user)`.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Returns the e-mail address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.user.email
    }

    /// Returns the id of the session at the provider.
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

/// The identified caller of a request, stored for the extractors that follow.
#[derive(Clone)]
struct ResolvedCaller(Option<CurrentUser>);

/// Returns the caller, regardless of the state of the account. The caller is identified only once
/// per request.
pub(crate) async fn caller(
    parts: &mut Parts,
    state: &PortalState,
) -> Result<Option<CurrentUser>, Error> {
    if let Some(ResolvedCaller(caller)) = parts.extensions.get() {
        return Ok(caller.clone());
    }
    let caller = state.borrow::<Auth>()?.caller(parts).await?;
    parts.extensions.insert(ResolvedCaller(caller.clone()));
    Ok(caller)
}

/// Returns the caller if they have already been identified and their account is enabled.
pub(crate) fn known_caller(parts: &Parts) -> Option<&CurrentUser> {
    let ResolvedCaller(caller) = parts.extensions.get()?;
    caller.as_ref().filter(|user| user.is_enabled())
}

/// Returns the caller if the rule grants them access, or `None` if the rule is public.
pub(crate) async fn authorize(
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
        authorize(&Access::User, parts, state)
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
            Ok(caller) => Ok(caller.filter(|user| user.is_enabled())),
            Err(error) => {
                tracing::warn!(%error, "failed to identify the caller; treating the request as a guest");
                Ok(None)
            }
        }
    }
}

impl FromRequestParts<PortalState> for AdminUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self, Error> {
        authorize(&Access::Admin, parts, state)
            .await?
            .map(Self)
            .ok_or_else(Error::unauthorized)
    }
}
