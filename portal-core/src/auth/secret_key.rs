//! Keyed hashes: the key is `SECRET_KEY` or, in development, a generated key in the database.

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::OnceCell;

use super::key_value::KeyValueStore;
use crate::config::Secret;
use crate::error::{Error, Result};

/// Name under which the generated key is stored in the database.
const NAME: &str = "portal/secret-key";

/// Key for all hashes that the portal stores.
pub(crate) struct SecretKey {
    configured: Option<Secret>,
    values: KeyValueStore,
    key: OnceCell<hmac::Key>,
}

impl SecretKey {
    pub(crate) fn new(configured: Option<Secret>, values: KeyValueStore) -> Self {
        Self {
            configured,
            values,
            key: OnceCell::new(),
        }
    }

    /// Returns the HMAC-SHA-256 of a value; `purpose` separates the hashes for different uses.
    pub(crate) async fn hash(&self, purpose: &str, value: &[u8]) -> Result<[u8; 32]> {
        let key = self.key.get_or_try_init(|| self.load()).await?;
        let mut context = hmac::Context::with_key(key);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(value);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        Ok(hash)
    }

    async fn load(&self) -> Result<hmac::Key> {
        let bytes = match &self.configured {
            Some(secret) => secret.expose_secret().as_bytes().to_vec(),
            None => self.generated().await?,
        };
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// Reads the key from the database; the first caller creates it.
    async fn generated(&self) -> Result<Vec<u8>> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)
            .map_err(|_| Error::internal("the system returned no random bytes"))?;
        let text = self.values.get_or_put(NAME, STANDARD.encode(bytes)).await?;
        STANDARD.decode(text).map_err(Error::internal)
    }
}
