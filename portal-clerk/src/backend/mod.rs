//! Clerk's Backend API, limited to the calls that a portal needs.

mod client;
mod error;
mod records;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use portal_core::auth::{AuthError, Profile};
use portal_core::config::Secret;
use reqwest::Method;
use serde_json::Value;

use crate::user_record::{is_session_id, is_user_id};
use client::Client;

pub(crate) use client::RetryPolicy;
pub use error::BackendError;
pub use records::{ClerkSession, ClerkUser, MetadataChange, UserQuery};

/// Client for Clerk's Backend API with the portal's secret key. Cheap to clone.
///
/// It can be used once a portal that uses Clerk has started. Each call uses the network and counts
/// against Clerk's rate limits; authenticating users whom the portal has stored needs no call.
/// Read-only calls are retried if Clerk is unavailable or requests a delay.
///
/// ```no_run
/// use portal_clerk::{BackendApi, ClerkAuth, MetadataChange};
/// use portal_core::prelude::*;
///
/// /// Upgrade
/// #[page("/upgrade", method = post, requires_auth)]
/// async fn upgrade(user: CurrentUser, clerk: Data<BackendApi>) -> Result<Markup> {
///     let public = Some(serde_json::json!({"plan": "pro"}));
///     let change = MetadataChange { public, private: None };
///     clerk.merge_metadata(&user.subject, &change).await?;
///     Ok(html! { p { "Thank you." } })
/// }
///
/// let auth = ClerkAuth::new();
/// let clerk = auth.backend();
/// let portal = Portal::builder().auth(auth).data(clerk).page(upgrade);
/// ```
#[derive(Clone, Default)]
pub struct BackendApi {
    client: Arc<OnceLock<Client>>,
}

impl BackendApi {
    /// Configures this handle and all its clones; only the first call has an effect.
    pub(crate) fn connect(
        &self,
        base: &str,
        secret_key: Secret,
        https_only: bool,
    ) -> Result<(), String> {
        let client = Client::new(base, secret_key, https_only)?;
        let _ = self.client.set(client);
        Ok(())
    }

    fn client(&self) -> Result<&Client, BackendError> {
        self.client.get().ok_or(BackendError::NotConfigured)
    }

    /// Returns a user, or `None` if Clerk has no user with this id.
    ///
    /// # Errors
    ///
    /// Fails if the id is invalid, the API is not configured or the call fails.
    pub async fn user(&self, id: &str) -> Result<Option<ClerkUser>, BackendError> {
        self.user_with(id, RetryPolicy::DEFAULT).await
    }

    pub(crate) async fn user_with(
        &self,
        id: &str,
        patience: RetryPolicy,
    ) -> Result<Option<ClerkUser>, BackendError> {
        let path = ["users", user_id(id)?];
        let user = match self.client()?.get(&path, &[], patience).await {
            Ok(record) => ClerkUser::read(record)?,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        if user.id == id {
            Ok(Some(user))
        } else {
            Err(BackendError::Unexpected(
                "the record of another user".to_owned(),
            ))
        }
    }

    /// Returns the record of a user whom the portal has not stored yet, while the user's browser is
    /// waiting.
    pub(crate) async fn profile(&self, subject: &str) -> Result<Option<Profile>, AuthError> {
        if !is_user_id(subject) {
            return Ok(None);
        }
        let user = self.user_with(subject, RetryPolicy::REQUEST).await?;
        Ok(user.map(|user| user.profile))
    }

    /// Returns one page of users.
    ///
    /// # Errors
    ///
    /// Fails if the API is not configured or the call fails.
    pub async fn users(&self, query: &UserQuery) -> Result<Vec<ClerkUser>, BackendError> {
        self.users_with(query, RetryPolicy::DEFAULT).await
    }

    pub(crate) async fn users_with(
        &self,
        query: &UserQuery,
        patience: RetryPolicy,
    ) -> Result<Vec<ClerkUser>, BackendError> {
        let page = query.page();
        let client = self.client()?;
        let body = client.get(&["users"], &pairs(&page), patience).await?;
        list(body)?.into_iter().map(ClerkUser::read).collect()
    }

    /// Returns the number of users who match a query, ignoring its order, offset and limit.
    ///
    /// # Errors
    ///
    /// Fails if the API is not configured or the call fails.
    pub async fn count_users(&self, query: &UserQuery) -> Result<u64, BackendError> {
        let filter = query.filter();
        let body = self
            .client()?
            .get(&["users", "count"], &pairs(&filter), RetryPolicy::DEFAULT)
            .await?;
        body["total_count"]
            .as_u64()
            .ok_or_else(|| BackendError::Unexpected("no count in the response".to_owned()))
    }

    /// Merges a change into a user's metadata and returns the updated user.
    ///
    /// # Errors
    ///
    /// Fails if the id is invalid, the API is not configured or the call fails.
    pub async fn merge_metadata(
        &self,
        id: &str,
        change: &MetadataChange,
    ) -> Result<ClerkUser, BackendError> {
        let path = ["users", user_id(id)?, "metadata"];
        let body = change.body();
        let client = self.client()?;
        ClerkUser::read(client.change(Method::PATCH, &path, Some(&body)).await?)
    }

    /// Bans a user, which ends all of their sessions.
    ///
    /// # Errors
    ///
    /// Fails if the id is invalid, the API is not configured or the call fails.
    pub async fn ban(&self, id: &str) -> Result<ClerkUser, BackendError> {
        let path = ["users", user_id(id)?, "ban"];
        ClerkUser::read(self.client()?.change(Method::POST, &path, None).await?)
    }

    /// Lifts a user's ban.
    ///
    /// # Errors
    ///
    /// Fails if the id is invalid, the API is not configured or the call fails.
    pub async fn unban(&self, id: &str) -> Result<ClerkUser, BackendError> {
        let path = ["users", user_id(id)?, "unban"];
        ClerkUser::read(self.client()?.change(Method::POST, &path, None).await?)
    }

    /// Returns a user's active sessions.
    ///
    /// # Errors
    ///
    /// Fails if the id is invalid, the API is not configured or the call fails.
    pub async fn sessions(&self, id: &str) -> Result<Vec<ClerkSession>, BackendError> {
        const PAGE: usize = 100;
        let id = user_id(id)?;
        let mut sessions: Vec<ClerkSession> = Vec::new();
        loop {
            let offset = sessions.len().to_string();
            let query = [
                ("user_id", id),
                ("status", "active"),
                ("paginated", "true"),
                ("limit", "100"),
                ("offset", &offset),
            ];
            let client = self.client()?;
            let mut body = client
                .get(&["sessions"], &query, RetryPolicy::DEFAULT)
                .await?;
            let page = list(body["data"].take())?;
            let is_last = page.len() < PAGE;
            for record in page {
                let session = serde_json::from_value(record);
                sessions
                    .push(session.map_err(|error| BackendError::Unexpected(error.to_string()))?);
            }
            if is_last {
                return Ok(sessions);
            }
        }
    }

    /// Revokes a session, for which Clerk then issues no more tokens.
    ///
    /// Tokens already issued remain valid until they expire; this portal rejects them once the
    /// webhook arrives.
    ///
    /// # Errors
    ///
    /// Fails if the id is invalid, the API is not configured or the call fails.
    pub async fn revoke_session(&self, id: &str) -> Result<(), BackendError> {
        if !is_session_id(id) {
            return Err(BackendError::InvalidId(id.to_owned()));
        }
        let path = ["sessions", id, "revoke"];
        self.client()?.change(Method::POST, &path, None).await?;
        Ok(())
    }

    /// Returns the result of a handshake: the `Set-Cookie` values for the browser.
    pub(crate) async fn handshake_payload(&self, nonce: &str) -> Result<Vec<String>, BackendError> {
        let query = [("nonce", nonce)];
        let path = ["clients", "handshake_payload"];
        let body = self.client()?.get(&path, &query, RetryPolicy::ONCE).await?;
        serde_json::from_value(body["directives"].clone())
            .map_err(|error| BackendError::Unexpected(error.to_string()))
    }
}

impl std::fmt::Debug for BackendApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.client.get() {
            Some(_) => "BackendApi",
            None => "BackendApi(not configured)",
        })
    }
}

/// Checks that an id can be used in a URL path.
fn user_id(id: &str) -> Result<&str, BackendError> {
    if is_user_id(id) {
        Ok(id)
    } else {
        Err(BackendError::InvalidId(id.to_owned()))
    }
}

fn pairs<'a>(query: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
    pairs.collect()
}

fn list(body: Value) -> Result<Vec<Value>, BackendError> {
    match body {
        Value::Array(items) => Ok(items),
        _ => Err(BackendError::Unexpected(
            "no list in the response".to_owned(),
        )),
    }
}
