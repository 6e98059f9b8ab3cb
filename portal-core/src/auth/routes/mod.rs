//! Route declarations: no route can be added without a guard.

mod guard;
mod info;

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, any, on};

pub use self::guard::Guard;
pub use self::info::{RouteInfo, RouteKind};

use self::guard::require_access;
use super::rate_class::RateClass;
use crate::source::Source;
use crate::state::PortalState;

/// Routes, each with its guard.
///
/// The guard wraps the handler, so no spelling of the path can bypass it, and it runs before path
/// parameters or the body are read.
///
/// By default, routes are for API clients, have no rate limit and are unavailable during
/// maintenance. Methods such as [`form`](Self::form) and [`rate_class`](Self::rate_class) change
/// all routes that the list contains so far; [`merge`](Self::merge) combines lists with different
/// settings.
///
/// ```
/// use portal_core::Access;
/// use portal_core::auth::Routes;
///
/// let routes: Routes = Routes::new()
///     .get("/api/prices", Access::Public, async || "[]")
///     .delete("/api/prices", Access::Admin, async || "gone");
/// assert_eq!(routes.list().len(), 2);
/// ```
#[must_use]
pub struct Routes<S = PortalState> {
    routes: Vec<(RouteInfo, MethodRouter<S>)>,
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|(route, _)| route);
        f.debug_list().entries(routes).finish()
    }
}

impl<S> Default for Routes<S> {
    fn default() -> Self {
        Self { routes: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Creates an empty list of routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a handler for `GET` and `HEAD`.
    #[track_caller]
    pub fn get<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let handlers = on(MethodFilter::GET, handler);
        self.route::<H>(Method::GET, path, guard, handlers)
    }

    /// Adds a handler for `POST`.
    #[track_caller]
    pub fn post<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let handlers = on(MethodFilter::POST, handler);
        self.route::<H>(Method::POST, path, guard, handlers)
    }

    /// Adds a handler for `PUT`.
    #[track_caller]
    pub fn put<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let handlers = on(MethodFilter::PUT, handler);
        self.route::<H>(Method::PUT, path, guard, handlers)
    }

    /// Adds a handler for `PATCH`.
    #[track_caller]
    pub fn patch<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let handlers = on(MethodFilter::PATCH, handler);
        self.route::<H>(Method::PATCH, path, guard, handlers)
    }

    /// Adds a handler for `DELETE`.
    #[track_caller]
    pub fn delete<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let handlers = on(MethodFilter::DELETE, handler);
        self.route::<H>(Method::DELETE, path, guard, handlers)
    }

    /// Adds a WebSocket or an event stream.
    ///
    /// The handler receives requests of every method, because HTTP/2 opens WebSockets with a
    /// different method than HTTP/1.
    #[track_caller]
    pub fn socket<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let route = RouteInfo::new(RouteKind::Stream, None, path, guard);
        self.add(route.source(source_of::<H>()), any(handler))
    }

    /// Adds all routes from another list.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self
    }

    /// Declares all routes in this list as targets of forms or parts of pages.
    ///
    /// Browsers then get errors as pages, and plain-text errors for other clients are left
    /// unchanged. Otherwise, every error is a problem document.
    pub fn form(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Form)
    }

    /// Declares all routes in this list as files that pages load.
    pub fn asset(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Asset)
    }

    /// Declares all routes in this list as event streams.
    pub fn stream(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Stream)
    }

    /// Declares all routes in this list as health checks or metrics.
    ///
    /// Monitoring systems can request them by IP address, so the `Host` header is not checked.
    pub(crate) fn probe(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Probe)
    }

    /// Sets the rate class for all routes in this list. Default: requests are not limited.
    pub fn rate_class(self, class: RateClass) -> Self {
        self.map_info(|route| route.rate_class = Some(class))
    }

    /// Sets the maximum size of request bodies in bytes. Default: the portal's limit, 1 MiB.
    pub fn max_body(self, bytes: usize) -> Self {
        self.map_info(|route| route.max_body = Some(bytes))
    }

    /// Keeps all routes in this list available to everyone during maintenance.
    ///
    /// Default: only administrators have access.
    pub fn exempt_from_maintenance(self) -> Self {
        self.map_info(|route| route.is_exempt_from_maintenance = true)
    }

    /// Changes the information about each route; the guard must stay the same.
    pub(crate) fn map_info(mut self, change: impl Fn(&mut RouteInfo)) -> Self {
        for (route, _) in &mut self.routes {
            change(route);
        }
        self
    }

    /// Wraps each handler inside its guard.
    pub fn map_handlers(mut self, map: impl Fn(MethodRouter<S>) -> MethodRouter<S>) -> Self {
        let routes = self.routes.into_iter();
        self.routes = routes.map(|(route, it)| (route, map(it))).collect();
        self
    }

    /// Provides the state that the handlers extract, as in axum's routers.
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: S) -> Routes<S2> {
        let routes = self.routes.into_iter();
        Routes {
            routes: routes
                .map(|(route, it)| (route, it.with_state(state.clone())))
                .collect(),
        }
    }

    /// Returns the declared routes.
    #[must_use]
    pub fn list(&self) -> Vec<RouteInfo> {
        let routes = self.routes.iter();
        routes.map(|(route, _)| route.clone()).collect()
    }

    #[track_caller]
    fn route<H>(
        self,
        method: Method,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handlers: MethodRouter<S>,
    ) -> Self {
        let route = RouteInfo::new(RouteKind::Api, Some(method), path, guard);
        self.add(route.source(source_of::<H>()), handlers)
    }

    /// Adds a route of any kind, such as a page, which rejects requests in its own format.
    pub(crate) fn add(mut self, route: RouteInfo, handlers: MethodRouter<S>) -> Self {
        self.routes.push((route, handlers));
        self
    }
}

impl Routes {
    /// Builds an axum router in which each handler has its guard.
    pub fn into_router(self, state: &PortalState) -> Router<PortalState> {
        let routes = self.into_guarded(state);
        routes.fold(Router::new(), |router, (route, handlers)| {
            router.route(&route.path, handlers)
        })
    }

    /// Returns each route and its handler, with the guard around it.
    pub(crate) fn into_guarded(
        self,
        state: &PortalState,
    ) -> impl Iterator<Item = (RouteInfo, MethodRouter<PortalState>)> {
        self.routes.into_iter().map(|(route, handlers)| {
            let guarded = require_access(&route, handlers, state);
            (route, guarded)
        })
    }
}

/// Returns a handler's source, with the location of the caller as the place of its declaration.
#[track_caller]
fn source_of<H>() -> Source {
    let place = Location::caller();
    let name = type_name::<H>();
    let (module, name) = name.rsplit_once("::").unwrap_or(("", name));
    Source::new(module, name, place.file(), place.line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Access;

    async fn prices() -> &'static str {
        "[]"
    }

    #[test]
    fn declared_route_contains_handler_and_location() {
        let routes: Routes = Routes::new().get("/prices", Access::Public, prices);
        let line = line!() - 1;
        let source = routes.list()[0].source.unwrap();
        assert!(source.to_string().ends_with("routes::tests::prices"));
        assert!(source.file.ends_with("routes/mod.rs"), "{}", source.file);
        assert_eq!(source.line, line);
    }

    #[test]
    fn settings_apply_to_the_routes_declared_before() {
        let class = Some(RateClass::OwnWrite);
        let routes: Routes = Routes::new()
            .post("/form", Access::Public, prices)
            .form()
            .rate_class(RateClass::OwnWrite)
            .get("/api/prices", Access::Public, prices);
        let [form, api] = &routes.list()[..] else {
            panic!("two routes are declared");
        };
        assert_eq!((form.kind, form.rate_class), (RouteKind::Form, class));
        assert_eq!((api.kind, api.rate_class), (RouteKind::Api, None));
        let other = form.for_other_methods();
        assert_eq!((other.kind, other.rate_class), (RouteKind::Form, None));
    }
}
