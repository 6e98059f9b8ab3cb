//! Requests to every route of a portal, as a guest and as each kind of user.

use std::collections::{BTreeMap, BTreeSet};

use axum::routing::get;
use portal_core::PortalBuilder;
use portal_core::auth::{Guard, RouteInfo, RouteKind, Routes};
use portal_core::prelude::*;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app;
use crate::support::{Client, Database, TestResponse, TestServer, on_both, raw};

on_both!(
    guards_allow_the_declared_callers_only,
    no_spelling_of_a_path_bypasses_its_guard,
);

/// Adds routes for methods and guards that the test application does not use.
fn build(portal: PortalBuilder) -> PortalBuilder {
    let editors = || Access::Role(Role::custom("editor"));
    let routes = Routes::new()
        .get("/api/walk/{id}", editors(), async || "read")
        .post("/api/walk/{id}", editors(), async || "done")
        .put("/api/walk/{id}", Access::User, async || "done")
        .patch("/api/walk/{id}", Access::Admin, async || "done")
        .delete("/api/walk/{id}", Access::Admin, async || "done")
        .socket("/api/walk/{id}/live", Access::User, async || "live")
        .get("/api/walk", Access::Public, async || "open");
    app::build(portal).routes(routes).page(archive)
}

fn archive() -> Page {
    Page::get("/archive", async || maud::html! { h1 { "Archive" } })
        .access(Access::Role(Role::custom("editor")))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    User,
    Editor,
    Deactivated,
    Admin,
}

/// A guard's decision about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GuardResult {
    Passed,
    SignIn,
    Forbidden,
    Deactivated,
    UnknownToken,
}

/// Returns the expected result for an access rule, computed independently of the portal.
fn access(required: &Access, who: Who) -> GuardResult {
    let editors = |required: &Access| match required {
        Access::Role(role) => role.as_str() == "EDITOR",
        Access::Permission(permission) => permission.as_str().starts_with("articles:"),
        _ => false,
    };
    match (required, who) {
        (Access::Public, _) | (_, Who::Admin) => GuardResult::Passed,
        (_, Who::Nobody) => GuardResult::SignIn,
        (_, Who::Deactivated) => GuardResult::Deactivated,
        (Access::User, _) => GuardResult::Passed,
        (Access::AnyOf(any), Who::Editor) if any.iter().any(editors) => GuardResult::Passed,
        (required, Who::Editor) if editors(required) => GuardResult::Passed,
        _ => GuardResult::Forbidden,
    }
}

/// Returns the expected result according to the route's declaration.
fn expected(route: &RouteInfo, who: Who) -> GuardResult {
    let access = |required: &Access| access(required, who);
    let lists = [
        "/admin/settings/{model}",
        "/admin/settings/{model}/rows/{id}",
    ];
    let is_list = lists.contains(&&*route.path);
    let is_form =
        route.method == Some(Method::POST) && route.path.starts_with("/admin/settings/{model}/");
    match (&route.guard, who) {
        // The pages of a model also require access to the model, which only administrators have.
        (Guard::Account(_), _) if is_list || is_form => access(&Access::Admin),
        (Guard::Account(account), _) => access(account),
        // A guest has no token and sends a random one.
        (Guard::ClientToken(_), Who::Nobody) => GuardResult::UnknownToken,
        (Guard::ClientToken(_), Who::Deactivated) => GuardResult::Deactivated,
        (Guard::ClientToken(task), _) => access(task),
        // The requested model is only for administrators; the list is for every user who may open a
        // model.
        (Guard::Model, Who::Editor) if route.path == "/api/admin/models" => GuardResult::Passed,
        // A saved view belongs to a model, whose name the request does not contain.
        (Guard::Model, Who::Editor) if route.path.starts_with("/api/admin/views") => {
            GuardResult::Passed
        }
        (Guard::Model, _) => access(&Access::Admin),
        // These guards do not depend on the account; other tests cover them.
        _ => GuardResult::Passed,
    }
}

/// Derives the result from a response: any request that was not rejected has passed the guard.
fn met(route: &RouteInfo, response: &TestResponse) -> GuardResult {
    let is_page = route.kind == RouteKind::Page;
    let code = || match serde_json::from_str::<Value>(&response.text) {
        Ok(problem) => problem["code"].as_str().unwrap_or_default().to_owned(),
        Err(_) => String::new(),
    };
    match response.status {
        StatusCode::UNAUTHORIZED => {
            assert!(!is_page, "{route:?} does not redirect to the sign-in page");
            assert_eq!(response.header("www-authenticate"), "Bearer", "{route:?}");
            assert_eq!(code(), "unauthorized", "{route:?}");
            GuardResult::SignIn
        }
        StatusCode::SEE_OTHER if is_page && response.location().starts_with("/sign-in") => {
            GuardResult::SignIn
        }
        StatusCode::FORBIDDEN if is_page => {
            assert!(response.header("content-type").starts_with("text/html"));
            if response.text.contains("deactivated") {
                GuardResult::Deactivated
            } else {
                GuardResult::Forbidden
            }
        }
        StatusCode::FORBIDDEN if code() == "deactivated" => GuardResult::Deactivated,
        StatusCode::FORBIDDEN if code() == "forbidden" => GuardResult::Forbidden,
        StatusCode::NOT_FOUND
            if matches!(route.guard, Guard::ClientToken(_)) && code() == "client_token_unknown" =>
        {
            GuardResult::UnknownToken
        }
        _ => GuardResult::Passed,
    }
}

struct RouteWalker {
    who: Who,
    client: Client,
    token: String,
}

impl RouteWalker {
    async fn all(server: &TestServer) -> Vec<Self> {
        let admin = server.admin().await;
        let mut all = vec![Self {
            who: Who::Nobody,
            client: server.guest(),
            token: uuid::Uuid::new_v4().to_string(),
        }];
        for (who, email, change) in [
            (Who::User, "ann@example.com", json!({})),
            (
                Who::Editor,
                "ed@example.com",
                json!({"user_type": "EDITOR"}),
            ),
            (
                Who::Deactivated,
                "gone@example.com",
                json!({"is_active": false}),
            ),
        ] {
            let client = server.sign_in(email).await;
            let token = client.client_token().await;
            let me = client.get("/api/auth/me").await.json();
            let path = format!(
                "/api/users/{}",
                me["id"].as_str().expect("response has an id")
            );
            assert_eq!(admin.patch(&path, &change).await.status, 200);
            all.push(Self { who, client, token });
        }
        all.push(Self {
            who: Who::Admin,
            token: admin.client_token().await,
            client: admin,
        });
        all
    }

    /// Sends a request with an invalid body: the guard rejects the request before the body is read.
    async fn ask(&self, route: &RouteInfo) -> TestResponse {
        let method = route.method.clone().unwrap_or(Method::GET);
        let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
        let request = self.client.request(method, &self.path(route));
        let request = match route.kind {
            RouteKind::Page => request.header("accept", "text/html"),
            _ => request,
        };
        // An empty idempotency key is invalid, so no task is started.
        let request = request.header("idempotency-key", "");
        TestResponse::of(if has_body {
            request
                .header("content-type", "application/x-nonsense")
                .body("{")
        } else {
            request
        })
        .await
    }

    fn path(&self, route: &RouteInfo) -> String {
        // The walker needs its own token for later routes, so it revokes a random one.
        let token = if route.method == Some(Method::DELETE) {
            uuid::Uuid::new_v4().to_string()
        } else {
            self.token.clone()
        };
        let segments = route.path.split('/').map(|segment| match segment {
            "{client_token}" => token.as_str(),
            "{state}" => "probe",
            "{task}" => "echo",
            "{model}" => "plan",
            "{task_id}" => "00000000-0000-4000-8000-000000000000",
            parameter if parameter.starts_with('{') => "1",
            literal => literal,
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

async fn guards_allow_the_declared_callers_only(database: Database) {
    let server = TestServer::start_with(database, &[], build).await;
    let mut routes = server.routes.clone();
    // These routes intentionally fail for everyone, or check more than they declare.
    routes.retain(|route| !["/fails", "/hello", "/panics"].contains(&&*route.path));
    // Signing out comes last because it ends the session.
    routes.sort_by_key(|route| route.path == "/sign-out");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let walkers = RouteWalker::all(&server).await;
    for route in &routes {
        for walker in &walkers {
            let response = walker.ask(route).await;
            let (met, expected) = (met(route, &response), expected(route, walker.who));
            if met != expected || response.status.is_server_error() {
                let (who, status) = (walker.who, response.status);
                wrong.push(format!(
                    "{who:?}: expected {expected:?}, got {met:?} ({status}): {route:?}"
                ));
            }
            *counts.entry(format!("{met:?}")).or_default() += 1;
            *counts.entry(route.kind.to_string()).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Check that the walk has covered every kind of route and every result.
    for (what, least) in [
        ("page", 50),
        ("api", 100),
        ("form", 20),
        ("stream", 20),
        ("task", 50),
        ("model", 10),
        ("SignIn", 20),
        ("Forbidden", 20),
        ("Deactivated", 20),
        ("UnknownToken", 10),
        ("Passed", 100),
    ] {
        let count = counts.get(what).copied().unwrap_or_default();
        assert!(
            count >= least,
            "{what}: {count} requests, expected at least {least}: {counts:?}"
        );
    }
}

async fn no_spelling_of_a_path_bypasses_its_guard(database: Database) {
    let server = TestServer::start_with(database, &[], build).await;
    let user = server.user().await;
    let bearer = format!(
        "Authorization: Bearer {}",
        user.token.as_deref().expect("client has a token")
    );
    for (path, secret) in [
        ("/secret", "<h1>Secret</h1>"),
        ("/archive", "<h1>Archive</h1>"),
        ("/admin/users", "root@example.com"),
        ("/admin/tasks", "pt-task-monitor"),
        ("/api/users", "\"items\""),
        ("/api/admin/models", "\"models\""),
        ("/api/walk/1", "read"),
    ] {
        let first = path.as_bytes()[1];
        let rest = &path[2..];
        let spellings = [
            format!("{path}/"),
            format!("/{path}"),
            format!("//{path}//"),
            format!("/%{first:02x}{rest}"),
            format!("/%{first:02X}{rest}"),
            format!("/%25{first:02x}{rest}"),
            path.to_uppercase(),
            format!("/.{path}"),
            format!("/x/..{path}"),
            format!("{path}/."),
            format!("{path};x=1"),
            format!("{path}%00"),
            format!("{path}%2f"),
            format!("{path}?"),
            format!("/portal{path}"),
            format!("{}{path}", server.url),
            path.to_owned(),
        ];
        for spelling in spellings {
            for credential in [None, Some(&bearer)] {
                let mut head = format!("GET {spelling} HTTP/1.1");
                if let Some(credential) = credential {
                    head = format!("{head}\r\n{credential}");
                }
                let (status, text) = raw(&server.url, &head).await;
                assert!(
                    matches!(status, 303 | 400 | 401 | 403 | 404 | 405),
                    "{head}: {status} {text}"
                );
                assert!(!text.contains(secret), "{head}: {text}");
            }
        }
    }
}

/// Returns the routes in axum's debug output as path and method, with `*` for all methods.
fn served(router: &str) -> BTreeSet<(String, String)> {
    let (routes, rest) = router
        .split_once("node: Node { paths: {")
        .expect("the debug output has the format of axum 0.8");
    let (paths, _) = rest.split_once('}').map_or((rest, ""), |_| {
        // Paths contain braces too; the list ends before the next field.
        rest.split_once("} }").expect("the list ends")
    });
    let paths: BTreeMap<&str, &str> = paths
        .split("RouteId(")
        .filter_map(|entry| {
            let (id, rest) = entry.split_once("): \"")?;
            Some((id, rest.split_once('"')?.0))
        })
        .collect();
    let mut served = BTreeSet::new();
    for entry in routes.split("RouteId(").skip(1) {
        let (id, methods) = entry
            .split_once("): MethodRouter(")
            .expect("the entry contains a method router");
        let path = paths[id];
        let mut is_any = true;
        for method in [
            "get", "delete", "options", "patch", "post", "put", "trace", "connect",
        ] {
            let (_, value) = methods
                .split_once(&format!(" {method}: "))
                .expect("the field exists");
            if !value.starts_with("None") {
                served.insert((path.to_owned(), method.to_uppercase()));
                is_any = false;
            }
        }
        if is_any {
            served.insert((path.to_owned(), "*".to_owned()));
        }
    }
    served
}

fn declared(routes: &[RouteInfo]) -> BTreeSet<(String, String)> {
    let own = routes
        .iter()
        .filter(|route| !matches!(route.kind, RouteKind::Task | RouteKind::Model));
    own.map(|route| {
        let method = route.method.as_ref().map_or("*", Method::as_str);
        (route.path.clone().into_owned(), method.to_owned())
    })
    .collect()
}

#[tokio::test]
async fn router_serves_only_declared_routes() {
    let server = TestServer::start_with(Database::Sqlite, &[], build).await;
    let served = served(&server.router);
    assert!(
        served.len() > 50,
        "axum's debug output lists at most 50 routes: {served:?}"
    );
    assert_eq!(served, declared(&server.routes));
}

#[tokio::test]
async fn undeclared_route_is_detected() {
    let undeclared = axum::Router::new().route("/undeclared", get(async || "who am I"));
    let server = TestServer::start_with(Database::Sqlite, &[], |portal| {
        build(portal).merge_router(undeclared)
    })
    .await;
    let declared = declared(&server.routes);
    let served = served(&server.router);
    let extra: Vec<_> = served.difference(&declared).collect();
    assert_eq!(extra, [&("/undeclared".to_owned(), "GET".to_owned())]);
}

/// Checks that start routes have the access rules of their tasks, and that models are listed.
#[tokio::test]
async fn tasks_and_models_are_listed() {
    let server = TestServer::start(Database::Sqlite).await;
    let find = |path: &str| {
        let found = server.routes.iter().find(|route| route.path == path);
        found
            .unwrap_or_else(|| panic!("{path} is not declared"))
            .clone()
    };
    let task = |name: &str| find(&format!("/api/probe/tasks/{{client_token}}/start/{name}"));
    assert_eq!(task("echo").guard, Guard::ClientToken(Access::Public));
    assert_eq!(task("admins_only").guard, Guard::ClientToken(Access::Admin));
    assert_eq!(find("/api/admin/models/plan").kind, RouteKind::Model);
    assert_eq!(find("/secret").guard, Guard::Account(Access::Admin));
}

#[tokio::test]
async fn duplicate_routes_are_a_build_error() {
    let directory = tempfile::tempdir().expect("the directory can be created");
    let uri = format!("sqlite://{}", directory.path().join("portal.db").display());
    let settings = portal_core::config::Settings::from_pairs([
        ("APP_ENV", "DEV"),
        ("DB_LOCAL_URI", uri.as_str()),
    ]);
    let config = portal_core::Config::from_settings(settings).expect("the settings are valid");
    let routes = Routes::new()
        .get("/api/users", Access::Public, async || "mine")
        .get("/archive", Access::Public, async || "mine")
        .get("/api/a/{one}", Access::Public, async || "mine")
        .get("/api/a/{other}", Access::Public, async || "mine")
        .get("/api/b/{", Access::Public, async || "mine");
    let portal = portal_core::Portal::builder()
        .config(config)
        .page(archive)
        .routes(routes);
    let error = portal.build().await.expect_err("the portal does not start");
    let error = error.to_string();
    for path in [
        "GET /api/users",
        "GET /archive",
        "GET /api/a/{other}",
        "GET /api/b/{",
    ] {
        assert!(error.contains(path), "{path}: {error}");
    }
}
