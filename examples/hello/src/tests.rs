//! Checks that sign-in redirects to an existing page and that the user menu links to the profile.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use portal_core::Portal;
use portal_core::config::{Config, Settings};
use tower::ServiceExt as _;

async fn start() -> Portal {
    let auth = portal_clerk::ClerkAuth::new();
    let pairs = [("APP_ENV", "DEV"), ("DB_LOCAL_URI", "sqlite::memory:")];
    let variables = portal_core::AuthProvider::settings(&auth);
    let config = Config::from_settings(Settings::from_pairs_with(variables, pairs)).unwrap();
    super::portal().config(config).build().await.unwrap()
}

async fn send(portal: &Portal, request: axum::http::request::Builder, body: &str) -> Response {
    let request = request
        .header(header::HOST, "127.0.0.1:8000")
        .header(header::ORIGIN, "http://127.0.0.1:8000")
        .header(header::ACCEPT, "text/html");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    portal.router().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn sign_in_redirects_home_and_user_menu_links_to_profile() {
    let portal = start().await;
    let form = Request::post("/dev/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let signed_in = send(&portal, form, "email=ann%40example.com").await;
    assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
    let location = signed_in.headers()[header::LOCATION].to_str().unwrap();
    assert_eq!(location, "/");
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();

    let home = Request::get(location).header(header::COOKIE, cookie);
    let home = send(&portal, home, "").await;
    assert_eq!(home.status(), StatusCode::OK);
    let page = to_bytes(home.into_body(), 1 << 20).await.unwrap();
    let page = String::from_utf8_lossy(&page);
    assert!(page.contains("<h1>Hello</h1>"), "{page}");
    assert!(
        page.matches("href=\"/profile\"").count() > 1,
        "the navigation and the user menu link to the profile: {page}"
    );
    portal.shutdown().await;
}
