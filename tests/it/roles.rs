//! Application roles and permissions on pages, tasks, models, navigation and the REST API.

use std::time::Duration;

use axum::http::request::Parts;
use portal_core::auth::{AuthError, AuthProvider, CredentialSource, Identity, Profile, Users};
use portal_core::auth::{UserChange, UserFilter};
use portal_core::prelude::*;
use portal_core::{BuildError, PortalBuilder};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app;
use crate::support::{ADMIN, Client, Database, TestResponse, TestServer, on_both};

on_both!(
    each_role_has_exactly_its_declared_access,
    unregistered_role_grants_nothing,
    editor_has_access_to_permitted_models_only,
    lost_role_applies_to_the_next_request,
    only_verified_primary_addresses_make_administrators,
    impersonated_administrator_has_no_admin_access,
    impersonated_administrator_can_be_allowed_explicitly,
    role_change_by_code_reaches_every_replica,
);

/// Write
#[page(
    "/roles/write",
    requires_permission = "articles:write",
    nav(label = "Write")
)]
async fn write() -> Markup {
    html! { h1 { "Write" } }
}

/// Editors only
#[page("/roles/editors", requires_role = "editor", nav(label = "Editors"))]
async fn editors(user: CurrentUser) -> Markup {
    let write: bool = "articles:write".parse().is_ok_and(|it| user.can(&it));
    html! { p { (user.role_title()) " " (write) " " (user.has_role(&Role::custom("editor"))) } }
}

/// Publish
#[monitored_background_task(group = "probe", requires_permission = "articles:publish")]
async fn publish(_task: TaskContext) -> u8 {
    1
}

/// Proofread
#[monitored_background_task(group = "probe", requires_role = "reviewer")]
async fn proofread(_task: TaskContext) -> u8 {
    2
}

/// Articles that editors write
#[admin_model(requires_permission = "articles:write")]
struct Article {
    id: i64,
    #[admin(unique)]
    title: String,
    #[admin(references = Plan)]
    plan: Option<i64>,
    #[admin(widget = Password)]
    secret: String,
}

use app::Plan;

async fn give(admin: &Client, client: &Client, role: &str) {
    let me = client.get("/api/auth/me").await.json();
    let id = me["id"].as_str().expect("response has an id");
    let body = json!({"user_type": role});
    let response = admin.patch(&format!("/api/users/{id}"), &body).await;
    assert_eq!(response.status, 200, "{}", response.text);
}

async fn start(client: &Client, task: &str) -> TestResponse {
    let token = client.client_token().await;
    let path = format!("/api/probe/tasks/{token}/start/{task}");
    client.post(&path, &json!({})).await
}

async fn each_role_has_exactly_its_declared_access(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    // The statuses are for a page by permission, a page by role, a task by permission, a task by
    // role, and a model by permission.
    for (role, expected) in [
        ("ADMIN", [200, 200, 202, 202, 200]),
        ("EDITOR", [200, 200, 202, 403, 200]),
        ("REVIEWER", [403, 403, 403, 202, 403]),
        ("USER", [403, 403, 403, 403, 403]),
        ("GUEST", [403, 403, 403, 403, 403]),
    ] {
        let client = server.sign_in(&format!("{role}@example.com")).await;
        give(&admin, &client, role).await;
        let found = [
            client.page("/roles/write").await.status.as_u16(),
            client.page("/roles/editors").await.status.as_u16(),
            start(&client, "publish").await.status.as_u16(),
            start(&client, "proofread").await.status.as_u16(),
            client
                .get("/api/admin/models/article")
                .await
                .status
                .as_u16(),
        ];
        assert_eq!(found, expected, "{role}");
        let links = client.page("/members").await.text;
        for (link, at) in [
            ("/roles/write", 0),
            ("/roles/editors", 1),
            ("/admin/settings", 4),
        ] {
            let shown = links.contains(&format!("href=\"{link}\""));
            assert_eq!(shown, expected[at] == 200, "{role} {link}");
        }
    }
    let guest = server.guest();
    assert_eq!(guest.page("/roles/write").await.status, 303);
    let model = guest.get("/api/admin/models/article").await;
    model.problem(401, "unauthorized");
    let editor = server.sign_in("EDITOR@example.com").await;
    let page = editor.page("/roles/editors").await.text;
    assert!(page.contains("Editor true true"), "{page}");

    let tasks = guest.get("/api/tasks").await.json();
    let access = |name: &str| {
        let tasks = tasks["tasks"].as_array().expect("value is a list");
        let task = tasks.iter().find(|task| task["name"] == name);
        task.expect("the task is listed")["access"].clone()
    };
    assert_eq!(access("publish"), "permission:articles:publish");
    assert_eq!(access("proofread"), "role:REVIEWER");
}

async fn unregistered_role_grants_nothing(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    give(&admin, &user, "EDITOR").await;
    assert_eq!(user.page("/roles/editors").await.status, 200);
    for stored in ["OWNER", "SUPER ADMIN", "", "admin ", "Ädmin"] {
        let change = format!(
            "UPDATE portal_users SET user_type = '{stored}' WHERE email = 'ann@example.com'"
        );
        assert_eq!(server.sql(change).await, 1);
        let users = server.state.get::<Users>().expect("the service exists");
        let found = users
            .find_by_email("ann@example.com")
            .await
            .expect("the database responds");
        let stranger = &found[0];
        // The role `admin `, with a trailing space, does not make an administrator.
        assert!(!stranger.is_admin(), "{stored:?}");
        for access in [Access::Admin, Access::role("editor"), Access::role("owner")] {
            assert!(!access.allows(Some(stranger)), "{stored:?} {access}");
        }
        assert!(Access::User.allows(Some(stranger)));
    }
}

async fn editor_has_access_to_permitted_models_only(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, editor) = (server.admin().await, server.user().await);
    let article = "/api/admin/models/article";
    let body = json!({"title": "One", "secret": "s"});
    editor.post(article, &body).await.problem(403, "forbidden");
    give(&admin, &editor, "EDITOR").await;

    let made = editor.post(article, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let row = format!("{article}/{}", made.json()["id"]);
    let change = editor
        .request(Method::PATCH, &row)
        .header("if-match", "*")
        .json(&json!({"title": "Two"}));
    assert_eq!(TestResponse::of(change).await.status, 200);
    let models = editor.get("/api/admin/models").await.json();
    let names: Vec<&Value> = models["models"]
        .as_array()
        .expect("value is a list")
        .iter()
        .map(|model| &model["name"])
        .collect();
    assert_eq!(names, ["article"], "only permitted models");

    // The editor has no access to the rest of the admin area and cannot learn which models exist.
    for path in ["plan", "user", "no_such_model"] {
        let response = editor.get(&format!("/api/admin/models/{path}")).await;
        response.problem(403, "forbidden");
        let page = editor.page(&format!("/admin/settings/{path}")).await;
        assert_eq!(page.status, 403, "{path}");
    }
    let many = editor
        .post(
            "/api/admin/models/plan/actions/delete",
            &json!({"ids": [1]}),
        )
        .await;
    many.problem(403, "forbidden");
    let defaults = editor.post("/api/admin/defaults", &json!({})).await;
    defaults.problem(403, "forbidden");
    editor
        .get("/api/admin/audit")
        .await
        .problem(403, "forbidden");
    for path in ["/admin/users", "/admin/audit", "/admin/tasks"] {
        assert_eq!(editor.page(path).await.status, 403, "{path}");
    }
    let missing = admin.get("/api/admin/models/no_such_model").await;
    missing.problem(404, "model_unknown");

    let page = editor.page("/admin/settings").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Two"), "{}", page.text);
    assert!(!page.text.contains("Add default records"));
    assert!(!page.text.contains("/admin/settings/plan"));
    // Rows of an inaccessible model are not offered as references.
    let plan = admin
        .post("/api/admin/models/plan", &json!({"name": "Hidden plan"}))
        .await;
    assert_eq!(plan.status, 201);
    let form = editor.page("/admin/settings/article?new=1").await.text;
    assert!(form.contains("name=\"title\"") && !form.contains("Hidden plan"));
    let form = admin.page("/admin/settings/article?new=1").await.text;
    assert!(form.contains("Hidden plan"));
    for path in ["defaults", "plan/create", "no_such_model/actions/delete"] {
        let form = editor
            .request(Method::POST, &format!("/admin/settings/{path}"))
            .header("accept", "text/html");
        assert_eq!(TestResponse::of(form).await.status, 403, "{path}");
    }
}

async fn lost_role_applies_to_the_next_request(database: Database) {
    let server = TestServer::start(database).await;
    let (admin, user) = (server.admin().await, server.user().await);
    give(&admin, &user, "EDITOR").await;
    let token = user.client_token().await;
    let path = format!("/api/probe/tasks/{token}/start/publish");
    assert_eq!(user.post(&path, &json!({})).await.status, 202);
    give(&admin, &user, "USER").await;
    user.post(&path, &json!({})).await.problem(403, "forbidden");
    assert_eq!(user.page("/roles/write").await.status, 403);
    let model = user.get("/api/admin/models/article").await;
    model.problem(403, "forbidden");
}

async fn only_verified_primary_addresses_make_administrators(database: Database) {
    let emails = ("ADMIN_USER_EMAILS", ", Mike@Example.com ,,");
    let server = TestServer::start_with(database, &[emails], app::build).await;
    let user_type = async |body: Value| {
        let response = server.guest().post("/dev/token", &body).await;
        let token = response.json()["token"].as_str().map(str::to_owned);
        assert!(token.is_some(), "{}", response.text);
        let client = Client::new(&server.url, token);
        client.get("/api/auth/me").await.json()["user_type"].clone()
    };
    let unverified = json!({"email": "mike@example.com", "email_verified": false});
    assert_eq!(user_type(unverified).await, "USER");
    assert_eq!(
        user_type(json!({"email": "MIKE@example.com"})).await,
        "ADMIN"
    );
    // A name provided by the caller grants no role.
    let boasting = json!({"email": "eve@example.com", "first_name": "ADMIN"});
    assert_eq!(user_type(boasting).await, "USER");

    let server = TestServer::start_with(database, &[emails], trusting).await;
    // Some characters look like others, or become others in lower case (the Kelvin sign).
    for (email, expected) in [
        ("m\u{456}ke@example.com", "USER"),
        ("mi\u{212a}e@example.com", "USER"),
        ("mIkE@example.com", "ADMIN"),
    ] {
        let me = get(&server, email, "/api/auth/me").await.json();
        assert_eq!(
            (&me["email"], &me["user_type"]),
            (&json!(email), &json!(expected))
        );
    }
}

/// Provider that trusts the header `x-user` (`address` or `address by actor`); roles are metadata.
struct HeaderAuth;

impl AuthProvider for HeaderAuth {
    async fn authenticate(&self, parts: &Parts) -> Result<Option<Identity>, AuthError> {
        let header = parts.headers.get("x-user");
        let Some(user) = header.and_then(|value| std::str::from_utf8(value.as_bytes()).ok()) else {
            return Ok(None);
        };
        let tomorrow = chrono::Utc::now() + Duration::from_secs(86_400);
        let (email, actor) = user.split_once(" by ").unwrap_or((user, ""));
        let identity = Identity::new(email, user, tomorrow, CredentialSource::Header);
        Ok(Some(match actor {
            "" => identity,
            actor => identity.with_impersonator(actor),
        }))
    }

    async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        let mut profile = Profile::default();
        profile.email = subject.to_owned();
        profile.email_verified = true;
        profile.public_metadata = json!({"role": "admin", "user_type": "ADMIN", "plan": "pro"});
        profile.private_metadata = json!({"role": "admin"});
        profile.record = json!({"role": "admin", "unsafe_metadata": {"role": "admin"}});
        Ok(Some(profile))
    }
}

fn trusting(portal: PortalBuilder) -> PortalBuilder {
    app::build(portal.auth(HeaderAuth))
}

async fn ask(
    server: &TestServer,
    user: &str,
    method: Method,
    path: &str,
    body: Value,
) -> TestResponse {
    let request = server
        .guest()
        .request(method.clone(), path)
        .header("x-user", user.as_bytes());
    TestResponse::of(match method {
        Method::GET => request.header("accept", "text/html"),
        _ => request.json(&body),
    })
    .await
}

async fn get(server: &TestServer, user: &str, path: &str) -> TestResponse {
    ask(server, user, Method::GET, path, Value::Null).await
}

async fn impersonated_administrator_has_no_admin_access(database: Database) {
    let server = TestServer::start_with(database, &[], trusting).await;
    let acting = format!("{ADMIN} by user_support");
    assert_eq!(get(&server, ADMIN, "/secret").await.status, 200);

    let page = get(&server, &acting, "/members").await;
    assert_eq!(page.status, 200, "every user has access");
    assert!(page.text.contains("You are acting as"), "{}", page.text);
    assert!(page.text.contains("user_support"));
    let own = get(&server, ADMIN, "/members").await.text;
    assert!(!own.contains("You are acting as"));

    for path in [
        "/secret",
        "/admin/users",
        "/admin/settings",
        "/roles/editors",
    ] {
        let page = get(&server, &acting, path).await;
        assert_eq!(page.status, 403, "{path}");
        assert!(page.text.contains("while impersonating a user"), "{path}");
        assert!(page.text.contains("You are acting as"), "{path}");
        assert!(!own.contains(path) || !page.text.contains(&format!("href=\"{path}\"")));
    }
    for path in [
        "/api/users",
        "/api/admin/models",
        "/api/admin/models/plan",
        "/api/admin/audit",
    ] {
        let response = get(&server, &acting, path).await;
        response.problem(403, "impersonated");
    }
    let preferences = json!({"preferences": {"theme": {"accent": "jade"}}});
    let changes = [
        (Method::PATCH, "/api/auth/me", preferences),
        (Method::POST, "/api/client-tokens", json!({})),
        (Method::POST, "/api/admin/defaults", json!({})),
        (Method::POST, "/api/admin/models/plan", json!({"name": "x"})),
    ];
    for (method, path, body) in changes {
        let response = ask(&server, &acting, method, path, body).await;
        response.problem(403, "impersonated");
    }
    let theme = server.guest().request(Method::POST, "/theme");
    let theme = theme.header("x-user", &acting).body("accent=jade");
    let theme = theme.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(TestResponse::of(theme).await.status, 403);
    let me = get(&server, ADMIN, "/api/auth/me/preferences").await;
    assert_eq!(me.json(), json!({"preferences": {}}));
    // The code is `forbidden` for a user who would lack the permission even without impersonation.
    let plain = get(&server, "ann@example.com by user_support", "/api/users").await;
    plain.problem(403, "forbidden");
}

async fn impersonated_administrator_can_be_allowed_explicitly(database: Database) {
    let build = |portal: PortalBuilder| trusting(portal.grant_impersonators_full_rights());
    let server = TestServer::start_with(database, &[], build).await;
    let acting = format!("{ADMIN} by user_support");
    assert_eq!(get(&server, &acting, "/secret").await.status, 200);
    let made = json!({"name": "By another"});
    let made = ask(
        &server,
        &acting,
        Method::POST,
        "/api/admin/models/plan",
        made,
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let log = get(&server, ADMIN, "/api/admin/audit").await.json();
    let entry = &log["items"][0];
    assert_eq!(entry["action"], "plan.create");
    assert_eq!(entry["actor"]["email"], ADMIN);
    assert_eq!(entry["actor"]["acted_by"], "user_support");
    // The provider's metadata does not grant a role.
    let eve = get(&server, "eve@example.com", "/api/auth/me").await.json();
    assert_eq!(eve["user_type"], "USER");
    assert_eq!(get(&server, "eve@example.com", "/secret").await.status, 403);
}

async fn role_change_by_code_reaches_every_replica(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    let me = user.get("/api/auth/me").await.json();
    let id = me["id"]
        .as_str()
        .expect("response has an id")
        .parse()
        .expect("id is a UUID");
    assert_eq!(user.page("/roles/editors").await.status, 403);
    let users = server.state.get::<Users>().expect("the service exists");
    // Each replica caches the owner of a client token.
    let token = user.client_token().await;
    let path = format!("/api/probe/tasks/{token}/start/publish");
    let replica = match database {
        Database::Postgres => Some(server.replica().await),
        Database::Sqlite => None,
    };
    let other = replica.as_ref().unwrap_or(&server);
    let start = async || other.guest().post(&path, &json!({})).await.status.as_u16();
    assert_eq!(start().await, 403);
    let change = UserChange {
        role: Some(Role::custom("editor")),
        ..UserChange::default()
    };
    let editor = users
        .update(id, &change)
        .await
        .expect("the user is changed");
    assert!(Access::permission("articles:write").allows(Some(&editor)));
    let all = UserFilter::default();
    let (listed, _) = users.list(&all).await.expect("users are listed");
    assert!(
        listed
            .iter()
            .any(|user| Access::role("editor").allows(Some(user)))
    );
    for attempt in 0.. {
        match (
            user.page("/roles/editors").await.status.as_u16(),
            start().await,
        ) {
            (200, 202) => break,
            _ if attempt < 100 => tokio::time::sleep(Duration::from_millis(20)).await,
            found => panic!("{found:?} after two seconds"),
        }
    }
}

async fn problems(builder: PortalBuilder) -> Vec<String> {
    use portal_clerk::ClerkAuth;
    use portal_core::config::{Config, Settings};

    let settings = Settings::from_pairs([("APP_ENV", "DEV"), ("DB_LOCAL_URI", "sqlite::memory:")]);
    let config = Config::from_settings(settings).expect("the configuration is valid");
    match builder.config(config).auth(ClerkAuth::new()).build().await {
        Err(BuildError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => vec![format!("not a list of problems: {other}")],
        Ok(portal) => {
            portal.shutdown().await;
            Vec::new()
        }
    }
}

#[tokio::test]
async fn unattainable_role_or_permission_fails_the_build() {
    let portal = || {
        Portal::builder()
            .page(editors)
            .page(write)
            .task(publish)
            .admin_model::<Plan>()
            .admin_model::<Article>()
    };
    let found = problems(portal().role(Role::custom("reviewer"))).await;
    assert_eq!(found.len(), 4, "{found:#?}");
    for (words, problem) in [
        (
            ["editors", "`EDITOR`", "ADMIN, USER, GUEST, REVIEWER"],
            "page",
        ),
        (["write", "`articles:write`", "no role grants any"], "page"),
        (
            ["publish", "`articles:publish`", "no role grants any"],
            "task",
        ),
        (
            ["Article", "`articles:write`", "RoleDefinition::new"],
            "model",
        ),
    ] {
        let is_it = |found: &&String| words.iter().all(|word| found.contains(word));
        assert!(
            found.iter().any(|found| is_it(&found)),
            "{problem} {words:?}: {found:#?}"
        );
    }
    let bad = portal().role(Role::custom("chief editor"));
    let bad = bad.role(RoleDefinition::new("editor").permission("Write!"));
    let found = problems(bad).await;
    for word in ["`CHIEF EDITOR`", "`Write!`"] {
        assert!(
            found.iter().any(|found| found.contains(word)),
            "{word}: {found:#?}"
        );
    }
    let hidden = Portal::builder().nav(|nav| {
        nav.link(NavItem::new("Nowhere"), "/nowhere", Access::role("owner"));
    });
    let found = problems(hidden).await;
    assert!(
        found
            .iter()
            .any(|it| it.contains("/nowhere") && it.contains("`OWNER`")),
        "{found:#?}"
    );
    let editor = RoleDefinition::new("editor").permission("articles:write");
    let right = portal().role(editor.permission("articles:publish"));
    assert_eq!(problems(right).await, Vec::<String>::new());
}
