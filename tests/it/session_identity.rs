//! Identity in a session: its id, user and impersonator belong together.

use std::time::Duration;

use axum::http::request::Parts;
use portal_core::PortalBuilder;
use portal_core::auth::{AuthError, AuthProvider, CredentialSource, Identity, Profile};
use reqwest::Method;
use serde_json::json;

use crate::app;
use crate::support::{
    ADMIN, ClerkPortal, Client, CookieClient, Database, TestResponse, TestServer, on_both,
};

on_both!(
    session_id_of_another_user_is_refused,
    session_of_another_impersonator_is_refused,
    session_of_an_older_version_stays_open,
    new_session_signs_in_again_after_signing_out,
);

async fn email(client: &Client) -> Result<String, u16> {
    let response = client.get("/api/auth/me").await;
    match response.status.as_u16() {
        200 => Ok(response.json()["email"]
            .as_str()
            .expect("value is a string")
            .to_owned()),
        status => Err(status),
    }
}

/// Returns a client whose token belongs to a session but has different claims.
fn with_claims(portal: &ClerkPortal, session: &str, claims: &serde_json::Value) -> Client {
    let url = &portal.server.url;
    Client::new(url, Some(portal.clerk.token_with(session, url, claims)))
}

async fn session_id_of_another_user_is_refused(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let (root, bob) = (
        portal.clerk.user(ADMIN),
        portal.clerk.user("bob@example.com"),
    );
    let session = portal.clerk.session(&root);
    let owner = portal.with_session(&session);
    let as_bob = with_claims(&portal, &session, &json!({"sub": bob}));
    let as_impersonated_bob = with_claims(
        &portal,
        &session,
        &json!({"sub": bob, "act": {"sub": "user_support"}}),
    );
    // A new session changes its user, which invalidates the cache a little later.
    for _ in 0..3 {
        assert_eq!(email(&owner).await, Ok(ADMIN.to_owned()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The result is the same whether or not the replica has cached the session.
    let replica = portal.replica().await;
    for client in [&as_bob, &as_impersonated_bob] {
        let elsewhere = Client::new(&replica.url, client.token.clone());
        for client in [client, &elsewhere] {
            assert_eq!(email(client).await, Err(401));
            assert_eq!(client.get("/api/users").await.status, 401);
            let page = client.page("/members").await;
            assert_eq!(page.status, 303, "{}", page.text);
            // The token does not end the owner's session either.
            let mut browser = CookieClient::of_clerk(client.url(), client);
            assert_eq!(browser.submit("/sign-out", &[]).await.status, 303);
            let signed_out = client.request(Method::POST, "/sign-out");
            assert_eq!(TestResponse::of(signed_out).await.status, 303);
        }
    }
    assert_eq!(email(&owner).await, Ok(ADMIN.to_owned()));
    assert_eq!(portal.clerk.session_status(&session), "active");
    // Bob's own session is accepted.
    assert_eq!(
        email(&portal.sign_in(&bob)).await,
        Ok("bob@example.com".to_owned())
    );
}

async fn session_of_another_impersonator_is_refused(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let root = portal.clerk.user(ADMIN);
    let session = portal.clerk.session(&root);
    let owner = portal.with_session(&session);
    let by = |actor: &str| with_claims(&portal, &session, &json!({"act": {"sub": actor}}));
    assert_eq!(owner.get("/api/users").await.status, 200);
    assert_eq!(email(&by("user_support")).await, Err(401));

    let session = portal.clerk.session(&root);
    let by = |actor: &str| with_claims(&portal, &session, &json!({"act": {"sub": actor}}));
    let support = by("user_support");
    assert_eq!(email(&support).await, Ok(ADMIN.to_owned()));
    support.get("/api/users").await.problem(403, "impersonated");
    assert_eq!(email(&by("user_other")).await, Err(401));
    // Without the claim, the token would have all of the user's permissions.
    assert_eq!(
        portal.with_session(&session).get("/api/users").await.status,
        401
    );
}

async fn session_of_an_older_version_stays_open(database: Database) {
    let portal = ClerkPortal::start(database).await;
    let session = portal.clerk.session(&portal.clerk.user(ADMIN));
    let act = json!({"act": {"sub": "user_support"}});
    let support = with_claims(&portal, &session, &act);
    assert_eq!(email(&support).await, Ok(ADMIN.to_owned()));
    let forget = "UPDATE portal_sessions SET actor = NULL".to_owned();
    assert_eq!(portal.server.sql(forget).await, 1);
    let replica = portal.replica().await;
    let support = Client::new(&replica.url, support.token);
    assert_eq!(email(&support).await, Ok(ADMIN.to_owned()));
}

/// Provider from the example in the trait's documentation: a proxy sends the user and the session.
struct ProxyHeaders;

impl AuthProvider for ProxyHeaders {
    async fn authenticate(&self, parts: &Parts) -> Result<Option<Identity>, AuthError> {
        let header = |name: &str| parts.headers.get(name)?.to_str().ok();
        let (Some(user), Some(session)) = (header("x-user"), header("x-session")) else {
            return Ok(None);
        };
        let tomorrow = chrono::Utc::now() + Duration::from_secs(86_400);
        let source = CredentialSource::Cookie;
        Ok(Some(Identity::new(user, session, tomorrow, source)))
    }

    async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        let mut profile = Profile::default();
        profile.email = subject.to_owned();
        profile.email_verified = true;
        Ok(Some(profile))
    }
}

fn behind_a_proxy(builder: PortalBuilder) -> PortalBuilder {
    app::build(builder.auth(ProxyHeaders))
}

async fn new_session_signs_in_again_after_signing_out(database: Database) {
    let server = TestServer::start_with(database, &[], behind_a_proxy).await;
    let guest = server.guest();
    let ask = async |method: Method, path: &str, session: &str| {
        let request = guest.request(method, path).header("accept", "text/html");
        let request = request.header("x-user", "ann@example.com");
        let request = request.header("sec-fetch-site", "same-origin");
        TestResponse::of(request.header("x-session", session)).await
    };
    assert_eq!(ask(Method::GET, "/members", "one").await.status, 200);
    assert_eq!(ask(Method::POST, "/sign-out", "one").await.status, 303);
    assert_eq!(ask(Method::GET, "/members", "one").await.status, 303);
    assert_eq!(ask(Method::GET, "/members", "two").await.status, 200);

    // If a provider manages no accounts, its page does not offer to create one.
    let page = guest.page("/sign-in").await;
    assert!(
        page.text.contains("before requests reach this portal"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Create one"), "{}", page.text);
    assert!(!page.text.contains("/sign-up"), "{}", page.text);
    let page = server.replica().await.guest().page("/sign-in").await;
    assert!(page.text.contains("Create one"), "{}", page.text);
}
