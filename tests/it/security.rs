//! Rules for every request: origin, request id, body size and response headers.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    ClerkPortal, CookieClient, Database, TestResponse, TestServer, attributes, raw,
};

/// Sends a change that is authenticated by cookie, with additional headers.
async fn change(browser: &CookieClient, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = browser.request(Method::POST, "/api/client-tokens");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    TestResponse::of(request).await
}

#[tokio::test]
async fn changes_by_cookie_require_the_portal_origin() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let browser = CookieClient::of(&server.url, &user);
    let port = server
        .url
        .rsplit(':')
        .next()
        .expect("the URL has a port")
        .to_owned();
    let own = server.url.clone();
    let by_name = format!("http://localhost:{port}");
    for headers in [
        &[("origin", own.as_str())][..],
        &[("origin", by_name.as_str())],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
    ] {
        let response = change(&browser, headers).await;
        assert_eq!(response.status, 201, "{headers:?} {}", response.text);
    }
    let others = [
        "null".to_owned(),
        "http://evil.example".to_owned(),
        format!("http://sub.localhost:{port}"),
        format!("http://localhost.evil.example:{port}"),
        format!("http://127.0.0.1.evil.example:{port}"),
        "http://127.0.0.1:1".to_owned(),
        "http://127.0.0.1".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("{own}0"),
        format!("{own}/"),
        String::new(),
    ];
    for origin in &others {
        let response = change(&browser, &[("origin", origin)]).await;
        response.problem(403, "foreign_origin");
        // A `sec-fetch-site` header does not compensate for a foreign origin.
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        let response = change(&browser, &headers).await;
        response.problem(403, "foreign_origin");
    }
    for site in ["same-site", "cross-site", "nonsense"] {
        let response = change(&browser, &[("sec-fetch-site", site)]).await;
        response.problem(403, "foreign_origin");
    }
    let silent = change(&browser, &[]).await;
    silent.problem(403, "foreign_origin");
}

#[tokio::test]
async fn bearer_token_requires_no_origin() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    for origin in [None, Some("http://evil.example"), Some("null")] {
        let mut request = user.request(Method::POST, "/api/client-tokens");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(TestResponse::of(request).await.status, 201, "{origin:?}");
    }
    // An `Authorization` header without a bearer token does not exempt the cookie from the check.
    let browser = CookieClient::of(&server.url, &user);
    let response = change(&browser, &[("authorization", "Basic YTpi")]).await;
    response.problem(403, "foreign_origin");
    for header in ["Bearer", "Bearer ", "Bearer x"] {
        let response = change(&browser, &[("authorization", header)]).await;
        assert!([401, 403].contains(&response.status.as_u16()), "{header:?}");
    }
}

#[tokio::test]
async fn other_sites_cannot_sign_in_or_out_or_change_the_theme() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let browser = CookieClient::of(&server.url, &user);
    for path in ["/sign-out", "/dev/sign-in", "/theme"] {
        for origin in ["http://evil.example", "null"] {
            let request = browser
                .request(Method::POST, path)
                .header("origin", origin)
                .header("accept", "text/html")
                .header("content-type", "application/x-www-form-urlencoded")
                .body("email=eve@example.com&accent=ruby");
            let response = TestResponse::of(request).await;
            assert_eq!(response.status, 403, "{path} from {origin}");
            assert_eq!(response.header("set-cookie"), "", "{path}");
            assert!(response.header("content-type").starts_with("text/html"));
        }
    }
    assert_eq!(
        user.get("/api/auth/me").await.status,
        200,
        "still signed in"
    );
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    let home = user.page("/").await;
    let style_sheet = attributes(&home.text, "link[rel=stylesheet]", "href").remove(0);
    let cases = [
        (home, 200),
        (user.page("/secret").await, 403),
        (user.page("/nothing").await, 404),
        (user.page("/panics").await, 500),
        (user.get("/api/auth/me").await, 200),
        (user.get("/api/users").await, 403),
        (user.get("/api/nope").await, 404),
        (user.get(&style_sheet).await, 200),
        (user.get("/_portal/assets/nope.css").await, 404),
        (user.get("/healthz").await, 200),
        (server.guest().page("/members").await, 303),
        (
            TestResponse::of(user.request(Method::POST, "/members")).await,
            405,
        ),
    ];
    for (response, status) in cases {
        assert_eq!(response.status, status, "{}", response.text);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(response.header(name), value, "{name} of {response:?}");
        }
        let policy = response.header("content-security-policy");
        for part in [
            "default-src 'self'",
            "script-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_ne!(response.header("x-request-id"), "");
        assert_eq!(
            response.header("strict-transport-security"),
            "",
            "plain HTTP"
        );
        assert_eq!(response.header("server"), "");
    }
}

#[tokio::test]
async fn https_portal_sends_hsts_and_secure_cookies() {
    let settings = [("PUBLIC_URL", "https://portal.example.com")];
    let portal = ClerkPortal::start_with(Database::Sqlite, &settings, crate::app::build).await;
    let server = &portal.server;
    let response = server.guest().page("/").await;
    assert!(
        response
            .header("strict-transport-security")
            .contains("max-age=")
    );
    let body = "accent=ruby";
    let theme = server
        .guest()
        .request(Method::POST, "/theme")
        .header("origin", "https://portal.example.com")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let theme = TestResponse::of(theme).await;
    assert_eq!(theme.status, 303, "{}", theme.text);
    for cookie in theme.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().expect("the header value is text");
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
    let own_port = server
        .guest()
        .request(Method::POST, "/theme")
        .header("origin", &server.url);
    assert_eq!(
        TestResponse::of(own_port).await.status,
        403,
        "not the public origin"
    );
}

#[tokio::test]
async fn valid_request_id_is_kept_and_invalid_one_replaced() {
    let server = TestServer::start(Database::Sqlite).await;
    let ask = |id: &str| {
        let request = server.guest().request(Method::GET, "/api/nope");
        TestResponse::of(request.header("x-request-id", id))
    };
    for id in ["abc-123", "0190b7a0-0000-7000-8000-000000000000", "A_b.9"] {
        let response = ask(id).await;
        assert_eq!(response.header("x-request-id"), id);
        response.problem(404, "not_found");
    }
    let long = "a".repeat(65);
    for id in ["", "a b", "<script>", "a\"b", "a;b", "../x", &long] {
        let response = ask(id).await;
        let given = response.header("x-request-id");
        assert_ne!(given, id);
        assert!(given.len() >= 16, "{given}");
        response.problem(404, "not_found");
    }
    let one = server.guest().get("/").await;
    let other = server.guest().get("/").await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn body_over_the_limit_is_rejected() {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let large = format!("{{\"email\": \"{}\"}}", "a".repeat(1024 * 1024));
    for (method, path) in [
        (Method::POST, "/dev/token"),
        (
            Method::PATCH,
            "/api/users/0190b7a0-0000-7000-8000-000000000000",
        ),
        (Method::POST, "/api/admin/models/plan"),
    ] {
        let request = admin
            .request(method, path)
            .header("content-type", "application/json")
            .body(large.clone());
        TestResponse::of(request)
            .await
            .problem(413, "body_too_large");
    }
    let form = admin
        .request(Method::POST, "/theme")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(large);
    let form = TestResponse::of(form).await;
    assert_eq!(form.status, 413);
    assert!(
        form.header("content-type").starts_with("text/html"),
        "{}",
        form.text
    );
}

#[tokio::test]
async fn rejection_of_an_unreadable_body_states_the_reason() {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let me = admin.get("/api/auth/me").await.json();
    let path = format!(
        "/api/users/{}",
        me["id"].as_str().expect("response has an id")
    );
    let send = |media_type: &'static str, body: &'static str| {
        let request = admin.request(Method::PATCH, &path);
        TestResponse::of(request.header("content-type", media_type).body(body))
    };
    for body in ["", "{", "{\"is_active\": tru}", "{} {}", "\u{1}"] {
        let response = send("application/json", body).await;
        response.problem(400, "invalid_json");
    }
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let response = send(media_type, "{}").await;
        response.problem(415, "unsupported_media_type");
    }
    for media_type in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/merge-patch+json",
    ] {
        assert_eq!(send(media_type, "{}").await.status, 200, "{media_type}");
    }
    for body in ["[]", "null", "5", "\"x\""] {
        let response = send("application/json", body).await;
        let problem = response.problem(422, "invalid_parameters");
        assert_eq!(problem["errors"][0]["pointer"], "", "{body}");
    }
    let response = send("application/json", "{\"is_active\": \"yes\"}").await;
    let problem = response.problem(422, "invalid_parameters");
    assert_eq!(problem["errors"][0]["pointer"], "/is_active");
}

#[tokio::test]
async fn argument_errors_are_listed_with_pointers() {
    let server = TestServer::start(Database::Sqlite).await;
    let token = server.user().await.client_token().await;
    let path = format!("/api/probe/tasks/{token}/start/echo");
    let response = server
        .guest()
        .post(&path, &json!({"name": "", "age": 200}))
        .await;
    let problem = response.problem(422, "invalid_parameters");
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .expect("value is a list")
        .iter()
        .map(|error| error["pointer"].as_str().unwrap_or_default())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/age", "/name"]);
}

#[tokio::test]
async fn api_route_errors_are_problem_documents() {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin().await;
    let token = admin.token.clone().expect("client has a token");
    for (method, path, status) in [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/nope", 404),
        ("GET", "/ws/nope", 404),
        ("POST", "/api/nope", 404),
        ("DELETE", "/api/auth/me", 405),
        ("POST", "/api/users", 405),
        ("PATCH", "/api/users/%ff", 400),
        ("GET", "/api/admin/models/%ff", 404),
        ("GET", "/api/tasks/%ff/monitor", 404),
        ("GET", "/api/users?page=%ff", 422),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nAccept: text/html\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 0"
        );
        let (found, text) = raw(&server.url, &head).await;
        assert!(
            text.to_lowercase()
                .contains("content-type: application/problem+json"),
            "{method} {path}: {text}"
        );
        if path.contains("%ff") {
            assert!((400..500).contains(&found), "{path} {text}");
        } else {
            assert_eq!(found, status, "{method} {path}: {text}");
        }
    }
}
