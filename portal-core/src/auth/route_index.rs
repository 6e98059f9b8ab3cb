//! Lookup of the declared route that serves a request, for error reports.

use axum::http::Method;

use super::route::RouteInfo;

/// Declared routes that have their own handler.
///
/// axum does not expose the matched route to the layers around its router. Only failed requests are
/// looked up here, so a linear search is enough.
#[derive(Debug, Default)]
pub(crate) struct RouteIndex(Vec<RouteInfo>);

impl RouteIndex {
    pub(crate) fn new(routes: impl IntoIterator<Item = RouteInfo>) -> Self {
        let routes = routes.into_iter();
        Self(routes.filter(|route| route.source.is_some()).collect())
    }

    /// Returns the route that serves a request.
    ///
    /// As in axum, literal text takes precedence over parameters, from left to right.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<&RouteInfo> {
        let method = match *method {
            Method::HEAD => &Method::GET,
            _ => method,
        };
        self.0
            .iter()
            .filter(|route| route.method.as_ref().is_none_or(|it| it == method))
            .filter_map(|route| Some((rank(&route.path, path)?, route)))
            .min_by(|(one, _), (other, _)| one.cmp(other))
            .map(|(_, route)| route)
    }

    /// Returns a displayable request path.
    ///
    /// Values that are credentials are replaced by their parameter, such as `{client_token}`.
    pub(crate) fn without_credentials(&self, method: &Method, path: &str) -> String {
        let Some(route) = self.find(method, path) else {
            return path.to_owned();
        };
        let mut pattern = route.path.split('/');
        let segments = path.split('/').map(|segment| match pattern.next() {
            Some(name) if name.starts_with('{') && name.contains("token") => name,
            _ => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Types of segments by which a route matches a path; the lowest matches best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Literal,
    Parameter,
    Rest,
}

fn rank(route: &str, path: &str) -> Option<Vec<Rank>> {
    let mut ranks = Vec::new();
    let mut segments = path.split('/');
    for pattern in route.split('/') {
        if pattern.starts_with("{*") {
            let rest = segments.next()?;
            let is_there = !rest.is_empty() || segments.next().is_some();
            ranks.push(Rank::Rest);
            return is_there.then_some(ranks);
        }
        let segment = segments.next()?;
        ranks.push(match pattern.split_once('{') {
            None if pattern == segment => Rank::Literal,
            None => return None,
            Some((start, rest)) => {
                let end = rest.split_once('}').map_or("", |(_, end)| end);
                let value = segment.strip_prefix(start)?.strip_suffix(end)?;
                if value.is_empty() {
                    return None;
                }
                Rank::Parameter
            }
        });
    }
    segments.next().is_none().then_some(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Access, Routes};

    #[test]
    fn request_resolves_to_the_route_that_axum_matches() {
        let nothing = async || "";
        let routes: Routes = Routes::new()
            .get("/", Access::Public, nothing)
            .get("/items/{id}", Access::Public, nothing)
            .post("/items/{id}", Access::Public, nothing)
            .get("/items/new", Access::Public, nothing)
            .get("/items/{id}.json", Access::Public, nothing)
            .get("/files/{*path}", Access::Public, nothing)
            .get("/api/{state}/tasks/{client_token}", Access::Public, nothing)
            .socket("/ws/{id}", Access::Public, nothing);
        let index = RouteIndex::new(routes.list());
        for (method, path, expected) in [
            (Method::GET, "/", Some("/")),
            (Method::HEAD, "/items/7", Some("/items/{id}")),
            (Method::GET, "/items/new", Some("/items/new")),
            (Method::POST, "/items/new", Some("/items/{id}")),
            (Method::GET, "/files/a/b", Some("/files/{*path}")),
            (Method::CONNECT, "/ws/7", Some("/ws/{id}")),
            (Method::GET, "/files/", None),
            (Method::GET, "/items/", None),
            (Method::GET, "/items/7/", None),
            (Method::DELETE, "/items/7", None),
        ] {
            let found = index.find(&method, path).map(|route| &*route.path);
            assert_eq!(found, expected, "{method} {path}");
        }
        let path = |path| index.without_credentials(&Method::GET, path);
        assert_eq!(path("/api/a/tasks/secret"), "/api/a/tasks/{client_token}");
        assert_eq!(path("/items/7"), "/items/7");
    }
}
