//! Admission: maintenance mode and rate limits, before the handler runs.

use std::convert::Infallible;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tower::Service;

use super::context::Context;
use super::{rate_limit, route};
use crate::auth::{RateClass, caller};
use crate::error::Result;

/// Checks that a request has to pass before its handler runs.
#[derive(Clone, Copy)]
pub(super) struct Admission {
    /// `true` if only administrators have access.
    in_maintenance: bool,
    rate_class: Option<RateClass>,
}

/// Returns the checks that requests currently have to pass; `None` if there are no checks.
pub(super) fn required(context: &Context) -> Option<Admission> {
    let (services, route) = (&context.services, context.route.as_ref());
    let is_exempt = route.is_some_and(|route| route.is_exempt_from_maintenance);
    let rate_class = route.and_then(|route| route.rate_class);
    let admission = Admission {
        in_maintenance: !is_exempt && services.maintenance.is_on(),
        rate_class: rate_class.filter(|_| services.rate_limits.are_enabled()),
    };
    (admission.in_maintenance || admission.rate_class.is_some()).then_some(admission)
}

/// Runs the checks, then the route's handler.
pub(super) async fn then_route<S>(
    context: &Context,
    admission: Option<Admission>,
    mut inner: S,
    request: Request,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Some(admission) = admission else {
        return route::call(&mut inner, request).await;
    };
    let (mut parts, body) = request.into_parts();
    match admission.check(context, &mut parts).await {
        Ok(()) => route::call(&mut inner, Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    }
}

impl Admission {
    async fn check(self, context: &Context, parts: &mut Parts) -> Result<()> {
        if self.in_maintenance && !is_administrator(context, parts).await {
            return Err(context.services.maintenance.refusal());
        }
        match self.rate_class {
            Some(class) => rate_limit::check(context, class, parts).await,
            None => Ok(()),
        }
    }
}

async fn is_administrator(context: &Context, parts: &mut Parts) -> bool {
    // A caller who cannot be identified is not treated as an administrator.
    let caller = caller(parts, context.state()).await.ok().flatten();
    caller.is_some_and(|user| user.is_admin() && user.is_enabled())
}
