//! `POST /api/webhooks/clerk`: receives Clerk's webhooks.

mod event;
mod signature;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use portal_core::auth::{Effect, Guard, Routes, UserDirectory};
use portal_core::{Error, Result};
use serde_json::{Value, json};

use crate::log_rate::LogRate;
use crate::verifier::TimePoint;
use event::{Event, EventError};
use signature::SignatureHeaders;

pub(crate) use signature::SigningSecrets;

/// Maximum size of a message, in bytes; a user record is a few kilobytes.
const MAX_BODY: usize = 256 * 1024;

/// Receiver of messages signed by Clerk.
pub(crate) struct WebhookReceiver {
    secrets: SigningSecrets,
    directory: UserDirectory,
    /// Rate limit for the log message about rejected webhooks, which any client can trigger.
    refused: LogRate,
}

impl WebhookReceiver {
    pub(crate) fn new(secrets: SigningSecrets, directory: UserDirectory) -> Self {
        Self {
            secrets,
            directory,
            refused: LogRate::default(),
        }
    }
}

/// Returns the route without its state.
pub(crate) fn routes() -> Routes<Arc<WebhookReceiver>> {
    Routes::new().post("/api/webhooks/clerk", Guard::Signature, receive)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|media_type| media_type.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Handles a message; its signature is the only credential.
///
/// Clerk resends the message after any status other than 2xx, so a failure in the portal must not
/// look like success.
async fn receive(
    State(receiver): State<Arc<WebhookReceiver>>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, body) = request.into_parts();
    let now = TimePoint::now();
    let refused = |reason: signature::SignatureError| {
        match receiver.refused.line(now.instant) {
            Some(left_out) => tracing::warn!(%reason, left_out, "webhook rejected"),
            None => tracing::debug!(%reason, "webhook rejected"),
        }
        Error::bad_request("the signature of this message is invalid")
            .with_code("invalid_signature")
    };
    // The headers are checked before the body is read, so that unsigned requests cost nothing.
    let signed = SignatureHeaders::read(&parts.headers, now.unix).map_err(refused)?;
    if !is_json(&parts.headers) {
        return Err(Error::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the content type must be `application/json`",
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
        // Clerk signed the message and would resend it for days, so the response must report
        // success.
        Err(reason @ EventError::Member(_)) => {
            tracing::warn!(id = signed.id, %reason, "webhook ignored because it is malformed");
            return Ok(Json(json!({"effect": "none"})));
        }
        Err(reason) => {
            tracing::warn!(id = signed.id, %reason, "failed to read a webhook");
            return Err(
                Error::bad_request(format!("invalid message: {reason}")).with_code("invalid_event")
            );
        }
    };
    let Some(change) = event.change() else {
        tracing::debug!(
            id = signed.id,
            ?event,
            "webhook ignored because its type has no effect"
        );
        return Ok(Json(json!({"effect": "none"})));
    };
    let applied = receiver.directory.apply(Some(signed.id), change).await?;
    tracing::info!(id = signed.id, ?applied, "webhook applied");
    let effect = match applied {
        Effect::Created => "created",
        Effect::Updated => "updated",
        Effect::Deleted => "deleted",
        Effect::Ended => "ended",
        _ => "none",
    };
    Ok(Json(json!({ "effect": effect })))
}
