//! Pages: layout, navigation, errors, assets and the theme.

use std::collections::{BTreeSet, VecDeque};

use portal_core::Page;
use portal_core::pages::PageResponse;
use portal_core::pages::layout::{Document, Layout, PageContext, document};
use portal_core::prelude::*;
use reqwest::Method;
use scraper::{Html, Selector};
use serde_json::json;

use crate::support::{
    ADMIN, Client, CookieClient, Database, ReferencePortal, TestResponse, TestServer, attributes,
    raw,
};

/// Returns the paths in the sidebar navigation.
fn navigation(response: &TestResponse) -> Vec<String> {
    attributes(&response.text, "aside nav a", "href")
}

#[tokio::test]
async fn navigation_hides_inaccessible_pages() {
    let server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest().page("/").await;
    let user = server.user().await.page("/").await;
    let admin = server.admin().await.page("/").await;
    let shows =
        |response: &TestResponse, path: &str| navigation(response).iter().any(|href| href == path);
    for (path, expected) in [
        ("/", [true, true, true]),
        ("/members", [false, true, true]),
        ("/tasks", [false, true, true]),
        ("/secret", [false, false, true]),
        ("/admin/tasks", [false, false, true]),
    ] {
        let shown = [&guest, &user, &admin].map(|response| shows(response, path));
        assert_eq!(shown, expected, "{path}");
    }
    assert!(guest.text.contains("Sign in"));
    assert!(!guest.text.contains("Sign out"));
    assert!(user.text.contains("Sign out"));
    assert!(!user.text.contains("/secret"), "not even in the source");
    let denied = server.user().await.page("/secret").await;
    assert!(shows(&denied, "/members"), "the page offers next steps");
}

#[tokio::test]
async fn navigation_marks_the_current_page() {
    let server = TestServer::start(Database::Sqlite).await;
    let user = server.user().await;
    for path in ["/", "/members", "/members?tab=x"] {
        let page = user.page(path).await;
        let current = attributes(&page.text, "aside nav a[aria-current=page]", "href");
        assert_eq!(current, [path.split('?').next().unwrap_or_default()]);
    }
    let elsewhere = user.page("/items/1").await;
    let current = attributes(&elsewhere.text, "[aria-current]", "href");
    assert!(current.is_empty(), "{current:?}");
}

#[tokio::test]
async fn missing_page_is_html_for_browsers_and_json_for_others() {
    let server = TestServer::start(Database::Sqlite).await;
    for client in [server.guest(), server.user().await] {
        let page = client.page("/nothing/here").await;
        assert_eq!(page.status, 404);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text.contains("Page not found"));
        assert!(
            navigation(&page).contains(&"/".to_owned()),
            "the page offers next steps"
        );
        client.get("/nothing/here").await.problem(404, "not_found");
        for path in ["/api/nope", "/api", "/ws/nope", "/ws"] {
            client.page(path).await.problem(404, "not_found");
        }
    }
}

fn intro() -> Page {
    Page::get("/docs/api/intro", async || {
        PageResponse::Error(Error::not_found("the chapter is missing"))
    })
}

#[tokio::test]
async fn page_with_api_in_its_path_has_error_pages() {
    let server = TestServer::start_with(Database::Sqlite, &[], |portal| {
        crate::app::build(portal).page(intro)
    })
    .await;
    for path in ["/docs/api/intro", "/docs/api/nowhere"] {
        let page = server.guest().page(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{path}: {}",
            page.text
        );
    }
    let request = server.guest().request(Method::PUT, "/docs/api/intro");
    let page = TestResponse::of(request.header("accept", "text/html")).await;
    assert_eq!(page.status, 405);
    assert!(page.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn page_rejects_other_methods_and_lists_its_own() {
    let server = TestServer::start(Database::Sqlite).await;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = TestResponse::of(server.guest().request(method, "/")).await;
        response.problem(405, "method_not_allowed");
        assert!(response.header("allow").contains("GET"), "{response:?}");
    }
    let request = server.guest().request(Method::POST, "/");
    let page = TestResponse::of(request.header("accept", "text/html")).await;
    assert_eq!(page.status, 405);
    assert!(page.header("content-type").starts_with("text/html"));
    let head = TestResponse::of(server.guest().request(Method::HEAD, "/")).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn panic_reveals_no_internals() {
    let server = TestServer::start_with(Database::Sqlite, &[], |portal| {
        crate::app::build(portal)
            .merge_router(axum::Router::new().route("/api/panics", axum::routing::get(panics)))
    })
    .await;
    let page = server.user().await.page("/panics").await;
    assert_eq!(page.status, 500);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("Something went wrong"), "{}", page.text);
    assert_inside_is_hidden(&page);
    let api = server.guest().page("/api/panics").await;
    api.problem(500, "internal");
    assert_inside_is_hidden(&api);
    assert_eq!(
        server.guest().page("/").await.status,
        200,
        "the portal still responds"
    );
}

async fn panics() -> &'static str {
    panic!("the secret inside")
}

fn assert_inside_is_hidden(response: &TestResponse) {
    // The requested URL is not a secret, since the page links to it again.
    let text = response.text.replace("/panics", "");
    for word in ["secret", "panic", ".rs", "backtrace"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

/// Says hello
#[page("/hello")]
async fn hello(user: CurrentUser) -> Markup {
    html! { h1 { "Hello " (user.first_name) } }
}

#[tokio::test]
async fn protected_page_redirects_guests_to_sign_in() {
    let server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest().page("/hello?a=b").await;
    assert_eq!(guest.status, 303);
    assert_eq!(guest.location(), "/sign-in?redirect_url=/hello%3Fa%3Db");
    let user = server.user().await.page("/hello").await;
    assert!(user.text.contains("<h1>Hello Test</h1>"));
}

#[tokio::test]
async fn invalid_path_parameter_is_an_error_page() {
    let server = TestServer::start(Database::Sqlite).await;
    let good = server.guest().page("/items/7").await;
    assert!(good.text.contains("hello item 7"));
    for path in ["/items/x", "/items/-1", "/items/99999999999"] {
        let page = server.guest().page(path).await;
        assert_eq!(page.status, 400, "{path}");
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{path}"
        );
        assert!(navigation(&page).contains(&"/".to_owned()), "{}", page.text);
    }
    let (status, text) = raw(&server.url, "GET /items/%ff HTTP/1.1\r\nAccept: text/html").await;
    assert_eq!(status, 400);
    assert!(text.contains("text/html"), "{text}");
}

#[tokio::test]
async fn markup_is_wrapped_in_the_layout_and_escaped() {
    let server = TestServer::start(Database::Sqlite).await;
    let body = json!({"email": "eve@example.com", "first_name": "<script>alert(1)</script>"});
    let token = server.guest().post("/dev/token", &body).await.json();
    let eve = Client::new(&server.url, token["token"].as_str().map(str::to_owned));
    let page = eve.page("/members").await;
    assert!(page.text.starts_with("<!DOCTYPE html>"));
    assert!(
        page.text.contains("<title>Members only · Portal</title>"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<script>alert"));
    assert!(page.text.contains("&lt;script&gt;alert"));
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert_eq!(attributes(&page.text, "html", "lang"), ["en"]);
    let main = Html::parse_document(&page.text);
    let heading = Selector::parse("main#main h1").expect("selector is valid");
    assert_eq!(main.select(&heading).count(), 1);
}

struct Bare;

impl Layout for Bare {
    fn render(&self, page: &PageContext<'_>, content: Markup) -> Document {
        document(page, html! { main class="bare" { (content) } })
    }
}

#[tokio::test]
async fn application_sets_layout_and_name() {
    let settings = [("APP_NAME", "Acme <1>")];
    let build = |portal| crate::app::build(portal).layout(Bare);
    let server = TestServer::start_with(Database::Sqlite, &settings, build).await;
    let page = server.guest().page("/").await;
    assert!(
        page.text
            .contains("<main class=\"bare\"><h1>Home</h1></main>")
    );
    assert!(page.text.contains("<title>Home · Acme &lt;1&gt;</title>"));
}

#[tokio::test]
async fn assets_are_hashed_compressed_and_immutable() {
    let server = TestServer::start(Database::Sqlite).await;
    let guest = server.guest();
    let page = guest.page("/").await;
    let mut paths = attributes(
        &page.text,
        "link[rel=stylesheet], link[rel=preload]",
        "href",
    );
    paths.extend(attributes(&page.text, "script[src]", "src"));
    assert!(paths.len() >= 3, "{paths:?}");
    for path in &paths {
        let parts: Vec<_> = path.rsplit('.').collect();
        let hashed = parts.len() > 2
            && parts[1].len() == 8
            && parts[1].bytes().all(|b| b.is_ascii_hexdigit());
        assert!(hashed, "{path}");
        let plain = guest
            .request(Method::GET, path)
            .send()
            .await
            .expect("the portal responds");
        assert_eq!(plain.status(), 200, "{path}");
        let headers = plain.headers().clone();
        assert!(
            headers["cache-control"]
                .to_str()
                .expect("the header value is text")
                .contains("immutable")
        );
        assert!(
            headers["cache-control"]
                .to_str()
                .expect("the header value is text")
                .contains("max-age=31536000")
        );
        let size = plain.bytes().await.expect("the body can be read").len();
        let request = guest
            .request(Method::GET, path)
            .header("if-none-match", &headers["etag"]);
        let known = TestResponse::of(request).await;
        assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
        if path.ends_with("woff2") {
            continue;
        }
        for (accepted, coding) in [("br, gzip", "br"), ("gzip", "gzip"), ("identity", "")] {
            let request = guest
                .request(Method::GET, path)
                .header("accept-encoding", accepted);
            let response = request.send().await.expect("the portal responds");
            let found = response
                .headers()
                .get("content-encoding")
                .map(|value| value.to_str().expect("the header value is text").to_owned());
            assert_eq!(found.unwrap_or_default(), coding, "{path}");
            assert_eq!(response.headers()["vary"], "accept-encoding");
            let length = response.bytes().await.expect("the body can be read").len();
            assert_eq!(length < size, !coding.is_empty(), "{path} {coding}");
        }
    }
    for path in [
        "/_portal/assets/portal.css",
        "/_portal/assets/..%2f..%2fCargo.toml",
        "/_portal/assets/vendor%2fhtmx.min.js",
    ] {
        assert_eq!(guest.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn theme_form_saves_the_choice() {
    let server = TestServer::start(Database::Sqlite).await;
    let mut browser = CookieClient::new(&server.url);
    let before = browser.page("/").await;
    assert_eq!(attributes(&before.text, "html", "data-accent"), ["indigo"]);
    let fields = [
        ("accent", "ruby"),
        ("appearance", "dark"),
        ("radius", "huge"),
        ("return_to", "/items/1"),
    ];
    let response = browser.submit("/theme", &fields).await;
    assert_eq!(
        (response.status.as_u16(), response.location()),
        (303, "/items/1")
    );
    let page = browser.page(response.location()).await;
    for (name, value) in [
        ("data-accent", "ruby"),
        ("data-appearance", "dark"),
        ("data-radius", "medium"),
    ] {
        assert_eq!(attributes(&page.text, "html", name), [value], "{name}");
    }
    assert!(page.text.contains("Appearance saved"));
    let later = browser.page("/").await;
    assert!(!later.text.contains("Appearance saved"), "shown once");
    assert_eq!(attributes(&later.text, "html", "data-accent"), ["ruby"]);

    let away = browser
        .submit("/theme", &[("return_to", "//evil.example")])
        .await;
    assert_eq!(away.location(), "/members");
    browser
        .cookies
        .insert("portal_theme".to_owned(), "\"><script>".to_owned());
    let page = browser.page("/").await;
    assert_eq!(attributes(&page.text, "html", "data-accent"), ["indigo"]);
}

/// Returns the parts of a page that a strict Content-Security-Policy would block.
fn inline_parts(text: &str) -> Vec<String> {
    let document = Html::parse_document(text);
    let mut found = Vec::new();
    for element in document
        .root_element()
        .descendants()
        .filter_map(scraper::ElementRef::wrap)
    {
        let element = element.value();
        let (name, source) = (element.name(), element.attr("src"));
        if name == "style" || (name == "script" && source.is_none()) {
            found.push(format!("<{name}>"));
        }
        for (attribute, value) in element.attrs() {
            let runs = attribute.starts_with("on") || value.trim_start().starts_with("javascript:");
            if runs || attribute == "style" || attribute.starts_with("hx-on") {
                found.push(format!("<{name} {attribute}=\"{value}\">"));
            }
        }
    }
    found
}

#[tokio::test]
async fn reference_portal_has_no_inline_scripts_or_styles() {
    let portal = ReferencePortal::start(&[("ADMIN_USER_EMAILS", ADMIN)]).await;
    let token = portal
        .guest()
        .post("/dev/token", &json!({"email": ADMIN}))
        .await
        .json();
    let admin = Client::new(&portal.url, token["token"].as_str().map(str::to_owned));
    let guest = portal.guest();
    let mut seen = BTreeSet::new();
    let starts = [
        "/",
        "/sign-in",
        "/sign-up",
        "/protected/route",
        "/nothing",
        "/admin/app-settings",
    ];
    let mut queue: VecDeque<String> = starts.map(str::to_owned).into();
    while let Some(path) = queue.pop_front() {
        let shape = path.split('?').next().unwrap_or_default().to_owned();
        if !seen.insert(shape) || seen.len() > 60 {
            continue;
        }
        for client in [&admin, &guest] {
            let page = client.page(&path).await;
            assert!(page.status.as_u16() < 500, "{path}: {}", page.text);
            if !page.header("content-type").starts_with("text/html") {
                continue;
            }
            let inline = inline_parts(&page.text);
            assert!(inline.is_empty(), "{path}: {inline:?}");
            assert_eq!(attributes(&page.text, "html", "lang"), ["en"], "{path}");
            let links = attributes(&page.text, "a[href]", "href");
            queue.extend(links.into_iter().filter(|href| href.starts_with('/')));
        }
    }
    for path in [
        "/admin/overview",
        "/admin/about",
        "/admin/profile",
        "/admin/tasks",
        "/admin/app-settings",
    ] {
        assert!(seen.contains(path), "{path} is linked: {seen:?}");
    }
}

#[test]
fn inline_parts_are_detected() {
    for text in [
        "<style>a{}</style>",
        "<p style='x'>",
        "<script>x</script>",
        "<a onclick=x>",
        "<a href='javascript:x'>",
    ] {
        assert_eq!(inline_parts(text).len(), 1, "{text}");
    }
}
