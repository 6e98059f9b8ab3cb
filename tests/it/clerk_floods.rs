//! Attacks on Clerk sign-in, and Clerk outages: forged nonces, foreign cookies, hanging calls.

use std::time::Duration;

use futures_util::future::join_all;
use portal_clerk::testing::Webhook;
use reqwest::{Method, Url};
use serde_json::json;

use crate::support::{ClerkPortal, Client, Database, TestResponse};

/// Opens a page with cookies, as a browser does.
async fn open(client: &Client, path: &str, cookies: &str) -> TestResponse {
    let request = client.request(Method::GET, path);
    TestResponse::of(
        request
            .header("accept", "text/html")
            .header("sec-fetch-dest", "document")
            .header("cookie", cookies),
    )
    .await
}

/// Completes a handshake for a browser that is signed in to Clerk; returns the cookies set.
async fn handshake(portal: &ClerkPortal, browser: &str) -> Vec<String> {
    let guest = portal.server.guest();
    let known = "__client_uat=1; __clerk_db_jwt=dvb_1";
    let sent = open(&guest, "/members", known).await;
    assert_eq!(sent.status, 307, "{}", sent.text);
    let clerk = Client::new(portal.clerk.url(), None);
    let at: Url = sent.location().parse().expect("location is a URL");
    let path = format!("{}?{}", at.path(), at.query().unwrap_or_default());
    let request = clerk.request(Method::GET, &path);
    let back = TestResponse::of(request.header("cookie", format!("__client={browser}"))).await;
    assert_eq!(back.status, 307, "{}", back.text);
    let at: Url = back.location().parse().expect("location is a URL");
    let path = format!("{}?{}", at.path(), at.query().unwrap_or_default());
    assert!(path.contains("__clerk_handshake_nonce="), "{path}");
    let done = open(&guest, &path, known).await;
    let cookies = done.headers.get_all("set-cookie").iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok());
    let cookies = cookies.filter(|cookie| cookie.starts_with("__session"));
    cookies.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_forged_nonces_does_not_starve_a_handshake() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let user = portal.clerk.user("ann@example.com");
    let browser = portal.clerk.client_cookie(&user);
    assert!(!handshake(&portal, &browser).await.is_empty(), "before");
    let guest = portal.server.guest();
    let calls = || {
        let requests = portal.clerk.requests();
        requests
            .iter()
            .filter(|call| call.contains("handshake_payload"))
            .count()
    };
    let before = calls();
    for round in 0..5 {
        let flood = (0..60).map(|number| {
            let path = format!("/members?__clerk_handshake_nonce=made-up-{round}-{number}");
            let guest = guest.clone();
            async move { open(&guest, &path, "").await.status.as_u16() }
        });
        let (statuses, cookies) = tokio::join!(join_all(flood), handshake(&portal, &browser));
        assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
        assert!(!cookies.is_empty(), "round {round}");
    }
    // At most twenty calls are made for the network that the flood comes from, plus one per
    // handshake.
    assert!(calls() - before <= 25, "{}", calls() - before);
    // The same nonce is not fetched twice.
    let before = calls();
    let known = "__client_uat=1; __clerk_db_jwt=dvb_1";
    for _ in 0..10 {
        open(&guest, "/members?__clerk_handshake_nonce=the-same", known).await;
    }
    assert_eq!(calls() - before, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_times_out_when_the_backend_api_hangs() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let ann = portal.clerk.user("ann@example.com");
    let known = portal.sign_in(&ann);
    assert_eq!(known.get("/api/auth/me").await.status, 200);
    let new = portal.sign_in(&portal.clerk.user("new@example.com"));
    portal.clerk.set_hanging(true);
    let asked = async {
        tokio::join!(
            known.get("/api/auth/clerk/me"),
            new.get("/api/auth/me"),
            new.page("/members"),
        )
    };
    // The time limit only serves to end a test that would otherwise hang.
    let responses = tokio::time::timeout(Duration::from_secs(60), asked).await;
    let (record, first, page) = responses.expect("the requests time out");
    for response in [record, first] {
        response.problem(503, "unavailable");
        assert_ne!(response.header("retry-after"), "");
    }
    assert_eq!(page.status, 503);
    // Requests from a known user cause no calls to Clerk.
    assert_eq!(known.get("/api/auth/me").await.status, 200);
    portal.clerk.set_hanging(false);
    assert_eq!(new.get("/api/auth/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_plain_cookies_do_not_lock_a_user_out() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let other = ClerkPortal::start(Database::Sqlite).await;
    let url = &portal.server.url;
    let token = portal
        .clerk
        .session_token(&portal.clerk.user("ann@example.com"), url);
    let foreign = other
        .clerk
        .session_token(&other.clerk.user("eve@example.com"), url);
    let suffix = portal.clerk.cookie_suffix();
    let ours = format!(
        "__session_{suffix}={token}; __client_uat_{suffix}=1; __clerk_db_jwt_{suffix}=dvb_1"
    );
    let many: String = (0..8)
        .map(|number| format!("__session=a.{number}.c; "))
        .collect();
    for tossed in [
        String::new(),
        "__session=junk; ".to_owned(),
        "__session=junk; __client_uat=1; ".to_owned(),
        "__session=a.b.c; ".to_owned(),
        "__session=eyJhbGciOiJub25lIn0.e30.AAAA; ".to_owned(),
        format!("__session={foreign}; __client_uat=2; "),
        format!("__session={foreign}; __client_uat=0; "),
        many,
    ] {
        let request = portal.server.guest().request(Method::GET, "/api/auth/me");
        let response = TestResponse::of(request.header("cookie", format!("{tossed}{ours}"))).await;
        assert_eq!(response.status, 200, "{tossed}: {}", response.text);
        assert_eq!(response.json()["email"], "ann@example.com", "{tossed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_webhooks_are_acknowledged() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    for (kind, data) in [
        ("user.deleted", json!({"object": "user", "deleted": true})),
        ("user.deleted", json!({"id": null})),
        ("user.deleted", json!(null)),
        ("user.updated", json!({"id": "user_1", "updated_at": null})),
        ("session.ended", json!({"id": 7})),
    ] {
        let delivered = portal
            .deliver(&portal.clerk.webhook_event(kind, data.clone()))
            .await;
        assert_eq!(delivered, (200, "none".to_owned()), "{kind} {data}");
    }
    // A webhook with a different media type is rejected, even if its signature is valid.
    let message: Webhook = portal
        .clerk
        .webhook_event("user.deleted", json!({"id": "user_1"}));
    let request = portal
        .server
        .guest()
        .request(Method::POST, "/api/webhooks/clerk")
        .header("content-type", "text/plain")
        .header("svix-id", &message.id)
        .header("svix-timestamp", message.timestamp)
        .header("svix-signature", message.signatures())
        .body(message.body.clone());
    TestResponse::of(request)
        .await
        .problem(415, "unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profile_keeps_only_safe_values() {
    let portal = ClerkPortal::start(Database::Sqlite).await;
    let ann = portal.clerk.user("ann@example.com");
    portal.clerk.update_user(&ann, |record| {
        record["first_name"] = json!(format!("\u{202e}Ann{}", "x".repeat(100_000)));
        record["last_name"] = json!("Le\u{0}e\u{7}");
        record["image_url"] = json!("javascript:alert(3)");
    });
    let client = portal.sign_in(&ann);
    let me = client.get("/api/auth/me").await.json();
    let name = me["first_name"].as_str().unwrap_or_default();
    assert!(
        name.starts_with("Annx") && name.len() == 256,
        "{}",
        name.len()
    );
    assert_eq!(me["last_name"], "Lee");
    assert_eq!(me["avatar_url"], serde_json::Value::Null);
    portal.clerk.update_user(&ann, |record| {
        record["image_url"] = json!("https://img.clerk.com/ann");
    });
    let updated = portal.clerk.user_event("user.updated", &ann);
    assert_eq!(portal.deliver(&updated).await.0, 200);
    let me = client.get("/api/auth/me").await.json();
    assert_eq!(me["avatar_url"], "https://img.clerk.com/ann");
    let page = client.page("/members").await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("img-src 'self' data: https://img.clerk.com;"),
        "{policy}"
    );
}
