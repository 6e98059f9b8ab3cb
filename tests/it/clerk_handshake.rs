//! Handshakes with Clerk: redirects that renew a session, and requests that are not redirected.

use reqwest::{Method, RequestBuilder, Url};

use crate::app;
use crate::support::{Database, TestResponse, TestServer};

const CLERK: &str = "http://127.0.0.1:9";

async fn start(live: bool) -> TestServer {
    let (publishable, secret) = match live {
        true => ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "sk_live_x"),
        false => ("pk_test_Y2xlcmsuZXhhbXBsZS5jb20k", "sk_test_x"),
    };
    let settings = [
        ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", publishable),
        ("CLERK_SECRET_KEY", secret),
        ("CLERK_FRONTEND_API_URL", CLERK),
        ("CLERK_BACKEND_API_URL", CLERK),
    ];
    TestServer::start_with(Database::Sqlite, &settings, app::build).await
}

/// Cookie of a browser that has a session in Clerk but not in the portal.
const ELSEWHERE: &str = "__client_uat=5";

fn opening(server: &TestServer, path: &str) -> RequestBuilder {
    let request = server.guest().request(Method::GET, path);
    request
        .header("accept", "text/html,application/xhtml+xml")
        .header("cookie", ELSEWHERE)
}

#[tokio::test]
async fn page_request_from_a_browser_is_redirected_to_clerk() {
    for live in [true, false] {
        let server = start(live).await;
        let path = "/members?tab=a&__clerk_db_jwt_other=1&x=%2F";
        for destination in [None, Some("document"), Some("iframe")] {
            let request = opening(&server, path);
            let request = match destination {
                Some(name) => request.header("sec-fetch-dest", name),
                None => request,
            };
            let response =
                TestResponse::of(request.header("x-forwarded-host", "evil.example")).await;
            assert_eq!(response.status, 307, "{live} {destination:?}");
            assert_eq!(response.header("cache-control"), "no-store");
            assert_eq!(response.header("x-clerk-auth-status"), "handshake");
            let count = "__clerk_redirect_count=1; Path=/; SameSite=Lax; HttpOnly; Max-Age=2";
            assert_eq!(response.header("set-cookie"), count);
            let location: Url = response.location().parse().expect("location is a URL");
            let endpoint = format!("{CLERK}/v1/client/handshake?");
            assert!(location.as_str().starts_with(&endpoint), "{location}");
            let back = location
                .query_pairs()
                .find(|(name, _)| name == "redirect_url");
            assert_eq!(
                back.expect("the URL contains `redirect_url`").1,
                format!("{}{path}", server.url)
            );
        }
    }
}

#[tokio::test]
async fn other_requests_are_not_redirected_to_clerk() {
    for live in [true, false] {
        let server = start(live).await;
        let fetched =
            |destination| opening(&server, "/members").header("sec-fetch-dest", destination);
        let with = |method: Method, accept: &str| {
            let request = server.guest().request(method, "/members");
            request.header("accept", accept).header("cookie", ELSEWHERE)
        };
        for (name, request) in [
            ("fetch", fetched("empty")),
            ("script", fetched("script")),
            ("not a page", with(Method::GET, "*/*")),
            (
                "JSON first",
                with(Method::GET, "application/json, text/html"),
            ),
            ("HEAD", with(Method::HEAD, "text/html")),
            ("POST", with(Method::POST, "text/html")),
            ("API", opening(&server, "/api/auth/me")),
            (
                "Bearer",
                opening(&server, "/").header("authorization", "Bearer a.b.c"),
            ),
            (
                "a loop",
                opening(&server, "/").header("cookie", "__clerk_redirect_count=3"),
            ),
        ] {
            let response = TestResponse::of(request).await;
            assert_ne!(response.status, 307, "{live} {name}");
            assert!(!response.location().starts_with(CLERK), "{live} {name}");
            assert_eq!(response.header("set-cookie"), "", "{live} {name}");
        }
    }
}

#[tokio::test]
async fn new_visitor_is_not_redirected_to_a_live_instance() {
    let server = start(true).await;
    let page = server.guest().page("/").await;
    assert_eq!(page.status, 200);
    let server = start(false).await;
    assert_eq!(server.guest().page("/").await.status, 307);
}

#[tokio::test]
async fn forged_handshake_is_ignored() {
    let server = start(true).await;
    for forged in [
        "__clerk_handshake=a.b.c",
        "__clerk_handshake=eyJhbGciOiJub25lIn0.e30.AAAA",
        "__clerk_handshake_nonce=made-up",
    ] {
        let request = server.guest().request(Method::GET, "/");
        let request = request
            .header("accept", "text/html")
            .header("cookie", forged);
        let response = TestResponse::of(request).await;
        assert_eq!(response.status, 200, "{forged}");
        assert_eq!(response.header("set-cookie"), "", "{forged}");
    }
}
