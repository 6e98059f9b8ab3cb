//! What Clerk keeps for a browser that comes back with a nonce.

use std::time::Duration;

use portal_core::config::Secret;
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use super::API_VERSION;
use crate::http;

/// Also how long a browser waits at most for its page to go on.
const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 64 * 1024;
const MAX_NONCE: usize = 512;
/// Anyone can send a nonce: what is made up must not use up what Clerk answers to us in a second.
const AT_ONCE: usize = 8;

pub(crate) struct Payloads {
    client: reqwest::Client,
    url: Url,
    secret_key: Secret,
    places: Semaphore,
}

impl Payloads {
    /// `base` is that of the Backend API, without `/v1`.
    pub(crate) fn new(
        base: &str,
        secret_key: Secret,
        https_only: bool,
    ) -> portal_core::Result<Self> {
        let url = format!("{base}/v1/clients/handshake_payload");
        Ok(Self {
            client: http::client(TIMEOUT, https_only).map_err(portal_core::Error::internal)?,
            url: Url::parse(&url).map_err(portal_core::Error::internal)?,
            secret_key,
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// The cookies that are kept under a nonce.
    pub(crate) async fn fetch(&self, nonce: &str) -> Result<Vec<String>, String> {
        let plain = nonce
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~=".contains(&byte));
        if !plain || nonce.len() > MAX_NONCE {
            return Err("the nonce is none".to_owned());
        }
        let fetched = tokio::time::timeout(TIMEOUT, async {
            let place = self.places.acquire().await;
            let _place = place.map_err(|error| error.to_string())?;
            self.fetch_now(nonce).await
        });
        let fetched = fetched.await;
        fetched.unwrap_or_else(|_| Err("Clerk does not answer in time".to_owned()))
    }

    async fn fetch_now(&self, nonce: &str) -> Result<Vec<String>, String> {
        #[derive(Deserialize)]
        struct Payload {
            directives: Vec<String>,
        }

        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("nonce", nonce);
        let response = self
            .client
            .get(url)
            .bearer_auth(self.secret_key.expose())
            .header("Clerk-API-Version", API_VERSION)
            .send()
            .await
            // The address holds the nonce, which is a secret while it lasts.
            .map_err(|error| http::describe(error.without_url()))?;
        if response.status() != StatusCode::OK {
            return Err(format!("Clerk answers {}", response.status()));
        }
        let body = http::body(response, MAX_BODY).await?;
        let payload: Payload =
            serde_json::from_slice(&body).map_err(|error| format!("not a payload: {error}"))?;
        Ok(payload.directives)
    }
}
