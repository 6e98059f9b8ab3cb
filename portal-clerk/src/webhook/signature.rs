//! Verification that a message comes from Clerk, using the Svix signature of the raw body.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Allowed difference between the clocks of the sender and the portal, in seconds.
///
/// Older messages may be replays.
pub(crate) const WINDOW: i64 = 5 * 60;
/// Maximum length of an id, in bytes.
const MAX_ID: usize = 128;
/// Maximum number of signatures; usually, there are two while the secret is being rotated.
const MAX_SIGNATURES: usize = 10;
/// Minimum length of a key, in bytes; shorter keys could be guessed.
const MIN_KEY: usize = 16;

/// Accepted signing secrets. There are two while a secret is being rotated.
pub(crate) struct SigningSecrets(Vec<hmac::Key>);

/// Reason for rejecting a message; it is logged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("the header {0} is missing, duplicate or invalid")]
    Header(&'static str),
    #[error("the timestamp is outside of the allowed window")]
    Time,
    #[error("no signature matches")]
    Signature,
}

/// A message's signature headers, which have not been verified yet.
pub(crate) struct SignatureHeaders<'a> {
    pub(crate) id: &'a str,
    timestamp: &'a str,
    signatures: &'a str,
}

impl SigningSecrets {
    /// Parses the setting, which contains comma-separated secrets such as `whsec_…`.
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
            "is not a signing secret; copy the complete `whsec_…` from the webhook's page in Clerk's dashboard",
        )
    }

    /// Verifies that the message was signed with one of the secrets.
    pub(crate) fn verify(
        &self,
        signed: &SignatureHeaders<'_>,
        body: &[u8],
    ) -> Result<(), SignatureError> {
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
            Err(SignatureError::Signature)
        }
    }
}

impl<'a> SignatureHeaders<'a> {
    /// Reads the headers and rejects messages sent outside the window around `now`.
    ///
    /// `now` is in seconds since 1970.
    pub(crate) fn read(headers: &'a HeaderMap, now: i64) -> Result<Self, SignatureError> {
        let id = header(headers, "svix-id")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(plain) {
            return Err(SignatureError::Header("svix-id"));
        }
        let timestamp = header(headers, "svix-timestamp")?;
        let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let time: i64 = timestamp
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or(SignatureError::Header("svix-timestamp"))?;
        if now.saturating_sub(time).abs() > WINDOW {
            return Err(SignatureError::Time);
        }
        Ok(Self {
            id,
            timestamp,
            signatures: header(headers, "svix-signature")?,
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| SignatureError::Header(name)),
        _ => Err(SignatureError::Header(name)),
    }
}
