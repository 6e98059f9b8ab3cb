//! Validation: checks of the request head, and the size limit for the body.

use axum::body::HttpBody as _;
use axum::extract::{DefaultBodyLimit, Request};

use super::context::Context;
use crate::error::Error;
use crate::security::guard_form;

/// Rejects requests that are too large, addressed to a different host or sent from a different
/// site.
///
/// Limits the body size of the other requests.
pub(super) fn validate(context: &Context, mut request: Request) -> Result<Request, Error> {
    let validator = &context.services.validator;
    let route = context.route.as_ref();
    validator.check(&request, route)?;
    let origins = &context.services.origins;
    origins.check_change(request.method(), request.headers())?;
    // Most requests have no body, and each extension is an allocation.
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let max_body = route.and_then(|route| route.max_body);
    DefaultBodyLimit::max(max_body.unwrap_or(validator.limits.body)).apply(&mut request);
    Ok(guard_form(request))
}
