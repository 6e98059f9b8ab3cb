//! Extractors for the task pages: the task id and the trace context.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::state::PortalState;
use crate::tasks::service::task_not_found;
use crate::tasks::trace_context;

/// Id of the task, from the path. A malformed id is reported as not found.
pub(super) struct TaskId(pub(super) Uuid);

impl FromRequestParts<PortalState> for TaskId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &PortalState) -> Result<Self> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| task_not_found())?;
        let mut ids = params.iter().filter(|(name, _)| *name == "task_id");
        ids.next()
            .and_then(|(_, id)| id.parse().ok())
            .map(Self)
            .ok_or_else(task_not_found)
    }
}

/// Trace context of the request, passed on to the task that it starts.
pub(super) struct TraceParent(pub(super) Option<String>);

impl FromRequestParts<PortalState> for TraceParent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &PortalState) -> Result<Self, Infallible> {
        Ok(Self(trace_context::of_request(&parts.headers)))
    }
}
