//! Route guards, and the service that enforces them.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tower::{Layer, Service};

use super::info::{RouteInfo, RouteKind};
use crate::auth::access::Access;
use crate::auth::extract::authorize;
use crate::state::PortalState;

/// Authorization that a route requires.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// Requires an account with this access. [`Routes`](super::Routes) checks it before the handler runs.
    Account(Access),
    /// Requires the client token in the path.
    ///
    /// The handler checks the token: its owner must be enabled and satisfy the access rule of the
    /// task.
    ClientToken(Access),
    /// Requires an account with access to the admin model named in the path.
    ///
    /// The handler checks the access; the route list contains each model with its own access rule.
    Model,
    /// Requires a valid signature of the body, which the handler checks.
    Signature,
    /// Restricts a development tool to requests from this machine.
    Development,
}

impl From<Access> for Guard {
    fn from(access: Access) -> Self {
        Self::Account(access)
    }
}

/// Formats the guard as in the route list.
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

/// Wraps a route's handlers in a service that enforces its guard.
pub(super) fn require_access(
    route: &RouteInfo,
    handlers: MethodRouter<PortalState>,
    state: &PortalState,
) -> MethodRouter<PortalState> {
    let access = match &route.guard {
        Guard::Account(access) if *access != Access::Public => access,
        Guard::Model => &Access::User,
        // Either there is nothing to check, or the handler performs the check.
        _ => return handlers,
    };
    let guard = RequireAccessLayer {
        access: Arc::new(access.clone()),
        state: state.clone(),
    };
    match (route.kind, &route.method) {
        // The page's handler checks access itself, because a page rejects requests in a different
        // form.
        (RouteKind::Page, _) => handlers,
        // The handler accepts all methods, so the guard applies to all of them.
        (_, None) => handlers.layer(guard),
        // `route_layer` does not apply to requests with an unsupported method.
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
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Method, StatusCode};
    use tower::ServiceExt;

    use super::super::Routes;
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
