//! Session tokens in Clerk's format.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use portal_core::Result;
use serde_json::{Value, json};
use uuid::Uuid;

use super::keys::DevKey;
use crate::token::CATEGORY_SESSION;

/// Lifetime of a development session, in seconds. In contrast, Clerk renews its tokens every
/// minute.
pub(crate) const LIFETIME: i64 = 24 * 60 * 60;

pub(crate) struct Issuer {
    key: DevKey,
    public_url: String,
}

/// The token for a new session.
pub(crate) struct IssuedToken {
    pub(crate) token: String,
    pub(crate) expires_at: DateTime<Utc>,
}

impl Issuer {
    pub(crate) fn new(key: DevKey, public_url: String) -> Self {
        Self { key, public_url }
    }

    /// Issues a token for a new session of a user.
    pub(crate) fn issue(&self, subject: &str, now: DateTime<Utc>) -> Result<IssuedToken> {
        let expires_at = now + TimeDelta::seconds(LIFETIME);
        let claims = json!({
            "iss": self.public_url,
            "sub": subject,
            "sid": format!("sess_dev{}", Uuid::new_v4().simple()),
            "azp": self.public_url,
            "iat": now.timestamp(),
            "nbf": now.timestamp(),
            "exp": expires_at.timestamp(),
        });
        Ok(IssuedToken {
            token: self.sign(&claims)?,
            expires_at: DateTime::from_timestamp(expires_at.timestamp(), 0).unwrap_or(expires_at),
        })
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        let header = json!({
            "alg": "RS256",
            "cat": CATEGORY_SESSION,
            "kid": self.key.kid,
            "typ": "JWT",
        });
        let mut token = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string()),
        );
        let signature = self.key.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Returns the public key as a JSON Web Key Set.
    pub(crate) fn key_set(&self) -> Value {
        json!({ "keys": [self.key.public.to_jwk(&self.key.kid)] })
    }
}
