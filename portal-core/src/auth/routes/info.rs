//! Route information: the properties of a route that apply before its handler runs.

use std::borrow::Cow;
use std::fmt;

use axum::http::Method;

use super::guard::Guard;
use crate::auth::rate_class::RateClass;
use crate::source::Source;

/// Kind of a route, which determines the format of its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteKind {
    /// A page; guests are redirected to the sign-in page, and browsers get errors as pages.
    Page,
    /// Target of a form, or part of a page; browsers get errors as pages, guests get `401`.
    Form,
    /// A route for API clients; every error is a problem document.
    Api,
    /// A file that pages load, such as a script.
    Asset,
    /// A WebSocket or an event stream; every error is a problem document.
    Stream,
    /// A health check or the metrics; also available by IP address.
    Probe,
    /// Enqueues tasks of one type; served by a shared route.
    Task,
    /// Rows of one admin model; served by a shared route.
    Model,
}

impl RouteKind {
    /// Returns `true` if errors are never sent as pages, regardless of what the client accepts.
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

/// Declaration of a route: everything that applies to its requests before the handler runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteInfo {
    /// Kind of the route.
    pub kind: RouteKind,
    /// HTTP method; `None` if the handler checks the method itself.
    pub method: Option<Method>,
    /// Path in axum's syntax, without the base path of a nested portal.
    pub path: Cow<'static, str>,
    /// Guard of the route.
    pub guard: Guard,
    /// Rate class in which requests are counted; `None` if they are not limited.
    pub rate_class: Option<RateClass>,
    /// Maximum size of the request body in bytes; `None` applies the portal's limit.
    pub max_body: Option<usize>,
    /// `true` if the route stays available to everyone during maintenance.
    pub is_exempt_from_maintenance: bool,
    /// Handler and location of its declaration; `None` if a shared route serves the requests.
    pub source: Option<Source>,
}

impl RouteInfo {
    /// Creates a route without a source.
    #[must_use]
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

    /// Returns the route information for requests to this path with an unsupported method.
    pub(crate) fn for_other_methods(&self) -> Self {
        Self {
            method: None,
            rate_class: None,
            source: None,
            ..self.clone()
        }
    }

    /// Returns a request path in a form that may be displayed.
    ///
    /// Credentials are replaced by the name of their parameter, such as `{client_token}`.
    pub(crate) fn without_credentials(&self, path: &str) -> String {
        let mut pattern = self.path.split('/');
        let segments = path.split('/').map(|segment| match pattern.next() {
            Some(name) if name.starts_with('{') && name.contains("token") => name,
            _ => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Access;

    #[test]
    fn displayed_path_contains_no_credentials() {
        let path = "/api/{state}/tasks/{client_token}";
        let route = RouteInfo::new(RouteKind::Api, None, path, Access::Public);
        let shown = route.without_credentials("/api/a/tasks/secret");
        assert_eq!(shown, "/api/a/tasks/{client_token}");
        let route = RouteInfo::new(RouteKind::Api, None, "/items/{id}", Access::Public);
        assert_eq!(route.without_credentials("/items/7"), "/items/7");
    }
}
