//! Verification of session tokens: the checks, in an order that makes each of them safe.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use portal_core::auth::AuthError;
use serde::Deserialize;
use serde_json::Value;

use crate::claims::{Claims, RawClaims, present};
use crate::jwks::KeySet;
use crate::user_record::{is_session_id, is_user_id};

/// Maximum length of a token, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// Maximum length of a handshake token, in bytes; it contains several cookies.
const MAX_HANDSHAKE: usize = 16 * 1024;
/// Allowed difference between the clocks of the issuer and the portal, in seconds.
pub(crate) const SKEW: i64 = 5;
/// Lifetime above which a warning is logged, in seconds; such tokens outlive their session.
const LONG_LIFETIME: i64 = 24 * 60 * 60;

/// Maximum age of a handshake, in seconds; the browser returns it with its next request.
const MAX_HANDSHAKE_AGE: i64 = 5 * 60;

/// Maximum difference, in seconds, by which an expired token is attributed to a wrong clock.
pub(crate) const WRONG_CLOCK: i64 = 24 * 60 * 60;

/// Prefixes of API keys and machine tokens, which do not represent sessions.
const MACHINE_TOKENS: [&str; 3] = ["ak_", "mt_", "oat_"];

/// Category (`cat`) of a session token.
pub(crate) const CATEGORY_SESSION: &str = "cl_B7d4PD111AAA";
/// Category (`cat`) of tokens whose category is not checked.
const CATEGORY_ANY: &str = "cl_I7d4PD111III";

/// Requirements that a valid token must meet.
pub(crate) struct VerificationRules {
    /// The only accepted issuer.
    pub(crate) issuer: String,
    /// Origins accepted as `azp`.
    pub(crate) authorized_parties: Vec<String>,
}

/// Reason for rejecting a token; it is logged but not sent to the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    #[error("the token does not consist of three base64url parts")]
    Malformed,
    #[error("the header is invalid: {0}")]
    Header(serde_json::Error),
    #[error("the header requires {0}")]
    HeaderNotAllowed(&'static str),
    #[error("the token is not a session token")]
    Category,
    #[error("tokens of machines are not accepted")]
    Machine,
    #[error("the key is unknown")]
    UnknownKey,
    #[error("the signature is invalid")]
    Signature,
    #[error("the claims are invalid: {0}")]
    Claims(serde_json::Error),
    #[error("the subject is not a user")]
    Subject,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token was issued in the future")]
    Future,
    #[error("the token was issued for another site")]
    Party,
    #[error("the token has another issuer")]
    Issuer,
    #[error("the token names no session")]
    NoSession,
    #[error("the session has pending tasks")]
    Pending,
    #[error(transparent)]
    Unavailable(#[from] AuthError),
}

impl Rejection {
    /// Returns a constant identifier for searching and counting in logs: Clerk's, if there is one.
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

    /// Returns `true` if only the time is wrong, so that a new token is sufficient.
    pub(crate) fn is_of_time(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYet | Self::Future)
    }
}

/// A parsed token whose content has not been verified yet.
pub(crate) struct Unverified<'a> {
    /// Header and claims in their signed form.
    message: &'a str,
    claims: &'a str,
    signature: &'a str,
    kid: Option<String>,
    category: Option<String>,
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
    /// Parses a session token.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Rejection> {
        if MACHINE_TOKENS.iter().any(|start| token.starts_with(start)) {
            return Err(Rejection::Machine);
        }
        Self::parse_up_to(MAX_TOKEN, token)
    }

    /// Parses a handshake token.
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
            category: header.cat,
        })
    }

    /// Returns the id of the key with which the token claims to be signed.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Verifies the token at the given time, in seconds since 1970, and returns its claims.
    pub(crate) fn verify(
        self,
        keys: &KeySet,
        rules: &VerificationRules,
        now: i64,
        skew: i64,
    ) -> Result<Claims, Rejection> {
        let claims = self.signed(keys)?;
        let claims: RawClaims = serde_json::from_slice(&claims).map_err(Rejection::Claims)?;
        check(claims, rules, now, skew)
    }

    /// Verifies that a handshake was signed by the instance and returns its cookies.
    ///
    /// A session token is not a handshake, even if an application has added a `handshake` claim,
    /// whose value users may influence.
    pub(crate) fn verify_handshake(
        self,
        keys: &KeySet,
        now: i64,
    ) -> Result<Vec<String>, Rejection> {
        #[derive(Deserialize)]
        struct Payload {
            handshake: Vec<String>,
            #[serde(default)]
            exp: Option<i64>,
            #[serde(default)]
            nbf: Option<i64>,
            #[serde(default)]
            iat: Option<i64>,
            #[serde(default, deserialize_with = "present")]
            sid: bool,
        }

        if self.category.as_deref() == Some(CATEGORY_SESSION) {
            return Err(Rejection::Category);
        }
        let payload = self.signed(keys)?;
        let payload: Payload = serde_json::from_slice(&payload).map_err(Rejection::Claims)?;
        if payload.sid {
            return Err(Rejection::Category);
        }
        if payload.exp.is_some_and(|exp| exp <= now - SKEW) {
            return Err(Rejection::Expired);
        }
        let is_later = |time: Option<i64>| time.is_some_and(|time| time > now + SKEW);
        if is_later(payload.nbf) {
            return Err(Rejection::NotYet);
        }
        if is_later(payload.iat) {
            return Err(Rejection::Future);
        }
        if payload.iat.is_some_and(|iat| iat < now - MAX_HANDSHAKE_AGE) {
            return Err(Rejection::Expired);
        }
        Ok(payload.handshake)
    }

    /// Verifies the signature and returns the claims in their signed form.
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

/// Unverified claims of a token, which are used only to choose between two cookies.
#[derive(Default, Deserialize)]
pub(crate) struct UncheckedClaims {
    #[serde(default)]
    iss: Value,
    #[serde(default)]
    iat: Value,
    #[serde(default)]
    exp: Value,
}

impl UncheckedClaims {
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
            return Err(Rejection::HeaderNotAllowed("an embedded key"));
        }
        match self.cat.as_deref() {
            None | Some(CATEGORY_SESSION | CATEGORY_ANY) => Ok(()),
            Some(_) => Err(Rejection::Category),
        }
    }
}

fn check(
    claims: RawClaims,
    rules: &VerificationRules,
    now: i64,
    skew: i64,
) -> Result<Claims, Rejection> {
    if claims.sub.starts_with("mch_") {
        return Err(Rejection::Machine);
    }
    // The id becomes part of paths, names and log messages.
    if !is_user_id(&claims.sub) {
        return Err(Rejection::Subject);
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
        .filter(|sid| is_session_id(sid))
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
            "the lifetime of a session token exceeds one day; it outlives its session"
        );
    }
    Ok(claims.into_claims(session_id))
}

/// Returns `true` if a part is not empty and contains only characters from the base64url alphabet.
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
mod tests;
