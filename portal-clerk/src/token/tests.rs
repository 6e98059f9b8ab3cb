use std::time::Instant;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::RSA_PKCS1_SHA512;
use serde_json::{Value, json};

use super::*;
use crate::jwks::KeyCache;
use crate::testing::{ISSUER, NOW, PORTAL, SigningKey, good_claims, good_header, merged};

async fn verify(token: &str) -> Result<Claims, Rejection> {
    let key = SigningKey::first().public();
    let keys = std::sync::Arc::new(KeyCache::fixed(Some("ins_1".to_owned()), key));
    let rules = VerificationRules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec!["https://other.example".to_owned(), PORTAL.to_owned()],
    };
    let token = Unverified::parse(token)?;
    let keys = keys.keys_for(token.kid(), Instant::now()).await?;
    token.verify(&keys, &rules, NOW, SKEW)
}

/// Returns the outcome for a valid token that is modified by the given fields.
async fn outcome(header: Value, claims: Value) -> String {
    reason(&SigningKey::first().token(header, claims)).await
}

async fn reason(token: &str) -> String {
    match verify(token).await {
        Ok(claims) => format!("ok {}", claims.subject),
        Err(rejection) => format!("{rejection:?}"),
    }
}

#[tokio::test]
async fn valid_token_identifies_the_caller() {
    let token = SigningKey::first().token(
        json!({}),
        json!({"act": {"sub": "user_admin"}, "unknown": {"a": 1}}),
    );
    let claims = verify(&token).await.unwrap();
    assert_eq!(claims.subject, "user_1");
    assert_eq!(claims.session_id, "sess_1");
    assert_eq!(claims.expires_at, NOW + 50);
    assert_eq!(claims.authorized_party.as_deref(), Some(PORTAL));
    assert_eq!(claims.factor_ages, Some([0, -1]));
    assert_eq!(claims.actor.as_deref(), Some("user_admin"));
}

#[tokio::test]
async fn unsupported_headers_are_rejected() {
    for (header, expected) in [
        (json!({}), "ok user_1"),
        (json!({"typ": null}), "ok user_1"),
        (json!({"typ": "jwt"}), "ok user_1"),
        (json!({"cat": null}), "ok user_1"),
        (json!({"cat": "cl_I7d4PD111III"}), "ok user_1"),
        (json!({"cat": "cl_B7d4PD222AAA"}), "Category"),
        (json!({"cat": "cl_B7d4PD333AAA"}), "Category"),
        (json!({"typ": "at+jwt"}), "Category"),
        (json!({"typ": "application/at+jwt"}), "Category"),
        (
            json!({"crit": ["x"]}),
            "HeaderNotAllowed(\"critical extensions\")",
        ),
        (json!({"jwk": {}}), "HeaderNotAllowed(\"an embedded key\")"),
        (
            json!({"jku": "https://evil"}),
            "HeaderNotAllowed(\"an embedded key\")",
        ),
        (
            json!({"x5u": "https://evil"}),
            "HeaderNotAllowed(\"an embedded key\")",
        ),
        (json!({"x5c": []}), "HeaderNotAllowed(\"an embedded key\")"),
        (json!({"kid": "ins_2"}), "UnknownKey"),
        (json!({"kid": null}), "UnknownKey"),
    ] {
        assert_eq!(
            outcome(header.clone(), json!({})).await,
            expected,
            "{header}"
        );
    }
}

#[tokio::test]
async fn only_rs256_is_accepted() {
    let not_allowed = "HeaderNotAllowed(\"an algorithm other than RS256\")";
    for alg in [
        "none", "None", "HS256", "RS384", "RS512", "PS256", "ES256", "rs256", "",
    ] {
        assert_eq!(
            outcome(json!({"alg": alg}), json!({})).await,
            not_allowed,
            "{alg}"
        );
    }
    let claims = good_claims().to_string();
    let none = merged(good_header(), json!({"alg": "none"})).to_string();
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(&none),
        URL_SAFE_NO_PAD.encode(&claims)
    );
    assert_eq!(reason(&unsigned).await, "Malformed");
    // This token is signed with the public key as the secret.
    let symmetric = merged(good_header(), json!({"alg": "HS256"})).to_string();
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(symmetric),
        URL_SAFE_NO_PAD.encode(&claims)
    );
    let secret = hmac::Key::new(hmac::HMAC_SHA256, SigningKey::first().pem().as_bytes());
    let signature = hmac::sign(&secret, message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(reason(&token).await, not_allowed);
    // This token is signed with a different hash algorithm, but its header is unchanged.
    let token = SigningKey::first().sign_as(&RSA_PKCS1_SHA512, &good_header().to_string(), &claims);
    assert_eq!(reason(&token).await, "Signature");
}

#[tokio::test]
async fn malformed_tokens_are_rejected() {
    let good = SigningKey::first().token(json!({}), json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        unreachable!()
    };
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!("{good}.x"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}.{signature}+"),
        format!(" {good}"),
    ] {
        assert_eq!(reason(&token).await, "Malformed", "{token}");
    }
    for token in [
        format!("{header}.{claims}.AAAA"),
        format!(
            "{header}.{claims}.{}",
            signature.replace(['-', '_', 'A'], "B")
        ),
        SigningKey::second().token(json!({}), json!({})),
        {
            let forged = merged(good_claims(), json!({"sub": "user_2"})).to_string();
            format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(forged))
        },
        {
            let other = merged(good_header(), json!({"typ": null})).to_string();
            format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(other))
        },
    ] {
        assert_eq!(reason(&token).await, "Signature", "{token}");
    }
    let long = "x".repeat(MAX_TOKEN);
    assert_eq!(outcome(json!({}), json!({ "long": long })).await, "TooLong");
}

#[tokio::test]
async fn machine_tokens_are_rejected() {
    for token in ["ak_abc", "mt_abc", "oat_abc.def.ghi"] {
        assert_eq!(reason(token).await, "Machine", "{token}");
    }
    let of_machines = [
        SigningKey::first().token(json!({}), json!({"sub": "mch_1"})),
        SigningKey::first().token(json!({"typ": "at+jwt"}), json!({})),
        SigningKey::first().token(json!({"cat": "cl_B7d4PD333AAA"}), json!({})),
        "ak_abc".to_owned(),
    ];
    for token in of_machines {
        let rejection = verify(&token).await.unwrap_err();
        assert_eq!(rejection.reason(), "token-type-mismatch", "{token}");
    }
}

#[tokio::test]
async fn handshake_requires_a_signature_and_its_category() {
    let handshake = |header: Value, claims: Value| {
        let header = merged(good_header(), header).to_string();
        let token = SigningKey::first().sign(&header, &claims.to_string());
        let keys = std::sync::Arc::new(KeyCache::fixed(
            Some("ins_1".to_owned()),
            SigningKey::first().public(),
        ));
        async move {
            let token = Unverified::parse_handshake(&token)?;
            let keys = keys.keys_for(token.kid(), Instant::now()).await?;
            token.verify_handshake(&keys, NOW)
        }
    };
    let good = json!({"handshake": ["__session=a"]});
    for cat in [json!(null), json!(CATEGORY_ANY)] {
        let found = handshake(json!({ "cat": cat }), good.clone()).await;
        assert_eq!(found.unwrap(), ["__session=a"]);
    }
    let timed = |name: &str, time: i64| {
        let claims = merged(good.clone(), json!({ name: time }));
        handshake(json!({"cat": null}), claims)
    };
    for (name, time) in [
        ("exp", NOW + 1),
        ("iat", NOW - 10),
        ("iat", NOW + SKEW),
        ("nbf", NOW),
    ] {
        assert!(timed(name, time).await.is_ok(), "{name} {time}");
    }
    for (name, time, expected) in [
        ("exp", NOW - 3600, "session-token-expired"),
        ("exp", NOW - SKEW, "session-token-expired"),
        ("iat", NOW - 3600, "session-token-expired"),
        ("iat", NOW + SKEW + 1, "session-token-iat-in-the-future"),
        ("nbf", NOW + SKEW + 1, "session-token-nbf"),
    ] {
        let refused = timed(name, time).await.unwrap_err();
        assert_eq!(refused.reason(), expected, "{name} {time}");
    }
    // A session token with a `handshake` claim is rejected, regardless of its header.
    let session = merged(good_claims(), good.clone());
    for cat in [json!(null), json!(CATEGORY_SESSION), json!(CATEGORY_ANY)] {
        let refused = handshake(json!({ "cat": cat }), session.clone())
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), "token-type-mismatch", "{cat}");
    }
    let refused = handshake(json!({"cat": CATEGORY_SESSION}), good.clone()).await;
    assert_eq!(refused.unwrap_err().reason(), "token-type-mismatch");
    for (header, claims, expected) in [
        (
            json!({"cat": "cl_B7d4PD222AAA"}),
            good.clone(),
            "token-type-mismatch",
        ),
        (
            json!({"alg": "none"}),
            good.clone(),
            "token-invalid-algorithm",
        ),
        (
            json!({"kid": "other", "cat": null}),
            good.clone(),
            "jwk-kid-mismatch",
        ),
        (json!({"cat": null}), good_claims(), "token-invalid"),
        (
            json!({"cat": null}),
            json!({"handshake": "__session=a"}),
            "token-invalid",
        ),
        (
            json!({"cat": null}),
            json!({"handshake": [1]}),
            "token-invalid",
        ),
    ] {
        let refused = handshake(header.clone(), claims).await.unwrap_err();
        assert_eq!(refused.reason(), expected, "{header}");
    }
    let header = merged(good_header(), json!({"cat": null})).to_string();
    let forged = SigningKey::second().sign(&header, &good.to_string());
    let keys = std::sync::Arc::new(KeyCache::fixed(None, SigningKey::first().public()));
    let keys = keys.keys_for(None, Instant::now()).await.unwrap();
    let forged = Unverified::parse_handshake(&forged).unwrap();
    let refused = forged.verify_handshake(&keys, NOW).unwrap_err();
    assert_eq!(refused.reason(), "token-invalid-signature");
    // A handshake token is not a session token either.
    let token = SigningKey::first().sign(&header, &good.to_string());
    assert!(matches!(verify(&token).await, Err(Rejection::Claims(_))));
}

#[tokio::test]
async fn duplicate_members_are_rejected() {
    let header = good_header().to_string();
    let claims = good_claims().to_string();
    let twice = |text: &str, member: &str| format!("{{{member},{}", &text[1..]);
    let key = SigningKey::first();
    assert!(verify(&key.sign(&header, &claims)).await.is_ok());
    for member in ["\"alg\":\"none\"", "\"kid\":\"x\""] {
        let token = key.sign(&twice(&header, member), &claims);
        assert!(
            matches!(verify(&token).await, Err(Rejection::Header(_))),
            "{member}"
        );
    }
    for member in [
        "\"sid\":\"x\"",
        "\"sub\":\"x\"",
        "\"exp\":1",
        "\"azp\":\"x\"",
        "\"iss\":\"x\"",
    ] {
        let token = key.sign(&header, &twice(&claims, member));
        assert!(
            matches!(verify(&token).await, Err(Rejection::Claims(_))),
            "{member}"
        );
    }
    let token = key.sign(&header, &format!("{claims}x"));
    assert!(matches!(verify(&token).await, Err(Rejection::Claims(_))));
}

#[tokio::test]
async fn claims_are_checked_one_by_one() {
    for (claims, expected) in [
        (json!({"sub": ""}), "Subject"),
        (json!({"sub": "ann"}), "Subject"),
        (json!({"sub": "user_1\u{0}"}), "Subject"),
        (json!({"sub": "user_1\""}), "Subject"),
        (json!({"sub": "user_1/../2"}), "Subject"),
        (
            json!({"sub": format!("user_{}", "a".repeat(5000))}),
            "Subject",
        ),
        (json!({"sid": "sess_1/.."}), "NoSession"),
        (json!({"sid": "sess_\u{0}"}), "NoSession"),
        (json!({"sub": "mch_1"}), "Machine"),
        (json!({"exp": NOW - SKEW}), "Expired"),
        (json!({"exp": NOW - SKEW - 1}), "Expired"),
        (json!({"exp": NOW - SKEW + 1}), "ok user_1"),
        (json!({"exp": (NOW + 1) as f64 + 0.5}), "ok user_1"),
        (json!({"nbf": NOW + SKEW}), "ok user_1"),
        (json!({"nbf": NOW + SKEW + 1}), "NotYet"),
        (json!({"nbf": null, "iat": null}), "ok user_1"),
        (json!({"iat": NOW + SKEW}), "ok user_1"),
        (json!({"iat": NOW + SKEW + 1}), "Future"),
        (json!({"azp": null}), "Party"),
        (json!({"azp": "https://evil.example"}), "Party"),
        (json!({"azp": format!("{PORTAL}/")}), "Party"),
        (json!({"azp": "https://other.example"}), "ok user_1"),
        (json!({"iss": format!("{ISSUER}/")}), "Issuer"),
        (json!({"iss": "https://clerk.evil.example"}), "Issuer"),
        (json!({"sid": null}), "NoSession"),
        (json!({"sid": ""}), "NoSession"),
        (json!({"sts": "pending"}), "Pending"),
        (json!({"sts": null}), "ok user_1"),
        (json!({"aud": "https://api.example"}), "ok user_1"),
        // A long lifetime causes a warning, not a rejection.
        (json!({"exp": NOW + 1_000_000}), "ok user_1"),
    ] {
        assert_eq!(
            outcome(json!({}), claims.clone()).await,
            expected,
            "{claims}"
        );
    }
}

#[tokio::test]
async fn claims_of_the_wrong_type_are_rejected() {
    for claims in [
        json!({"iss": [ISSUER]}),
        json!({"iss": 1}),
        json!({"iss": null}),
        json!({"sub": 1}),
        json!({"sub": null}),
        json!({"sid": ["sess_1"]}),
        json!({"azp": [PORTAL]}),
        json!({"exp": null}),
        json!({"exp": format!("{}", NOW + 50)}),
        json!({"exp": 1e300}),
        json!({"nbf": "1"}),
        json!({"iat": "1"}),
        json!({"iat": {}}),
    ] {
        let token = SigningKey::first().token(json!({}), claims.clone());
        assert!(
            matches!(verify(&token).await, Err(Rejection::Claims(_))),
            "{claims}"
        );
    }
}

#[tokio::test]
async fn jwt_key_matches_any_key_id() {
    let keys = std::sync::Arc::new(KeyCache::fixed(None, SigningKey::first().public()));
    let rules = VerificationRules {
        issuer: ISSUER.to_owned(),
        authorized_parties: vec![PORTAL.to_owned()],
    };
    for kid in [json!("anything"), Value::Null] {
        let token = SigningKey::first().token(json!({ "kid": kid }), json!({}));
        let token = Unverified::parse(&token).unwrap();
        let keys = keys.keys_for(token.kid(), Instant::now()).await.unwrap();
        assert!(token.verify(&keys, &rules, NOW, SKEW).is_ok());
    }
}
