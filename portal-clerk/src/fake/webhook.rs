//! Clerk's webhook messages, signed in the same way as by Svix.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

/// A webhook message to a portal; tests may corrupt any part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Webhook {
    /// Header `svix-id`; the same each time the message is sent.
    pub id: String,
    /// Header `svix-timestamp`, in seconds since 1970.
    pub timestamp: i64,
    /// Body of the message.
    pub body: String,
    /// Secrets that sign the message, in order.
    pub secrets: Vec<String>,
    /// If set, this value is sent instead of the signatures.
    pub signature: Option<String>,
}

/// A portal's response to a webhook message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookResponse {
    /// Status of the response.
    pub status: u16,
    /// Body of the response.
    pub text: String,
}

impl Webhook {
    /// Creates a message of the given type, with the current time.
    pub fn new(secret: &str, kind: &str, data: Value) -> Self {
        let timestamp = Utc::now();
        let body = json!({
            "type": kind,
            "object": "event",
            "data": data,
            "timestamp": timestamp.timestamp_millis(),
            "event_attributes": {"http_request": {"client_ip": "192.0.2.1", "user_agent": "double"}},
            "instance_id": "ins_double",
        });
        Self {
            id: format!("msg_{}", Uuid::new_v4().simple()),
            timestamp: timestamp.timestamp(),
            body: body.to_string(),
            secrets: vec![secret.to_owned()],
            signature: None,
        }
    }

    /// Sets the time of sending to the given number of seconds ago; a negative number is in the
    /// future.
    pub fn sent_ago(mut self, seconds: i64) -> Self {
        self.timestamp = Utc::now().timestamp() - seconds;
        self
    }

    /// Sets the secrets that sign the message. Default: the instance's secret.
    pub fn signed_with(mut self, secrets: &[&str]) -> Self {
        self.secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self
    }

    /// Returns the signatures in the format of `svix-signature`.
    #[must_use]
    pub fn signatures(&self) -> String {
        if let Some(signature) = &self.signature {
            return signature.clone();
        }
        let message = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let signatures = self.secrets.iter().map(|secret| {
            let key = secret.strip_prefix("whsec_").unwrap_or(secret);
            let key = STANDARD.decode(key).expect("the secret is base64");
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            let signature = hmac::sign(&key, message.as_bytes());
            format!("v1,{}", STANDARD.encode(signature))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    pub(super) async fn send(&self, client: &reqwest::Client, portal: &str) -> WebhookResponse {
        let portal = portal.trim_end_matches('/');
        let response = client
            .post(format!("{portal}/api/webhooks/clerk"))
            .header("content-type", "application/json")
            .header("user-agent", "Svix-Webhooks/1.0")
            .header("svix-id", &self.id)
            .header("svix-timestamp", self.timestamp)
            .header("svix-signature", self.signatures())
            .body(self.body.clone())
            .send()
            .await
            .expect("the portal responds");
        WebhookResponse {
            status: response.status().as_u16(),
            text: response.text().await.expect("the body is text"),
        }
    }
}
