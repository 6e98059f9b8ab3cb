//! An application whose layout, or whose identity provider, panics on every page.

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::AppendHeaders;
use axum::routing::get;
use maud::Markup;
use portal_core::PortalBuilder;
use portal_core::auth::{
    AuthError, AuthProvider, Identity, Navigation, PageAddition, Profile, ShownPage,
};
use portal_core::pages::{Layout, PageContext};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app;
use crate::support::{Answer, Database, TestServer, connect};

struct Broken;

impl Layout for Broken {
    fn render(&self, _: &PageContext<'_>, _: Markup) -> Markup {
        panic!("the secret inside")
    }
}

/// Lets nobody in, and keeps two cookies.
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

    fn wants_navigation(&self, _: &Parts) -> bool {
        true
    }

    async fn navigate(&self, _: &mut Parts) -> Navigation {
        let mut navigation = Navigation::default();
        navigation.cookies = ["a=1", "b=2"].map(HeaderValue::from_static).into();
        navigation
    }

    fn on_page(&self, _: &ShownPage<'_>) -> Option<PageAddition> {
        assert!(!self.panics, "the secret inside");
        None
    }
}

async fn start(build: impl FnOnce(PortalBuilder) -> PortalBuilder) -> TestServer {
    TestServer::start_with(Database::Sqlite, &[], |portal| build(app::build(portal))).await
}

/// Asks for one page after the other on one connection; gives the answers up to its end.
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
    sent.expect("it is sent");
    let mut answers = String::new();
    let read = stream.read_to_string(&mut answers).await;
    read.expect("the connection ends well");
    let answers = answers.split("HTTP/1.1 ").skip(1);
    answers.map(str::to_owned).collect()
}

/// That all of it was answered, with nothing of the inside.
#[track_caller]
fn assert_answers(answers: &[String], statuses: &[&str]) {
    let found: Vec<&str> = answers.iter().map(|answer| &answer[..3]).collect();
    assert_eq!(found, statuses);
    assert!(!answers.concat().contains("the secret inside"));
}

#[tokio::test]
async fn a_layout_that_panics_breaks_neither_the_answer_nor_the_connection() {
    let server = start(|portal| portal.layout(Broken)).await;
    let paths = ["/nowhere", "/", "/members", "/nowhere", "/healthz"];
    let answers = ask_all(&server, &paths).await;
    assert_answers(&answers, &["500", "500", "303", "500", "200"]);
    for at in [0, 1] {
        let document = &answers[at];
        assert!(
            document.contains("<h1>Something went wrong</h1>"),
            "{document}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_panics_on_every_page_leaves_a_plain_answer() {
    let server = start(|portal| portal.auth(Provider { panics: true })).await;
    let answers = ask_all(&server, &["/nowhere", "/", "/healthz"]).await;
    assert_answers(&answers, &["500", "500", "200"]);
    let answer = server.guest().page("/nowhere").await;
    answer.problem(500, "internal");
}

#[tokio::test]
async fn an_answer_that_becomes_an_error_page_keeps_its_cookies_and_is_kept_by_nobody() {
    let own = AppendHeaders([
        (header::SET_COOKIE, "c=3"),
        (header::SET_COOKIE, "d=4"),
        (header::CACHE_CONTROL, "public, max-age=60"),
    ]);
    let gone = get(move || async move { (StatusCode::GONE, own) });
    let server = start(|portal| {
        let portal = portal.layout(Broken).auth(Provider { panics: false });
        portal.routes(Router::new().route("/gone", gone))
    })
    .await;
    for (path, status, expected) in [
        ("/nowhere", 500, &["portal_flash=", "a=1", "b=2"][..]),
        // The plain page shows a message, and takes it away.
        ("/gone", 410, &["portal_flash=", "c=3", "d=4", "a=1", "b=2"]),
    ] {
        let request = server.guest().request(Method::GET, path);
        let request = request.header("accept", "text/html");
        let answer = Answer::of(request.header("cookie", "portal_flash=sHello")).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        let kept = answer.headers.get_all(header::SET_COOKIE).iter();
        let kept: Vec<_> = kept.map(|cookie| cookie.to_str().expect("text")).collect();
        let pairs: Vec<_> = kept.iter().filter_map(|it| it.split(';').next()).collect();
        assert_eq!(pairs, expected, "{path}");
        assert_eq!(answer.headers["cache-control"], "private, no-store");
    }
}
