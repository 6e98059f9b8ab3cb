use std::collections::HashMap;
use std::time::Instant;

use axum::http::Request;
use serde_json::{Value, json};

use super::*;
use crate::backend::BackendApi;
use crate::cookies::CookieNames;
use crate::jwks::KeyCache;
use crate::testing::{FakeServer, ISSUER, NOW, PORTAL, SigningKey, good_header, merged};
use crate::token::Rules;
use crate::verifier::identity;

struct Site {
    handshake: Handshake,
    verifier: Verifier,
}

impl Site {
    fn new(backend: &str, development: bool) -> Self {
        let keys = KeyCache::fixed(Some("ins_1".to_owned()), SigningKey::first().public());
        Self::with(keys, backend, development)
    }

    fn with(keys: KeyCache, backend: &str, development: bool) -> Self {
        let rules = Rules {
            issuer: ISSUER.to_owned(),
            authorized_parties: vec![PORTAL.to_owned()],
        };
        let names = CookieNames::of_instance("abc", development);
        Self {
            handshake: Handshake {
                endpoint: format!("{ISSUER}/v1/client/handshake").parse().unwrap(),
                public_url: PORTAL.to_owned(),
                base_path: String::new(),
                development,
                payloads: Payloads::new({
                    let api = BackendApi::default();
                    api.connect(backend, portal_core::config::Secret::new("sk"), false)
                        .unwrap();
                    api
                }),
            },
            verifier: Verifier::new(keys, rules, names),
        }
    }

    fn production() -> Self {
        Self::new("http://127.0.0.1:9", false)
    }

    fn development() -> Self {
        Self::new("http://127.0.0.1:9", true)
    }

    async fn open(&self, parts: &mut Parts) -> Navigation {
        self.open_at(parts, 0).await
    }

    async fn open_at(&self, parts: &mut Parts, seconds: i64) -> Navigation {
        let now = Moment {
            unix: NOW + seconds,
            instant: Instant::now(),
        };
        self.handshake.navigate(&self.verifier, parts, now).await
    }

    /// Who the page is shown to: what was found, and the same again from the headers.
    async fn who(&self, parts: &Parts) -> Option<String> {
        let Resolved(found) = parts.extensions.get().cloned()?;
        let now = Moment {
            unix: NOW,
            instant: Instant::now(),
        };
        let query = parts.uri.query();
        let again = self.verifier.session(&parts.headers, query, now).await;
        let subject = |found: Found| found.map(|found| identity(found).subject);
        let (first, again) = (subject(found), subject(again.unwrap()));
        assert_eq!(first, again);
        first
    }
}

fn page(uri: &str, cookies: &str) -> Parts {
    let request = Request::get(uri).header("host", "evil.example");
    let request = match cookies {
        "" => request,
        cookies => request.header("cookie", cookies),
    };
    request.body(()).unwrap().into_parts().0
}

fn token(claims: Value) -> String {
    SigningKey::first().token(json!({}), claims)
}

fn expired() -> String {
    token(json!({"exp": NOW - SKEW}))
}

fn handshake_token(key: &SigningKey, header: Value, directives: &[String]) -> String {
    let header = merged(good_header(), header).to_string();
    key.sign(&header, &json!({ "handshake": directives }).to_string())
}

fn directives(session: &str) -> Vec<String> {
    vec![
        format!("__session={session}; Path=/"),
        format!("__session_abc={session}; Path=/"),
        format!("__client_uat={}; Path=/", NOW - 100),
        format!("__client_uat_abc={}; Path=/", NOW - 100),
        "portal_flash=x; Path=/".to_owned(),
    ]
}

fn header_of(navigation: &Navigation, name: &str) -> Option<String> {
    let answer = navigation.answer.as_ref()?;
    let value = answer.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

/// The parameters that a browser is sent to Clerk with.
fn parameters(navigation: &Navigation) -> HashMap<String, String> {
    let answer = navigation.answer.as_ref().expect("a redirect");
    assert_eq!(answer.status(), 307);
    let location = header_of(navigation, "location").unwrap();
    let location: Url = location.parse().unwrap();
    assert_eq!(
        location.as_str().split('?').next(),
        Some("https://clerk.example.com/v1/client/handshake")
    );
    location.query_pairs().into_owned().collect()
}

fn nothing_happens(navigation: &Navigation) -> bool {
    navigation.answer.is_none() && navigation.cookies.is_empty()
}

#[tokio::test]
async fn an_expired_session_sends_the_browser_to_clerk() {
    let site = Site::production();
    let old = expired();
    let cookies = format!("__session={old}; __client_uat={}; x=1", NOW - 100);
    let uri = "/admin/tasks?a=%2F&__clerk_db_jwt=x&__clerk_handshake=y&b=1";
    let mut parts = page(uri, &cookies);
    let navigation = site.open(&mut parts).await;
    let sent = parameters(&navigation);
    for (name, value) in [
        (
            "redirect_url",
            "https://portal.example.com/admin/tasks?a=%2F&b=1",
        ),
        ("__clerk_api_version", "2026-05-12"),
        ("suffixed_cookies", "false"),
        ("__clerk_hs_reason", "session-token-expired"),
        ("format", "nonce"),
        ("__session", &old),
    ] {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(sent.len(), 6);
    assert_eq!(
        header_of(&navigation, "cache-control").as_deref(),
        Some("no-store")
    );
    assert_eq!(
        header_of(&navigation, "set-cookie").as_deref(),
        Some("__clerk_redirect_count=1; Path=/; SameSite=Lax; HttpOnly; Max-Age=2")
    );
    assert_eq!(
        header_of(&navigation, "x-clerk-auth-reason").as_deref(),
        Some("session-token-expired")
    );
    assert!(navigation.cookies.is_empty());
}

#[tokio::test]
async fn a_nested_portal_is_come_back_to_under_its_prefix() {
    let mut site = Site::production();
    site.handshake.base_path = "/portal".to_owned();
    for (uri, expected) in [
        ("/", "https://portal.example.com/portal"),
        ("/?a=1", "https://portal.example.com/portal?a=1"),
        ("/x", "https://portal.example.com/portal/x"),
        (
            "//evil.example/x",
            "https://portal.example.com/portal//evil.example/x",
        ),
        (
            "http://evil.example/x",
            "https://portal.example.com/portal/x",
        ),
    ] {
        let mut parts = page(uri, "__client_uat=1");
        let sent = parameters(&site.open(&mut parts).await);
        assert_eq!(sent["redirect_url"], expected);
    }
}

#[tokio::test]
async fn a_development_instance_is_told_which_browser_it_is() {
    let site = Site::development();
    let mut stranger = page("/", "");
    let sent = parameters(&site.open(&mut stranger).await);
    assert_eq!(sent["__clerk_hs_reason"], "dev-browser-missing");
    assert!(!sent.contains_key("__clerk_db_jwt"));

    let mut told = page("/x?__clerk_db_jwt=dvb_2&a=1", "__clerk_db_jwt=dvb_1");
    let sent = parameters(&site.open(&mut told).await);
    assert_eq!(sent["__clerk_hs_reason"], "dev-browser-sync");
    assert_eq!(sent["__clerk_db_jwt"], "dvb_2");
    assert_eq!(sent["redirect_url"], "https://portal.example.com/x?a=1");

    let mut known = page("/", "__clerk_db_jwt=dvb_1; __client_uat=1");
    let sent = parameters(&site.open(&mut known).await);
    assert_eq!(sent["__clerk_hs_reason"], "client-uat-but-no-session-token");
    assert_eq!(sent["__clerk_db_jwt"], "dvb_1");

    let mut guest = page("/", "__clerk_db_jwt=dvb_1");
    assert!(nothing_happens(&site.open(&mut guest).await));
}

#[tokio::test]
async fn suffixed_cookies_are_renewed_as_such() {
    let site = Site::production();
    let cookies = format!("__session_abc={}; __client_uat_abc=5", expired());
    let sent = parameters(&site.open(&mut page("/", &cookies)).await);
    assert_eq!(sent["suffixed_cookies"], "true");
    assert_eq!(sent["__session"], expired());
}

#[tokio::test]
async fn whatever_else_is_wrong_is_no_reason_for_a_handshake() {
    let site = Site::production();
    let good = token(json!({}));
    for (session, expected) in [
        (good.clone(), Some("user_1")),
        (SigningKey::second().token(json!({}), json!({})), None),
        (token(json!({"azp": "https://evil.example"})), None),
        (token(json!({"sts": "pending"})), None),
        (
            SigningKey::first().token(json!({"kid": "x"}), json!({})),
            None,
        ),
        (
            SigningKey::first().token(json!({"cat": "cl_B7d4PD222AAA"}), json!({})),
            None,
        ),
        ("a.b.c".to_owned(), None),
    ] {
        let cookies = format!("__session={session}; __client_uat=5");
        let mut parts = page("/", &cookies);
        let navigation = site.open(&mut parts).await;
        assert!(nothing_happens(&navigation), "{session}");
        assert_eq!(site.who(&parts).await.as_deref(), expected, "{session}");
    }
    assert!(nothing_happens(&site.open(&mut page("/", "")).await));
}

#[tokio::test]
async fn a_session_that_expires_in_the_cache_is_renewed_too() {
    let site = Site::production();
    let cookies = format!("__session={}; __client_uat=5", token(json!({})));
    let end = 50 + SKEW;
    for (seconds, renewed) in [(0, false), (end - 1, false), (end, true), (end + 1, true)] {
        let navigation = site.open_at(&mut page("/", &cookies), seconds).await;
        assert_eq!(navigation.answer.is_some(), renewed, "{seconds}");
    }
}

#[tokio::test]
async fn the_loop_guard_stops_what_goes_round() {
    let site = Site::production();
    for (count, next) in [
        ("", Some("1")),
        ("0", Some("1")),
        ("1", Some("2")),
        ("2", Some("3")),
        ("3", None),
        ("4", None),
        ("255", None),
        ("256", None),
        ("x", None),
        ("-1", None),
    ] {
        let cookies = format!("__client_uat=5; __clerk_redirect_count={count}");
        let mut parts = page("/", &cookies);
        let navigation = site.open(&mut parts).await;
        let set = header_of(&navigation, "set-cookie");
        let expected = next.map(|next| {
            format!("__clerk_redirect_count={next}; Path=/; SameSite=Lax; HttpOnly; Max-Age=2")
        });
        assert_eq!(set, expected, "{count}");
        if next.is_none() {
            assert!(nothing_happens(&navigation));
            assert_eq!(site.who(&parts).await, None);
        }
    }
}

#[tokio::test]
async fn only_what_concerns_a_browser_is_looked_at() {
    let production = Site::production();
    let development = Site::development();
    let wants = |site: &Site, parts: &Parts| site.handshake.wants(&site.verifier, parts);
    let guest = page("/", "portal_theme=dark");
    assert!(!wants(&production, &guest));
    assert!(wants(&development, &guest));
    for cookies in [
        "__session=x",
        "__session_abc=x",
        "__client_uat=1",
        "__clerk_handshake_nonce=x",
        "__clerk_handshake=x",
    ] {
        assert!(wants(&production, &page("/", cookies)), "{cookies}");
        let mut with_header = page("/", cookies);
        let header = HeaderValue::from_static("bearer x");
        with_header.headers.insert(header::AUTHORIZATION, header);
        assert!(!wants(&production, &with_header), "{cookies}");
        assert!(!wants(&development, &with_header), "{cookies}");
        let header = HeaderValue::from_static("Basic x");
        with_header.headers.insert(header::AUTHORIZATION, header);
        assert!(wants(&production, &with_header), "{cookies}");
    }
}

#[tokio::test]
async fn in_production_the_page_goes_on_with_the_new_cookies() {
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
        assert!(navigation.answer.is_none());
        let (set, spent) = navigation.cookies.split_at(4);
        assert_eq!(set, &directives(&new)[..4]);
        // Good once, so the browser is not to send it again.
        assert_eq!(
            spent,
            [
                "__clerk_handshake_nonce=; Path=/; Max-Age=0",
                "__clerk_handshake=; Path=/; Max-Age=0",
                "__clerk_handshake_nonce=; Path=/; Domain=example.com; Max-Age=0",
                "__clerk_handshake=; Path=/; Domain=example.com; Max-Age=0",
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
async fn in_development_the_browser_is_sent_to_the_clean_address() {
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
        assert_eq!(navigation.answer.as_ref().unwrap().status(), 307);
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
async fn each_kind_of_instance_hands_over_in_its_own_place() {
    let new = token(json!({}));
    let handshake = handshake_token(SigningKey::first(), json!({}), &directives(&new));
    let in_query = format!("/?__clerk_handshake={handshake}");
    let in_cookie = format!("__clerk_handshake={handshake}");
    let production = Site::production();
    let mut link = page(&in_query, "");
    assert!(nothing_happens(&production.open(&mut link).await));
    assert_eq!(production.who(&link).await, None, "a link signs nobody in");
    let development = Site::development();
    let cookies = format!("{in_cookie}; __clerk_db_jwt=d");
    let mut parts = page("/", &cookies);
    assert!(nothing_happens(&development.open(&mut parts).await));
    assert_eq!(development.who(&parts).await, None);
}

#[tokio::test]
async fn a_forged_handshake_sets_no_cookie() {
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
        // A session is no handshake, even if it is one of ours.
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
        // Nor does it take from anyone the session that he has.
        let cookies = format!("__clerk_handshake={token}; __session={new}; __client_uat=5");
        let mut parts = page("/", &cookies);
        assert!(nothing_happens(&production.open(&mut parts).await), "{at}");
        assert_eq!(production.who(&parts).await.as_deref(), Some("user_1"));

        let development = Site::development();
        let uri = format!("/?__clerk_handshake={token}");
        let navigation = development.open(&mut page(&uri, "__clerk_db_jwt=d")).await;
        assert!(navigation.cookies.is_empty(), "{at}");
        match navigation.answer {
            None => assert!(at > 1, "{at}"),
            Some(answer) => {
                assert!(at <= 1, "{at}");
                assert_eq!(answer.status(), 500);
                assert!(!answer.headers().contains_key("set-cookie"));
            }
        }
    }
}

#[tokio::test]
async fn the_session_of_a_handshake_is_verified_in_full() {
    for (claims, header) in [
        (json!({"azp": "https://evil.example"}), json!({})),
        (json!({"iss": "https://clerk.evil.example"}), json!({})),
        (json!({"exp": NOW - SKEW}), json!({})),
        (json!({"sid": null}), json!({})),
        (json!({"sts": "pending"}), json!({})),
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
async fn a_handshake_may_also_say_that_nobody_is_signed_in() {
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
    assert!(navigation.answer.is_none());
    assert_eq!(navigation.cookies, gone);
    assert_eq!(site.who(&parts).await, None);
    assert_eq!(parts.headers["cookie"], "__client_uat=0");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_to_developers_only() {
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
        assert_eq!(development.who(&parts).await, None, "signs nobody in");

        let production = Site::production();
        let mut parts = page("/", &format!("__clerk_handshake={token}"));
        assert!(nothing_happens(&production.open(&mut parts).await));
    }
}

#[tokio::test]
async fn a_nonce_that_brings_nothing_is_passed_over() {
    let good = json!({ "directives": directives(&token(json!({}))) });
    for (status, body) in [
        (404, good.to_string()),
        (401, good.to_string()),
        (500, String::new()),
        (302, good.to_string()),
        (200, "nonsense".to_owned()),
        (200, json!({"directives": []}).to_string()),
        (200, json!({"directives": [1]}).to_string()),
        (200, format!("{good}{}", " ".repeat(64 * 1024))),
    ] {
        let server = FakeServer::start(status, body).await;
        let site = Site::new(&server.url, false);
        let mut parts = page("/", "__clerk_handshake_nonce=n1");
        assert!(nothing_happens(&site.open(&mut parts).await), "{status}");
        assert_eq!(site.who(&parts).await, None);
        assert_eq!(server.count(), 1);
        // What is no nonce is not asked for.
        for nonce in ["a/../b", "a%20b", &"x".repeat(513)] {
            let mut parts = page("/", &format!("__clerk_handshake_nonce={nonce}"));
            assert!(nothing_happens(&site.open(&mut parts).await));
        }
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn while_clerk_is_slow_the_page_goes_on_without_it() {
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
async fn without_keys_the_page_says_itself_that_sign_in_is_away() {
    let server = FakeServer::start(500, "").await;
    let keys = KeyCache::remote(server.url.clone(), false).unwrap();
    let site = Site::with(keys, &server.url, false);
    let cookies = format!("__session={}; __client_uat=5", token(json!({})));
    let mut parts = page("/", &cookies);
    assert!(nothing_happens(&site.open(&mut parts).await));
    assert!(parts.extensions.get::<Resolved>().is_none());
    assert_eq!(server.count(), 1);
}
