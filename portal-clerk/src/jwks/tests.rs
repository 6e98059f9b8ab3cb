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

/// Returns a cache with a server's keys, and the time at which they were fetched.
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
    until(|| !cache.fetch_state.lock().running).await;
}

#[tokio::test]
async fn made_up_key_ids_cause_one_fetch_per_cooldown() {
    let server = FakeServer::start(200, one_key("a")).await;
    let (cache, start) = warm(&server).await;
    server.respond_with(500, "");
    let now = start + COOLDOWN;
    for index in 0..10_000 {
        assert_eq!(knows(&cache, &format!("x{index}"), now).await, Some(false));
    }
    assert_eq!(server.count(), 2);
    assert_eq!(knows(&cache, "a", now).await, Some(true));
    // The cooldown starts at the failed attempt, not at the last successful one.
    assert_eq!(
        knows(&cache, "y", now + COOLDOWN - SECOND).await,
        Some(false)
    );
    assert_eq!(server.count(), 2);
    server.respond_with(200, one_key("y"));
    assert_eq!(knows(&cache, "y", now + COOLDOWN).await, Some(true));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn concurrent_requests_share_one_fetch() {
    let server = FakeServer::start(200, one_key("a")).await;
    server.hold(true);
    let cache = cache_of(&server).await;
    let now = Instant::now();
    let waiters: Vec<_> = (0..20)
        .map(|index| {
            let cache = Arc::clone(&cache);
            // The calls are far enough apart that the cooldown has passed each time.
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
async fn request_stops_waiting_before_a_slow_fetch_ends() {
    let server = FakeServer::start(200, one_key("a")).await;
    let (cache, start) = warm(&server).await;
    server.hold(true);
    assert_eq!(knows(&cache, "x", start + COOLDOWN).await, Some(false));
    assert!(cache.fetch_state.lock().running);
}

#[tokio::test]
async fn cancelled_caller_does_not_abort_the_fetch() {
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
    assert!(!cache.fetch_state.lock().running);
    let now = now + SECOND;
    assert_eq!(knows(&cache, "a", now).await, Some(true));
    assert!(cache.fetch_state.lock().running);
    server.hold(false);
    landed(&cache).await;
    assert_eq!(server.count(), 2);
    assert_eq!(cache.current.load_full().unwrap().fetched_at, now);
}

#[tokio::test]
async fn keys_last_a_day_while_the_server_is_down() {
    let server = FakeServer::start(200, one_key("a")).await;
    let (cache, start) = warm(&server).await;
    server.respond_with(503, "");
    let day = start + HARD_LIFETIME;
    assert_eq!(knows(&cache, "a", day).await, Some(true));
    landed(&cache).await;
    assert!(cache.is_current(0, day));
    let later = day + SECOND;
    assert!(!cache.is_current(0, later));
    // Keys were available before, so callers are signed out instead of receiving an error.
    assert_eq!(knows(&cache, "a", later).await, Some(false));
    // A token with an unknown id must not make the old keys valid again.
    assert_eq!(knows(&cache, "x", later).await, Some(false));
}

#[tokio::test]
async fn verification_is_unavailable_without_any_keys() {
    let server = FakeServer::start(500, one_key("a")).await;
    let cache = cache_of(&server).await;
    let now = Instant::now();
    for _ in 0..100 {
        let result = cache.keys_for(Some("a"), now).await;
        assert!(matches!(result, Err(AuthError::Unavailable(_))));
    }
    assert_eq!(server.count(), 1);
    // Another forged id does not cause another attempt during the cooldown.
    let soon = now + COOLDOWN - SECOND;
    assert_eq!(knows(&cache, "x", soon).await, None);
    assert_eq!(server.count(), 1);
    server.respond_with(200, one_key("a"));
    assert_eq!(knows(&cache, "a", now + COOLDOWN).await, Some(true));
}

#[tokio::test]
async fn only_the_first_fetch_is_retried() {
    let server = FakeServer::start(500, "").await;
    let cache = cache_of(&server).await;
    cache.prefetch(Instant::now());
    until(|| server.count() == 1).await;
    server.respond_with(200, one_key("a"));
    landed(&cache).await;
    assert_eq!(server.count(), 2);
    assert_eq!(knows(&cache, "a", Instant::now()).await, Some(true));
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn changed_keys_invalidate_verified_tokens() {
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
        server.respond_with(200, &keys);
        now += SOFT_LIFETIME + SECOND;
        // This check has to trigger the refresh, because a busy portal makes no other calls.
        assert!(cache.is_current(epoch, now));
        landed(&cache).await;
        assert_eq!(cache.is_current(epoch, now), same, "{keys}");
    }
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn invalid_response_keeps_the_old_keys() {
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
        server.respond_with(status, &body);
        let before = server.count();
        now += COOLDOWN;
        assert_eq!(knows(&cache, "b", now).await, Some(false), "{body}");
        landed(&cache).await;
        assert_eq!(server.count(), before + 1, "{body}");
        assert_eq!(knows(&cache, "a", now).await, Some(true));
    }
}

#[test]
fn unusable_keys_are_skipped() {
    let good = SigningKey::first().jwk("good");
    let with = |name: &str, value: Value| {
        let mut jwk = SigningKey::second().jwk("bad");
        jwk[name] = value;
        jwk
    };
    let number = |length: usize| json!(URL_SAFE_NO_PAD.encode(vec![0x81; length]));
    let padded = || {
        let mut bytes = vec![0x81; 256];
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
        with("n", padded()),
        with("n", json!("***")),
        with("n", json!("")),
        with("e", json!("Aw")),
        with("e", json!("AAEAAQ")),
        with("d", json!("AQ")),
        with("p", json!("AQ")),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!(["verify", "encrypt"])),
        with("key_ops", json!([])),
        with("key_ops", json!("verify")),
        with("e", json!("")),
        json!("text"),
        json!(null),
    ] {
        let document = json!({ "keys": [bad, good] }).to_string();
        let keys = parse_key_set(document.as_bytes()).unwrap();
        let kids: Vec<_> = keys.iter().map(|(kid, _)| kid.as_deref()).collect();
        assert_eq!(kids, [Some("good")], "{bad}");
    }
    // If two keys have the same id, the first one applies.
    let document = json!({ "keys": [good, with("kid", json!("good"))] }).to_string();
    let keys = parse_key_set(document.as_bytes()).unwrap();
    assert!(keys.len() == 1 && keys[0].1 == SigningKey::first().public());
    for fine in [
        with("use", json!("sig")),
        with("n", number(256)),
        with("n", number(512)),
        with("key_ops", json!(["verify"])),
        with("kid", json!("x".repeat(128))),
    ] {
        let document = json!({ "keys": [fine] }).to_string();
        assert!(parse_key_set(document.as_bytes()).is_ok(), "{fine}");
    }
}
