//! Cache of verified tokens.

use std::sync::Arc;

use aws_lc_rs::digest;
use quick_cache::sync::Cache;

use crate::claims::Claims;

const ENTRIES: usize = 50_000;

/// Cache key of a token, so that memory contains no usable tokens.
pub(crate) type Digest = [u8; 32];

/// Verified token, and the epoch of the keys it was verified with.
#[derive(Clone)]
pub(crate) struct VerifiedToken {
    pub(crate) claims: Arc<Claims>,
    pub(crate) epoch: u64,
}

/// Verified tokens by their SHA-256; the caller must still check their times.
pub(crate) struct VerifiedTokens(Cache<Digest, VerifiedToken>);

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        Self(Cache::new(ENTRIES))
    }

    pub(crate) fn get(&self, digest: &Digest) -> Option<VerifiedToken> {
        self.0.get(digest)
    }

    pub(crate) fn insert(&self, digest: Digest, verified: VerifiedToken) {
        self.0.insert(digest, verified);
    }

    pub(crate) fn remove(&self, digest: &Digest) {
        self.0.remove(digest);
    }
}

pub(crate) fn digest_of(token: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}
