//! Routes that say who may use them: without a guard none can be added.

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
use super::extract::admit;
use crate::source::Source;
use crate::state::PortalState;

/// What stands before a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// The caller's account. [`Routes`] checks it before the handler sees anything.
    Account(Access),
    /// The client token in the path, which the handler checks: its owner has to be allowed in,
    /// and to pass the access of the task.
    ClientToken(Access),
    /// The access of the admin model in the path, which the handler checks; the list of routes has
    /// each model with its own. Nobody gets past without an account.
    Model,
    /// The signature of the body, which the handler checks.
    Signature,
    /// The routes of a development tool, which answer on this machine only.
    Development,
}

impl From<Access> for Guard {
    fn from(access: Access) -> Self {
        Self::Account(access)
    }
}

/// As in the list of routes.
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

/// What a route leads to, which also says how it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteKind {
    /// A page: guests are sent to sign in.
    Page,
    /// A route for programs and forms: guests get `401`.
    Route,
    /// A WebSocket or a stream of events.
    Socket,
    /// The start of one kind of task; one of the general routes answers it.
    Task,
    /// The rows of one admin model; one of the general routes answers them.
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
pub struct DeclaredRoute {
    /// What it leads to.
    pub kind: RouteKind,
    /// The method it answers, `None` if it looks at the method itself.
    pub method: Option<Method>,
    /// The path in axum's syntax, without the prefix of a portal that is nested in another app.
    pub path: Cow<'static, str>,
    /// Who gets past.
    pub guard: Guard,
    /// The handler, and the place of its declaration; absent if a general route serves it.
    pub source: Option<Source>,
}

impl DeclaredRoute {
    /// A route of a kind.
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

    /// Sets the handler and the place of its declaration.
    #[must_use]
    pub const fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }
}

/// Routes, each with who may use it. The guard stands on the handler, so no spelling of the path
/// goes past it, and it is asked before the path's parameters or the body are looked at.
///
/// ```
/// use portal_core::Access;
/// use portal_core::auth::Routes;
///
/// let routes: Routes = Routes::new()
///     .get("/api/prices", Access::Public, async || "[]")
///     .delete("/api/prices", Access::Admin, async || "gone");
/// assert_eq!(routes.declared().len(), 2);
/// ```
#[must_use]
pub struct Routes<S = PortalState> {
    routes: Vec<(DeclaredRoute, MethodRouter<S>)>,
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
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `GET` and `HEAD`.
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

    /// Answers `POST`.
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

    /// Answers `PUT`.
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

    /// Answers `PATCH`.
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

    /// Answers `DELETE`.
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

    /// A WebSocket or a stream of events. Every method reaches the handler, since HTTP/2 opens
    /// WebSockets by another one than HTTP/1.
    #[track_caller]
    pub fn socket<H: Handler<T, S>, T: 'static>(
        self,
        path: impl Into<Cow<'static, str>>,
        guard: impl Into<Guard>,
        handler: H,
    ) -> Self {
        let route = DeclaredRoute::new(RouteKind::Socket, None, path, guard);
        self.add(route.source(source_of::<H>()), any(handler))
    }

    /// All of another one.
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self
    }

    /// Puts something around each handler, inside of its guard.
    pub fn map_handlers(mut self, map: impl Fn(MethodRouter<S>) -> MethodRouter<S>) -> Self {
        let routes = self.routes.into_iter();
        self.routes = routes.map(|(route, it)| (route, map(it))).collect();
        self
    }

    /// Gives the handlers the state that they take, as axum's routers do.
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: S) -> Routes<S2> {
        let routes = self.routes.into_iter();
        Routes {
            routes: routes
                .map(|(route, it)| (route, it.with_state(state.clone())))
                .collect(),
        }
    }

    /// What has been declared.
    #[must_use]
    pub fn declared(&self) -> Vec<DeclaredRoute> {
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
        let route = DeclaredRoute::new(RouteKind::Route, Some(method), path, guard);
        self.add(route.source(source_of::<H>()), handlers)
    }

    /// A route whose kind knows how to refuse, such as a page.
    pub(crate) fn add(mut self, route: DeclaredRoute, handlers: MethodRouter<S>) -> Self {
        self.routes.push((route, handlers));
        self
    }
}

impl Routes {
    /// An axum router in which each handler has its guard.
    pub fn into_router(self, state: &PortalState) -> Router<PortalState> {
        let mut router = Router::new();
        for (route, handlers) in self.routes {
            router = router.route(&route.path, guarded(&route, handlers, state));
        }
        router
    }
}

/// The source of a handler, declared on the line of the caller.
#[track_caller]
fn source_of<H>() -> Source {
    let place = Location::caller();
    let name = type_name::<H>();
    let (module, name) = name.rsplit_once("::").unwrap_or(("", name));
    Source::new(module, name, place.file(), place.line())
}

fn guarded(
    route: &DeclaredRoute,
    handlers: MethodRouter<PortalState>,
    state: &PortalState,
) -> MethodRouter<PortalState> {
    let access = match &route.guard {
        Guard::Account(access) if *access != Access::Public => access,
        Guard::Model => &Access::User,
        // Nothing to ask, or the handler asks.
        _ => return handlers,
    };
    let guard = AccountGuard {
        access: Arc::new(access.clone()),
        state: state.clone(),
    };
    match route.kind {
        // Its own handler asks, since it refuses in another form.
        RouteKind::Page => handlers,
        RouteKind::Socket => handlers.layer(guard),
        // Not the answer to a wrong method.
        _ => handlers.route_layer(guard),
    }
}

/// Asks for the caller's account before the handler.
#[derive(Clone)]
struct AccountGuard {
    access: Arc<Access>,
    state: PortalState,
}

impl<S> Layer<S> for AccountGuard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            guard: self.clone(),
        }
    }
}

#[derive(Clone)]
struct Guarded<S> {
    inner: S,
    guard: AccountGuard,
}

impl<S> Service<Request> for Guarded<S>
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
        let AccountGuard { access, state } = self.guard.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match admit(&access, &mut parts, &state).await {
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
    async fn a_guard_that_cannot_ask_keeps_everyone_out() {
        // This state has nobody who could say who is calling.
        assert_eq!(answer(Method::GET, "/open").await, 200);
        assert_eq!(answer(Method::GET, "/closed").await, 500);
        assert_eq!(answer(Method::HEAD, "/closed").await, 500);
        for method in [Method::GET, Method::CONNECT, Method::POST] {
            assert_eq!(answer(method, "/live").await, 500);
        }
    }

    #[tokio::test]
    async fn a_method_that_no_route_has_is_not_guarded() {
        assert_eq!(answer(Method::POST, "/closed").await, 405);
        assert_eq!(answer(Method::POST, "/open").await, 405);
        assert_eq!(answer(Method::GET, "/nowhere").await, 404);
    }

    async fn prices() -> &'static str {
        "[]"
    }

    #[test]
    fn declared_route_names_handler_and_place() {
        let routes: Routes = Routes::new().get("/prices", Access::Public, prices);
        let line = line!() - 1;
        let source = routes.declared()[0].source.unwrap();
        assert!(source.to_string().ends_with("declared::tests::prices"));
        assert!(source.file.ends_with("declared.rs"), "{}", source.file);
        assert_eq!(source.line, line);
    }

    #[test]
    fn a_guard_is_shown_with_its_access() {
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
