use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::testing::{FakeServer, ISSUER, NOW, PORTAL, SigningKey, until};

fn verifier(keys: KeyCache) -> Verifier {
    let rules = VerificationRules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec![PORTAL.to_owned()],
    };
    Verifier::new(keys, rules, CookieNames::of_instance("abc", false))
}

fn local() -> Verifier {
    let key = SigningKey::first().public();
    verifier(KeyCache::fixed(Some("ins_1".to_owned()), key))
}

fn at(seconds: i64) -> TimePoint {
    TimePoint {
        unix: NOW + seconds,
        instant: Instant::now(),
    }
}

fn token(claims: Value) -> String {
    SigningKey::first().token(json!({}), claims)
}

fn bearer(token: &str) -> HeaderMap {
    let value = format!("Bearer {token}").parse().unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

fn raw_cookies(tokens: &[(&str, &str)]) -> HeaderMap {
    let pairs: Vec<String> = tokens
        .iter()
        .map(|(name, token)| format!("{name}={token}"))
        .collect();
    HeaderMap::from_iter([(header::COOKIE, pairs.join("; ").parse().unwrap())])
}

/// Returns cookies with these tokens, and the `client_uat` cookies that Clerk sets along with
/// sessions.
fn cookies(tokens: &[(&str, &str)]) -> HeaderMap {
    let uat = (NOW - 1000).to_string();
    let mut all = vec![("__client_uat", uat.as_str()), ("__client_uat_abc", &uat)];
    all.extend(tokens);
    raw_cookies(&all)
}

async fn identify(
    verifier: &Verifier,
    headers: &HeaderMap,
    now: TimePoint,
) -> Result<Option<Identity>, AuthError> {
    let found = verifier.session(headers, None, now).await?;
    Ok(found.map(identity))
}

async fn who(verifier: &Verifier, headers: &HeaderMap, now: TimePoint) -> Option<String> {
    let identity = identify(verifier, headers, now).await.unwrap();
    identity.map(|identity| identity.subject)
}

async fn state(verifier: &Verifier, headers: &HeaderMap, now: TimePoint) -> AuthState {
    let cookies = Cookies::from_headers(headers, &verifier.names);
    let found = verifier.cookie_session(&cookies, None, now).await;
    found.unwrap().state
}

#[tokio::test]
async fn identity_has_the_source_and_expiry_of_its_token() {
    let verifier = local();
    let token = token(json!({}));
    let identity = identify(&verifier, &bearer(&token), at(0)).await.unwrap();
    let identity = identity.unwrap();
    assert_eq!(identity.subject, "user_1");
    assert_eq!(identity.session_id, "sess_1");
    assert_eq!(identity.expires_at.timestamp(), NOW + 50);
    assert_eq!(identity.source, CredentialSource::Header);
    let cookie = cookies(&[("__session", &token)]);
    let identity = identify(&verifier, &cookie, at(0)).await.unwrap().unwrap();
    assert_eq!(identity.source, CredentialSource::Cookie);
    assert_eq!(identity.impersonator, None);
}

#[tokio::test]
async fn identity_names_the_impersonator() {
    let token = token(json!({"act": {"sub": "user_support"}}));
    let identity = identify(&local(), &bearer(&token), at(0)).await.unwrap();
    assert_eq!(
        identity.unwrap().impersonator.as_deref(),
        Some("user_support")
    );
    // An actor that cannot be read still counts as an impersonator.
    let token = self::token(json!({"act": {}}));
    let identity = self::identify(&local(), &bearer(&token), at(0)).await;
    assert_eq!(identity.unwrap().unwrap().impersonator.as_deref(), Some(""));
}

#[tokio::test]
async fn invalid_header_does_not_fall_back_to_a_valid_cookie() {
    let verifier = local();
    let mut headers = cookies(&[("__session", &token(json!({})))]);
    assert!(who(&verifier, &headers, at(0)).await.is_some());
    headers.extend(bearer(&token(json!({"azp": null}))));
    assert_eq!(who(&verifier, &headers, at(0)).await, None);
    headers.insert(header::AUTHORIZATION, "Bearer".parse().unwrap());
    assert_eq!(who(&verifier, &headers, at(0)).await, None);
}

#[tokio::test]
async fn two_authorization_headers_are_a_bad_request() {
    let mut headers = bearer(&token(json!({})));
    headers.append(header::AUTHORIZATION, "Basic x".parse().unwrap());
    let result = identify(&local(), &headers, at(0)).await;
    assert!(matches!(result, Err(AuthError::BadRequest(_))));
}

#[tokio::test]
async fn cookies_from_two_users_do_not_sign_in() {
    let verifier = local();
    let first = token(json!({}));
    let older = token(json!({"sid": "sess_0", "iat": NOW - 30}));
    let other = token(json!({"sub": "user_2"}));
    let foreign = token(json!({"sub": "user_2", "iss": "https://clerk.other.example"}));
    for (tokens, expected) in [
        (&[("__session", &first)][..], Some("sess_1")),
        (&[("__session_abc", &first)], Some("sess_1")),
        (&[("__session_def", &first)], None),
        (&[("__session", &first), ("__session", &other)], None),
        (
            &[("__session_abc", &first), ("__session_abc", &other)],
            None,
        ),
        (&[("__session", &other), ("__session_abc", &first)], None),
        (
            &[("__session", &foreign), ("__session_abc", &first)],
            Some("sess_1"),
        ),
        (
            &[("__session", &first), ("__session", &foreign)],
            Some("sess_1"),
        ),
        (
            &[("__session", &first), ("__session_abc", &older)],
            Some("sess_1"),
        ),
        (
            &[("__session", &older), ("__session_abc", &first)],
            Some("sess_1"),
        ),
        (
            &[("__session", &older), ("__session", &first)],
            Some("sess_1"),
        ),
    ] {
        let tokens: Vec<(&str, &str)> = tokens
            .iter()
            .map(|(name, token)| (*name, token.as_str()))
            .collect();
        let found = identify(&verifier, &cookies(&tokens), at(0)).await.unwrap();
        assert_eq!(
            found.map(|found| found.session_id).as_deref(),
            expected,
            "{tokens:?}"
        );
    }
    let two = cookies(&[("__session", &first), ("__session", &other)]);
    assert_eq!(
        state(&verifier, &two, at(0)).await,
        AuthState::SignedOut("sessions-of-two-users")
    );
}

#[tokio::test]
async fn only_four_session_cookies_per_name_are_read() {
    let verifier = local();
    let good = token(json!({}));
    let name = "__session";
    let bad = [(name, "a.a.a"), (name, "b.b.b"), (name, "c.c.c")];
    let mut list = bad.to_vec();
    list.push((name, &good));
    assert!(who(&verifier, &cookies(&list), at(0)).await.is_some());
    list.insert(0, (name, "d.d.d"));
    assert_eq!(who(&verifier, &cookies(&list), at(0)).await, None);
}

#[tokio::test]
async fn client_uat_never_signs_in() {
    let verifier = local();
    let good = token(json!({}));
    let expired = token(json!({"exp": NOW - SKEW}));
    let issued_at = (NOW - 10).to_string();
    let later = (NOW - 9).to_string();
    let session = ("__session", good.as_str());
    let suffixed = ("__session_abc", good.as_str());
    for (list, signed_in) in [
        (&[session, ("__client_uat", issued_at.as_str())][..], true),
        (&[session, ("__client_uat", &later)], false),
        (&[session, ("__client_uat", "0")], false),
        (&[session, ("__client_uat", "nonsense")], false),
        (&[session], false),
        (&[suffixed], false),
        (&[suffixed, ("__client_uat_abc", "0")], false),
        (&[suffixed, ("__client_uat_abc", &later)], false),
        (&[suffixed, ("__client_uat_abc", &issued_at)], true),
        // The other set's `client_uat` cookie is ignored.
        (&[suffixed, ("__client_uat", &issued_at)], false),
        (
            &[("__session", &expired), ("__client_uat", &issued_at)],
            false,
        ),
        (
            &[("__session", "a.b.c"), ("__client_uat", &issued_at)],
            false,
        ),
        (&[("__client_uat", &issued_at)], false),
    ] {
        let found = who(&verifier, &raw_cookies(list), at(0)).await;
        assert_eq!(found.is_some(), signed_in, "{list:?}");
    }
    // If the token is in the header, cookies have no effect.
    let mut headers = raw_cookies(&[("__client_uat", "0")]);
    headers.extend(bearer(&good));
    assert!(who(&verifier, &headers, at(0)).await.is_some());
}

#[tokio::test]
async fn development_instance_requires_a_known_browser() {
    let key = SigningKey::first().public();
    let rules = VerificationRules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec![PORTAL.to_owned()],
    };
    let keys = KeyCache::fixed(Some("ins_1".to_owned()), key);
    let verifier = Verifier::new(keys, rules, CookieNames::of_instance("abc", true));
    let good = token(json!({}));
    let without = cookies(&[("__session", &good)]);
    assert_eq!(who(&verifier, &without, at(0)).await, None);
    let with = cookies(&[("__session", &good), ("__clerk_db_jwt", "dvb_1")]);
    assert!(who(&verifier, &with, at(0)).await.is_some());
    let other = cookies(&[("__session", &good), ("__clerk_db_jwt_def", "dvb_1")]);
    assert_eq!(who(&verifier, &other, at(0)).await, None);
    let query = Some("a=b&__clerk_db_jwt=dvb_2");
    let synced = verifier.session(&with, query, at(0)).await.unwrap();
    assert!(synced.is_none());
}

#[tokio::test]
async fn development_provider_uses_only_the_session_cookie() {
    let key = SigningKey::first().public();
    let rules = VerificationRules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec![PORTAL.to_owned()],
    };
    let keys = KeyCache::fixed(Some("ins_1".to_owned()), key);
    let verifier = Verifier::new(keys, rules, CookieNames::session_only());
    let good = token(json!({}));
    let headers = raw_cookies(&[("__session", &good)]);
    assert!(who(&verifier, &headers, at(0)).await.is_some());
}

#[tokio::test]
async fn cached_token_expires_on_time() {
    let verifier = local();
    let headers = bearer(&token(json!({})));
    assert!(who(&verifier, &headers, at(0)).await.is_some());
    assert!(who(&verifier, &headers, at(50 + SKEW - 1)).await.is_some());
    assert_eq!(who(&verifier, &headers, at(50 + SKEW)).await, None);
    // The token must not expire earlier after it was evicted from the cache.
    assert!(who(&verifier, &headers, at(50 + SKEW - 1)).await.is_some());
}

#[tokio::test]
async fn cache_distinguishes_tokens() {
    let verifier = local();
    let first = token(json!({}));
    assert!(who(&verifier, &bearer(&first), at(0)).await.is_some());
    let mut forged = first.clone();
    forged.replace_range(first.len() - 6..first.len() - 2, "AAAA");
    assert_eq!(who(&verifier, &bearer(&forged), at(0)).await, None);
    let (_, signature) = first.rsplit_once('.').unwrap();
    let other = token(json!({"sub": "user_2"}));
    let (signed, _) = other.rsplit_once('.').unwrap();
    let copied = format!("{signed}.{signature}");
    assert_eq!(who(&verifier, &bearer(&copied), at(0)).await, None);
    assert!(who(&verifier, &bearer(&first), at(0)).await.is_some());
    assert_eq!(
        who(&verifier, &bearer(&first[..first.len() - 1]), at(0)).await,
        None
    );
}

#[tokio::test]
async fn malformed_token_causes_no_fetch() {
    let server = FakeServer::start(500, "").await;
    let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS512"}),
        json!({"crit": []}),
    ] {
        let token = SigningKey::first().token(header, json!({}));
        assert_eq!(who(&verifier, &bearer(&token), at(0)).await, None);
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn made_up_keys_do_not_affect_signed_in_users() {
    let server = FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
    let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
    let signed_in = bearer(&token(json!({})));
    let not_cached = bearer(&token(json!({"sid": "sess_2"})));
    let mut now = at(0);
    assert!(who(&verifier, &signed_in, now).await.is_some());
    server.respond_with(500, "");
    now.instant += Duration::from_secs(60);
    for made_up in 0..10_000 {
        let header = json!({"alg": "RS256", "kid": format!("x{made_up}")}).to_string();
        let flood = bearer(&format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header)));
        assert_eq!(who(&verifier, &flood, now).await, None);
        if made_up % 1000 == 0 {
            assert!(who(&verifier, &signed_in, now).await.is_some());
        }
    }
    assert!(who(&verifier, &not_cached, now).await.is_some());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn removed_key_invalidates_its_cached_tokens() {
    let server = FakeServer::start(200, json!({"keys": [SigningKey::first().jwk("ins_1")]})).await;
    let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
    let headers = bearer(&token(json!({})));
    let mut now = at(0);
    assert!(who(&verifier, &headers, now).await.is_some());
    server.respond_with(200, json!({"keys": [SigningKey::second().jwk("ins_2")]}));
    now.instant += Duration::from_secs(301);
    assert!(who(&verifier, &headers, now).await.is_some());
    until(|| !verifier.keys.is_current(0, now.instant)).await;
    assert_eq!(who(&verifier, &headers, now).await, None);
}

#[tokio::test]
async fn verification_without_keys_is_unavailable() {
    use axum::response::IntoResponse;

    let server = FakeServer::start(500, "").await;
    let verifier = verifier(KeyCache::remote(server.url.clone(), false).unwrap());
    let result = identify(&verifier, &bearer(&token(json!({}))), at(0)).await;
    let response = portal_core::Error::from(result.unwrap_err()).into_response();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}
