//! Route list: all of a portal's routes with their guards.

use super::health;
use super::overlap::{KnownRoute, is_route};
use crate::admin::{self, ModelRegistry};
use crate::auth::{self, Access, Guard, RateClass, RouteInfo, RouteKind, Routes};
use crate::live;
use crate::notifications;
use crate::pages;
use crate::tasks::{self, TaskRegistry};

/// Returns the built-in routes, which pages cannot replace.
pub(super) fn builtin(metrics: bool, dev: bool) -> Routes {
    let routes = auth::routes()
        .merge(tasks::routes())
        .merge(admin::routes())
        .merge(notifications::routes())
        .merge(live::routes())
        .merge(pages::theme_routes())
        .merge(pages::search_routes())
        .merge(health::routes())
        .merge(pages::brand_routes())
        .merge(pages::assets::routes());
    let routes = if dev {
        routes.merge(pages::gallery_routes())
    } else {
        routes
    };
    if metrics {
        routes.merge(tasks::metrics_routes())
    } else {
        routes
    }
}

/// Completes the identity provider's routes.
///
/// They stay available during maintenance. Routes that change data without requiring an account get
/// the rate class of sign-ins, unless the provider has declared a different one.
pub(super) fn of_provider(routes: Routes) -> Routes {
    routes.exempt_from_maintenance().map_info(|route| {
        let is_change = route
            .method
            .as_ref()
            .is_some_and(|method| !method.is_safe());
        let is_open = matches!(
            route.guard,
            Guard::Account(Access::Public) | Guard::Development
        );
        if is_change && is_open && route.rate_class.is_none() {
            route.rate_class = Some(RateClass::SignIn);
        }
    })
}

/// Returns an entry with the access rule for each task type and admin model. They are served by
/// shared routes.
pub(super) fn of_tasks_and_models(tasks: &TaskRegistry, models: &ModelRegistry) -> Vec<RouteInfo> {
    let starts = tasks.startable().map(|task| {
        RouteInfo::new(
            RouteKind::Task,
            Some(axum::http::Method::POST),
            format!(
                "/api/{}/tasks/{{client_token}}/start/{}",
                task.group, task.name
            ),
            Guard::ClientToken(task.access.clone()),
        )
    });
    let rows = models.models().iter().map(|model| {
        let path = format!("/api/admin/models/{}", model.name);
        RouteInfo::new(RouteKind::Model, None, path, model.policy.view_access())
    });
    starts.chain(rows).collect()
}

/// Describes declared routes that overlap or are invalid in axum, which would panic on such routes.
///
/// Adds all other routes to `known`.
pub(super) fn problems(routes: &[RouteInfo], known: &mut Vec<KnownRoute>) -> Vec<String> {
    let mut problems = Vec::new();
    for route in routes {
        let new = KnownRoute::of_route(route.clone());
        if !is_route(&route.path) {
            problems.push(format!(
                "the route `{}` is not valid in axum\n       {}",
                new.name(),
                new.place
            ));
        } else if let Some(other) = known.iter().find(|it| conflicts(&it.route, route)) {
            problems.push(format!(
                "two routes conflict at `{}`\n       {}\n       {}\n     change the path of one of them",
                new.name(),
                other.place,
                new.place
            ));
        } else {
            known.push(new);
        }
    }
    problems
}

/// Path prefixes that pages cannot use, with the kind of the routes below them.
const RESERVED: [(&str, RouteKind); 3] = [
    ("/api", RouteKind::Api),
    ("/ws", RouteKind::Stream),
    ("/_portal", RouteKind::Asset),
];

/// Returns the path's reserved prefix, which pages cannot use.
pub(super) fn reserved_prefix(path: &str) -> Option<&'static str> {
    let found = RESERVED.iter().find(|(prefix, _)| is_under(path, prefix));
    found.map(|(prefix, _)| *prefix)
}

/// Returns the kind of an undeclared route or an unknown path if its prefix is reserved.
pub(super) fn reserved_kind(path: &str) -> Option<RouteKind> {
    let mut reserved = RESERVED.into_iter();
    let found = reserved.find(|(prefix, _)| path == *prefix || is_under(path, prefix));
    found.map(|(_, kind)| kind)
}

fn is_under(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Returns `true` if two routes match the same requests.
pub(super) fn conflicts(one: &RouteInfo, other: &RouteInfo) -> bool {
    let same_method = match (&one.method, &other.method) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_method && shape(&one.path) == shape(&other.path)
}

/// Removes the names of path parameters. In axum, `{id}` and `{name}` are the same route, as are
/// `v{id}` and `v{name}`.
pub(super) fn shape(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.split_once('{') {
            Some((literal, _)) => format!("/{literal}{{}}"),
            None => format!("/{segment}"),
        });
    segments.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_path_has_the_kind_of_its_reserved_prefix() {
        for (path, kind) in [
            ("/api", Some(RouteKind::Api)),
            ("/api/", Some(RouteKind::Api)),
            ("/api/x", Some(RouteKind::Api)),
            ("/ws/x/y", Some(RouteKind::Stream)),
            ("/_portal/assets/x", Some(RouteKind::Asset)),
            ("/apis", None),
            ("/docs/api/intro", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(reserved_kind(path), kind, "{path}");
        }
        assert_eq!(reserved_prefix("/api/x"), Some("/api"));
        assert_eq!(reserved_prefix("/api"), None);
    }

    #[test]
    fn public_provider_writes_count_as_sign_ins() {
        let nothing = async || "";
        let routes = Routes::new()
            .post("/own/sign-in", Access::Public, nothing)
            .get("/own/keys", Access::Public, nothing)
            .post("/own/sessions", Access::User, nothing)
            .post("/own/webhook", Guard::Signature, nothing)
            .merge(
                Routes::new()
                    .post("/own/token", Access::Public, nothing)
                    .rate_class(RateClass::ClientToken),
            );
        let routes = of_provider(routes).list();
        assert!(routes.iter().all(|route| route.is_exempt_from_maintenance));
        let classes: Vec<_> = routes.iter().map(|route| route.rate_class).collect();
        let (sign_in, token) = (Some(RateClass::SignIn), Some(RateClass::ClientToken));
        assert_eq!(classes, [sign_in, None, None, None, token]);
    }
}
