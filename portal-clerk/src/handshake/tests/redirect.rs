//! Tests of the redirect to Clerk: its conditions and parameters.

use super::*;

#[tokio::test]
async fn expired_session_redirects_to_clerk() {
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
async fn nested_portal_is_returned_to_under_its_prefix() {
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
async fn development_instance_receives_the_browser_id() {
    let site = Site::development();
    let mut new_browser = page("/", "");
    let sent = parameters(&site.open(&mut new_browser).await);
    assert_eq!(sent["__clerk_hs_reason"], "dev-browser-missing");
    assert!(!sent.contains_key("__clerk_db_jwt"));

    let mut with_parameter = page("/x?__clerk_db_jwt=dvb_2&a=1", "__clerk_db_jwt=dvb_1");
    let sent = parameters(&site.open(&mut with_parameter).await);
    assert_eq!(sent["__clerk_hs_reason"], "dev-browser-sync");
    assert_eq!(sent["__clerk_db_jwt"], "dvb_2");
    assert_eq!(sent["redirect_url"], "https://portal.example.com/x?a=1");

    let mut with_cookie = page("/", "__clerk_db_jwt=dvb_1; __client_uat=1");
    let sent = parameters(&site.open(&mut with_cookie).await);
    assert_eq!(sent["__clerk_hs_reason"], "client-uat-but-no-session-token");
    assert_eq!(sent["__clerk_db_jwt"], "dvb_1");

    let mut guest = page("/", "__clerk_db_jwt=dvb_1");
    assert!(nothing_happens(&site.open(&mut guest).await));
}

#[tokio::test]
async fn suffixed_cookies_are_renewed_as_suffixed() {
    let site = Site::production();
    let cookies = format!("__session_abc={}; __client_uat_abc=5", expired());
    let sent = parameters(&site.open(&mut page("/", &cookies)).await);
    assert_eq!(sent["suffixed_cookies"], "true");
    assert_eq!(sent["__session"], expired());
}

#[tokio::test]
async fn other_rejections_do_not_start_a_handshake() {
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
async fn session_that_expires_in_the_cache_is_renewed() {
    let site = Site::production();
    let cookies = format!("__session={}; __client_uat=5", token(json!({})));
    let end = 50 + SKEW;
    for (seconds, renewed) in [(0, false), (end - 1, false), (end, true), (end + 1, true)] {
        let navigation = site.open_at(&mut page("/", &cookies), seconds).await;
        assert_eq!(navigation.response.is_some(), renewed, "{seconds}");
    }
}

#[tokio::test]
async fn loop_guard_stops_repeated_redirects() {
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
async fn only_browser_requests_are_handled() {
    let production = Site::production();
    let development = Site::development();
    let wants = |site: &Site, parts: &Parts| site.handshake.handles(&site.verifier, parts);
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
