//! The public keys that session tokens are signed with, and when they are fetched again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use aws_lc_rs::rsa::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use portal_core::auth::AuthError;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::http;

/// Older keys are served, and fetched again behind the scenes.
const SOFT_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Older keys are not served any more.
const HARD_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// From one attempt to fetch to the next, so that made-up key ids cause no traffic.
const COOLDOWN: Duration = Duration::from_secs(30);
/// The same while there are no usable keys at all and nobody can sign in.
const COLD_COOLDOWN: Duration = Duration::from_secs(5);
/// How long a request waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(2);
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 64 * 1024;
const MAX_KEYS: usize = 16;
const MAX_KEY_ID: usize = 128;

/// An RSA public key of a length and exponent that are fit for use.
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

    /// From a PEM text, whatever an environment has made of its line breaks.
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
        Self::of(&key).ok_or("is not an RSA key of 2048 to 4096 bits with the exponent 65537")
    }

    pub(crate) fn of(key: &PublicKey) -> Option<Self> {
        Self::new(
            key.modulus().big_endian_without_leading_zero(),
            key.exponent().big_endian_without_leading_zero(),
        )
    }

    /// As a JSON web key with an id.
    #[cfg(any(test, feature = "dev-identity"))]
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
    /// `None` signs whatever id a token names: there is only this key.
    kid: Option<String>,
    key: RsaKey,
    decoding: DecodingKey,
}

/// The keys of one moment.
pub(crate) struct KeySet {
    keys: Vec<NamedKey>,
    fetched_at: Instant,
    /// Changes with the keys, and what was verified with others is void then.
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

    /// The key that a token names.
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

/// Reads a JWKS document. Keys that are not fit for session tokens are passed over.
fn parse_key_set(body: &[u8]) -> Result<Vec<(Option<String>, RsaKey)>, String> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }

    let document: Document =
        serde_json::from_slice(body).map_err(|error| format!("not a key set: {error}"))?;
    if document.keys.len() > MAX_KEYS {
        return Err(format!(
            "{} keys, more than {MAX_KEYS}",
            document.keys.len()
        ));
    }
    let mut keys: Vec<(Option<String>, RsaKey)> = Vec::new();
    for (kid, key) in document.keys.iter().filter_map(parse_key) {
        if keys.iter().all(|(known, _)| known.as_deref() != Some(kid)) {
            keys.push((Some(kid.to_owned()), key));
        }
    }
    if keys.is_empty() {
        return Err("no key that session tokens can be signed with".to_owned());
    }
    Ok(keys)
}

fn parse_key(jwk: &Value) -> Option<(&str, RsaKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let absent_or = |name: &str, wanted: &str| match jwk.get(name) {
        None => true,
        Some(value) => value.as_str() == Some(wanted),
    };
    let kid = text("kid")?;
    let usable = text("kty") == Some("RSA")
        && absent_or("use", "sig")
        && absent_or("alg", "RS256")
        && !kid.is_empty()
        && kid.len() <= MAX_KEY_ID
        && kid.is_ascii();
    if !usable {
        return None;
    }
    let modulus = URL_SAFE_NO_PAD.decode(text("n")?).ok()?;
    let exponent = URL_SAFE_NO_PAD.decode(text("e")?).ok()?;
    Some((kid, RsaKey::new(&modulus, &exponent)?))
}

/// The keys in force, and where new ones come from.
pub(crate) struct KeyCache {
    current: ArcSwapOption<KeySet>,
    remote: Option<Remote>,
    flight: Mutex<Flight>,
    finished: watch::Sender<()>,
}

struct Remote {
    client: reqwest::Client,
    url: String,
}

/// One fetch at a time, and not one after the other.
#[derive(Default)]
struct Flight {
    last_attempt: Option<Instant>,
    running: bool,
}

impl KeyCache {
    /// Keys that never change: `kid` is `None` if a token may name any.
    pub(crate) fn fixed(kid: Option<String>, key: RsaKey) -> Self {
        let set = KeySet::new(vec![(kid, key)], Instant::now(), 0);
        Self::with(Some(Arc::new(set)), None)
    }

    /// Keys that are fetched from a URL.
    pub(crate) fn remote(url: String, https_only: bool) -> Result<Self, reqwest::Error> {
        let client = http::client(FETCH_TIMEOUT, https_only)?;
        Ok(Self::with(None, Some(Remote { client, url })))
    }

    fn with(set: Option<Arc<KeySet>>, remote: Option<Remote>) -> Self {
        Self {
            current: ArcSwapOption::new(set),
            remote,
            flight: Mutex::default(),
            finished: watch::Sender::new(()),
        }
    }

    /// Whether what was verified with the keys of an epoch still holds. Old keys are fetched
    /// again behind the scenes.
    pub(crate) fn is_current(self: &Arc<Self>, epoch: u64, now: Instant) -> bool {
        let current = self.current.load();
        let Some(set) = current.as_deref() else {
            return false;
        };
        match self.age(set, now) {
            age if age > HARD_LIFETIME => return false,
            age if age > SOFT_LIFETIME => drop(self.refresh(now, COOLDOWN)),
            _ => {}
        }
        set.epoch == epoch
    }

    /// The keys to verify a token with that names a key. They may not have it: then nobody has.
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
                    drop(self.refresh(now, COOLDOWN));
                }
                Ok(set)
            }
            Some(set) => {
                self.wait_for(self.refresh(now, COOLDOWN)).await;
                Ok(self.current.load_full().unwrap_or(set))
            }
            None => {
                self.wait_for(self.refresh(now, COLD_COOLDOWN)).await;
                self.current
                    .load_full()
                    .filter(|set| self.age(set, now) <= HARD_LIFETIME)
                    .ok_or_else(|| {
                        AuthError::Unavailable("no keys to verify sessions with".to_owned())
                    })
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
            // Whether it has come, failed or takes too long: what is there now counts.
            let _ = tokio::time::timeout(PATIENCE, finished.changed()).await;
        }
    }

    /// Fetches the keys in a task of its own, so that a caller who goes away does not stop it.
    /// `None` if the last attempt was a moment ago.
    pub(crate) fn refresh(
        self: &Arc<Self>,
        now: Instant,
        cooldown: Duration,
    ) -> Option<watch::Receiver<()>> {
        self.remote.as_ref()?;
        let finished = {
            let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
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
        let landing = Landing(Arc::clone(self));
        tokio::spawn(async move { landing.0.fetch(now).await });
        Some(finished)
    }

    async fn fetch(&self, now: Instant) {
        let Some(remote) = &self.remote else { return };
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
                tracing::warn!(
                    url = remote.url,
                    problem,
                    "session keys could not be fetched"
                );
            }
        }
    }

    fn install(&self, keys: Vec<(Option<String>, RsaKey)>, now: Instant) {
        let old = self.current.load_full();
        let epoch = match &old {
            None => 0,
            Some(old) if old.same_keys(&keys) => old.epoch,
            Some(old) => {
                tracing::info!(keys = keys.len(), "session keys have changed");
                old.epoch + 1
            }
        };
        self.current
            .store(Some(Arc::new(KeySet::new(keys, now, epoch))));
    }
}

/// Ends a flight however its task ends.
struct Landing(Arc<KeyCache>);

impl Drop for Landing {
    fn drop(&mut self) {
        self.0
            .flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .running = false;
        self.0.finished.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeServer, SigningKey, until};

    const SECOND: Duration = Duration::from_secs(1);

    fn one_key(kid: &str) -> Value {
        json!({ "keys": [SigningKey::first().jwk(kid)] })
    }

    async fn cache_of(server: &FakeServer) -> Arc<KeyCache> {
        Arc::new(KeyCache::remote(server.url.clone(), false).unwrap())
    }

    /// A cache with the keys of a server, and when they were fetched.
    async fn warm(server: &FakeServer) -> (Arc<KeyCache>, Instant) {
        let cache = cache_of(server).await;
        let now = Instant::now();
        let set = cache.keys_for(Some("a"), now).await.unwrap();
        assert!(set.find(Some("a")).is_some());
        assert_eq!(server.count(), 1);
        (cache, now)
    }

    async fn knows(cache: &Arc<KeyCache>, kid: &str, now: Instant) -> Option<bool> {
        let set = cache.keys_for(Some(kid), now).await;
        set.ok().map(|set| set.find(Some(kid)).is_some())
    }

    async fn landed(cache: &KeyCache) {
        until(|| !cache.flight.lock().unwrap().running).await;
    }

    #[tokio::test]
    async fn made_up_key_ids_cause_one_attempt_in_a_while() {
        let server = FakeServer::start(200, one_key("a")).await;
        let (cache, start) = warm(&server).await;
        server.answer(500, "");
        let now = start + COOLDOWN;
        for index in 0..10_000 {
            assert_eq!(knows(&cache, &format!("x{index}"), now).await, Some(false));
        }
        assert_eq!(server.count(), 2);
        assert_eq!(knows(&cache, "a", now).await, Some(true));
        // Counted from the attempt that has failed, not from the last that went well.
        assert_eq!(
            knows(&cache, "y", now + COOLDOWN - SECOND).await,
            Some(false)
        );
        assert_eq!(server.count(), 2);
        server.answer(200, one_key("y"));
        assert_eq!(knows(&cache, "y", now + COOLDOWN).await, Some(true));
        assert_eq!(server.count(), 3);
    }

    #[tokio::test]
    async fn requests_at_once_share_one_fetch() {
        let server = FakeServer::start(200, one_key("a")).await;
        server.hold(true);
        let cache = cache_of(&server).await;
        let now = Instant::now();
        let waiters: Vec<_> = (0..20)
            .map(|index| {
                let cache = Arc::clone(&cache);
                // Long after each other, as far as the pause between attempts is concerned.
                let now = now + COOLDOWN * index;
                tokio::spawn(async move { knows(&cache, "a", now).await })
            })
            .collect();
        until(|| server.count() > 0 && cache.finished.receiver_count() == 20).await;
        server.hold(false);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Some(true));
        }
        assert_eq!(server.count(), 1);
    }

    #[tokio::test]
    async fn a_request_does_not_wait_for_as_long_as_a_fetch() {
        let server = FakeServer::start(200, one_key("a")).await;
        let (cache, start) = warm(&server).await;
        server.hold(true);
        assert_eq!(knows(&cache, "x", start + COOLDOWN).await, Some(false));
        assert!(cache.flight.lock().unwrap().running);
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_does_not_stop_the_fetch() {
        let server = FakeServer::start(200, one_key("a")).await;
        server.hold(true);
        let cache = cache_of(&server).await;
        let now = Instant::now();
        let caller = tokio::spawn({
            let cache = Arc::clone(&cache);
            async move { knows(&cache, "a", now).await }
        });
        until(|| server.count() == 1).await;
        caller.abort();
        server.hold(false);
        landed(&cache).await;
        assert_eq!(knows(&cache, "a", now).await, Some(true));
        assert_eq!(server.count(), 1);
    }

    #[tokio::test]
    async fn old_keys_are_served_while_new_ones_are_fetched() {
        let server = FakeServer::start(200, one_key("a")).await;
        let (cache, start) = warm(&server).await;
        server.hold(true);
        let now = start + SOFT_LIFETIME;
        assert_eq!(knows(&cache, "a", now).await, Some(true));
        assert!(!cache.flight.lock().unwrap().running);
        let now = now + SECOND;
        assert_eq!(knows(&cache, "a", now).await, Some(true));
        assert!(cache.flight.lock().unwrap().running);
        server.hold(false);
        landed(&cache).await;
        assert_eq!(server.count(), 2);
        assert_eq!(cache.current.load_full().unwrap().fetched_at, now);
    }

    #[tokio::test]
    async fn while_the_server_is_down_keys_last_a_day() {
        let server = FakeServer::start(200, one_key("a")).await;
        let (cache, start) = warm(&server).await;
        server.answer(503, "");
        let day = start + HARD_LIFETIME;
        assert_eq!(knows(&cache, "a", day).await, Some(true));
        landed(&cache).await;
        assert!(cache.is_current(0, day));
        let later = day + SECOND;
        assert!(!cache.is_current(0, later));
        assert_eq!(knows(&cache, "a", later).await, None);
        // And an unknown id does not bring them back.
        assert_eq!(knows(&cache, "x", later).await, None);
    }

    #[tokio::test]
    async fn without_any_keys_nobody_can_say_who_is_calling() {
        let server = FakeServer::start(500, one_key("a")).await;
        let cache = cache_of(&server).await;
        let now = Instant::now();
        for _ in 0..100 {
            let answer = cache.keys_for(Some("a"), now).await;
            assert!(matches!(answer, Err(AuthError::Unavailable(_))));
        }
        assert_eq!(server.count(), 1);
        server.answer(200, one_key("a"));
        assert_eq!(knows(&cache, "a", now + COLD_COOLDOWN).await, Some(true));
    }

    #[tokio::test]
    async fn what_was_verified_with_other_keys_is_void() {
        let server = FakeServer::start(200, one_key("a")).await;
        let (cache, start) = warm(&server).await;
        let mut now = start;
        for (keys, same) in [
            (one_key("a"), true),
            (one_key("b"), false),
            (json!({ "keys": [SigningKey::second().jwk("b")] }), false),
            (
                json!({ "keys": [SigningKey::second().jwk("b"), SigningKey::first().jwk("a")] }),
                false,
            ),
        ] {
            let epoch = cache.current.load_full().unwrap().epoch;
            server.answer(200, &keys);
            now += SOFT_LIFETIME + SECOND;
            // Asking is what has the keys fetched: a busy portal asks nothing else.
            assert!(cache.is_current(epoch, now));
            landed(&cache).await;
            assert_eq!(cache.is_current(epoch, now), same, "{keys}");
        }
        assert_eq!(server.count(), 5);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_key_set_leaves_the_old_one() {
        let server = FakeServer::start(200, one_key("a")).await;
        let (cache, start) = warm(&server).await;
        let many: Vec<Value> = (0..17)
            .map(|index| SigningKey::first().jwk(&format!("k{index}")))
            .collect();
        let mut now = start;
        for (status, body) in [
            (200, "nonsense".to_owned()),
            (200, "{}".to_owned()),
            (200, json!({"keys": []}).to_string()),
            (
                200,
                json!({"keys": [{"kty": "oct", "kid": "b", "k": "c2VjcmV0"}]}).to_string(),
            ),
            (200, json!({ "keys": many }).to_string()),
            (200, format!("{}{}", one_key("b"), " ".repeat(MAX_BODY))),
            (201, one_key("b").to_string()),
            (302, one_key("b").to_string()),
            (404, one_key("b").to_string()),
        ] {
            server.answer(status, &body);
            let before = server.count();
            now += COOLDOWN;
            assert_eq!(knows(&cache, "b", now).await, Some(false), "{body}");
            landed(&cache).await;
            assert_eq!(server.count(), before + 1, "{body}");
            assert_eq!(knows(&cache, "a", now).await, Some(true));
        }
    }

    #[test]
    fn keys_that_are_not_fit_are_passed_over() {
        let good = SigningKey::first().jwk("good");
        let with = |name: &str, value: Value| {
            let mut jwk = SigningKey::second().jwk("bad");
            jwk[name] = value;
            jwk
        };
        let number = |length: usize| {
            let mut bytes = vec![0x81; length];
            bytes.insert(0, 0);
            json!(URL_SAFE_NO_PAD.encode(bytes))
        };
        for bad in [
            json!({"kty": "oct", "kid": "bad", "k": "c2VjcmV0"}),
            json!({"kty": "EC", "kid": "bad", "crv": "P-256", "x": "AA", "y": "AA"}),
            with("kty", json!("oct")),
            with("use", json!("enc")),
            with("use", json!(null)),
            with("alg", json!("RS512")),
            with("alg", json!("HS256")),
            with("kid", json!("")),
            with("kid", json!(1)),
            with("kid", json!("x".repeat(129))),
            with("kid", json!("é")),
            with("n", number(128)),
            with("n", number(255)),
            with("n", number(513)),
            with("n", json!("***")),
            with("n", json!("")),
            with("e", json!("Aw")),
            with("e", json!("")),
            json!("text"),
            json!(null),
        ] {
            let document = json!({ "keys": [bad, good] }).to_string();
            let keys = parse_key_set(document.as_bytes()).unwrap();
            let kids: Vec<_> = keys.iter().map(|(kid, _)| kid.as_deref()).collect();
            assert_eq!(kids, [Some("good")], "{bad}");
        }
        for fine in [
            with("use", json!("sig")),
            with("n", number(256)),
            with("n", number(512)),
            with("e", json!("AAEAAQ")),
            with("kid", json!("x".repeat(128))),
        ] {
            let document = json!({ "keys": [fine] }).to_string();
            assert!(parse_key_set(document.as_bytes()).is_ok(), "{fine}");
        }
    }
}
