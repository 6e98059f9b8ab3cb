//! Public keys that verify session tokens: the cache and its refresh.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use aws_lc_rs::rsa::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use parking_lot::Mutex;
use portal_core::auth::AuthError;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::http;

/// Age from which keys are refreshed in the background but still used.
const SOFT_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Age from which keys are no longer used.
const HARD_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Minimum time between two fetches, so that forged key ids do not cause additional traffic.
const COOLDOWN: Duration = Duration::from_secs(30);
/// Delays between attempts at start-up; later fetches are not retried.
///
/// Requests must not cause more than one attempt per cooldown, even if there are no keys.
const START_BACKOFFS: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(1500)];
/// Maximum time that a request waits for a fetch.
const MAX_WAIT: Duration = Duration::from_secs(2);
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 64 * 1024;
const MAX_KEYS: usize = 16;
const MAX_KEY_ID: usize = 128;

/// An RSA public key with an acceptable length and exponent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RsaKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl RsaKey {
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
        let fit = (2048..=4096).contains(&bits) && exponent == [1, 0, 1];
        fit.then(|| Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// Parses a PEM string, regardless of how its line breaks are encoded in the environment.
    pub(crate) fn from_pem(text: &str) -> Result<Self, &'static str> {
        const NOT_PEM: &str = "is not a PEM public key; copy it from Clerk's dashboard, from BEGIN PUBLIC KEY to END PUBLIC KEY";
        if text.contains("PRIVATE KEY") {
            return Err("is a private key; set the PEM public key from Clerk's dashboard");
        }
        let text = text.replace("\\r", "").replace("\\n", "\n");
        let body = text
            .split_once("-----BEGIN PUBLIC KEY-----")
            .and_then(|(_, rest)| rest.split_once("-----END PUBLIC KEY-----"))
            .map(|(body, _)| body)
            .ok_or(NOT_PEM)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD_NO_PAD
            .decode(body.trim_end_matches('='))
            .map_err(|_| NOT_PEM)?;
        let key = PublicKey::from_der(&der).map_err(|_| "is not an RSA public key")?;
        Self::from_public_key(&key)
            .ok_or("is not an RSA key of 2048 to 4096 bits with the exponent 65537")
    }

    pub(crate) fn from_public_key(key: &PublicKey) -> Option<Self> {
        Self::new(
            key.modulus().big_endian_without_leading_zero(),
            key.exponent().big_endian_without_leading_zero(),
        )
    }

    /// Converts the key to a JSON Web Key with an id.
    #[cfg(any(test, feature = "dev-identity", feature = "testing"))]
    pub(crate) fn to_jwk(&self, kid: &str) -> Value {
        serde_json::json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(&self.modulus),
            "e": URL_SAFE_NO_PAD.encode(&self.exponent),
        })
    }

    fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_rsa_raw_components(&self.modulus, &self.exponent)
    }
}

fn without_leading_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

struct NamedKey {
    /// Id of the key. `None` matches every id in a token, because this key is then the only one.
    kid: Option<String>,
    key: RsaKey,
    decoding: DecodingKey,
}

/// Keys that were fetched together.
pub(crate) struct KeySet {
    keys: Vec<NamedKey>,
    fetched_at: Instant,
    /// Number that changes whenever the keys do. A token verified in another epoch must be verified
    /// again.
    pub(crate) epoch: u64,
}

impl KeySet {
    fn new(keys: Vec<(Option<String>, RsaKey)>, fetched_at: Instant, epoch: u64) -> Self {
        let keys = keys
            .into_iter()
            .map(|(kid, key)| NamedKey {
                kid,
                decoding: key.decoding_key(),
                key,
            })
            .collect();
        Self {
            keys,
            fetched_at,
            epoch,
        }
    }

    /// Returns the key with the id given in a token.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        self.keys
            .iter()
            .find(|key| key.kid.is_none() || key.kid.as_deref() == kid)
            .map(|key| &key.decoding)
    }

    fn same_keys(&self, other: &[(Option<String>, RsaKey)]) -> bool {
        self.keys.len() == other.len()
            && self
                .keys
                .iter()
                .zip(other)
                .all(|(mine, (kid, key))| mine.kid == *kid && mine.key == *key)
    }
}

/// Members of a JWK that only a private key has (RFC 7518, section 6.3.2).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Parses a JWKS document. Keys that cannot verify session tokens are skipped with a warning.
fn parse_key_set(body: &[u8]) -> Result<Vec<(Option<String>, RsaKey)>, String> {
    #[derive(Deserialize)]
    struct JwksDocument {
        keys: Vec<Value>,
    }

    let document: JwksDocument =
        serde_json::from_slice(body).map_err(|error| format!("not a key set: {error}"))?;
    if document.keys.len() > MAX_KEYS {
        return Err(format!(
            "{} keys, more than {MAX_KEYS}",
            document.keys.len()
        ));
    }
    let mut keys: Vec<(Option<String>, RsaKey)> = Vec::new();
    for jwk in &document.keys {
        let skipped = match parse_key(jwk) {
            Ok((kid, key)) => match keys.iter().find(|(known, _)| known.as_deref() == Some(kid)) {
                None => {
                    keys.push((Some(kid.to_owned()), key));
                    continue;
                }
                Some((_, known)) if *known == key => continue,
                Some(_) => "duplicate `kid`",
            },
            Err(reason) => reason,
        };
        let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
        let kid = kid.get(..kid.floor_char_boundary(MAX_KEY_ID));
        tracing::warn!(
            kid,
            reason = skipped,
            "skipped an unusable key of the key set"
        );
    }
    if keys.is_empty() {
        return Err("no usable key for session tokens".to_owned());
    }
    Ok(keys)
}

fn parse_key(jwk: &Value) -> Result<(&str, RsaKey), &'static str> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let absent_or = |name: &str, wanted: &str| match jwk.get(name) {
        None => true,
        Some(value) => value.as_str() == Some(wanted),
    };
    let kid = text("kid").ok_or("no `kid`")?;
    if kid.is_empty() || kid.len() > MAX_KEY_ID || !kid.is_ascii() {
        return Err("the `kid` is empty, too long or not ASCII");
    }
    if text("kty") != Some("RSA") || !absent_or("alg", "RS256") {
        return Err("not for RS256");
    }
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(operations) => operations.as_array().is_some_and(|operations| {
            operations.len() == 1 && operations.iter().all(|operation| operation == "verify")
        }),
    };
    if !absent_or("use", "sig") || !verifies {
        return Err("not for verifying signatures");
    }
    // If a private key has been published, its signatures prove nothing.
    if PRIVATE_MEMBERS.iter().any(|name| jwk.get(name).is_some()) {
        return Err("a private key");
    }
    let number = |name: &str| {
        let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.filter(|bytes| bytes.first().is_some_and(|first| *first != 0))
    };
    let unfit =
        "not an RSA key of 2048 to 4096 bits with the exponent 65537, in the shortest encoding";
    let (modulus, exponent) = number("n").zip(number("e")).ok_or(unfit)?;
    Ok((kid, RsaKey::new(&modulus, &exponent).ok_or(unfit)?))
}

/// The current keys, and the endpoint from which they are fetched.
pub(crate) struct KeyCache {
    current: ArcSwapOption<KeySet>,
    remote: Option<JwksEndpoint>,
    fetch_state: Mutex<FetchState>,
    finished: watch::Sender<()>,
}

struct JwksEndpoint {
    client: reqwest::Client,
    url: String,
}

/// State that limits fetches to one at a time and to a minimum interval.
#[derive(Default)]
struct FetchState {
    last_attempt: Option<Instant>,
    running: bool,
}

impl KeyCache {
    /// Creates a cache with a key that never changes; a `kid` of `None` matches any id.
    pub(crate) fn fixed(kid: Option<String>, key: RsaKey) -> Self {
        let set = KeySet::new(vec![(kid, key)], Instant::now(), 0);
        Self::with(Some(Arc::new(set)), None)
    }

    /// Creates a cache whose keys are fetched from a URL.
    pub(crate) fn remote(url: String, https_only: bool) -> Result<Self, reqwest::Error> {
        let client = http::client(FETCH_TIMEOUT, https_only)?;
        Ok(Self::with(None, Some(JwksEndpoint { client, url })))
    }

    fn with(set: Option<Arc<KeySet>>, remote: Option<JwksEndpoint>) -> Self {
        Self {
            current: ArcSwapOption::new(set),
            remote,
            fetch_state: Mutex::default(),
            finished: watch::Sender::new(()),
        }
    }

    /// Returns `true` if tokens verified with the keys of the given epoch are still valid.
    ///
    /// If the keys are old, they are refreshed in the background.
    pub(crate) fn is_current(self: &Arc<Self>, epoch: u64, now: Instant) -> bool {
        let current = self.current.load();
        let Some(set) = current.as_deref() else {
            return false;
        };
        match self.age(set, now) {
            age if age > HARD_LIFETIME => return false,
            age if age > SOFT_LIFETIME => drop(self.refresh(now)),
            _ => {}
        }
        set.epoch == epoch
    }

    /// Returns the keys for verifying a token. The key with the token's id may be missing.
    pub(crate) async fn keys_for(
        self: &Arc<Self>,
        kid: Option<&str>,
        now: Instant,
    ) -> Result<Arc<KeySet>, AuthError> {
        let usable = self
            .current
            .load_full()
            .filter(|set| self.age(set, now) <= HARD_LIFETIME);
        match usable {
            Some(set) if set.find(kid).is_some() => {
                if self.age(&set, now) > SOFT_LIFETIME {
                    drop(self.refresh(now));
                }
                Ok(set)
            }
            Some(set) => {
                self.wait_for(self.refresh(now)).await;
                Ok(self.current.load_full().unwrap_or(set))
            }
            None => {
                self.wait_for(self.refresh(now)).await;
                match self.current.load_full() {
                    Some(set) if self.age(&set, now) <= HARD_LIFETIME => Ok(set),
                    // The last keys are too old, so no token can be valid now.
                    Some(_) => Ok(Arc::new(KeySet::new(Vec::new(), now, 0))),
                    None => Err(AuthError::Unavailable(
                        "no keys to verify sessions with".to_owned(),
                    )),
                }
            }
        }
    }

    fn age(&self, set: &KeySet, now: Instant) -> Duration {
        match self.remote {
            Some(_) => now.saturating_duration_since(set.fetched_at),
            None => Duration::ZERO,
        }
    }

    async fn wait_for(&self, finished: Option<watch::Receiver<()>>) {
        if let Some(mut finished) = finished {
            // Regardless of whether the fetch succeeds, fails or times out, the caller uses the
            // keys that are cached by then.
            let _ = tokio::time::timeout(MAX_WAIT, finished.changed()).await;
        }
    }

    /// Starts the first fetch before a request needs the keys.
    pub(crate) fn prefetch(self: &Arc<Self>, now: Instant) {
        drop(self.spawn_fetch(now, Duration::ZERO, &START_BACKOFFS));
    }

    /// Fetches the keys in a separate task, so that the fetch is not aborted if the caller is
    /// cancelled.
    ///
    /// Returns `None` during the cooldown after the last attempt.
    fn refresh(self: &Arc<Self>, now: Instant) -> Option<watch::Receiver<()>> {
        self.spawn_fetch(now, COOLDOWN, &[])
    }

    fn spawn_fetch(
        self: &Arc<Self>,
        now: Instant,
        cooldown: Duration,
        pauses: &'static [Duration],
    ) -> Option<watch::Receiver<()>> {
        self.remote.as_ref()?;
        let finished = {
            let mut flight = self.fetch_state.lock();
            let finished = self.finished.subscribe();
            if flight.running {
                return Some(finished);
            }
            if flight
                .last_attempt
                .is_some_and(|last| now.saturating_duration_since(last) < cooldown)
            {
                return None;
            }
            flight.last_attempt = Some(now);
            flight.running = true;
            finished
        };
        let landing = FetchGuard(Arc::clone(self));
        tokio::spawn(async move {
            for pause in pauses {
                if landing.0.fetch(now).await {
                    return;
                }
                tokio::time::sleep(*pause).await;
            }
            landing.0.fetch(now).await;
        });
        Some(finished)
    }

    /// Fetches the keys; returns `true` on success.
    async fn fetch(&self, now: Instant) -> bool {
        let Some(remote) = &self.remote else {
            return false;
        };
        let fetched = async {
            let response = remote.client.get(&remote.url).send().await;
            let response = response.map_err(http::describe)?;
            if response.status() != reqwest::StatusCode::OK {
                return Err(format!("status {}", response.status()));
            }
            let body = http::body(response, MAX_BODY).await?;
            parse_key_set(&body)
        };
        match fetched.await {
            Ok(keys) => self.install(keys, now),
            Err(problem) => {
                tracing::warn!(url = remote.url, problem, "failed to fetch session keys");
                return false;
            }
        }
        true
    }

    fn install(&self, keys: Vec<(Option<String>, RsaKey)>, now: Instant) {
        let old = self.current.load_full();
        let epoch = match &old {
            None => 0,
            Some(old) if old.same_keys(&keys) => old.epoch,
            Some(old) => {
                tracing::info!(keys = keys.len(), "session keys changed");
                old.epoch + 1
            }
        };
        self.current
            .store(Some(Arc::new(KeySet::new(keys, now, epoch))));
    }
}

/// Guard that marks a fetch as finished when its task ends for any reason.
struct FetchGuard(Arc<KeyCache>);

impl Drop for FetchGuard {
    fn drop(&mut self) {
        self.0.fetch_state.lock().running = false;
        self.0.finished.send_replace(());
    }
}

#[cfg(test)]
mod tests;
