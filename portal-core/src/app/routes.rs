//! Route list: all routes of a portal with their guards.

use super::health;
use super::overlap::{KnownRoute, is_route};
use crate::admin::{self, ModelRegistry};
use crate::auth::{self, Access, Guard, RouteInfo, RouteKind, Routes};
use crate::live;
use crate::notifications;
use crate::pages;
use crate::tasks::{self, TaskRegistry};

/// Returns the built-in routes, which no page can replace.
pub(super) fn builtin(metrics: bool, dev: bool) -> Routes {
    let routes = auth::routes()
        .merge(tasks::routes())
        .merge(admin::routes())
        .merge(notifications::routes())
        .merge(live::routes())
        .merge(pages::theme_routes())
        .merge(pages::search_routes())
        .merge(exempt_from_maintenance());
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

/// Returns routes that respond in every state of the portal: health checks and assets.
pub(super) fn exempt_from_maintenance() -> Routes {
    let assets = format!("{}{{file}}", pages::assets::PREFIX);
    health::routes()
        .merge(pages::brand_routes())
        .get(assets, Access::Public, pages::assets::serve)
}

/// Returns a route per task type and admin model; general routes serve them, each with its own
/// access.
pub(super) fn of_tasks_and_models(tasks: &TaskRegistry, models: &ModelRegistry) -> Vec<RouteInfo> {
    let starts = tasks.startable().map(|task| {
        RouteInfo::new(
            RouteKind::Task,
            Some(axum::http::Method::POST),
            format!(
                "/api/{}/tasks/{{client_token}}/start/{}",
                task.state, task.name
            ),
            Guard::ClientToken(task.access.clone()),
        )
    });
    let rows = models.models().iter().map(|model| {
        let path = format!("/api/admin/models/{}", model.name);
        RouteInfo::new(RouteKind::Model, None, path, model.access.clone())
    });
    starts.chain(rows).collect()
}

/// Describes declared routes that overlap or are invalid in axum, which would panic.
///
/// Adds the others to the known routes.
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
                "two routes claim `{}`\n       {}\n       {}\n     change the path of one of them",
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

/// Returns `true` if two routes match the same requests.
pub(super) fn conflicts(one: &RouteInfo, other: &RouteInfo) -> bool {
    let same_method = match (&one.method, &other.method) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_method && shape(&one.path) == shape(&other.path)
}

/// `{id}` and `{name}` are the same route in axum, as are `v{id}` and `v{name}`.
pub(super) fn shape(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.split_once('{') {
            Some((literal, _)) => format!("/{literal}{{}}"),
            None => format!("/{segment}"),
        });
    segments.collect()
}
