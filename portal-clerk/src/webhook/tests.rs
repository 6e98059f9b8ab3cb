use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::event::EventError;
use super::signature::{SignatureError, SignatureHeaders};
use super::*;
use crate::testing::Webhook;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let pairs = list.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    pairs.collect()
}

fn check(
    secrets: &str,
    list: &[(&str, &str)],
    body: &[u8],
    now: i64,
) -> Result<(), SignatureError> {
    let headers = headers(list);
    let signed = SignatureHeaders::read(&headers, now)?;
    SigningSecrets::parse(secrets)
        .unwrap()
        .verify(&signed, body)
}

/// Returns the outcome for a message received `age` seconds after it was sent.
fn later(webhook: &Webhook, secrets: &str, age: i64) -> Result<(), SignatureError> {
    let timestamp = webhook.timestamp.to_string();
    let signatures = webhook.signatures();
    let list = [
        ("svix-id", webhook.id.as_str()),
        ("svix-timestamp", timestamp.as_str()),
        ("svix-signature", signatures.as_str()),
    ];
    check(
        secrets,
        &list,
        webhook.body.as_bytes(),
        webhook.timestamp + age,
    )
}

fn message() -> Webhook {
    Webhook::new(
        SECRET,
        "user.updated",
        json!({"id": "user_1", "updated_at": 5}),
    )
}

#[test]
fn svix_example_is_valid() {
    let list = [
        ("svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("svix-timestamp", "1614265330"),
        (
            "svix-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];
    let body = br#"{"test": 2432232314}"#;
    assert_eq!(check(SECRET, &list, body, 1_614_265_330), Ok(()));
    assert_eq!(
        check(OTHER, &list, body, 1_614_265_330),
        Err(SignatureError::Signature)
    );
}

#[test]
fn messages_are_valid_for_five_minutes_in_both_directions() {
    for (age, expected) in [
        (0, Ok(())),
        (300, Ok(())),
        (-300, Ok(())),
        (301, Err(SignatureError::Time)),
        (-301, Err(SignatureError::Time)),
    ] {
        assert_eq!(later(&message(), SECRET, age), expected, "{age}");
    }
}

#[test]
fn one_matching_signature_and_secret_is_sufficient() {
    let both = message().signed_with(&[OTHER, SECRET]);
    assert_eq!(later(&both, SECRET, 0), Ok(()));
    assert_eq!(later(&message(), &format!("{OTHER}, {SECRET}"), 0), Ok(()));
    let foreign = message().signed_with(&[OTHER]);
    assert_eq!(later(&foreign, SECRET, 0), Err(SignatureError::Signature));
    let holds = |write: &dyn Fn(&str) -> String| {
        let mut webhook = message();
        webhook.signature = Some(write(&webhook.signatures()));
        later(&webhook, SECRET, 0).is_ok()
    };
    assert!(holds(&str::to_owned));
    assert!(holds(&|good| format!("v1a,AAAA v2,AAAA {good} rubbish")));
    assert!(holds(&|good| format!("{}{good}", "v1,AAAA ".repeat(9))));
    assert!(!holds(&|good| format!("{}{good}", "v1,AAAA ".repeat(10))));
    assert!(!holds(&|_| String::new()));
    assert!(!holds(&|_| "v1,".to_owned()));
    assert!(!holds(&|good| good.replace("v1,", "v2,")));
    assert!(!holds(&|good| good.replace("v1,", "")));
    assert!(!holds(&|good| good[..20].to_owned()));
}

#[test]
fn headers_must_be_unique_and_well_formed() {
    let good = [
        ("svix-id", "msg_1"),
        ("svix-timestamp", "1000"),
        ("svix-signature", "v1,AAAA"),
    ];
    assert_eq!(
        check(SECRET, &good, b"", 1000),
        Err(SignatureError::Signature),
        "the base case is valid"
    );
    for (at, (name, _)) in good.into_iter().enumerate() {
        let mut missing = good.to_vec();
        missing.remove(at);
        assert_eq!(
            check(SECRET, &missing, b"", 1000),
            Err(SignatureError::Header(name))
        );
        let mut twice = good.to_vec();
        twice.push(good[at]);
        assert_eq!(
            check(SECRET, &twice, b"", 1000),
            Err(SignatureError::Header(name))
        );
    }
    let long = "a".repeat(129);
    for (name, value) in [
        ("svix-id", ""),
        ("svix-id", "a.b"),
        ("svix-id", &long),
        ("svix-timestamp", ""),
        ("svix-timestamp", "+1000"),
        ("svix-timestamp", "1e3"),
        ("svix-timestamp", "99999999999999999999"),
    ] {
        let mut list = good.to_vec();
        list.retain(|(other, _)| *other != name);
        list.push((name, value));
        assert!(
            matches!(check(SECRET, &list, b"", 1000), Err(SignatureError::Header(header)) if header == name),
            "{name} {value}"
        );
    }
}

#[test]
fn malformed_secrets_are_rejected() {
    for good in [
        SECRET,
        &format!("{SECRET},{OTHER}"),
        &format!(" {SECRET} ,"),
    ] {
        assert!(SigningSecrets::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        ",",
        "whsec_",
        "whsec_AAAA",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_not base64 at all, really",
        &format!("{SECRET},x"),
    ] {
        assert!(SigningSecrets::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn relevant_messages_are_parsed() {
    let parse = |kind: &str, data: Value| {
        let body = json!({"type": kind, "object": "event", "data": data, "news": [1]});
        Event::parse(body.to_string().as_bytes())
    };
    let user = json!({"id": "user_1", "updated_at": 7, "first_name": "Ada", "new": {"a": null}});
    let Ok(Event::User { id, profile }) = parse("user.updated", user.clone()) else {
        panic!("message was not parsed")
    };
    assert_eq!((id.as_str(), profile.updated_at), ("user_1", 7));
    for kind in ["session.ended", "session.removed", "session.revoked"] {
        let event = parse(kind, json!({"id": "sess_1", "status": "a new one"})).unwrap();
        let id = "sess_1".to_owned();
        assert_eq!(event, Event::SessionEnded { id }, "{kind}");
    }
    for kind in ["session.created", "email.created", "user.", ""] {
        let event = parse(kind, json!(null)).unwrap();
        assert_eq!(event.change(), None, "{kind}");
    }
    for (kind, data) in [
        ("user.created", json!({"updated_at": 7})),
        (
            "user.created",
            json!({"id": "user_1/../x", "updated_at": 7}),
        ),
        ("user.created", json!({"id": "user_1"})),
        ("user.created", json!({"id": "user_1", "updated_at": "7"})),
        ("user.deleted", json!({"id": "sess_1"})),
        ("user.deleted", json!([])),
        ("session.ended", json!({"id": "user_1"})),
        ("session.ended", json!(null)),
    ] {
        let refused = matches!(parse(kind, data.clone()), Err(EventError::Member(_)));
        assert!(refused, "{kind} {data}");
    }
    for body in ["", "null", "{}", "[]", "{\"type\": 1}", "\u{0}"] {
        assert!(Event::parse(body.as_bytes()).is_err(), "{body}");
    }
}

/// Changes, removes, duplicates or swaps a few bytes of a string.
fn mutated(random: &mut fastrand::Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(..bytes.len().max(1)).min(bytes.len());
        match random.u8(..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, random.u8(..)),
            3 => bytes.truncate(at),
            _ => {
                let end = random.usize(at..=bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.usize(..=bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// Mutates messages until a time limit is reached, with the same seed in each run.
///
/// A message that differs from the signed one must not be accepted, and parsing must not panic.
#[test]
fn mutated_messages_are_rejected() {
    let mut random = fastrand::Rng::with_seed(0x5eed);
    let secrets = SigningSecrets::parse(SECRET).unwrap();
    let record = json!({
        "id": "user_1", "updated_at": 7, "banned": false, "first_name": "Ada",
        "primary_email_address_id": "idn_1", "public_metadata": {"a": [1, 2.5, null]},
        "email_addresses": [{"id": "idn_1", "email_address": "a@x.example",
            "verification": {"status": "verified"}}],
    });
    let message = Webhook::new(SECRET, "user.updated", record);
    let (timestamp, signatures) = (message.timestamp.to_string(), message.signatures());
    let original = [
        message.id.as_bytes(),
        timestamp.as_bytes(),
        signatures.as_bytes(),
        message.body.as_bytes(),
    ];
    let start = Instant::now();
    let (mut rounds, mut read) = (0, 0);
    while rounds < 200_000 && start.elapsed() < Duration::from_secs(2) {
        rounds += 1;
        let mut parts = original.map(<[u8]>::to_vec);
        let at = random.usize(..parts.len());
        parts[at] = mutated(&mut random, original[at]);
        let _ = Event::parse(&parts[3]);
        let [id, time, signature, body] = &parts;
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("svix-id", id),
            ("svix-timestamp", time),
            ("svix-signature", signature),
        ] {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(name, value);
            }
        }
        let Ok(signed) = SignatureHeaders::read(&headers, message.timestamp) else {
            continue;
        };
        read += 1;
        if secrets.verify(&signed, body).is_ok() {
            // A valid signature may be surrounded by garbage, but all signed content must be
            // unchanged.
            let signed = [id.as_slice(), time.as_slice(), body.as_slice()];
            assert_eq!(signed, [original[0], original[1], original[3]]);
        }
    }
    assert!(rounds > 100 && read > 10, "{rounds} {read}");
}
