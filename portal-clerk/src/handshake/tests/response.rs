//! Tests of requests that return from a handshake.

use super::*;

#[tokio::test]
async fn production_page_continues_with_the_new_cookies() {
    let new = token(json!({}));
    let payload = json!({ "directives": directives(&new) });
    let server = FakeServer::start(200, payload).await;
    let by_nonce = "__clerk_handshake_nonce=n0nce-1".to_owned();
    let by_token = handshake_token(SigningKey::first(), json!({}), &directives(&new));
    let by_token = format!("__clerk_handshake={by_token}");
    for returned in [by_nonce, by_token] {
        let site = Site::new(&server.url, false);
        let cookies = format!("__session={}; __client_uat=5; x=1; {returned}", expired());
        let mut parts = page("/x?a=1", &cookies);
        let navigation = site.open(&mut parts).await;
        assert!(navigation.response.is_none());
        let (set, spent) = navigation.cookies.split_at(4);
        assert_eq!(set, &directives(&new)[..4]);
        // The nonce is valid only once, so the browser must not send it again.
        assert_eq!(
            spent,
            [
                "__clerk_handshake_nonce=; Path=/; Max-Age=0; SameSite=Lax",
                "__clerk_handshake_nonce=; Path=/; Domain=example.com; Max-Age=0; SameSite=Lax",
                "__clerk_handshake=; Path=/; Max-Age=0; SameSite=Lax",
                "__clerk_handshake=; Path=/; Domain=example.com; Max-Age=0; SameSite=Lax",
            ]
        );
        assert_eq!(site.who(&parts).await.as_deref(), Some("user_1"));
        let cookies = parts.headers["cookie"].to_str().unwrap();
        assert!(cookies.starts_with("x=1; __session="), "{cookies}");
        assert!(!cookies.contains("handshake"), "{cookies}");
    }
    assert_eq!(
        server.requests(),
        ["/v1/clients/handshake_payload?nonce=n0nce-1 Bearer sk"]
    );
}

#[tokio::test]
async fn development_browser_is_redirected_to_the_clean_url() {
    let new = token(json!({}));
    let payload = json!({ "directives": directives(&new) });
    let server = FakeServer::start(200, payload).await;
    let site = Site::new(&server.url, true);
    let by_token = handshake_token(SigningKey::first(), json!({}), &directives(&new));
    for returned in [
        "__clerk_handshake_nonce=n1".to_owned(),
        format!("__clerk_handshake={by_token}"),
    ] {
        let uri = format!("/x?a=1&{returned}&__clerk_help=1&__clerk_db_jwt=d&b=2");
        let navigation = site.open(&mut page(&uri, "")).await;
        assert_eq!(navigation.cookies, directives(&new)[..4]);
        assert_eq!(navigation.response.as_ref().unwrap().status(), 307);
        assert_eq!(
            header_of(&navigation, "location").as_deref(),
            Some("https://portal.example.com/x?a=1&b=2")
        );
        assert_eq!(
            header_of(&navigation, "cache-control").as_deref(),
            Some("no-store")
        );
    }
}

#[tokio::test]
async fn each_instance_type_returns_in_its_own_location() {
    let new = token(json!({}));
    let handshake = handshake_token(SigningKey::first(), json!({}), &directives(&new));
    let in_query = format!("/?__clerk_handshake={handshake}");
    let in_cookie = format!("__clerk_handshake={handshake}");
    let production = Site::production();
    let mut link = page(&in_query, "");
    assert!(nothing_happens(&production.open(&mut link).await));
    assert_eq!(production.who(&link).await, None, "a link does not sign in");
    let development = Site::development();
    let cookies = format!("{in_cookie}; __clerk_db_jwt=d");
    let mut parts = page("/", &cookies);
    assert!(nothing_happens(&development.open(&mut parts).await));
    assert_eq!(development.who(&parts).await, None);
}

#[tokio::test]
async fn forged_handshake_sets_no_cookie() {
    let new = token(json!({}));
    let good = directives(&new);
    let first = SigningKey::first();
    let claims = json!({"handshake": good}).to_string();
    let with_header = |header| handshake_token(first, header, &good);
    let many = vec!["__client_uat=1".to_owned(); 17];
    let forged = [
        handshake_token(SigningKey::second(), json!({}), &good),
        with_header(json!({"kid": "ins_2"})),
        with_header(json!({"cat": "cl_B7d4PD222AAA"})),
        with_header(json!({"alg": "none"})),
        with_header(json!({"alg": "HS256"})),
        with_header(json!({"typ": "at+jwt"})),
        with_header(json!({"crit": ["x"]})),
        handshake_token(first, json!({}), &many),
        handshake_token(first, json!({}), &[]),
        handshake_token(
            first,
            json!({}),
            &["__session=a\r\nSet-Cookie: b=c".to_owned()],
        ),
        // A session token is not a handshake token, even if it comes from this instance.
        new.clone(),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        format!(
            "{}.{}.",
            new.split('.').next().unwrap(),
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims)
        ),
    ];
    for (at, token) in forged.iter().enumerate() {
        let production = Site::production();
        let mut parts = page("/", &format!("__clerk_handshake={token}"));
        let navigation = production.open(&mut parts).await;
        assert!(nothing_happens(&navigation), "{at}");
        assert_eq!(production.who(&parts).await, None);
        // An invalid handshake does not end an existing session either.
        let cookies = format!("__clerk_handshake={token}; __session={new}; __client_uat=5");
        let mut parts = page("/", &cookies);
        assert!(nothing_happens(&production.open(&mut parts).await), "{at}");
        assert_eq!(production.who(&parts).await.as_deref(), Some("user_1"));

        let development = Site::development();
        let uri = format!("/?__clerk_handshake={token}");
        let navigation = development.open(&mut page(&uri, "__clerk_db_jwt=d")).await;
        assert!(navigation.cookies.is_empty(), "{at}");
        match navigation.response {
            None => assert!(at > 1, "{at}"),
            Some(response) => {
                assert!(at <= 1, "{at}");
                assert_eq!(response.status(), 500);
                assert!(!response.headers().contains_key("set-cookie"));
            }
        }
    }
}

#[tokio::test]
async fn handshake_session_is_fully_verified() {
    for (claims, header) in [
        (json!({"azp": "https://evil.example"}), json!({})),
        (json!({"iss": "https://clerk.evil.example"}), json!({})),
        (json!({"exp": NOW - SKEW}), json!({})),
        (json!({"sid": null}), json!({})),
        (json!({}), json!({"cat": "cl_B7d4PD222AAA"})),
    ] {
        let session = SigningKey::first().token(header, claims.clone());
        let token = handshake_token(SigningKey::first(), json!({}), &directives(&session));
        let site = Site::production();
        let mut parts = page("/", &format!("__clerk_handshake={token}"));
        assert!(nothing_happens(&site.open(&mut parts).await), "{claims}");
        assert_eq!(site.who(&parts).await, None);
    }
    let mut two = directives(&token(json!({})));
    two[1] = format!("__session_abc={}", token(json!({"sub": "user_2"})));
    let two = handshake_token(SigningKey::first(), json!({}), &two);
    let site = Site::production();
    let mut parts = page("/", &format!("__clerk_handshake={two}"));
    assert!(nothing_happens(&site.open(&mut parts).await));
}

#[tokio::test]
async fn pending_session_is_kept_but_does_not_sign_in() {
    let pending = directives(&token(json!({"sts": "pending"})));
    let token = handshake_token(SigningKey::first(), json!({}), &pending);
    let site = Site::production();
    let mut parts = page("/", &format!("__clerk_handshake={token}"));
    let navigation = site.open(&mut parts).await;
    assert!(navigation.response.is_none());
    // Without the new cookies, the browser would repeatedly return with the old session.
    assert_eq!(navigation.cookies[..4], pending[..4]);
    assert_eq!(site.who(&parts).await, None);
}

#[tokio::test]
async fn handshake_can_sign_out() {
    let gone = [
        "__session=; Path=/; Max-Age=0".to_owned(),
        "__client_uat=0; Path=/".to_owned(),
    ];
    let token = handshake_token(SigningKey::first(), json!({}), &gone);
    let site = Site::production();
    let cookies = format!(
        "__session={}; __client_uat=5; __clerk_handshake={token}",
        expired()
    );
    let mut parts = page("/", &cookies);
    let navigation = site.open(&mut parts).await;
    assert!(navigation.response.is_none());
    assert_eq!(navigation.cookies[..2], gone);
    assert_eq!(site.who(&parts).await, None);
    assert_eq!(parts.headers["cookie"], "__client_uat=0");
}

#[tokio::test]
async fn wrong_clock_is_reported_only_in_development() {
    for (claims, renewed) in [
        (
            json!({"exp": NOW - 3600, "iat": NOW - 3660, "nbf": NOW - 3660}),
            true,
        ),
        (
            json!({"exp": NOW + 3660, "iat": NOW + 3600, "nbf": NOW + 3600}),
            true,
        ),
        (json!({"exp": NOW - WRONG_CLOCK}), false),
        (
            json!({"exp": NOW - 3600, "azp": "https://evil.example"}),
            false,
        ),
    ] {
        let session = token(claims.clone());
        let token = handshake_token(SigningKey::first(), json!({}), &directives(&session));
        let development = Site::development();
        let uri = format!("/?__clerk_handshake={token}");
        let mut parts = page(&uri, "__clerk_db_jwt=d");
        let navigation = development.open(&mut parts).await;
        assert_eq!(!navigation.cookies.is_empty(), renewed, "{claims}");
        assert_eq!(development.who(&parts).await, None, "does not sign in");

        let production = Site::production();
        let mut parts = page("/", &format!("__clerk_handshake={token}"));
        assert!(nothing_happens(&production.open(&mut parts).await));
    }
}

#[tokio::test]
async fn unusable_nonce_is_ignored() {
    let good = json!({ "directives": directives(&token(json!({}))) });
    for (status, body) in [
        (404, good.to_string()),
        (401, good.to_string()),
        (500, String::new()),
        (302, good.to_string()),
        (200, "nonsense".to_owned()),
        (200, json!({"directives": []}).to_string()),
        (200, json!({"directives": [1]}).to_string()),
    ] {
        let server = FakeServer::start(status, body).await;
        let site = Site::new(&server.url, false);
        let mut parts = page("/", "__clerk_handshake_nonce=n1");
        assert!(nothing_happens(&site.open(&mut parts).await), "{status}");
        assert_eq!(site.who(&parts).await, None);
        assert_eq!(server.count(), 1);
        // Malformed nonces must not be looked up.
        for nonce in ["a/../b", "a%20b", &"x".repeat(513)] {
            let mut parts = page("/", &format!("__clerk_handshake_nonce={nonce}"));
            assert!(nothing_happens(&site.open(&mut parts).await));
        }
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn page_continues_despite_a_slow_clerk() {
    let server = FakeServer::start(200, "").await;
    server.hold(true);
    let site = Site::new(&server.url, false);
    let cookies = format!(
        "__clerk_handshake_nonce=n1; __session={}; __client_uat=5",
        token(json!({}))
    );
    let mut parts = page("/", &cookies);
    assert!(nothing_happens(&site.open(&mut parts).await));
    assert_eq!(site.who(&parts).await.as_deref(), Some("user_1"));
}

#[tokio::test]
async fn page_reports_unavailable_sign_in_without_keys() {
    let server = FakeServer::start(500, "").await;
    let keys = KeyCache::remote(server.url.clone(), false).unwrap();
    let site = Site::with(keys, &server.url, false);
    let cookies = format!("__session={}; __client_uat=5", token(json!({})));
    let mut parts = page("/", &cookies);
    assert!(nothing_happens(&site.open(&mut parts).await));
    assert!(parts.extensions.get::<Resolved>().is_none());
    assert_eq!(server.count(), 1);
}
