//! Whether a message comes from Clerk: the signature of Svix over the raw body.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How far the clocks of sender and portal may be apart, in seconds; older messages may be
/// replays.
pub(crate) const WINDOW: i64 = 5 * 60;
/// Length of an id.
const MAX_ID: usize = 128;
/// Two are usual, while the secret is replaced.
const MAX_SIGNATURES: usize = 10;
/// Shorter keys could be guessed.
const MIN_KEY: usize = 16;

/// The secrets that messages may be signed with: two while one is replaced by the other.
pub(crate) struct SigningSecrets(Vec<hmac::Key>);

/// Why a message is refused. For the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the header {0} is missing, stands twice or cannot be read")]
    Header(&'static str),
    #[error("the message is of another time")]
    Time,
    #[error("no signature fits")]
    Signature,
}

/// What the headers of a message say, before anything of it is proven.
pub(crate) struct Signed<'a> {
    pub(crate) id: &'a str,
    timestamp: &'a str,
    signatures: &'a str,
}

impl SigningSecrets {
    /// From a setting: secrets such as `whsec_…`, with commas in between.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let secrets = text.split(',').map(str::trim);
        let keys = secrets.filter(|secret| !secret.is_empty()).map(|secret| {
            let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
            (key.len() >= MIN_KEY).then(|| hmac::Key::new(hmac::HMAC_SHA256, &key))
        });
        let keys = keys
            .collect::<Option<Vec<_>>>()
            .filter(|keys| !keys.is_empty());
        keys.map(Self).ok_or(
            "is not a signing secret; copy `whsec_…` from the webhook's page in Clerk's dashboard, whole",
        )
    }

    /// Whether the message was signed with one of the secrets.
    pub(crate) fn verify(&self, signed: &Signed<'_>, body: &[u8]) -> Result<(), Refused> {
        let given: Vec<Vec<u8>> = signed
            .signatures
            .split(' ')
            .take(MAX_SIGNATURES)
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .collect();
        let fits = self.0.iter().any(|key| {
            let mut context = hmac::Context::with_key(key);
            for part in [signed.id, ".", signed.timestamp, "."] {
                context.update(part.as_bytes());
            }
            context.update(body);
            let expected = context.sign();
            given
                .iter()
                .any(|given| verify_slices_are_equal(expected.as_ref(), given).is_ok())
        });
        if fits {
            Ok(())
        } else {
            Err(Refused::Signature)
        }
    }
}

impl<'a> Signed<'a> {
    /// Reads the headers, and refuses messages of another time than that in seconds since 1970.
    pub(crate) fn read(headers: &'a HeaderMap, now: i64) -> Result<Self, Refused> {
        let id = header(headers, "svix-id")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(plain) {
            return Err(Refused::Header("svix-id"));
        }
        let timestamp = header(headers, "svix-timestamp")?;
        let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let time: i64 = timestamp
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or(Refused::Header("svix-timestamp"))?;
        if now.saturating_sub(time).abs() > WINDOW {
            return Err(Refused::Time);
        }
        Ok(Self {
            id,
            timestamp,
            signatures: header(headers, "svix-signature")?,
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Refused::Header(name)),
        _ => Err(Refused::Header(name)),
    }
}
