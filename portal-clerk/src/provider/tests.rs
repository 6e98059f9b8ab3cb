use axum::http::Request;
use portal_core::PortalState;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::testing::{FakeServer, SigningKey, setup};

const PK: (&str, &str) = (
    "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
    "pk_test_aGFwcHktb3R0ZXItMTIuY2xlcmsuYWNjb3VudHMuZGV2JA",
);
const SK: (&str, &str) = ("CLERK_SECRET_KEY", "sk_test_abc");

async fn started(directory: &TempDir, pairs: &[(&str, &str)]) -> ClerkAuth {
    let setup = setup(directory, pairs).await;
    let mut auth = ClerkAuth::new();
    assert_eq!(auth.configure(&setup.config), [""; 0]);
    auth.init(&setup).await.unwrap();
    auth
}

async fn with_clerk(directory: &TempDir, server: &FakeServer) -> ClerkAuth {
    let frontend = ("CLERK_FRONTEND_API_URL", server.url.as_str());
    let backend = ("CLERK_BACKEND_API_URL", server.url.as_str());
    started(directory, &[("APP_ENV", "DEV"), PK, SK, frontend, backend]).await
}

fn request(token: &str) -> Parts {
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    request.body(()).unwrap().into_parts().0
}

fn live_token(issuer: &str) -> String {
    let now = TimePoint::now().unix;
    SigningKey::first().token(
        json!({}),
        json!({"iss": issuer, "azp": "http://localhost:8000", "iat": now, "nbf": now, "exp": now + 60}),
    )
}

#[tokio::test]
async fn clerk_sessions_are_accepted_with_clerk_keys() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
    let auth = with_clerk(&directory, &server).await;
    let good = request(&live_token(&server.url));
    let identity = auth.authenticate(&good).await.unwrap().unwrap();
    assert_eq!(identity.subject, "user_1");
    let claims = auth.claims(&good).await.unwrap().unwrap();
    assert_eq!(claims.session_id, "sess_1");
    let foreign = request(&live_token("https://happy-otter-12.clerk.accounts.dev"));
    assert_eq!(auth.authenticate(&foreign).await.unwrap(), None);
    assert_eq!(server.requests(), ["/.well-known/jwks.json -"]);
    assert!(!auth.refreshes_profile());
}

#[tokio::test]
async fn expired_session_is_renewed_only_for_pages() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
    let auth = with_clerk(&directory, &server).await;
    let now = TimePoint::now().unix;
    let expired = SigningKey::first().token(
        json!({}),
        json!({"iss": server.url, "azp": "http://localhost:8000", "iat": now - 70, "nbf": now - 70, "exp": now - 10}),
    );
    let uat = now - 100;
    let open = |session: &str| {
        let cookies = format!("__session={session}; __client_uat={uat}; __clerk_db_jwt=dvb_1");
        let request = Request::get("/admin/tasks").header("cookie", cookies);
        request.body(()).unwrap().into_parts().0
    };
    let mut parts = open(&expired);
    assert!(auth.handles_navigation(&parts));
    assert_eq!(auth.authenticate(&parts).await.unwrap(), None);
    let response = auth.handle_navigation(&mut parts).await.response.unwrap();
    assert_eq!(response.status(), 307);
    let location = response.headers()["location"].to_str().unwrap();
    let endpoint = format!("{}/v1/client/handshake?", server.url);
    assert!(location.starts_with(&endpoint), "{location}");

    let mut parts = open(&live_token(&server.url));
    assert!(auth.authenticate(&parts).await.unwrap().is_some());
    assert!(auth.handle_navigation(&mut parts).await.response.is_none());
    // The resolved session applies to the rest of the request.
    parts.headers.clear();
    assert!(auth.authenticate(&parts).await.unwrap().is_some());
    // A request with a token in the header does not come from a browser that is opening a page.
    let parts = request(&expired);
    assert!(!auth.handles_navigation(&parts));
    assert!(!ClerkAuth::new().handles_navigation(&open("x")));
}

#[tokio::test]
async fn jwt_key_verifies_without_fetching() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(500, "").await;
    let frontend = ("CLERK_FRONTEND_API_URL", server.url.as_str());
    let pem = SigningKey::first().pem();
    let pairs = [
        ("APP_ENV", "DEV"),
        PK,
        SK,
        frontend,
        ("CLERK_JWT_KEY", &pem),
    ];
    let auth = started(&directory, &pairs).await;
    let good = request(&live_token(&server.url));
    assert!(auth.authenticate(&good).await.unwrap().is_some());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn records_are_read_from_the_backend_api() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(500, "").await;
    let pem = SigningKey::first().pem();
    let backend = ("CLERK_BACKEND_API_URL", server.url.as_str());
    let pairs = [("APP_ENV", "DEV"), PK, SK, backend, ("CLERK_JWT_KEY", &pem)];
    let auth = started(&directory, &pairs).await;
    assert_eq!(auth.profile("user_1/../x").await.unwrap(), None);
    assert_eq!(server.count(), 0);
    assert!(matches!(
        auth.profile("user_1").await,
        Err(AuthError::Unavailable(_))
    ));
    server.respond_with(429, "");
    assert!(matches!(
        auth.profile("user_1").await,
        Err(AuthError::Unavailable(_))
    ));
    server.respond_with(401, "");
    assert!(matches!(
        auth.profile("user_1").await,
        Err(AuthError::Internal(_))
    ));
    server.respond_with(302, "");
    assert!(matches!(
        auth.profile("user_1").await,
        Err(AuthError::Unavailable(_))
    ));
    server.respond_with(404, "");
    assert_eq!(auth.profile("user_1").await.unwrap(), None);
    server.respond_with(200, json!({"id": "user_2"}));
    assert!(matches!(
        auth.profile("user_1").await,
        Err(AuthError::Internal(_))
    ));
    server.respond_with(200, json!({"id": "user_1", "first_name": "Ada"}));
    assert_eq!(
        auth.profile("user_1").await.unwrap().unwrap().first_name,
        "Ada"
    );
    let paths = server.requests();
    assert!(
        paths
            .iter()
            .all(|path| path == "/v1/users/user_1 Bearer sk_test_abc"),
        "{paths:?}"
    );
}

#[tokio::test]
async fn sign_in_links_to_clerk_pages() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(500, "").await;
    let auth = with_clerk(&directory, &server).await;
    let mut page = SignInPage::new("/admin/tasks?state=a&b=\"");
    let link = |path: &str| {
        format!(
            "href=\"{}/{path}?redirect_url=http%3A%2F%2F127.0.0.1%3A8000%2Fadmin%2Ftasks%3Fstate%3Da%26b%3D%22\"",
            server.url
        )
    };
    let markup = auth.render_sign_in(&page).into_string();
    assert!(markup.contains(&link("sign-in")), "{markup}");
    page.sign_up = true;
    let markup = auth.render_sign_in(&page).into_string();
    assert!(markup.contains(&link("sign-up")), "{markup}");
}

#[tokio::test]
async fn sign_out_clears_every_session_cookie() {
    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(500, "").await;
    let auth = with_clerk(&directory, &server).await;
    assert_eq!(
        auth.clear_session_cookies(),
        [
            "__session=; Path=/; Max-Age=0; SameSite=Lax",
            "__session_1YzQInlU=; Path=/; Max-Age=0; SameSite=Lax",
            "__client_uat=; Path=/; Max-Age=0; SameSite=Lax",
            "__client_uat_1YzQInlU=; Path=/; Max-Age=0; SameSite=Lax",
            "__refresh_1YzQInlU=; Path=/; Max-Age=0; SameSite=Lax",
        ]
    );
}

#[tokio::test]
async fn routes_are_listed_before_startup() {
    let directory = TempDir::new().unwrap();
    let secret = (
        "CLERK_WEBHOOK_SIGNING_SECRET",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    );
    let setup = setup(&directory, &[("APP_ENV", "DEV"), PK, SK, secret]).await;
    let mut auth = ClerkAuth::new();
    assert_eq!(auth.configure(&setup.config), [""; 0]);
    let mut before = auth.list_routes();
    auth.init(&setup).await.unwrap();
    let mut after = auth.routes().list();
    for routes in [&mut before, &mut after] {
        routes.sort_by(|one, other| one.path.cmp(&other.path));
    }
    assert_eq!(before, after);
    assert!(
        before
            .iter()
            .any(|route| route.path == "/api/webhooks/clerk")
    );
}

#[tokio::test]
async fn invalid_settings_prevent_startup() {
    let directory = TempDir::new().unwrap();
    let setup = setup(&directory, &[("APP_ENV", "DEV"), PK]).await;
    let mut auth = ClerkAuth::new();
    assert_eq!(auth.configure(&setup.config).len(), 1);
    assert!(auth.init(&setup).await.is_err());
    assert_eq!(auth.authenticate(&request("x")).await.unwrap(), None);
}

#[cfg(feature = "dev-identity")]
#[tokio::test]
async fn development_routes_are_absent_if_clerk_keys_are_set() {
    use tower::ServiceExt;

    let directory = TempDir::new().unwrap();
    let server = FakeServer::start(500, "").await;
    let auth = with_clerk(&directory, &server).await;
    for path in ["/dev/token", "/dev/sign-in", "/.well-known/jwks.json"] {
        let request = Request::post(path).header("host", "localhost");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let state = PortalState::default();
        let router = auth.routes().into_router(&state).with_state(state);
        assert_eq!(
            router.oneshot(request).await.unwrap().status(),
            404,
            "{path}"
        );
    }
}
