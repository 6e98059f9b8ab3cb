//! The key that signs development tokens; each database has its own.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portal_core::auth::KeyValueStore;
use portal_core::{Error, Result};

use crate::jwks::RsaKey;

const NAME: &str = "dev-identity/key";

pub(crate) struct DevKey {
    pub(crate) kid: String,
    pub(crate) public: RsaKey,
    pair: KeyPair,
}

impl DevKey {
    /// Loads the key from the database; the first portal that uses the database generates it.
    pub(crate) async fn load(values: &KeyValueStore) -> Result<Self> {
        let stored: String = match values.get(NAME).await? {
            Some(stored) => stored,
            None => values.get_or_put(NAME, generate()?).await?,
        };
        Self::parse(&stored).ok_or_else(|| {
            Error::internal(format!(
                "the value `{NAME}` in table portal_values is not an RSA key; delete the row to generate a new key"
            ))
        })
    }

    fn parse(stored: &str) -> Option<Self> {
        let pair = KeyPair::from_pkcs8(&STANDARD.decode(stored).ok()?).ok()?;
        let public = RsaKey::from_public_key(pair.public_key())?;
        let digest = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        let mut kid = URL_SAFE_NO_PAD.encode(digest);
        kid.truncate(16);
        Some(Self {
            kid: format!("dev_{kid}"),
            public,
            pair,
        })
    }

    /// Returns the RS256 signature of a message.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| Error::internal("failed to sign with the development key"))?;
        Ok(signature)
    }
}

/// Generates a private key and returns it in PKCS#8 format, encoded as base64.
pub(crate) fn generate() -> Result<String> {
    let failed = |_| Error::internal("failed to generate an RSA key");
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    Ok(STANDARD.encode(der.as_ref()))
}
