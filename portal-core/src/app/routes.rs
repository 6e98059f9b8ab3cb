//! Every route of a portal with who may use it.

use super::health;
use super::overlap::KnownRoute;
use crate::admin::{self, ModelRegistry};
use crate::auth::{self, Access, DeclaredRoute, Guard, RouteKind, Routes};
use crate::live;
use crate::notifications;
use crate::pages;
use crate::tasks::{self, TaskRegistry};

/// What the portal answers itself and no page can.
pub(super) fn own(metrics: bool, dev: bool) -> Routes {
    let routes = auth::routes()
        .merge(tasks::routes())
        .merge(admin::routes())
        .merge(notifications::routes())
        .merge(live::routes())
        .merge(pages::theme_routes())
        .merge(pages::search_routes())
        .merge(always_open());
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

/// What is answered whatever the portal is at: whether it is well, and what pages are made of.
pub(super) fn always_open() -> Routes {
    let assets = format!("{}{{file}}", pages::assets::PREFIX);
    health::routes()
        .merge(pages::brand_routes())
        .get(assets, Access::Public, pages::assets::serve)
}

/// The start of each kind of task and the rows of each model: general routes answer them, each
/// with an access of its own.
pub(super) fn of_tasks_and_models(
    tasks: &TaskRegistry,
    models: &ModelRegistry,
) -> Vec<DeclaredRoute> {
    let starts = tasks.startable().map(|task| {
        DeclaredRoute::new(
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
        DeclaredRoute::new(RouteKind::Model, None, path, model.access.clone())
    });
    starts.chain(rows).collect()
}

/// Describes the declared routes that axum cannot read or that overlap; axum would panic. Adds the others
/// to the known routes.
pub(super) fn problems(routes: &[DeclaredRoute], known: &mut Vec<KnownRoute>) -> Vec<String> {
    let mut problems = Vec::new();
    for route in routes {
        let new = KnownRoute::of_route(route.clone());
        if !is_route(&route.path) {
            problems.push(format!(
                "axum cannot read the route `{}`\n       {}",
                new.name(),
                new.place
            ));
        } else if let Some(other) = known.iter().find(|it| collide(&it.route, route)) {
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

/// Whether two routes claim the same requests.
pub(super) fn collide(one: &DeclaredRoute, other: &DeclaredRoute) -> bool {
    let same_method = match (&one.method, &other.method) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_method && shape(&one.path) == shape(&other.path)
}

/// `{id}` and `{name}` are one route to axum.
pub(super) fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "/{}".to_owned()
        } else {
            format!("/{segment}")
        }
    });
    segments.collect()
}

/// Whether axum takes a path for a route; it would panic at any other.
pub(super) fn is_route(path: &str) -> bool {
    if !path.starts_with('/') {
        return false;
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let Some((literal, parameter)) = segment.split_once('{') else {
            if segment.contains('}') || segment.starts_with([':', '*']) {
                return false;
            }
            continue;
        };
        let Some(name) = parameter.strip_suffix('}') else {
            return false;
        };
        let (name, is_rest) = match name.strip_prefix('*') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_name || literal.contains('}') || (is_rest && !(is_last && literal.is_empty())) {
            return false;
        }
    }
    true
}
