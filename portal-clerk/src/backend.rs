//! Clerk's Backend API, as far as signing in needs it.

use std::time::Duration;

use portal_core::Error;
use portal_core::auth::AuthError;
use portal_core::config::Secret;
use reqwest::StatusCode;
use serde_json::Value;

use crate::http;
use crate::users::is_user_id;

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 1024 * 1024;
/// The version of the API that this crate was written for.
const API_VERSION: &str = "2026-05-12";

pub(crate) struct Backend {
    client: reqwest::Client,
    base: String,
    secret_key: Secret,
}

impl Backend {
    pub(crate) fn new(
        base: String,
        secret_key: Secret,
        https_only: bool,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: http::client(TIMEOUT, https_only)?,
            base,
            secret_key,
        })
    }

    /// The record of a user; `None` if Clerk has none.
    pub(crate) async fn user(&self, id: &str) -> Result<Option<Value>, AuthError> {
        if !is_user_id(id) {
            return Ok(None);
        }
        let response = self
            .client
            .get(format!("{}/v1/users/{id}", self.base))
            .bearer_auth(self.secret_key.expose())
            .header("Clerk-API-Version", API_VERSION)
            .send()
            .await
            .map_err(|error| AuthError::Unavailable(http::describe(error)))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(Error::internal(format!(
                    "Clerk answers {status}: is CLERK_SECRET_KEY of this instance?"
                ))
                .into());
            }
            status => {
                return Err(AuthError::Unavailable(format!("Clerk answers {status}")));
            }
        }
        let body = http::body(response, MAX_BODY)
            .await
            .map_err(AuthError::Unavailable)?;
        let record: Value = serde_json::from_slice(&body).map_err(Error::internal)?;
        if record["id"] != id {
            return Err(Error::internal("Clerk answers with another user's record").into());
        }
        Ok(Some(record))
    }
}
