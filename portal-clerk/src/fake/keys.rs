//! The fake instance's keys.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::jwks::RsaKey;

/// Key that signs session tokens.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pair: KeyPair,
}

impl SigningKey {
    pub(super) fn generate() -> Self {
        Self {
            kid: format!("ins_{}", Uuid::new_v4().simple()),
            pair: KeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be generated"),
        }
    }

    pub(super) fn jwk(&self) -> Value {
        RsaKey::from_public_key(self.pair.public_key())
            .expect("the key has 2048 bits")
            .to_jwk(&self.kid)
    }

    pub(super) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self
            .pair
            .public_key()
            .as_der()
            .expect("the key can be encoded as DER");
        let body = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// Signs a JWT with the given category.
    pub(super) fn sign(&self, category: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"alg": "RS256", "kid": self.kid, "typ": "JWT"});
        if let Some(category) = category {
            header["cat"] = category.into();
        }
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .expect("the key can sign");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
