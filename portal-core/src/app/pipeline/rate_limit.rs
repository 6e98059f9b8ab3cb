//! Rate limiting: counts a request against the limits of its network and its user.

use axum::extract::{FromRequestParts as _, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

use super::context::Context;
use crate::auth::{ClientTokens, Guard, RateClass, caller};
use crate::error::Result;
use crate::security::TrustedProxies;

/// Counts a request against the limits of its IP address, then of its user; `429` if either is
/// exceeded.
///
/// Runs before the handler, so that rejected requests are cheap. Authorization is left to the
/// handler: requests without access are counted like all others.
pub(super) async fn check(context: &Context, class: RateClass, parts: &mut Parts) -> Result<()> {
    let limits = &context.services.rate_limits;
    let proxies = context.state().borrow::<TrustedProxies>()?;
    let address = proxies.client(&parts.extensions, &parts.headers);
    limits.check_address(class, address)?;
    if class == RateClass::SignIn {
        return limits.check_user(class, None, address);
    }
    let user = rate_limited_user(context, parts).await;
    limits.check_user(class, user, address)
}

/// Returns the user against whose limit a request counts: the owner of the client token if the
/// route requires one, otherwise the caller.
async fn rate_limited_user(context: &Context, parts: &mut Parts) -> Option<Uuid> {
    let guard = context.route.as_ref().map(|route| &route.guard);
    if let Some(Guard::ClientToken(_)) = guard {
        let token = client_token(parts).await?;
        let tokens = context.state().borrow::<ClientTokens>().ok()?;
        let token = tokens.verify(&token).await;
        return token.ok().map(|token| token.user_id);
    }
    // If the caller cannot be identified, the handler reports it.
    let caller = caller(parts, context.state()).await.ok().flatten();
    caller.map(|user| user.id)
}

/// Returns the client token in the path, decoded as in the handler.
async fn client_token(parts: &mut Parts) -> Option<String> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let named = parameters
        .iter()
        .filter(|(name, _)| *name == "client_token");
    named.last().map(|(_, value)| value.to_owned())
}
