//! Who is counted for what is limited.

use std::borrow::Cow;

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::auth::caller;
use crate::error::Result;
use crate::security::{Class, Proxies, RateLimits};
use crate::state::PortalState;
use crate::tasks::ClientTokens;

/// What a request does that is limited, where limits are on.
pub(super) fn class_of<B>(state: &PortalState, request: &axum::http::Request<B>) -> Option<Class> {
    let class = Class::of(request.method(), request.uri().path())?;
    let on = state.borrow::<RateLimits>().is_ok_and(RateLimits::are_on);
    on.then_some(class)
}

/// Counts a request for its address, then for its user: `429` if either asks too often.
///
/// It comes before the handler, so that what is refused costs little. Who may do what is the
/// handler's affair: here a stranger is counted like everyone else.
pub(super) async fn check(class: Class, parts: &mut Parts, state: &PortalState) -> Result<()> {
    let limits = state.borrow::<RateLimits>()?;
    let address = state
        .borrow::<Proxies>()?
        .client(&parts.extensions, &parts.headers);
    limits.check_address(class, address)?;
    if class == Class::SignIn {
        return limits.check_user(class, None, address);
    }
    let user = user(class, parts, state).await;
    limits.check_user(class, user, address)
}

/// The user for whom something is done: of a task's start the owner of the client token.
async fn user(class: Class, parts: &mut Parts, state: &PortalState) -> Option<Uuid> {
    if class == Class::StartTask
        && let Some(text) = client_token(parts.uri.path())
    {
        let token = state.borrow::<ClientTokens>().ok()?.verify(&text).await;
        return token.ok().map(|token| token.user_id);
    }
    // That he cannot be found out is the handler's to tell.
    let caller = caller(parts, state).await.ok().flatten();
    caller.map(|user| user.id)
}

/// The client token in `/api/{state}/tasks/{client_token}/start/{task}`.
///
/// Decoded as the handler has it, or another spelling would be counted for nobody.
fn client_token(path: &str) -> Option<Cow<'_, str>> {
    let mut segments = path.strip_prefix("/api/")?.split('/').skip(2);
    percent_decode_str(segments.next()?).decode_utf8().ok()
}
