//! The built portal: its router, state and shutdown.

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::builder::PortalBuilder;
use crate::auth::RouteInfo;
use crate::config::Config;
use crate::live::Live;
use crate::security::ConnectionLimiter;
use crate::state::PortalState;
use crate::store::Store;
use crate::tasks::OpenMonitors;

/// A built portal with running workers.
///
/// Serve it, or nest its router in another app:
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::Router;
/// use portal_core::prelude::*;
///
/// let portal = Portal::builder().base_path("/portal").discover().build().await?;
/// let app: Router = Router::new().nest("/portal", portal.router());
/// # Ok(()) }
/// ```
pub struct Portal {
    pub(super) config: Arc<Config>,
    pub(super) router: Router,
    pub(super) state: PortalState,
    pub(super) store: Store,
    pub(super) stop: CancellationToken,
    pub(super) workers: TaskTracker,
    pub(super) monitors: OpenMonitors,
    pub(super) live: Live,
    pub(super) routes: Vec<RouteInfo>,
    pub(super) connections: ConnectionLimiter,
}

impl std::fmt::Debug for Portal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Portal")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Portal {
    /// Returns a builder for a portal.
    pub fn builder() -> PortalBuilder {
        PortalBuilder::new()
    }

    /// Returns the portal's router; keep the portal to be able to shut down its workers.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Converts the portal into its router, for an app that runs until its process exits.
    pub fn into_router(self) -> Router {
        self.router
    }

    /// Returns the portal's configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns all routes with their guards, including those of pages, tasks, models and
    /// WebSockets.
    ///
    /// Excludes routes that the application has added with [`PortalBuilder::merge_router`].
    #[must_use]
    pub fn list_routes(&self) -> &[RouteInfo] {
        &self.routes
    }

    /// Returns the shared values, for example `portal.state().get::<Tasks>()`.
    #[must_use]
    pub fn state(&self) -> &PortalState {
        &self.state
    }

    /// Returns the portal's database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops claiming tasks, closes monitors and streams, and releases unfinished tasks.
    ///
    /// Running tasks have ten seconds to finish.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        tokio::join!(
            self.workers.wait(),
            self.monitors.closed(),
            self.live.closed()
        );
    }
}
