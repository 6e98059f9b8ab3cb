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

/// Type of a route, which also determines how it rejects requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteKind {
    /// A page; guests are redirected to sign in.
    Page,
    /// A route for API clients and forms; guests get `401`.
    Route,
    /// A WebSocket or an event stream.
    Socket,
    /// Enqueues tasks of one type; served by a general route.
    Task,
    /// Rows of one admin model; served by a general route.
    Model,
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Page => "page",
            Self::Route => "route",
            Self::Socket => "socket",
            Self::Task => "task",
            Self::Model => "model",
        })
    }
}

/// A route with its guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// Type of the route.
    pub kind: RouteKind,
    /// HTTP method; `None` if the handler checks the method itself.
    pub method: Option<Method>,
    /// Path in axum's syntax, without the base path of a nested portal.
    pub path: Cow<'static, str>,
    /// Guard of the route.
    pub guard: Guard,
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
            source: None,
        }
    }

    /// Sets the handler and the location of its declaration.
    #[must_use]
    pub const fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }
}

/// Routes, each with its guard.
///
/// The guard wraps the handler, so no spelling of the path bypasses it, and it runs before the
/// parameters of the path or the body are read.
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
    /// Every method reaches the handler, because HTTP/2 opens WebSockets with another method than
    /// HTTP/1.
    #[track_caller]
    pub fn socket<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let route = RouteInfo::new(RouteKind::Socket, None, path, guard);
        self.add(route.source(source_of::<H>()), any(handler))
    }

    /// Adds all routes of another list.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
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
        let route = RouteInfo::new(RouteKind::Route, Some(method), path, guard);
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
        let mut router = Router::new();
        for (route, handlers) in self.routes {
            router = router.route(&route.path, require_access(&route, handlers, state));
        }
        router
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
    match route.kind {
        // The handler of the page checks access, because it rejects requests in another form.
        RouteKind::Page => handlers,
        RouteKind::Socket => handlers.layer(guard),
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

    async fn answer(method: Method, path: &str) -> StatusCode {
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
        assert_eq!(answer(Method::GET, "/open").await, 200);
        assert_eq!(answer(Method::GET, "/closed").await, 500);
        assert_eq!(answer(Method::HEAD, "/closed").await, 500);
        for method in [Method::GET, Method::CONNECT, Method::POST] {
            assert_eq!(answer(method, "/live").await, 500);
        }
    }

    #[tokio::test]
    async fn unsupported_method_is_not_guarded() {
        assert_eq!(answer(Method::POST, "/closed").await, 405);
        assert_eq!(answer(Method::POST, "/open").await, 405);
        assert_eq!(answer(Method::GET, "/nowhere").await, 404);
    }

    async fn prices() -> &'static str {
        "[]"
    }

    #[test]
    fn declared_route_contains_handler_and_location() {
        let routes: Routes = Routes::new().get("/prices", Access::Public, prices);
        let line = line!() - 1;
        let source = routes.list()[0].source.unwrap();
        assert!(source.to_string().ends_with("declared::tests::prices"));
        assert!(source.file.ends_with("declared.rs"), "{}", source.file);
        assert_eq!(source.line, line);
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
