//! Whether a session token holds: the checks, in the order in which they are safe to make.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use portal_core::auth::AuthError;
use serde::Deserialize;
use serde_json::Value;

use crate::claims::{Claims, RawClaims, present};
use crate::jwks::KeySet;

/// Longer tokens are not looked at.
const MAX_TOKEN: usize = 8 * 1024;
/// The same for what a handshake comes back with, which carries several cookies.
const MAX_HANDSHAKE: usize = 16 * 1024;
/// How far the clocks of issuer and portal may be apart, in seconds.
pub(crate) const SKEW: i64 = 5;
/// Tokens that live longer outlive the end of their session by too much.
const LONG_LIFETIME: i64 = 24 * 60 * 60;

/// A clock that is wrong by more than this is not the reason why a token has expired.
pub(crate) const WRONG_CLOCK: i64 = 24 * 60 * 60;

/// How the keys and tokens of machines begin: a session is none of them.
const MACHINE_TOKENS: [&str; 3] = ["ak_", "mt_", "oat_"];

/// `cat` of a session token.
pub(crate) const CATEGORY_SESSION: &str = "cl_B7d4PD111AAA";
/// `cat` of a token whose category is to be ignored.
const CATEGORY_ANY: &str = "cl_I7d4PD111III";

/// What a token is measured against.
pub(crate) struct Rules {
    /// The one issuer that is believed.
    pub(crate) issuer: String,
    /// Origins accepted as `azp`.
    pub(crate) authorized_parties: Vec<String>,
}

/// Why a token does not hold. For the log, not for the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    #[error("the token is not three parts of base64url")]
    Malformed,
    #[error("the header cannot be read: {0}")]
    Header(serde_json::Error),
    #[error("the header asks for {0}")]
    HeaderNotAllowed(&'static str),
    #[error("the token is not one of a session")]
    Category,
    #[error("the token is one of a machine, and these are not accepted")]
    Machine,
    #[error("the key is unknown")]
    UnknownKey,
    #[error("the signature is wrong")]
    Signature,
    #[error("the claims cannot be read: {0}")]
    Claims(serde_json::Error),
    #[error("the subject is not a user")]
    Subject,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token comes from the future")]
    Future,
    #[error("the token was made for another site")]
    Party,
    #[error("the token comes from another issuer")]
    Issuer,
    #[error("the token names no session")]
    NoSession,
    #[error("the session has open tasks")]
    Pending,
    #[error(transparent)]
    Unavailable(#[from] AuthError),
}

impl Rejection {
    /// The word that logs can be searched and counted by; Clerk's own where it has one.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TooLong | Self::Malformed | Self::Header(_) | Self::Claims(_) => "token-invalid",
            Self::HeaderNotAllowed(_) => "token-invalid-algorithm",
            Self::Category | Self::Machine => "token-type-mismatch",
            Self::UnknownKey => "jwk-kid-mismatch",
            Self::Signature => "token-invalid-signature",
            Self::Subject => "token-without-user",
            Self::Expired => "session-token-expired",
            Self::NotYet => "session-token-nbf",
            Self::Future => "session-token-iat-in-the-future",
            Self::Party => "token-invalid-authorized-parties",
            Self::Issuer => "token-invalid-issuer",
            Self::NoSession => "token-without-session",
            Self::Pending => "session-pending",
            Self::Unavailable(_) => "jwk-failed-to-resolve",
        }
    }

    /// Whether nothing is wrong but the time, so that a new token is all that is needed.
    pub(crate) fn is_of_time(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYet | Self::Future)
    }
}

/// A token that has the form of a session token. Nothing of it is proven yet.
pub(crate) struct Unverified<'a> {
    /// Header and claims, as they were signed.
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    cat: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
}

impl<'a> Unverified<'a> {
    /// Reads a session token.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Rejection> {
        if MACHINE_TOKENS.iter().any(|start| token.starts_with(start)) {
            return Err(Rejection::Machine);
        }
        Self::parse_up_to(MAX_TOKEN, token)
    }

    /// Reads what a handshake comes back with.
    pub(crate) fn parse_handshake(token: &'a str) -> Result<Self, Rejection> {
        Self::parse_up_to(MAX_HANDSHAKE, token)
    }

    fn parse_up_to(longest: usize, token: &'a str) -> Result<Self, Rejection> {
        if token.len() > longest {
            return Err(Rejection::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Rejection::Malformed)?;
        if !(is_base64url(claims) && is_base64url(signature)) {
            return Err(Rejection::Malformed);
        }
        let header = decode(header)?;
        let header: Header = serde_json::from_slice(&header).map_err(Rejection::Header)?;
        header.check()?;
        Ok(Self {
            message,
            claims,
            signature,
            kid: header.kid,
        })
    }

    /// The key that the token names.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The claims, if everything about the token is right at a time in seconds since 1970.
    pub(crate) fn verify(
        self,
        keys: &KeySet,
        rules: &Rules,
        now: i64,
        skew: i64,
    ) -> Result<Claims, Rejection> {
        let claims = self.signed(keys)?;
        let claims: RawClaims = serde_json::from_slice(&claims).map_err(Rejection::Claims)?;
        check(claims, rules, now, skew)
    }

    /// The cookies that a handshake asks for, if it comes from the instance.
    pub(crate) fn verify_handshake(self, keys: &KeySet) -> Result<Vec<String>, Rejection> {
        #[derive(Deserialize)]
        struct Payload {
            handshake: Vec<String>,
        }

        let payload = self.signed(keys)?;
        let payload: Payload = serde_json::from_slice(&payload).map_err(Rejection::Claims)?;
        Ok(payload.handshake)
    }

    /// The claims as they stand there, if the signature is right.
    fn signed(&self, keys: &KeySet) -> Result<Vec<u8>, Rejection> {
        let key = keys.find(self.kid()).ok_or(Rejection::UnknownKey)?;
        let holds = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            key,
            Algorithm::RS256,
        );
        match holds {
            Ok(true) => decode(self.claims),
            _ => Err(Rejection::Signature),
        }
    }
}

/// What a token claims that nobody has checked: good for the choice between two cookies, and for
/// nothing else.
#[derive(Default, Deserialize)]
pub(crate) struct Unchecked {
    #[serde(default)]
    iss: Value,
    #[serde(default)]
    iat: Value,
    #[serde(default)]
    exp: Value,
}

impl Unchecked {
    pub(crate) fn of(token: &str) -> Self {
        let claims = (token.len() <= MAX_TOKEN)
            .then(|| token.split('.').nth(1))
            .flatten()
            .and_then(|claims| decode(claims).ok());
        claims
            .and_then(|claims| serde_json::from_slice(&claims).ok())
            .unwrap_or_default()
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.iss.as_str().filter(|issuer| !issuer.is_empty())
    }

    pub(crate) fn issued_at(&self) -> Option<i64> {
        self.iat.as_i64()
    }

    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.exp.as_i64()
    }
}

impl Header {
    fn check(&self) -> Result<(), Rejection> {
        if self.alg != "RS256" {
            return Err(Rejection::HeaderNotAllowed("an algorithm other than RS256"));
        }
        if self
            .typ
            .as_deref()
            .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
        {
            return Err(Rejection::Category);
        }
        if self.crit {
            return Err(Rejection::HeaderNotAllowed("critical extensions"));
        }
        if self.jwk || self.jku || self.x5u || self.x5c {
            return Err(Rejection::HeaderNotAllowed("a key of its own"));
        }
        match self.cat.as_deref() {
            None | Some(CATEGORY_SESSION | CATEGORY_ANY) => Ok(()),
            Some(_) => Err(Rejection::Category),
        }
    }
}

fn check(claims: RawClaims, rules: &Rules, now: i64, skew: i64) -> Result<Claims, Rejection> {
    if claims.sub.is_empty() {
        return Err(Rejection::Subject);
    }
    if claims.sub.starts_with("mch_") {
        return Err(Rejection::Machine);
    }
    if claims.exp <= now - skew {
        return Err(Rejection::Expired);
    }
    if claims.nbf.is_some_and(|not_before| not_before > now + skew) {
        return Err(Rejection::NotYet);
    }
    if claims.iat.is_some_and(|issued_at| issued_at > now + skew) {
        return Err(Rejection::Future);
    }
    let party_known = claims
        .azp
        .as_ref()
        .is_some_and(|party| rules.authorized_parties.contains(party));
    if !party_known {
        return Err(Rejection::Party);
    }
    if claims.iss != rules.issuer {
        return Err(Rejection::Issuer);
    }
    let session_id = claims
        .sid
        .clone()
        .filter(|sid| !sid.is_empty())
        .ok_or(Rejection::NoSession)?;
    if claims.sts.as_deref() == Some("pending") {
        return Err(Rejection::Pending);
    }
    if claims
        .iat
        .is_some_and(|issued_at| claims.exp.saturating_sub(issued_at) > LONG_LIFETIME)
    {
        tracing::warn!(
            session_id,
            "a session token lives longer than a day: it outlives the end of its session"
        );
    }
    Ok(claims.into_claims(session_id))
}

/// Whether a part is not empty and of the alphabet, before anything is done about it.
fn is_base64url(part: &str) -> bool {
    !part.is_empty()
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn decode(part: &str) -> Result<Vec<u8>, Rejection> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Rejection::Malformed),
    }
}

#[cfg(test)]
mod tests {
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
        let rules = Rules {
            issuer: ISSUER.to_owned(),
            authorized_parties: vec!["https://other.example".to_owned(), PORTAL.to_owned()],
        };
        let token = Unverified::parse(token)?;
        let keys = keys.keys_for(token.kid(), Instant::now()).await?;
        token.verify(&keys, &rules, NOW, SKEW)
    }

    /// The outcome for a token that is good but for these members.
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
    async fn a_good_token_tells_who_is_calling() {
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
    async fn headers_that_ask_for_anything_else_are_refused() {
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
            (json!({"jwk": {}}), "HeaderNotAllowed(\"a key of its own\")"),
            (
                json!({"jku": "https://evil"}),
                "HeaderNotAllowed(\"a key of its own\")",
            ),
            (
                json!({"x5u": "https://evil"}),
                "HeaderNotAllowed(\"a key of its own\")",
            ),
            (json!({"x5c": []}), "HeaderNotAllowed(\"a key of its own\")"),
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
    async fn only_rs256_is_an_algorithm() {
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
        // Signed with the public key as the secret.
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
        // A signature of another hash under an honest header.
        let token =
            SigningKey::first().sign_as(&RSA_PKCS1_SHA512, &good_header().to_string(), &claims);
        assert_eq!(reason(&token).await, "Signature");
    }

    #[tokio::test]
    async fn whatever_is_not_a_token_is_refused() {
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
    async fn tokens_of_machines_are_recognized_and_refused() {
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
    async fn a_handshake_is_signed_and_of_the_right_category() {
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
                token.verify_handshake(&keys)
            }
        };
        let good = json!({"handshake": ["__session=a"]});
        for cat in [json!(null), json!(CATEGORY_SESSION), json!(CATEGORY_ANY)] {
            let found = handshake(json!({ "cat": cat }), good.clone()).await;
            assert_eq!(found.unwrap(), ["__session=a"]);
        }
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
            (json!({"kid": "other"}), good.clone(), "jwk-kid-mismatch"),
            (json!({}), good_claims(), "token-invalid"),
            (
                json!({}),
                json!({"handshake": "__session=a"}),
                "token-invalid",
            ),
            (json!({}), json!({"handshake": [1]}), "token-invalid"),
        ] {
            let refused = handshake(header.clone(), claims).await.unwrap_err();
            assert_eq!(refused.reason(), expected, "{header}");
        }
        let header = good_header().to_string();
        let forged = SigningKey::second().sign(&header, &good.to_string());
        let keys = std::sync::Arc::new(KeyCache::fixed(None, SigningKey::first().public()));
        let keys = keys.keys_for(None, Instant::now()).await.unwrap();
        let forged = Unverified::parse_handshake(&forged).unwrap();
        let refused = forged.verify_handshake(&keys).unwrap_err();
        assert_eq!(refused.reason(), "token-invalid-signature");
        // Nor is a handshake a session.
        let token = SigningKey::first().sign(&header, &good.to_string());
        assert!(matches!(verify(&token).await, Err(Rejection::Claims(_))));
    }

    #[tokio::test]
    async fn members_that_stand_twice_are_refused() {
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
            // A long life is warned of, not refused.
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
    async fn claims_of_the_wrong_type_are_refused() {
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
    async fn the_networkless_key_signs_under_any_id() {
        let keys = std::sync::Arc::new(KeyCache::fixed(None, SigningKey::first().public()));
        let rules = Rules {
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
}
