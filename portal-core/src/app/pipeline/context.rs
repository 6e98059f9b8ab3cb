//! Context: the services and the route that the pipeline steps use.

use std::sync::Arc;

use crate::app::maintenance::Maintenance;
use crate::app::routes::reserved_kind;
use crate::auth::RouteInfo;
use crate::security::{OriginPolicy, RateLimits, RequestValidator, ResponseHeaders};
use crate::state::PortalState;

/// Services shared by the pipeline steps of all routes.
pub(in crate::app) struct Services {
    pub(in crate::app) state: PortalState,
    pub(in crate::app) validator: RequestValidator,
    pub(in crate::app) origins: Arc<OriginPolicy>,
    pub(in crate::app) rate_limits: RateLimits,
    pub(in crate::app) maintenance: Maintenance,
    pub(in crate::app) headers: ResponseHeaders,
    pub(in crate::app) compresses: bool,
}

/// The shared services, and the route whose handler the steps surround.
pub(super) struct Context {
    pub(super) services: Arc<Services>,
    /// `None` if no declared route serves the request.
    pub(super) route: Option<RouteInfo>,
}

impl Context {
    pub(super) fn state(&self) -> &PortalState {
        &self.services.state
    }

    /// Returns `true` if errors are never sent as pages, regardless of what the client accepts.
    ///
    /// Undeclared routes and unknown paths belong to the API if their path has a reserved prefix.
    pub(super) fn is_api(&self, path: &str) -> bool {
        let kind = self.route.as_ref().map(|route| route.kind);
        kind.or_else(|| reserved_kind(path))
            .is_some_and(|kind| kind.is_api())
    }
}
