//! Router: serves each declared route with its guard and its pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;

use super::health::method_not_allowed;
use super::pipeline::{PipelineLayer, Services};
use crate::auth::{RouteInfo, RouteKind, Routes};
use crate::pages;
use crate::state::PortalState;

/// Builds a portal's router from its declared routes and the application's routers.
pub(super) fn build(
    services: Arc<Services>,
    routes: Routes,
    undeclared: impl Iterator<Item = Router<PortalState>>,
) -> Router<PortalState> {
    let pipeline = |route| PipelineLayer::new(&services, route);
    let scope = from_fn_with_state(services.state.clone(), pages::scoped);
    let undeclared = undeclared.fold(Router::new(), Router::merge);
    let mut router = Router::new();
    for (path, (route, handlers)) in by_path(routes, &services) {
        let other_methods = pipeline(Some(route.for_other_methods()));
        let handlers = match route.method {
            // The handler already accepts all methods.
            None => handlers,
            Some(_) => handlers.fallback(method_not_allowed.layer(other_methods)),
        };
        router = router.route(&path, handlers);
    }
    router
        .merge(undeclared.layer(scope).layer(pipeline(None)))
        .method_not_allowed_fallback(method_not_allowed.layer(pipeline(None)))
        .fallback(pages::fallback.layer(pipeline(None)))
}

/// Returns, for each path, its first route and its handlers, each wrapped in the pipeline of its
/// route.
fn by_path(
    routes: Routes,
    services: &Arc<Services>,
) -> BTreeMap<String, (RouteInfo, MethodRouter<PortalState>)> {
    let mut by_path: BTreeMap<String, (RouteInfo, MethodRouter<PortalState>)> = BTreeMap::new();
    let state = &services.state;
    for (route, handlers) in routes.into_guarded(state) {
        let path = route.path.clone().into_owned();
        let handlers = match route.kind {
            RouteKind::Form => handlers.layer(from_fn_with_state(state.clone(), pages::scoped)),
            // Pages enter their render scope themselves; other responses contain no links.
            _ => handlers,
        };
        let handlers = handlers.layer(PipelineLayer::new(services, Some(route.clone())));
        let (first, others) = match by_path.remove(&path) {
            Some((first, others)) => (first, others.merge(handlers)),
            None => (route, handlers),
        };
        by_path.insert(path, (first, others));
    }
    by_path
}
