//! Tests of the development identity provider as used by browsers and scripts.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use portal_core::PortalState;
use portal_core::auth::{AuthProvider, SignInPage};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::keys;
use crate::ClerkAuth;
use crate::testing::{FakeServer, setup};

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

async fn started(directory: &TempDir) -> ClerkAuth {
    started_with(directory, &[]).await
}

async fn started_with(directory: &TempDir, pairs: &[(&str, &str)]) -> ClerkAuth {
    let pairs: Vec<_> = [("APP_ENV", "DEV")].iter().chain(pairs).copied().collect();
    let setup = setup(directory, &pairs).await;
    let mut auth = ClerkAuth::new();
    assert_eq!(auth.configure(&setup.config), [""; 0]);
    auth.init(&setup).await.unwrap();
    auth
}

async fn send(auth: &ClerkAuth, request: Request<Body>) -> Answer {
    let state = PortalState::default();
    let router: axum::Router = auth.routes().into_router(&state).with_state(state);
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn post(auth: &ClerkAuth, path: &str, media_type: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, "localhost:8000")
        .header(header::CONTENT_TYPE, media_type);
    send(auth, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn token(auth: &ClerkAuth, body: Value) -> Answer {
    post(auth, "/dev/token", "application/json", &body.to_string()).await
}

async fn form(auth: &ClerkAuth, body: &str) -> Answer {
    post(
        auth,
        "/dev/sign-in",
        "application/x-www-form-urlencoded",
        body,
    )
    .await
}

fn with_header(name: &str, value: &str) -> Parts {
    let request = Request::builder().header(name, value);
    request.body(()).unwrap().into_parts().0
}

#[tokio::test]
async fn token_for_scripts_is_a_session_of_the_user() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    let response = token(
        &auth,
        json!({"email": " Ada@Example.com ", "first_name": "Ada", "last_name": "L"}),
    )
    .await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), "no-store");
    let body = response.json();
    let bearer = format!("Bearer {}", body["token"].as_str().unwrap());
    let identity = auth
        .authenticate(&with_header("authorization", &bearer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(body["user_id"], identity.subject.as_str());
    assert_eq!(body["expires_at"], json!(identity.expires_at));
    let profile = auth.profile(&identity.subject).await.unwrap().unwrap();
    assert_eq!(profile.email, "ada@example.com");
    assert!(profile.email_verified);
    assert_eq!(
        (profile.first_name.as_str(), profile.last_name.as_str()),
        ("Ada", "L")
    );
    assert!(auth.refreshes_profile());

    // When the user signs in again, it is the same user in a new session, and omitted fields keep
    // their values.
    let again = token(
        &auth,
        json!({"email": "ADA@example.COM", "last_name": "Byron", "email_verified": false}),
    )
    .await
    .json();
    assert_eq!(again["user_id"], body["user_id"]);
    let bearer = format!("Bearer {}", again["token"].as_str().unwrap());
    let second = auth
        .authenticate(&with_header("authorization", &bearer))
        .await
        .unwrap()
        .unwrap();
    assert_ne!(second.session_id, identity.session_id);
    let profile = auth.profile(&identity.subject).await.unwrap().unwrap();
    assert!(!profile.email_verified);
    assert_eq!(
        (profile.first_name.as_str(), profile.last_name.as_str()),
        ("Ada", "Byron")
    );

    let other = token(&auth, json!({"email": "bob@example.com"}))
        .await
        .json();
    assert_ne!(other["user_id"], body["user_id"]);
}

#[tokio::test]
async fn user_without_a_sign_in_has_no_record() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    for subject in ["user_dev00", "key", "../key", ""] {
        assert_eq!(auth.profile(subject).await.unwrap(), None, "{subject}");
    }
}

#[tokio::test]
async fn every_error_of_a_token_request_is_reported() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    let long = "ä".repeat(101);
    for (body, expected) in [
        (json!({}), vec![("/email", "missing")]),
        (json!({"email": " "}), vec![("/email", "missing")]),
        (json!({"email": null}), vec![("/email", "missing")]),
        (json!({"email": 1}), vec![("/email", "invalid_type")]),
        (json!({"email": "ada"}), vec![("/email", "invalid_email")]),
        (json!({"email": "a@b@c"}), vec![("/email", "invalid_email")]),
        (
            json!({"email": "a\r\nb@example.com"}),
            vec![("/email", "invalid_email")],
        ),
        (
            json!({"email": "аda@example.com"}),
            vec![("/email", "invalid_email")],
        ),
        (
            json!({"email": format!("a@{}com", "b.".repeat(130))}),
            vec![("/email", "invalid_email")],
        ),
        (
            json!({"email": "x", "first_name": long, "last_name": "a\nb", "email_verified": "yes", "a/b": 1}),
            vec![
                ("/a~1b", "unknown_field"),
                ("/email_verified", "invalid_type"),
                ("/email", "invalid_email"),
                ("/first_name", "too_long"),
                ("/last_name", "not_allowed"),
            ],
        ),
        (json!([]), vec![("", "invalid_type")]),
    ] {
        let response = token(&auth, body.clone()).await;
        assert_eq!(response.status, 422, "{body}");
        assert_eq!(response.header("content-type"), "application/problem+json");
        let problem = response.json();
        assert_eq!(problem["code"], "invalid_parameters");
        let errors: Vec<(&str, &str)> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                (
                    error["pointer"].as_str().unwrap(),
                    error["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(errors, expected, "{body}");
    }
    let name = "ä".repeat(100);
    assert_eq!(
        token(&auth, json!({"email": "a@b.c", "first_name": name}))
            .await
            .status,
        200
    );
    let response = post(&auth, "/dev/token", "application/json", "{").await;
    assert_eq!(
        (response.status.as_u16(), &response.json()["code"]),
        (400, &json!("invalid_json"))
    );
    let response = post(&auth, "/dev/token", "text/plain", "{}").await;
    assert_eq!(
        (response.status.as_u16(), &response.json()["code"]),
        (415, &json!("unsupported_media_type"))
    );
}

#[tokio::test]
async fn form_sets_the_cookie_and_redirects_back() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    for (requested, target) in [
        ("/admin/tasks%3Fstate%3Dx", "/admin/tasks?state=x"),
        ("/", "/"),
        ("", "/home"),
        ("//evil.example", "/home"),
        ("/%5Cevil.example", "/home"),
        ("/a%250d%250aX", "/home"),
        ("/a%0d%0aX", "/home"),
        ("https://evil.example", "/home"),
        ("javascript:alert(1)", "/home"),
        ("/sign-in", "/home"),
        ("/sign-out", "/home"),
    ] {
        let response = form(
            &auth,
            &format!("email=ada%40example.com&first_name=Ada&last_name=&redirect_url={requested}"),
        )
        .await;
        assert_eq!(response.status, 303);
        assert_eq!(response.header("location"), target, "{requested}");
        let cookie = response.header("set-cookie");
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let mut attributes: Vec<&str> = attributes.split("; ").collect();
        attributes.sort_unstable();
        assert_eq!(
            attributes,
            ["HttpOnly", "Max-Age=86400", "Path=/", "SameSite=Lax"]
        );
        let identity = auth
            .authenticate(&with_header("cookie", pair))
            .await
            .unwrap()
            .unwrap();
        let profile = auth.profile(&identity.subject).await.unwrap().unwrap();
        assert_eq!(profile.first_name, "Ada");
    }
    let response = form(&auth, "email=ada&redirect_url=/").await;
    assert_eq!(response.status, 422);
    assert_eq!(response.json()["errors"][0]["pointer"], "/email");
    assert!(!response.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn nested_portal_keeps_its_prefix() {
    let directory = TempDir::new().unwrap();
    let mut setup = setup(&directory, &[("APP_ENV", "DEV")]).await;
    Arc::make_mut(&mut setup.config).base_path = "/portal".to_owned();
    let mut auth = ClerkAuth::new();
    auth.init(&setup).await.unwrap();
    for (requested, target) in [
        ("/portal/admin/tasks", "/portal/admin/tasks"),
        ("/portal//evil.example", "/portal/home"),
        ("/portal/sign-out", "/portal/home"),
        ("", "/portal/home"),
    ] {
        let response = form(&auth, &format!("email=a%40b.c&redirect_url={requested}")).await;
        assert_eq!(response.header("location"), target, "{requested}");
    }
}

#[tokio::test]
async fn other_host_names_are_rejected() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    let request = |path: &str, target: Option<&str>, hosts: &[&str]| {
        let method = if path.starts_with("/dev") {
            "POST"
        } else {
            "GET"
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", target.unwrap_or_default()))
            .header(header::CONTENT_TYPE, "application/json");
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(Body::from("{\"email\": \"a@b.c\"}")).unwrap()
    };
    for path in ["/dev/token", "/dev/sign-in", "/.well-known/jwks.json"] {
        for hosts in [
            &[][..],
            &[""],
            &["evil.example"],
            &["evil.example:8000"],
            &["localhost.evil.example"],
            &["127.0.0.1.evil.example"],
            &["localhost@evil.example"],
            &["evil@localhost"],
            &["192.168.1.2"],
            &["0.0.0.0"],
            &["localhost", "evil.example"],
        ] {
            let response = send(&auth, request(path, None, hosts)).await;
            assert_eq!(response.status, 403, "{path} {hosts:?}");
        }
        let absolute = request(path, Some("http://evil.example"), &["localhost"]);
        assert_eq!(send(&auth, absolute).await.status, 403);
    }
    for host in [
        "localhost",
        "localhost:8000",
        "LOCALHOST",
        "127.0.0.1:8000",
        "127.1.2.3",
        "[::1]:8000",
        "[::1]",
    ] {
        let response = send(&auth, request("/dev/token", None, &[host])).await;
        assert_eq!(response.status, 200, "{host}");
    }
}

#[tokio::test]
async fn key_belongs_to_the_database() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let auth = started(&first).await;
    let body = token(&auth, json!({"email": "ada@example.com"}))
        .await
        .json();
    let parts = with_header(
        "authorization",
        &format!("Bearer {}", body["token"].as_str().unwrap()),
    );
    assert!(auth.authenticate(&parts).await.unwrap().is_some());
    drop(auth);
    let again = started(&first).await;
    assert!(again.authenticate(&parts).await.unwrap().is_some());
    let other = started(&second).await;
    assert_eq!(other.authenticate(&parts).await.unwrap(), None);
}

#[tokio::test]
async fn published_key_has_no_private_part() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    let request = Request::get("/.well-known/jwks.json").header(header::HOST, "localhost");
    let response = send(&auth, request.body(Body::empty()).unwrap()).await;
    let key = &response.json()["keys"][0];
    let mut members: Vec<&String> = key.as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
}

#[tokio::test]
async fn development_token_is_invalid_for_a_clerk_instance() {
    let directory = TempDir::new().unwrap();
    let development = started(&directory).await;
    let body = token(&development, json!({"email": "ada@example.com"}))
        .await
        .json();
    let parts = with_header(
        "authorization",
        &format!("Bearer {}", body["token"].as_str().unwrap()),
    );
    let server = FakeServer::start(
        200,
        json!({"keys": [crate::testing::SigningKey::first().jwk("ins_1")]}),
    )
    .await;
    let clerk = started_with(
        &directory,
        &[
            ("CLERK_PUBLISHABLE_KEY", "pk_test_MTI3LjAuMC4xOjMwMDAk"),
            ("CLERK_SECRET_KEY", "sk_test_abc"),
            ("CLERK_FRONTEND_API_URL", &server.url),
        ],
    )
    .await;
    assert_eq!(clerk.authenticate(&parts).await.unwrap(), None);
}

#[tokio::test]
async fn invalid_stored_key_prevents_startup() {
    let directory = TempDir::new().unwrap();
    let setup = setup(&directory, &[("APP_ENV", "DEV")]).await;
    setup
        .key_values
        .put("dev-identity/key", &"nonsense")
        .await
        .unwrap();
    let error = ClerkAuth::new().init(&setup).await.unwrap_err();
    assert!(error.to_string().contains("delete the row"), "{error}");
    let key = keys::generate().unwrap();
    setup
        .key_values
        .put("dev-identity/key", &key)
        .await
        .unwrap();
    ClerkAuth::new().init(&setup).await.unwrap();
    assert_eq!(
        setup.key_values.get("dev-identity/key").await.unwrap(),
        Some(key)
    );
}

#[tokio::test]
async fn sign_in_page_has_a_form_and_a_warning() {
    let directory = TempDir::new().unwrap();
    let auth = started(&directory).await;
    let mut page = SignInPage::new("/a?b=\"><script>");
    page.base_path = "/portal";
    let markup = auth.render_sign_in(&page).into_string();
    for part in [
        "action=\"/portal/dev/sign-in\"",
        "name=\"redirect_url\" value=\"/a?b=&quot;&gt;&lt;script&gt;\"",
        "type=\"email\"",
        "required",
        "name=\"first_name\"",
        "name=\"last_name\"",
        "For development only",
    ] {
        assert!(markup.contains(part), "{part}: {markup}");
    }
    assert_eq!(
        auth.clear_session_cookies(),
        ["__session=; Path=/; Max-Age=0; SameSite=Lax"]
    );
}
