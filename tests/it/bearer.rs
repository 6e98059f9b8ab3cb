//! The `WWW-Authenticate` header in responses to invalid tokens.

use reqwest::Method;

use crate::support::{CookieClient, Database, TestResponse, TestServer};

fn challenge(response: &TestResponse) -> &str {
    response.header("www-authenticate")
}

#[tokio::test]
async fn invalid_token_is_reported_in_www_authenticate() {
    let server = TestServer::start(Database::Sqlite).await;
    let http = reqwest::Client::new();
    let call = |authorization: Option<&'static str>, path: &str| {
        let request = http.get(format!("{}{path}", server.url));
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        async move { TestResponse::of(request).await }
    };
    let path = "/api/auth/me";
    for (authorization, expected) in [
        (None, "Bearer"),
        (Some("Basic dTpw"), "Bearer"),
        (Some("Bearer nonsense"), "Bearer error=\"invalid_token\""),
        (Some("bearer ak_machine"), "Bearer error=\"invalid_token\""),
        (Some("BEARER a.b.c"), "Bearer error=\"invalid_token\""),
    ] {
        let response = call(authorization, path).await;
        response.problem(401, "unauthorized");
        assert_eq!(challenge(&response), expected, "{authorization:?}");
    }
    // Public routes stay public.
    assert_eq!(call(Some("Bearer nonsense"), "/healthz").await.status, 200);

    // The header takes precedence; a valid cookie is not used instead.
    let mut browser = CookieClient::new(&server.url);
    browser
        .submit("/dev/sign-in", &[("email", "ann@example.com")])
        .await;
    let good = TestResponse::of(browser.request(Method::GET, path)).await;
    assert_eq!(good.status, 200);
    let request = browser.request(Method::GET, path);
    let bad = TestResponse::of(request.header("authorization", "Bearer nonsense")).await;
    bad.problem(401, "unauthorized");
    assert_eq!(challenge(&bad), "Bearer error=\"invalid_token\"");
}
