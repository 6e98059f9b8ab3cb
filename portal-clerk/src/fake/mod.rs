//! Fake Clerk that runs within a test, on a loopback port.
//!
//! It implements those parts of the key set, Frontend API, hosted pages, Backend API and webhooks
//! that a portal uses.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "used in tests, where an impossible state must fail the test"
)]

mod backend;
mod frontend;
mod keys;
mod pages;
mod scripts;
mod state;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use keys::SigningKey;
use state::{Instance, State};

pub use webhook::{Webhook, WebhookResponse};

/// Type of a Clerk instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceKind {
    /// `pk_test_…`: the browser's state is passed in URLs.
    Development,
    /// `pk_live_…`: the browser's state is passed in cookies.
    Production,
}

/// Behavior of the endpoint for the public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwksBehavior {
    /// Serves the key set.
    Up,
    /// Responds with status 500.
    Down,
    /// Serves the key set after a delay.
    Slow(Duration),
    /// Responds with a body of this many bytes that is not a key set.
    Huge(usize),
}

/// Fake Clerk instance for a single test, which listens on a free port of 127.0.0.1 until dropped.
///
/// Panics on impossible operations, such as creating a session for an unknown user.
pub struct FakeClerk {
    instance: Arc<Instance>,
    webhook_secret: String,
    client: reqwest::Client,
    server: JoinHandle<()>,
}

impl FakeClerk {
    /// Starts a development instance.
    pub async fn start() -> Self {
        Self::start_as(InstanceKind::Development).await
    }

    /// Starts an instance of the given type. In DEV, a portal accepts keys of both types.
    pub async fn start_as(kind: InstanceKind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener
            .local_addr()
            .expect("the listener is bound")
            .to_string();
        let instance = Arc::new(Instance::new(kind, &address));
        let router = Router::new()
            .merge(frontend::routes())
            .merge(pages::routes())
            .merge(scripts::routes())
            .merge(backend::routes(Arc::clone(&instance)))
            .with_state(Arc::clone(&instance));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("server runs");
        });
        let secret: [u8; 24] = std::array::from_fn(|_| fastrand::u8(..));
        Self {
            instance,
            webhook_secret: format!("whsec_{}", STANDARD.encode(secret)),
            client: reqwest::Client::new(),
            server,
        }
    }

    /// Returns the base URL of both APIs and the hosted pages, which is also the issuer of the
    /// tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.instance.url
    }

    /// Returns the publishable key, which contains the instance's host and port.
    #[must_use]
    pub fn publishable_key(&self) -> &str {
        &self.instance.publishable_key
    }

    /// Returns the secret key.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.instance.secret_key
    }

    /// Returns the secret with which webhooks are signed.
    #[must_use]
    pub fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// Returns the suffix of this instance's cookie names, as in `__session_SUFFIX`.
    #[must_use]
    pub fn cookie_suffix(&self) -> &str {
        &self.instance.suffix
    }

    /// Returns the current public key in PEM format, for `CLERK_JWT_KEY`.
    #[must_use]
    pub fn pem(&self) -> String {
        self.state().key.pem()
    }

    /// Returns the environment variables that make a portal in DEV use this instance.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
                self.publishable_key().to_owned(),
            ),
            ("CLERK_SECRET_KEY", self.secret_key().to_owned()),
            ("CLERK_FRONTEND_API_URL", self.url().to_owned()),
            ("CLERK_BACKEND_API_URL", self.url().to_owned()),
            ("CLERK_WEBHOOK_SIGNING_SECRET", self.webhook_secret.clone()),
        ]
    }

    // Users.

    /// Returns the id of the user with an e-mail address. A user who does not exist is created with
    /// a verified address.
    pub fn user(&self, email: &str) -> String {
        self.state().user_of(email, "Test", "Person")
    }

    /// Returns a user's record as the Backend API would.
    #[must_use]
    pub fn record(&self, user_id: &str) -> Option<Value> {
        self.state().user(user_id).cloned()
    }

    /// Changes a user's record and updates its `updated_at`.
    pub fn update_user(&self, user_id: &str, edit: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let edited = state.edit(user_id, edit);
        assert!(edited.is_some(), "there is no user {user_id}");
    }

    /// Bans a user, which ends all of their sessions.
    pub fn ban(&self, user_id: &str) {
        self.update_user(user_id, |record| record["banned"] = true.into());
        self.state().end_sessions_of(user_id, "revoked");
    }

    /// Lifts a user's ban.
    pub fn unban(&self, user_id: &str) {
        self.update_user(user_id, |record| record["banned"] = false.into());
    }

    /// Deletes a user, which ends all of their sessions.
    pub fn delete(&self, user_id: &str) {
        let removed = self.state().remove_user(user_id);
        assert!(removed, "there is no user {user_id}");
    }

    // Sessions.

    /// Creates a session for a user, in a separate browser, and returns its id.
    pub fn session(&self, user_id: &str) -> String {
        let mut state = self.state();
        let client = state.new_client();
        state.open_session(user_id, &client.id)
    }

    /// Creates a session and returns a token for it, for pages from an origin such as
    /// `http://127.0.0.1:8000`.
    pub fn session_token(&self, user_id: &str, origin: &str) -> String {
        let session = self.session(user_id);
        self.token(&session, origin)
    }

    /// Returns a new token for a session, regardless of the session's status.
    #[must_use]
    pub fn token(&self, session_id: &str, origin: &str) -> String {
        self.instance.token(session_id, origin, &json!({}))
    }

    /// Returns a token for a session with the given changes to its claims; `null` removes a claim.
    #[must_use]
    pub fn token_with(&self, session_id: &str, origin: &str, claims: &Value) -> String {
        self.instance.token(session_id, origin, claims)
    }

    /// Returns the ids of all of a user's sessions, oldest first, regardless of their status.
    #[must_use]
    pub fn sessions_of(&self, user_id: &str) -> Vec<String> {
        let state = self.state();
        let sessions = state.sessions.iter();
        sessions
            .filter(|session| session.user_id == user_id)
            .map(|session| session.id.clone())
            .collect()
    }

    /// Returns the status of a session: `active`, `ended`, `removed` or `revoked`.
    #[must_use]
    pub fn session_status(&self, session_id: &str) -> &'static str {
        let state = self.state();
        let session = state.session(session_id).expect("the session exists");
        session.status
    }

    /// Revokes a session, for which no more tokens are then issued.
    pub fn revoke(&self, session_id: &str) {
        let ended = self.state().end_session(session_id, "revoked");
        assert!(ended, "there is no active session {session_id}");
    }

    /// Sets the lifetime of new tokens, in seconds. Default: 60.
    ///
    /// A negative value creates expired tokens.
    pub fn set_token_lifetime(&self, seconds: i64) {
        self.state().token_lifetime = seconds;
    }

    /// Sets whether the browser's script renews tokens automatically. Default: `true`.
    pub fn set_renewal_in_browser(&self, renews: bool) {
        self.state().renew_in_browser = renews;
    }

    // Keys.

    /// Sets the behavior of the endpoint for the public keys.
    pub fn set_jwks(&self, jwks: JwksBehavior) {
        self.state().jwks = jwks;
    }

    /// Replaces the signing key; earlier tokens then refer to a key that no longer exists.
    pub fn rotate_keys(&self) {
        // Generating a key is slow, so this is done before the lock is acquired.
        let key = SigningKey::generate();
        self.state().key = key;
    }

    /// Returns the number of requests for the public keys so far.
    #[must_use]
    pub fn jwks_fetch_count(&self) -> usize {
        self.state().jwks_fetches
    }

    // Frontend API.

    /// Returns the number of handshakes started so far.
    #[must_use]
    pub fn handshake_count(&self) -> usize {
        self.state().handshake_count
    }

    /// Sets whether handshakes return a signed token instead of a nonce.
    pub fn set_handshake_tokens(&self, tokens: bool) {
        self.state().handshake_tokens = tokens;
    }

    /// Signs a user in and returns the `__client` cookie, for tests that run without a browser.
    pub fn client_cookie(&self, user_id: &str) -> String {
        let mut state = self.state();
        let client = state.new_client();
        state.open_session(user_id, &client.id);
        client.id
    }

    /// Allows browsers to be redirected back to an origin that is not on this machine.
    pub fn allow_origin(&self, origin: &str) {
        self.state().origins.push(origin.to_owned());
    }

    // Backend API.

    /// Makes the next calls to the Backend API fail with `429` and `Retry-After`.
    pub fn rate_limit_next(&self, calls: usize, retry_after_seconds: u64) {
        self.state().refusals = (calls, retry_after_seconds);
    }

    /// Makes every call to the Backend API fail with a status; `None` restores normal behavior.
    pub fn set_failure(&self, status: Option<u16>) {
        self.state().failure = status;
    }

    /// Sets whether calls to the Backend API receive no response.
    pub fn set_hanging(&self, hangs: bool) {
        self.state().hangs = hangs;
    }

    /// Omits a user from lists, as if they had moved to another page of the list while it was read.
    pub fn hide_from_lists(&self, user_id: &str) {
        self.state().hidden.push(user_id.to_owned());
    }

    /// Returns the method, path and query of each call to the Backend API so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    // Webhooks.

    /// Creates a signed webhook message of the given type, with the current time.
    pub fn webhook_event(&self, kind: &str, data: Value) -> Webhook {
        Webhook::new(&self.webhook_secret, kind, data)
    }

    /// Creates a `user.created` or `user.updated` message with the current record.
    pub fn user_event(&self, kind: &str, user_id: &str) -> Webhook {
        let record = self.record(user_id).expect("the user exists");
        self.webhook_event(kind, record)
    }

    /// Creates a `user.deleted` message.
    pub fn deleted_event(&self, user_id: &str) -> Webhook {
        let data = json!({"id": user_id, "object": "user", "deleted": true});
        self.webhook_event("user.deleted", data)
    }

    /// Creates a `session.created`, `.ended`, `.removed` or `.revoked` message.
    pub fn session_event(&self, kind: &str, session_id: &str) -> Webhook {
        let state = self.state();
        let session = state.session(session_id).expect("the session exists");
        let mut data = session.record();
        let user = state.user(&session.user_id);
        data["user"] = user.cloned().unwrap_or_default();
        drop(state);
        self.webhook_event(kind, data)
    }

    /// Sends a message to a portal's `/api/webhooks/clerk` route once.
    pub async fn send_webhook(&self, portal: &str, webhook: &Webhook) -> WebhookResponse {
        webhook.send(&self.client, portal).await
    }

    fn state(&self) -> parking_lot::MutexGuard<'_, State> {
        self.instance.state()
    }
}

impl Drop for FakeClerk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for FakeClerk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClerkDouble({})", self.url())
    }
}
