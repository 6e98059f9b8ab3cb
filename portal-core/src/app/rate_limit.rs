//! Rate limiting: classifies requests and picks the key they are counted under.

use std::borrow::Cow;

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::auth::caller;
use crate::error::Result;
use crate::security::{RateClass, RateLimits, TrustedProxies};
use crate::state::PortalState;
use crate::tasks::ClientTokens;

/// Returns the rate class of a request, if rate limits are enabled.
pub(super) fn rate_class<B>(
    state: &PortalState,
    request: &axum::http::Request<B>,
) -> Option<RateClass> {
    let class = RateClass::of(request.method(), request.uri().path())?;
    let on = state
        .borrow::<RateLimits>()
        .is_ok_and(RateLimits::are_enabled);
    on.then_some(class)
}

/// Counts a request for its IP address, then for its user: `429` if either exceeds its rate.
///
/// Runs before the handler, so that rejected requests are cheap. Authorization is up to the
/// handler: callers without access are counted like all others.
pub(super) async fn check(class: RateClass, parts: &mut Parts, state: &PortalState) -> Result<()> {
    let limits = state.borrow::<RateLimits>()?;
    let address = state
        .borrow::<TrustedProxies>()?
        .client(&parts.extensions, &parts.headers);
    limits.check_address(class, address)?;
    if class == RateClass::SignIn {
        return limits.check_user(class, None, address);
    }
    let user = rate_limited_user(class, parts, state).await;
    limits.check_user(class, user, address)
}

/// Returns the user a request is counted for; when a task is enqueued, the owner of the token.
async fn rate_limited_user(
    class: RateClass,
    parts: &mut Parts,
    state: &PortalState,
) -> Option<Uuid> {
    if class == RateClass::StartTask
        && let Some(text) = client_token(parts.uri.path())
    {
        let token = state.borrow::<ClientTokens>().ok()?.verify(&text).await;
        return token.ok().map(|token| token.user_id);
    }
    // The handler reports that the caller cannot be identified.
    let caller = caller(parts, state).await.ok().flatten();
    caller.map(|user| user.id)
}

/// Returns the client token in `/api/{state}/tasks/{client_token}/start/{task}`.
///
/// Decoded as in the handler; otherwise another spelling would not be counted for its user.
fn client_token(path: &str) -> Option<Cow<'_, str>> {
    let mut segments = path.strip_prefix("/api/")?.split('/').skip(2);
    percent_decode_str(segments.next()?).decode_utf8().ok()
}
