//! Routes for API clients: the REST API, monitors, client tokens and metrics.

mod admin_events;
mod api;
mod authorize;
mod client_tokens;
mod metrics;
pub(in crate::tasks) mod monitor;

use crate::auth::Routes;

pub(crate) use metrics::metrics_routes;

/// Returns all task routes except pages and metrics.
pub(crate) fn routes() -> Routes {
    client_tokens::routes()
        .merge(api::routes())
        .merge(monitor::routes())
        .merge(admin_events::routes())
}
