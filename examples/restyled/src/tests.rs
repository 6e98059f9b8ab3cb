//! Checks that the pages use the brand and that the example stays small.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use portal_core::Portal;
use portal_core::config::{Config, Settings};
use tower::ServiceExt as _;

async fn start() -> Portal {
    let pairs = [("APP_ENV", "DEV"), ("DB_LOCAL_URI", "sqlite::memory:")];
    let config = Config::from_settings(Settings::from_pairs(pairs)).unwrap();
    super::portal().config(config).build().await.unwrap()
}

async fn get(portal: &Portal, path: &str) -> String {
    let request = Request::get(path)
        .header(header::HOST, "localhost:8000")
        .header(header::ACCEPT, "text/html,text/css");
    let request = request.body(Body::empty()).unwrap();
    let response = portal.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn url<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let at = page.find(start).unwrap();
    let rest = &page[at..];
    &rest[..rest.find(end).unwrap()]
}

#[tokio::test]
async fn pages_use_custom_color_logo_font_part_and_layout() {
    let portal = start().await;
    let berths = get(&portal, "/berths").await;
    assert!(berths.contains("data-accent=\"brand\""), "the brand accent");
    assert!(berths.contains("class=\"arrow\""), "the replaced part");
    assert!(berths.contains("Harbor Ltd."), "the slot");
    assert!(berths.contains("pt-side"), "the portal's layout");
    let logo = url(&berths, "/_portal/brand/logo.", "\"");
    assert!(get(&portal, logo).await.contains("#0f766e"));
    assert!(!berths.contains("geist"), "the portal's font is not loaded");
    let font = url(&berths, "/_portal/brand/font.", "\"");
    assert!(get(&portal, font).await.starts_with("wOF2"));
    let css = get(&portal, url(&berths, "/_portal/brand/brand.", "\"")).await;
    assert!(css.contains("--accent-solid:#0f766e") && css.contains(".arrow"));
    assert!(css.contains("Space Grotesk"));

    let home = get(&portal, "/").await;
    assert!(
        home.contains("class=\"quay\"") && !home.contains("pt-side"),
        "the replaced layout"
    );
    let sign_in = get(&portal, "/sign-in").await;
    assert!(
        sign_in.contains(logo),
        "the logo on the portal's builtin pages"
    );
    portal.shutdown().await;
}

#[tokio::test]
async fn invalid_form_is_rendered_again_with_its_errors() {
    let portal = start().await;
    let send = async |form: &'static str| {
        let request = Request::post("/berths/book")
            .header(header::HOST, "localhost:8000")
            .header(header::ORIGIN, "http://127.0.0.1:8000")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form));
        portal.router().oneshot(request.unwrap()).await.unwrap()
    };
    let page = send("boat=Ada&nights=lots&meters=1").await;
    assert_eq!(page.status(), 422);
    let page = to_bytes(page.into_body(), 1 << 20).await.unwrap();
    let page = String::from_utf8_lossy(&page);
    for part in [
        "pt-side",
        "value=\"lots\"",
        "Must be a whole number.",
        "Lower than 2.",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let done = send("boat=Ada&nights=3&meters=9.5").await;
    assert_eq!(done.status(), 303);
    assert_eq!(done.headers()[header::LOCATION], "/berths");
    portal.shutdown().await;
}

#[test]
fn main_file_is_shorter_than_a_hundred_lines() {
    assert!(include_str!("main.rs").lines().count() < 100);
}
