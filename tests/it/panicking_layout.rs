//! An application whose layout or identity provider panics on every page.

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::AppendHeaders;
use axum::routing::get;
use maud::Markup;
use portal_core::PortalBuilder;
use portal_core::auth::{
    AuthError, AuthProvider, Identity, NavigationOutcome, PageAdditions, Profile, RenderedPage,
};
use portal_core::pages::{Document, Layout, PageContext};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app;
use crate::support::{Database, TestResponse, TestServer, connect};

struct PanickingLayout;

impl Layout for PanickingLayout {
    fn render(&self, _: &PageContext<'_>, _: Markup) -> Document {
        panic!("the secret inside")
    }
}

/// Identity provider that authenticates no one and sets two cookies.
struct Provider {
    panics: bool,
}

impl AuthProvider for Provider {
    async fn authenticate(&self, _: &Parts) -> Result<Option<Identity>, AuthError> {
        Ok(None)
    }

    async fn profile(&self, _: &str) -> Result<Option<Profile>, AuthError> {
        Ok(None)
    }

    fn handles_navigation(&self, _: &Parts) -> bool {
        true
    }

    async fn handle_navigation(&self, _: &mut Parts) -> NavigationOutcome {
        let mut navigation = NavigationOutcome::default();
        navigation.cookies = ["a=1", "b=2"].map(HeaderValue::from_static).into();
        navigation
    }

    fn augment_page(&self, _: &RenderedPage<'_>) -> Option<PageAdditions> {
        assert!(!self.panics, "the secret inside");
        None
    }
}

async fn start(build: impl FnOnce(PortalBuilder) -> PortalBuilder) -> TestServer {
    TestServer::start_with(Database::Sqlite, &[], |portal| build(app::build(portal))).await
}

/// Pipelines the requests over one connection and returns the responses.
async fn ask_all(server: &TestServer, paths: &[&str]) -> Vec<String> {
    let mut stream = connect(&server.url).await;
    let mut requests = String::new();
    for (at, path) in paths.iter().enumerate() {
        let last = at + 1 == paths.len();
        let end = if last { "Connection: close\r\n" } else { "" };
        requests +=
            &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n{end}\r\n");
    }
    let sent = stream.write_all(requests.as_bytes()).await;
    sent.expect("the requests are sent");
    let mut responses = String::new();
    let read = stream.read_to_string(&mut responses).await;
    read.expect("the connection ends without an error");
    let responses = responses.split("HTTP/1.1 ").skip(1);
    responses.map(str::to_owned).collect()
}

/// Asserts that the responses have the given statuses and contain no internals.
#[track_caller]
fn assert_responses(responses: &[String], statuses: &[&str]) {
    let found: Vec<&str> = responses.iter().map(|response| &response[..3]).collect();
    assert_eq!(found, statuses);
    assert!(!responses.concat().contains("the secret inside"));
}

#[tokio::test]
async fn panicking_layout_keeps_the_response_and_the_connection() {
    let server = start(|portal| portal.layout(PanickingLayout)).await;
    let paths = ["/nowhere", "/", "/members", "/nowhere", "/healthz"];
    let responses = ask_all(&server, &paths).await;
    assert_responses(&responses, &["500", "500", "303", "500", "200"]);
    for at in [0, 1] {
        let document = &responses[at];
        assert!(
            document.contains("<h1>Something went wrong</h1>"),
            "{document}"
        );
    }
}

#[tokio::test]
async fn panicking_provider_causes_a_plain_error_response() {
    let server = start(|portal| portal.auth(Provider { panics: true })).await;
    let responses = ask_all(&server, &["/nowhere", "/", "/healthz"]).await;
    assert_responses(&responses, &["500", "500", "200"]);
    let response = server.guest().page("/nowhere").await;
    response.problem(500, "internal");
}

#[tokio::test]
async fn error_page_keeps_cookies_and_is_not_cached() {
    let own = AppendHeaders([
        (header::SET_COOKIE, "c=3"),
        (header::SET_COOKIE, "d=4"),
        (header::CACHE_CONTROL, "public, max-age=60"),
    ]);
    let gone = get(move || async move { (StatusCode::GONE, own) });
    let server = start(|portal| {
        let portal = portal
            .layout(PanickingLayout)
            .auth(Provider { panics: false });
        portal.merge_router(Router::new().route("/gone", gone))
    })
    .await;
    for (path, status, expected) in [
        ("/nowhere", 500, &["portal_flash=", "a=1", "b=2"][..]),
        // The plain page shows the flash message and clears its cookie.
        ("/gone", 410, &["portal_flash=", "c=3", "d=4", "a=1", "b=2"]),
    ] {
        let request = server.guest().request(Method::GET, path);
        let request = request.header("accept", "text/html");
        let response = TestResponse::of(request.header("cookie", "portal_flash=sHello")).await;
        assert_eq!(response.status, status, "{}", response.text);
        let kept = response.headers.get_all(header::SET_COOKIE).iter();
        let kept: Vec<_> = kept
            .map(|cookie| cookie.to_str().expect("the header value is text"))
            .collect();
        let pairs: Vec<_> = kept.iter().filter_map(|it| it.split(';').next()).collect();
        assert_eq!(pairs, expected, "{path}");
        assert_eq!(response.headers["cache-control"], "private, no-store");
    }
}
