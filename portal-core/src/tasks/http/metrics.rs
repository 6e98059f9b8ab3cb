//! `/metrics`: task metrics for Prometheus.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::auth::{Access, Routes};
use crate::error::Result;
use crate::state::PortalState;
use crate::tasks::Tasks;

/// Returns the route `GET /metrics`.
pub(crate) fn metrics_routes() -> Routes {
    Routes::new()
        .get("/metrics", Access::Public, metrics)
        .probe()
}

/// Responds with OpenMetrics text, labeled as Prometheus text for clients that do not accept
/// OpenMetrics.
///
/// Prometheus parsers treat the OpenMetrics additions as comments.
async fn metrics(State(state): State<PortalState>, headers: HeaderMap) -> Result<Response> {
    let tasks = state.borrow::<Tasks>()?;
    let text = tasks.0.statistics.metrics.text(tasks).await?;
    let accepts_openmetrics = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.contains("application/openmetrics-text"));
    let content_type = if accepts_openmetrics {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
