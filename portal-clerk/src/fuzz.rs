//! Fuzz tests: random input for every parser that reads untrusted data.
//!
//! The tests are bounded, so that they can run with all other tests. A failing test prints its
//! seed; set `PORTAL_FUZZ_SEED` to that value to reproduce the failure.

use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::cookies::CookieNames;
use crate::handshake::directives::Directives;
use crate::jwks::KeyCache;
use crate::query;
use crate::testing::{ISSUER, NOW, PORTAL, SigningKey, good_claims, good_header, merged};
use crate::token::{UncheckedClaims, Unverified, VerificationRules};
use crate::verifier::{TimePoint, Verifier};

fn rng() -> Rng {
    let seed = std::env::var("PORTAL_FUZZ_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    // The test runner shows this output if the test fails.
    println!("PORTAL_FUZZ_SEED={seed}");
    Rng::with_seed(seed)
}

fn verifier(development: bool) -> Verifier {
    let keys = KeyCache::fixed(Some("ins_1".to_owned()), SigningKey::first().public());
    let rules = VerificationRules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec![PORTAL.to_owned()],
    };
    Verifier::new(keys, rules, CookieNames::of_instance("abc", development))
}

fn now() -> TimePoint {
    TimePoint {
        unix: NOW,
        instant: Instant::now(),
    }
}

/// Bytes that are significant to at least one of the parsers and are therefore used more often.
const TELLING: &[u8] = b"..__==;;&&%%,, \"{}[]:$\\/+-0a\xff\x00\r\n";

fn byte(rng: &mut Rng) -> u8 {
    match rng.bool() {
        true => TELLING[rng.usize(..TELLING.len())],
        false => rng.u8(..),
    }
}

/// Randomly changes the bytes, order or length of a string.
fn mangle(rng: &mut Rng, text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 if at < bytes.len() => bytes[at] = byte(rng),
            2 => bytes.insert(at, byte(rng)),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 => {
                let end = rng.usize(at..=bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => {
                let other = rng.usize(..=bytes.len());
                if at < bytes.len() && other < bytes.len() {
                    bytes.swap(at, other);
                }
            }
        }
    }
    bytes
}

/// Returns a value of a random type.
fn any_value(rng: &mut Rng) -> Value {
    match rng.u8(..10) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(..)),
        3 => json!(rng.f64() * 1e20),
        4 => json!([ISSUER]),
        5 => json!({"sub": "user_1"}),
        6 => json!(""),
        7 => json!("user_2"),
        8 => json!(NOW + 10),
        _ => {
            let text = (0..rng.usize(..20)).map(|_| char::from(byte(rng) & 0x7f));
            json!(text.collect::<String>())
        }
    }
}

/// Randomly changes, and possibly duplicates, a field of a header or of claims.
fn changed(rng: &mut Rng, object: &Value) -> String {
    const NAMES: [&str; 22] = [
        "alg", "cat", "kid", "typ", "crit", "jwk", "jku", "x5c", "iss", "sub", "sid", "azp", "iat",
        "nbf", "exp", "sts", "act", "fva", "v", "o", "fea", "aud",
    ];
    let mut members: Vec<(String, Value)> = object
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let at = rng.usize(..members.len());
    match rng.u8(..4) {
        0 => drop(members.remove(at)),
        1 => members[at].1 = any_value(rng),
        2 => {
            let twice = members[at].clone();
            members.push(twice);
        }
        _ => {
            let name = NAMES[rng.usize(..NAMES.len())].to_owned();
            let value = any_value(rng);
            members.push((name, value));
        }
    }
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Returns a valid token with random changes that do not require the key.
fn forged(rng: &mut Rng, good: &[String]) -> Vec<u8> {
    let token = &good[rng.usize(..good.len())];
    let other = &good[rng.usize(..good.len())];
    let parts: Vec<&str> = token.split('.').collect();
    let others: Vec<&str> = other.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        unreachable!()
    };
    let token = match rng.u8(..6) {
        0 => {
            let header = URL_SAFE_NO_PAD.encode(changed(rng, &good_header()));
            format!("{header}.{claims}.{signature}")
        }
        1 => {
            let claims = URL_SAFE_NO_PAD.encode(changed(rng, &good_claims()));
            format!("{header}.{claims}.{signature}")
        }
        2 => {
            let mut mixed = [header, claims, signature];
            mixed[rng.usize(..3)] = others[rng.usize(..3)];
            mixed.join(".")
        }
        3 => {
            let key = SigningKey::second();
            key.sign(&good_header().to_string(), &changed(rng, &good_claims()))
        }
        _ => token.clone(),
    };
    match rng.bool() {
        true => mangle(rng, token.as_bytes()),
        false => token.into_bytes(),
    }
}

#[tokio::test]
async fn modified_tokens_are_never_valid_for_another_user() {
    let mut rng = rng();
    let verifier = verifier(false);
    let key = SigningKey::first();
    let good: Vec<String> = (0..4)
        .map(|at| {
            let user = format!("user_{at}");
            key.token(json!({}), json!({"sub": user, "sid": format!("sess_{at}")}))
        })
        .collect();
    // The cache is filled first, because an error there would have the worst effect.
    for token in &good {
        assert!(verifier.claims(token, now()).await.is_ok());
    }
    let mut untouched = 0;
    for _ in 0..8_000 {
        let bytes = forged(&mut rng, &good);
        let Ok(text) = std::str::from_utf8(&bytes) else {
            continue;
        };
        let _ = UncheckedClaims::of(text);
        match verifier.claims(text, now()).await {
            // Only a token that was actually signed may be accepted, and only with exactly its own
            // claims.
            Ok(claims) => {
                let at = good.iter().position(|token| token == text);
                let at = at.unwrap_or_else(|| panic!("accepted: {text}"));
                assert_eq!(claims.subject, format!("user_{at}"));
                assert_eq!(claims.session_id, format!("sess_{at}"));
                untouched += 1;
            }
            Err(rejection) => assert!(!rejection.reason().is_empty()),
        }
    }
    assert!(untouched > 0, "the test never accepted an unmodified token");
}

#[tokio::test]
async fn signed_claims_are_read_verbatim_or_rejected() {
    let mut rng = rng();
    let verifier = verifier(false);
    let key = SigningKey::first();
    for _ in 0..600 {
        let header = match rng.bool() {
            true => changed(&mut rng, &good_header()),
            false => good_header().to_string(),
        };
        let claims = changed(&mut rng, &good_claims());
        let token = key.sign(&header, &claims);
        let Ok(found) = verifier.claims(&token, now()).await else {
            continue;
        };
        let read: Value = serde_json::from_str(&claims).unwrap();
        assert_eq!(read["sub"], found.subject.as_str(), "{claims}");
        assert_eq!(read["sid"], found.session_id.as_str(), "{claims}");
        assert_eq!(read["iss"], ISSUER, "{claims}");
        assert_eq!(read["azp"], PORTAL, "{claims}");
        assert!(found.expires_at > NOW - 5, "{claims}");
    }
}

#[tokio::test]
async fn random_cookies_never_sign_in() {
    let mut rng = rng();
    let forged_token = SigningKey::second().token(json!({}), json!({}));
    let expired = SigningKey::first().token(json!({}), json!({"exp": NOW - 100}));
    let header = format!(
        "__session={expired}; __session_abc={forged_token}; __client_uat=5; __client_uat_abc=7; \
         __clerk_db_jwt=dvb; __clerk_handshake=a.b.c; __clerk_redirect_count=1; other=1"
    );
    let address = "a=1&__clerk_db_jwt=x&__clerk_handshake=y&__clerk_handshake_nonce=z&b=%20";
    for round in 0..2_000 {
        let verifier = verifier(round % 2 == 0);
        let mut headers = HeaderMap::new();
        for name in [header::COOKIE, header::COOKIE, header::AUTHORIZATION] {
            let text = match name == header::AUTHORIZATION {
                true => format!("Bearer {forged_token}"),
                false => header.clone(),
            };
            if let Ok(value) = HeaderValue::from_bytes(&mangle(&mut rng, text.as_bytes()))
                && rng.bool()
            {
                headers.append(name, value);
            }
        }
        let query = mangle(&mut rng, address.as_bytes());
        let query = String::from_utf8_lossy(&query).into_owned();
        let found = verifier.session(&headers, Some(&query), now()).await;
        assert!(found.unwrap().is_none(), "{headers:?} {query}");
        let clean = query::cleaned(Some(&query));
        assert_eq!(query::cleaned(clean.strip_prefix('?')), clean, "{query}");
    }
}

#[test]
fn random_directives_set_only_clerk_cookies() {
    let mut rng = rng();
    let good = [
        "__session=a.b.c; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT; SameSite=Lax",
        "__client_uat_abc=5; Domain=example.com; Max-Age=315360000; Secure",
        "__clerk_handshake_nonce=; Path=/; Max-Age=0",
    ];
    for _ in 0..5_000 {
        let texts: Vec<String> = (0..rng.usize(..20))
            .map(|_| {
                let text = good[rng.usize(..good.len())].as_bytes();
                String::from_utf8_lossy(&mangle(&mut rng, text)).into_owned()
            })
            .collect();
        let Ok(directives) = Directives::parse(&texts) else {
            continue;
        };
        let cookies = directives.set_cookies();
        assert!(cookies.len() <= 16);
        for cookie in &cookies {
            let text = cookie.to_str().unwrap().trim_start();
            let clerks = ["__session", "__client_uat", "__clerk_handshake"];
            assert!(clerks.iter().any(|name| text.starts_with(name)), "{text}");
        }
        let mut headers = HeaderMap::new();
        let value = mangle(&mut rng, b"a=1; __session=x; __clerk_handshake=y; b=2");
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.insert(header::COOKIE, value);
        }
        directives.apply_to(&mut headers);
        assert!(headers.len() <= 1);
    }
}

#[tokio::test]
async fn random_handshakes_are_not_accepted() {
    let mut rng = rng();
    let keys = std::sync::Arc::new(KeyCache::fixed(
        Some("ins_1".to_owned()),
        SigningKey::first().public(),
    ));
    let keys = keys.keys_for(Some("ins_1"), now().instant).await.unwrap();
    let claims = json!({"handshake": ["__session=a"]}).to_string();
    let header = merged(good_header(), json!({"cat": null})).to_string();
    let good = SigningKey::first().sign(&header, &claims);
    for _ in 0..4_000 {
        let bytes = mangle(&mut rng, good.as_bytes());
        let Ok(text) = std::str::from_utf8(&bytes) else {
            continue;
        };
        let accepted = Unverified::parse_handshake(text)
            .and_then(|token| token.verify_handshake(&keys, now().unix))
            .is_ok();
        assert_eq!(accepted, text == good, "{text}");
    }
}
