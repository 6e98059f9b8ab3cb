//! Route declarations: no route can be added without a guard.

use std::any::type_name;
use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, any, on};
use tower::{Layer, Service};

use super::access::Access;
use super::extract::authorize;
use super::rate_class::RateClass;
use crate::source::Source;
use crate::state::PortalState;

/// Authorization of requests to a route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// Requires an account with this access. [`Routes`] checks it before the handler runs.
    Account(Access),
    /// Requires the client token in the path.
    ///
    /// The handler checks it: the owner must be enabled and pass the access of the task.
    ClientToken(Access),
    /// Requires an account that passes the access of the admin model in the path.
    ///
    /// The handler checks it; the list of routes contains each model with its own access.
    Model,
    /// Requires a valid signature of the body, which the handler checks.
    Signature,
    /// Serves a development tool; responds on this machine only.
    Development,
}

impl From<Access> for Guard {
    fn from(access: Access) -> Self {
        Self::Account(access)
    }
}

/// Formats the guard as in the list of routes.
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(access) => access.fmt(f),
            Self::ClientToken(access) => write!(f, "{access} (client token)"),
            Self::Model => f.write_str("access of the model"),
            Self::Signature => f.write_str("signature"),
            Self::Development => f.write_str("development"),
        }
    }
}

/// Type of a route, which determines the form of its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteKind {
    /// A page; guests are redirected to sign in, and browsers get errors as pages.
    Page,
    /// Target of a form, or part of a page; browsers get errors as pages, guests get `401`.
    Form,
    /// A route for API clients; every error is a problem document.
    Api,
    /// A file that pages load, such as a script.
    Asset,
    /// A WebSocket or an event stream; every error is a problem document.
    Stream,
    /// A health check or metrics; also available by IP address.
    Probe,
    /// Enqueues tasks of one type; served by a general route.
    Task,
    /// Rows of one admin model; served by a general route.
    Model,
}

impl RouteKind {
    /// Returns `true` if no response contains an error page, whatever the client accepts.
    pub(crate) const fn is_api(self) -> bool {
        matches!(self, Self::Api | Self::Stream | Self::Task | Self::Model)
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Page => "page",
            Self::Form => "form",
            Self::Api => "api",
            Self::Asset => "asset",
            Self::Stream => "stream",
            Self::Probe => "probe",
            Self::Task => "task",
            Self::Model => "model",
        })
    }
}

/// A route with everything that is decided about its requests before its handler runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteInfo {
    /// Type of the route.
    pub kind: RouteKind,
    /// HTTP method; `None` if the handler checks the method itself.
    pub method: Option<Method>,
    /// Path in axum's syntax, without the base path of a nested portal.
    pub path: Cow<'static, str>,
    /// Guard of the route.
    pub guard: Guard,
    /// Rate class that requests are counted in; `None` if they are not limited.
    pub rate_class: Option<RateClass>,
    /// Maximum size of the request body in bytes; `None` for the limit of the portal.
    pub max_body: Option<usize>,
    /// `true` if the route stays available to everyone during maintenance.
    pub is_exempt_from_maintenance: bool,
    /// Handler and location of its declaration; absent if a general route serves it.
    pub source: Option<Source>,
}

impl RouteInfo {
    /// Creates a route without a source.
    pub fn new(
        kind: RouteKind,
        method: Option<Method>,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
    ) -> Self {
        Self {
            kind,
            method,
            path: path.into(),
            guard: guard.into(),
            rate_class: None,
            max_body: None,
            is_exempt_from_maintenance: false,
            source: None,
        }
    }

    /// Sets the handler and the location of its declaration.
    #[must_use]
    pub const fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Returns the route of all requests to this path with an unsupported method.
    pub(crate) fn for_other_methods(&self) -> Self {
        Self {
            method: None,
            rate_class: None,
            source: None,
            ..self.clone()
        }
    }

    /// Returns a displayable request path.
    ///
    /// Values that are credentials are replaced by their parameter, such as `{client_token}`.
    pub(crate) fn without_credentials(&self, path: &str) -> String {
        let mut pattern = self.path.split('/');
        let segments = path.split('/').map(|segment| match pattern.next() {
            Some(name) if name.starts_with('{') && name.contains("token") => name,
            _ => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Routes, each with its guard.
///
/// The guard wraps the handler, so no spelling of the path bypasses it, and it runs before the
/// parameters of the path or the body are read.
///
/// Routes are for API clients, unlimited in rate and unavailable during maintenance. Methods such
/// as [`form`](Self::form) and [`rate_class`](Self::rate_class) change all routes that the list
/// contains so far; [`merge`](Self::merge) combines lists with different settings.
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
    /// Every method reaches the handler, because HTTP/2 opens WebSockets with a different method
    /// than HTTP/1.
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

    /// Adds all routes of another list.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self
    }

    /// Declares all routes of this list as targets of forms or parts of pages.
    ///
    /// Browsers then get errors as pages, and a plain-text error for other clients is left as it
    /// is. Without this, every error is a problem document.
    pub fn form(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Form)
    }

    /// Declares all routes of this list as files that pages load.
    pub fn asset(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Asset)
    }

    /// Declares all routes of this list as event streams.
    pub fn stream(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Stream)
    }

    /// Declares all routes of this list as health checks or metrics.
    ///
    /// Monitoring can request them by IP address, so the host of the request is not checked.
    pub(crate) fn probe(self) -> Self {
        self.map_info(|route| route.kind = RouteKind::Probe)
    }

    /// Sets the rate class of all routes of this list. Default: requests are not limited.
    pub fn rate_class(self, class: RateClass) -> Self {
        self.map_info(|route| route.rate_class = Some(class))
    }

    /// Sets the maximum size of request bodies in bytes. Default: the limit of the portal, 1 MiB.
    pub fn max_body(self, bytes: usize) -> Self {
        self.map_info(|route| route.max_body = Some(bytes))
    }

    /// Keeps all routes of this list available to everyone during maintenance.
    ///
    /// Default: only administrators have access.
    pub fn exempt_from_maintenance(self) -> Self {
        self.map_info(|route| route.is_exempt_from_maintenance = true)
    }

    /// Changes the information about each route; the guard stays.
    pub(crate) fn map_info(mut self, change: impl Fn(&mut RouteInfo)) -> Self {
        for (route, _) in &mut self.routes {
            change(route);
        }
        self
    }

    /// Wraps each handler, inside of its guard.
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

    /// Adds a route of a type that has its own form of rejection, such as a page.
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

/// Returns the source of a handler, with the location of the caller as its declaration.
#[track_caller]
fn source_of<H>() -> Source {
    let place = Location::caller();
    let name = type_name::<H>();
    let (module, name) = name.rsplit_once("::").unwrap_or(("", name));
    Source::new(module, name, place.file(), place.line())
}

fn require_access(
    route: &RouteInfo,
    handlers: MethodRouter<PortalState>,
    state: &PortalState,
) -> MethodRouter<PortalState> {
    let access = match &route.guard {
        Guard::Account(access) if *access != Access::Public => access,
        Guard::Model => &Access::User,
        // There is nothing to check, or the handler does it.
        _ => return handlers,
    };
    let guard = RequireAccessLayer {
        access: Arc::new(access.clone()),
        state: state.clone(),
    };
    match (route.kind, &route.method) {
        // The handler of the page checks access, because it rejects requests in a different form.
        (RouteKind::Page, _) => handlers,
        // Every method reaches the handler.
        (_, None) => handlers.layer(guard),
        // Not applied to requests with an unsupported method.
        _ => handlers.route_layer(guard),
    }
}

/// Checks the caller's account before the handler runs.
#[derive(Clone)]
struct RequireAccessLayer {
    access: Arc<Access>,
    state: PortalState,
}

impl<S> Layer<S> for RequireAccessLayer {
    type Service = RequireAccess<S>;

    fn layer(&self, inner: S) -> RequireAccess<S> {
        RequireAccess {
            inner,
            guard: self.clone(),
        }
    }
}

#[derive(Clone)]
struct RequireAccess<S> {
    inner: S,
    guard: RequireAccessLayer,
}

impl<S> Service<Request> for RequireAccess<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let RequireAccessLayer { access, state } = self.guard.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match authorize(&access, &mut parts, &state).await {
                Ok(_) => inner.call(Request::from_parts(parts, body)).await,
                Err(error) => Ok(error.into_response()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    async fn status_of(method: Method, path: &str) -> StatusCode {
        let routes = Routes::new()
            .get("/open", Access::Public, async || "open")
            .get("/closed", Access::User, async || "closed")
            .socket("/live", Access::User, async || "live");
        let state = PortalState::default();
        let router: Router = routes.into_router(&state).with_state(state);
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn guard_without_auth_service_rejects_everyone() {
        // This state has no service that identifies callers.
        assert_eq!(status_of(Method::GET, "/open").await, 200);
        assert_eq!(status_of(Method::GET, "/closed").await, 500);
        assert_eq!(status_of(Method::HEAD, "/closed").await, 500);
        for method in [Method::GET, Method::CONNECT, Method::POST] {
            assert_eq!(status_of(method, "/live").await, 500);
        }
    }

    #[tokio::test]
    async fn unsupported_method_is_not_guarded() {
        assert_eq!(status_of(Method::POST, "/closed").await, 405);
        assert_eq!(status_of(Method::POST, "/open").await, 405);
        assert_eq!(status_of(Method::GET, "/nowhere").await, 404);
    }

    async fn prices() -> &'static str {
        "[]"
    }

    #[test]
    fn declared_route_contains_handler_and_location() {
        let routes: Routes = Routes::new().get("/prices", Access::Public, prices);
        let line = line!() - 1;
        let source = routes.list()[0].source.unwrap();
        assert!(source.to_string().ends_with("route::tests::prices"));
        assert!(source.file.ends_with("route.rs"), "{}", source.file);
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

    #[test]
    fn displayed_path_contains_no_credentials() {
        let path = "/api/{state}/tasks/{client_token}";
        let route = RouteInfo::new(RouteKind::Api, None, path, Access::Public);
        let shown = route.without_credentials("/api/a/tasks/secret");
        assert_eq!(shown, "/api/a/tasks/{client_token}");
        let route = RouteInfo::new(RouteKind::Api, None, "/items/{id}", Access::Public);
        assert_eq!(route.without_credentials("/items/7"), "/items/7");
    }

    #[test]
    fn guard_is_displayed_with_its_access() {
        let shown = [
            (Access::Admin.into(), "admin"),
            (Guard::ClientToken(Access::User), "user (client token)"),
            (Guard::Model, "access of the model"),
            (Guard::Signature, "signature"),
            (Guard::Development, "development"),
        ];
        for (guard, text) in shown {
            assert_eq!(Guard::to_string(&guard), text);
        }
    }
}
