//! Overlapping routes: finds conflicts between merged axum routers and the portal's routes.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::routing::{MethodFilter, any, on};
use parking_lot::Mutex;

use crate::auth::RouteInfo;
use crate::pages::Page;
use crate::source::Source;
use crate::state::PortalState;

/// An axum router from the application and the location of the call that merged it.
pub(super) type MergedRouter = (Router<PortalState>, &'static Location<'static>);

/// A route whose path is known, and its description for error messages.
pub(super) struct KnownRoute {
    pub(super) route: RouteInfo,
    /// Description for error messages: the item and its location.
    pub(super) place: String,
}

impl KnownRoute {
    pub(super) fn of_page(page: &Page) -> Self {
        Self::declared(page.declared(), "page", Some(page.source))
    }

    pub(super) fn of_route(route: RouteInfo) -> Self {
        let source = route.source;
        Self::declared(route, "route", source)
    }

    /// Creates the entry for one of the portal's routes, which the application cannot change.
    pub(super) fn of_portal(route: RouteInfo) -> Self {
        Self::declared(route, "a route of the portal", None)
    }

    fn declared(route: RouteInfo, what: &str, source: Option<Source>) -> Self {
        let place = match source {
            Some(source) => format!("{what} `{source}`   {}:{}", source.file, source.line),
            None => what.to_owned(),
        };
        Self { route, place }
    }

    /// Returns the method and the path.
    pub(super) fn name(&self) -> String {
        let path = &self.route.path;
        match &self.route.method {
            Some(method) => format!("{method} {path}"),
            None => path.clone().into_owned(),
        }
    }

    /// Returns a router that contains only this route.
    fn router(&self) -> Router<PortalState> {
        let filter = self.route.method.clone();
        let handlers = match filter.and_then(|method| MethodFilter::try_from(method).ok()) {
            // The portal handles other methods on this path.
            Some(filter) => on(filter, async || ()).fallback(async || ()),
            None => any(async || ()),
        };
        Router::new().route(&self.route.path, handlers)
    }
}

/// Describes all overlaps between the merged routers and known routes, and among the merged
/// routers.
///
/// axum cannot list a router's routes and panics if two overlap, so each pair is merged to see
/// whether it panics.
pub(super) fn problems(merged: &[MergedRouter], known: &[KnownRoute]) -> Vec<String> {
    if merged.is_empty() {
        return Vec::new();
    }
    quietly(|| {
        let mut problems = Vec::new();
        for (index, (router, at)) in merged.iter().enumerate() {
            for route in known {
                if conflict(route.router(), router.clone()).is_some() {
                    problems.push(format!(
                        "two routes conflict at `{}`\n       {}\n       `.merge_router(..)`   {}:{}\n     change the path of one of them",
                        route.name(),
                        route.place,
                        at.file(),
                        at.line(),
                    ));
                }
            }
            for (other, other_at) in &merged[..index] {
                if let Some(reason) = conflict(other.clone(), router.clone()) {
                    problems.push(format!(
                        "two routers cannot be merged: {reason}\n       `.merge_router(..)`   {}:{}\n       `.merge_router(..)`   {}:{}",
                        other_at.file(),
                        other_at.line(),
                        at.file(),
                        at.line(),
                    ));
                }
            }
        }
        problems
    })
}

/// Returns `true` if axum accepts a path as a route; for other paths, axum panics.
pub(super) fn is_route(path: &str) -> bool {
    let add = || Router::<PortalState>::new().route(path, any(async || ()));
    quietly(|| panic::catch_unwind(AssertUnwindSafe(add)).is_ok())
}

/// Merges two routers; returns axum's panic message if that fails.
fn conflict(one: Router<PortalState>, other: Router<PortalState>) -> Option<String> {
    let merged = panic::catch_unwind(AssertUnwindSafe(|| one.merge(other)));
    merged.err().map(reason)
}

fn reason(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| Some((*payload.downcast_ref::<&str>()?).to_owned()));
    text.unwrap_or_else(|| "they overlap".to_owned())
}

/// Runs a function that is expected to panic, without printing the panic message.
///
/// Panics in other threads still go to the current hook. The lock prevents two portals that are
/// built at the same time from restoring each other's hook.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    static HOOK: Mutex<()> = Mutex::new(());
    let _lock = HOOK.lock();
    let previous = Arc::new(panic::take_hook());
    let (forward, this) = (Arc::clone(&previous), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != this {
            forward(info);
        }
    }));
    let result = run();
    drop(panic::take_hook());
    if let Ok(previous) = Arc::try_unwrap(previous) {
        panic::set_hook(previous);
    }
    result
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};

    use super::*;
    use crate::auth::{Access, Routes};

    fn known() -> Vec<KnownRoute> {
        let routes: Routes = Routes::new().get("/a", Access::Public, async || ()).get(
            "/items/{id}",
            Access::Public,
            async || (),
        );
        let routes = routes.list().into_iter();
        routes.map(KnownRoute::of_route).collect()
    }

    fn merged(router: Router<PortalState>) -> MergedRouter {
        (router, Location::caller())
    }

    #[test]
    fn overlap_is_reported_with_both_locations() {
        let found = problems(
            &[merged(Router::new().route("/a", get(async || ())))],
            &known(),
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("two routes conflict at `GET /a`"),
            "{found:?}"
        );
        assert_eq!(found[0].matches("overlap.rs:").count(), 2, "{found:?}");
    }

    #[test]
    fn every_overlap_is_reported() {
        let router = Router::new()
            .route("/a", get(async || ()))
            .route("/items/{number}", get(async || ()))
            .route("/b", get(async || ()));
        let again = Router::new().route("/b", get(async || ()));
        let found = problems(&[merged(router), merged(again)], &known());
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[2].contains("two routers cannot be merged"),
            "{found:?}"
        );
    }

    #[test]
    fn path_is_valid_if_axum_accepts_it() {
        for path in ["/", "/users/{id}", "/v{version}/{*rest}", "/a{{b}}"] {
            assert!(is_route(path), "{path}");
        }
        for path in ["", "users", "/:id", "/*rest", "/{id", "/{}", "/{*rest}/a"] {
            assert!(!is_route(path), "{path}");
        }
    }

    #[test]
    fn different_methods_or_paths_do_not_overlap() {
        let router = Router::new()
            .route("/a", post(async || ()))
            .route("/items", get(async || ()));
        assert_eq!(problems(&[merged(router)], &known()), Vec::<String>::new());
    }
}
