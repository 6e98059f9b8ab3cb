//! Malicious input: U+0000 in URLs and forms, guesses at secrets, unusual preconditions.

use portal_core::notifications::Notification;
use reqwest::Method;
use serde_json::{Value, json};

use crate::notifications::bell;
use crate::support::{Client, CookieClient, Database, TestResponse, TestServer, form, on_both};

on_both!(
    nul_in_a_url_or_form_is_rejected_by_every_route,
    password_field_is_write_only,
    weak_etag_never_matches,
    following_a_notification_link_changes_nothing,
    stored_avatar_with_an_unsafe_scheme_is_not_shown,
);

/// Query parameters that the portal's lists read.
const PARAMETERS: [&str; 16] = [
    "search",
    "sort",
    "page",
    "per_page",
    "cursor",
    "limit",
    "before",
    "target",
    "actor",
    "q",
    "owner",
    "kind",
    "status",
    "range",
    "filter%5Bname%5D",
    "redirect_url",
];

async fn nul_in_a_url_or_form_is_rejected_by_every_route(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let token = admin.client_token().await;
    let mut tried = 0;
    for route in &server.routes {
        let path: String = route
            .path
            .split('/')
            .map(|segment| match segment.strip_prefix('{') {
                None => segment.to_owned(),
                Some("model}") => "plan".to_owned(),
                Some("state}") => "probe".to_owned(),
                Some("client_token}") => token.clone(),
                Some("task}") => "echo".to_owned(),
                Some(_) => "1".to_owned(),
            })
            .collect::<Vec<_>>()
            .join("/");
        let Some(method) = route.method.clone() else {
            continue;
        };
        let ask = async |method: &Method, path: &str| {
            let request = admin.request(method.clone(), path);
            TestResponse::of(request.header("if-match", "*")).await
        };
        if method == Method::GET {
            for name in PARAMETERS {
                let response = ask(&method, &format!("{path}?{name}=a%00b")).await;
                assert_eq!(response.status, 400, "{path} {name}: {}", response.text);
                tried += 1;
            }
        }
        if let Some(at) = route.path.find('{') {
            let response = ask(&method, &format!("{}%00", &route.path[..at])).await;
            assert_eq!(
                response.status, 400,
                "{} {}: {}",
                method, route.path, response.text
            );
            tried += 1;
        }
        if method == Method::POST && !path.contains("sign") {
            let fields = ["state", "task", "name", "id", "_id", "title", "return_to"];
            let fields = fields.map(|name| (name, "\0"));
            let request = admin
                .request(method, &path)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form(&fields));
            let response = TestResponse::of(request).await;
            assert!(
                !response.status.is_server_error(),
                "{path}: {}",
                response.text
            );
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
    // The same applies to forms on pages.
    let mut browser = CookieClient::of(&server.url, &admin);
    let response = browser
        .submit("/admin/settings/plan/create", &[("name", "a\0b")])
        .await;
    assert_eq!(response.status, 400, "{}", response.text);
    let response = browser
        .submit(
            "/admin/tasks/kinds/pause-schedule",
            &[("state", "\0"), ("task", "echo")],
        )
        .await;
    assert_eq!(response.status, 400, "{}", response.text);
    // Text that contains U+0000 only after decoding twice is valid.
    let response = admin.get("/api/users?search=%2500").await;
    assert_eq!(response.status, 200, "{}", response.text);
}

async fn password_field_is_write_only(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let articles = "/api/admin/models/article";
    let body = json!({"title": "One", "secret": "s3cret-word"});
    let made = admin.post(articles, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let row = made.location().to_owned();
    let ask = async |method: Method, body: Value, tag: &str| {
        let request = admin.request(method, &row).header("if-match", tag);
        TestResponse::of(request.json(&body)).await
    };
    let shown = [
        made,
        admin.get(articles).await,
        admin.get(&row).await,
        ask(Method::PATCH, json!({"title": "Two"}), "*").await,
        ask(Method::PATCH, json!({"title": "Three"}), "\"1\"").await,
        admin.get("/search?q=s3cret").await,
    ];
    for response in shown {
        assert!(!response.text.contains("s3cret-word"), "{}", response.text);
    }
    assert!(!admin.get(&row).await.text.contains("secret"));
    // No query reveals whether a guess is correct.
    let found = admin.get(&format!("{articles}?search=s3cret-word")).await;
    assert_eq!(found.json()["total"], 0, "{}", found.text);
    for query in [
        "sort=secret",
        "sort=-secret",
        "filter%5Bsecret%5D=s3cret-word",
        "filter%5Bsecret%5D%5Bgte%5D=s",
        "filter%5Bsecret%5D%5Bcontains%5D=s3",
    ] {
        let response = admin.get(&format!("{articles}?{query}")).await;
        response.problem(422, "invalid_parameters");
    }
    let models = admin.get("/api/admin/models").await.json();
    let models = models["models"]
        .as_array()
        .expect("value is a list")
        .clone();
    let article = models.iter().find(|model| model["name"] == "article");
    let schema = &article.expect("the model is listed")["json_schema"]["properties"]["secret"];
    assert_eq!(schema["writeOnly"], true);
    // A client that replaces a row cannot send a value that it cannot read.
    let replaced = ask(Method::PUT, json!({"title": "Four"}), "*").await;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    let kept = "UPDATE article SET title = 'Five' WHERE secret = 's3cret-word'";
    assert_eq!(server.sql(kept.to_owned()).await, 1);
    let changed = ask(Method::PATCH, json!({"secret": "n3w"}), "*").await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let kept = "UPDATE article SET title = 'Six' WHERE secret = 'n3w'";
    assert_eq!(server.sql(kept.to_owned()).await, 1);
}

async fn weak_etag_never_matches(database: Database) {
    let server = TestServer::start(database).await;
    let admin = server.admin().await;
    let made = admin
        .post("/api/admin/models/plan", &json!({"name": "Tagged"}))
        .await;
    let (row, tag) = (made.location().to_owned(), made.header("etag").to_owned());
    assert!(tag.starts_with('"'), "{tag}");
    let change = async |method: Method, tag: String, body: Value| {
        let request = admin.request(method, &row).header("if-match", tag);
        TestResponse::of(request.json(&body)).await
    };
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let response = change(method, format!("W/{tag}"), json!({"name": "Tagged"})).await;
        response.problem(412, "stale");
    }
    let response = change(
        Method::PATCH,
        format!("W/{tag}, {tag}"),
        json!({"price": 3}),
    )
    .await;
    assert_eq!(response.status, 200, "{}", response.text);
}

async fn following_a_notification_link_changes_nothing(database: Database) {
    let server = TestServer::start(database).await;
    let ann = server.user().await;
    let me = ann.get("/api/auth/me").await.json();
    let id = me["id"].as_str().and_then(|id| id.parse().ok());
    let message = Notification::new("Look here").link("/members?a=b");
    bell(&server)
        .send(id.expect("id is a UUID"), &message)
        .await
        .expect("the notification is sent");
    let listed = async || ann.get("/api/notifications").await.json();
    let id = listed().await["items"][0]["id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    let path = format!("/admin/notifications/{id}");
    for destination in ["document", "empty"] {
        let opened = ann
            .request(Method::GET, &path)
            .header("sec-fetch-dest", destination);
        let opened = TestResponse::of(opened.header("accept", "text/html")).await;
        assert_eq!(
            (opened.status.as_u16(), opened.location()),
            (303, "/members?a=b")
        );
        assert_eq!(listed().await["unread"], 1);
    }
    // A request from another site is rejected. The list uses a form, which works without scripts.
    let mut browser = CookieClient::of(&server.url, &ann);
    let foreign = browser
        .request(Method::POST, &path)
        .header("origin", "https://evil.example");
    assert_eq!(TestResponse::of(foreign).await.status, 403);
    let page = browser.page("/admin/notifications").await;
    assert!(
        page.text
            .contains(&format!("method=\"post\" action=\"{path}\"")),
        "{}",
        page.text
    );
    let opened = browser.submit(&path, &[]).await;
    assert_eq!(
        (opened.status.as_u16(), opened.location()),
        (303, "/members?a=b")
    );
    assert_eq!(listed().await["unread"], 0);
}

async fn stored_avatar_with_an_unsafe_scheme_is_not_shown(database: Database) {
    let server = TestServer::start(database).await;
    let user = server.user().await;
    user.get("/api/auth/me").await;
    let change = "UPDATE portal_users SET avatar_url = 'javascript:alert(3)'";
    assert_eq!(server.sql(change.to_owned()).await, 1);
    let replica = server.replica_of_sessions().await;
    // The same session is used, because a new session would store the profile again.
    let ann = Client::new(&replica.url, user.token);
    assert_eq!(
        ann.get("/api/auth/me").await.json()["avatar_url"],
        Value::Null
    );
    let page = ann.page("/members").await;
    assert!(!page.text.contains("javascript:"), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("img-src 'self' data:;"), "{policy}");
}
