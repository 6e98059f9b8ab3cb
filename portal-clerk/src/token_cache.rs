//! Cache of verified tokens.

use std::sync::Arc;

use aws_lc_rs::digest;
use quick_cache::sync::Cache;

use crate::claims::Claims;

const ENTRIES: usize = 50_000;

/// SHA-256 digest of a secret that only needs to be compared.
pub(crate) type Digest = [u8; 32];

/// A token in its cached form, so that memory contains no usable tokens.
///
/// A token is worthless without its signature, so only the signature is hashed. It makes up half of
/// the token, and hashing is the most expensive part of checking a cached session.
#[derive(Clone, Copy)]
pub(crate) struct CacheKey<'a> {
    /// Header and claims, as in the token.
    signed: &'a str,
    signature: Digest,
}

impl<'a> CacheKey<'a> {
    pub(crate) fn of(token: &'a str) -> Self {
        let (signed, signature) = token.rsplit_once('.').unwrap_or(("", token));
        Self {
            signed,
            signature: digest_of(signature),
        }
    }
}

/// A verified token, and the epoch of the keys with which it was verified.
#[derive(Clone)]
pub(crate) struct VerifiedToken {
    pub(crate) claims: Arc<Claims>,
    pub(crate) epoch: u64,
}

/// Verified tokens by the digest of their signature; the caller must still check the time limits.
pub(crate) struct VerifiedTokens(Cache<Digest, (Arc<str>, VerifiedToken)>);

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        Self(Cache::new(ENTRIES))
    }

    pub(crate) fn get(&self, key: &CacheKey<'_>) -> Option<VerifiedToken> {
        let (signed, verified) = self.0.get(&key.signature)?;
        (*signed == *key.signed).then_some(verified)
    }

    pub(crate) fn insert(&self, key: &CacheKey<'_>, verified: VerifiedToken) {
        self.0.insert(key.signature, (key.signed.into(), verified));
    }

    pub(crate) fn remove(&self, key: &CacheKey<'_>) {
        self.0.remove(&key.signature);
    }
}

pub(crate) fn digest_of(secret: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}
