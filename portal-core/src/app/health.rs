//! `/healthz` and `/readyz`: liveness and readiness.

use axum::extract::State;
use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::auth::{Access, Routes};
use crate::error::{Error, Result};
use crate::state::PortalState;
use crate::store::Store;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/healthz", Access::Public, || async { "ok" })
        .get("/readyz", Access::Public, ready)
        .probe()
        .exempt_from_maintenance()
}

/// Responds with `200` if this process can receive requests, but not while it is shutting down.
async fn ready(State(state): State<PortalState>) -> Result<&'static str> {
    if state.borrow::<CancellationToken>()?.is_cancelled() {
        return Err(Error::unavailable("the portal is shutting down"));
    }
    let migrations = state.borrow::<Store>()?.migration_state().await?;
    if !migrations.is_current() {
        return Err(Error::unavailable("the database is not up to date"));
    }
    Ok("ready")
}

pub(super) async fn method_not_allowed() -> Error {
    Error::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this URL does not support this method",
    )
}
