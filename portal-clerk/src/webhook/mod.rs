//! `POST /api/webhooks/clerk`: what Clerk tells by itself.

mod event;
mod signature;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use portal_core::auth::{Applied, Directory, Guard, Routes};
use portal_core::{Error, Result};
use serde_json::{Value, json};

use crate::log_rate::LogRate;
use crate::verifier::Moment;
use event::{Event, Malformed};
use signature::Signed;

pub(crate) use signature::SigningSecrets;

/// A record of a user has a few kilobytes.
const MAX_BODY: usize = 256 * 1024;

/// Takes messages that Clerk has signed.
pub(crate) struct Receiver {
    secrets: SigningSecrets,
    directory: Directory,
    /// The rate of the line about a message that is refused: strangers can cause it.
    refused: LogRate,
}

impl Receiver {
    pub(crate) fn new(secrets: SigningSecrets, directory: Directory) -> Self {
        Self {
            secrets,
            directory,
            refused: LogRate::default(),
        }
    }
}

/// The route, before it is given its state.
pub(crate) fn routes() -> Routes<Arc<Receiver>> {
    Routes::new().post("/api/webhooks/clerk", Guard::Signature, receive)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|media_type| media_type.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The signature is the only credential here. Anything but a status of 2xx makes Clerk send the
/// message again, so a failure of ours must not look like success.
async fn receive(State(receiver): State<Arc<Receiver>>, request: Request) -> Result<Json<Value>> {
    let (parts, body) = request.into_parts();
    let now = Moment::now();
    let refused = |reason: signature::Refused| {
        match receiver.refused.line(now.instant) {
            Some(left_out) => tracing::warn!(%reason, left_out, "a webhook was refused"),
            None => tracing::debug!(%reason, "a webhook was refused"),
        }
        Error::bad_request("the signature of this message does not hold")
            .with_code("invalid_signature")
    };
    // Before the body is read: whoever cannot sign is not to cost anything.
    let signed = Signed::read(&parts.headers, now.unix).map_err(refused)?;
    if !is_json(&parts.headers) {
        return Err(Error::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the message as `application/json`",
        ));
    }
    let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        Error::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the message is larger than 256 KiB",
        )
    })?;
    receiver.secrets.verify(&signed, &body).map_err(refused)?;
    let event = match Event::parse(&body) {
        Ok(event) => event,
        // Clerk has signed it, and would send the same again for days.
        Err(reason @ Malformed::Member(_)) => {
            tracing::warn!(id = signed.id, %reason, "a webhook of Clerk's has no effect");
            return Ok(Json(json!({"effect": "none"})));
        }
        Err(reason) => {
            tracing::warn!(id = signed.id, %reason, "a webhook of Clerk's could not be read");
            return Err(
                Error::bad_request(format!("this message cannot be read: {reason}"))
                    .with_code("invalid_event"),
            );
        }
    };
    let Some(change) = event.change() else {
        tracing::debug!(id = signed.id, ?event, "a webhook means nothing here");
        return Ok(Json(json!({"effect": "none"})));
    };
    let applied = receiver.directory.apply(Some(signed.id), change).await?;
    tracing::info!(id = signed.id, ?applied, "a webhook was taken over");
    let effect = match applied {
        Applied::Created => "created",
        Applied::Updated => "updated",
        Applied::Deleted => "deleted",
        Applied::Ended => "ended",
        _ => "none",
    };
    Ok(Json(json!({ "effect": effect })))
}
