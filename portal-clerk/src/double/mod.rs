//! A Clerk that runs within a test: its key sets, Frontend API, hosted pages, Backend API and
//! webhooks, as far as a portal uses them, on a port of this machine.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "it is for tests, where what cannot be has to end them"
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

pub use webhook::{Delivered, Webhook};

/// Which of Clerk's two kinds of instances a double is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceKind {
    /// `pk_test_…`: the browser's state travels in addresses.
    Development,
    /// `pk_live_…`: the browser's state travels in cookies.
    Production,
}

/// How the double serves its public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jwks {
    /// As it should.
    Up,
    /// With status 500.
    Down,
    /// After a while.
    Slow(Duration),
    /// A body of this many bytes that is no key set.
    Huge(usize),
}

/// A Clerk instance of a test's own, on a free port of 127.0.0.1 until it is dropped.
///
/// Whatever a test asks of it that cannot be, such as a session of an unknown user, is a panic.
pub struct ClerkDouble {
    instance: Arc<Instance>,
    webhook_secret: String,
    client: reqwest::Client,
    server: JoinHandle<()>,
}

impl ClerkDouble {
    /// A development instance.
    pub async fn start() -> Self {
        Self::start_as(InstanceKind::Development).await
    }

    /// An instance of a kind. A portal accepts keys of a production instance in DEV too.
    pub async fn start_as(kind: InstanceKind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let instance = Arc::new(Instance::new(kind, &address));
        let router = Router::new()
            .merge(frontend::routes())
            .merge(pages::routes())
            .merge(scripts::routes())
            .merge(backend::routes(Arc::clone(&instance)))
            .with_state(Arc::clone(&instance));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        let secret: [u8; 24] = std::array::from_fn(|_| fastrand::u8(..));
        Self {
            instance,
            webhook_secret: format!("whsec_{}", STANDARD.encode(secret)),
            client: reqwest::Client::new(),
            server,
        }
    }

    /// Base of both of its APIs and of its hosted pages; also the issuer of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.instance.url
    }

    /// The publishable key, which names the double's address.
    #[must_use]
    pub fn publishable_key(&self) -> &str {
        &self.instance.publishable_key
    }

    /// The secret key.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.instance.secret_key
    }

    /// The secret that its webhooks are signed with.
    #[must_use]
    pub fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// What stands behind the names of this instance's cookies, such as `__session_SUFFIX`.
    #[must_use]
    pub fn cookie_suffix(&self) -> &str {
        &self.instance.suffix
    }

    /// The present public key in PEM, for `CLERK_JWT_KEY`.
    #[must_use]
    pub fn pem(&self) -> String {
        self.state().key.pem()
    }

    /// The variables that make a portal in DEV use this instance.
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

    /// The id of the user of an address; a new one has it verified.
    pub fn user(&self, email: &str) -> String {
        self.state().user_of(email, "Test", "Person")
    }

    /// The record of a user as the Backend API shows it.
    #[must_use]
    pub fn record(&self, user_id: &str) -> Option<Value> {
        self.state().user(user_id).cloned()
    }

    /// Changes the record of a user, and with it its `updated_at`.
    pub fn edit(&self, user_id: &str, edit: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let edited = state.edit(user_id, edit);
        assert!(edited.is_some(), "there is no user {user_id}");
    }

    /// Bans a user, which ends all his sessions.
    pub fn ban(&self, user_id: &str) {
        self.edit(user_id, |record| record["banned"] = true.into());
        self.state().end_sessions_of(user_id, "revoked");
    }

    /// Lets a banned user in again.
    pub fn unban(&self, user_id: &str) {
        self.edit(user_id, |record| record["banned"] = false.into());
    }

    /// Deletes a user, which ends all his sessions.
    pub fn delete(&self, user_id: &str) {
        let removed = self.state().remove_user(user_id);
        assert!(removed, "there is no user {user_id}");
    }

    // Sessions.

    /// The id of a new session of a user, in a browser of its own.
    pub fn session(&self, user_id: &str) -> String {
        let mut state = self.state();
        let client = state.new_client();
        state.open_session(user_id, &client.id)
    }

    /// A token of a new session, for pages of an origin such as `http://127.0.0.1:8000`.
    pub fn session_token(&self, user_id: &str, origin: &str) -> String {
        let session = self.session(user_id);
        self.token(&session, origin)
    }

    /// A new token of a session, whatever its status.
    #[must_use]
    pub fn token(&self, session_id: &str, origin: &str) -> String {
        self.instance.token(session_id, origin, &json!({}))
    }

    /// The same with other claims; `null` takes one out.
    #[must_use]
    pub fn token_with(&self, session_id: &str, origin: &str, claims: &Value) -> String {
        self.instance.token(session_id, origin, claims)
    }

    /// The sessions of a user, oldest first, whatever their status.
    #[must_use]
    pub fn sessions_of(&self, user_id: &str) -> Vec<String> {
        let state = self.state();
        let sessions = state.sessions.iter();
        sessions
            .filter(|session| session.user_id == user_id)
            .map(|session| session.id.clone())
            .collect()
    }

    /// `active`, `ended`, `removed` or `revoked`.
    #[must_use]
    pub fn session_status(&self, session_id: &str) -> &'static str {
        let state = self.state();
        let session = state.session(session_id).expect("the session exists");
        session.status
    }

    /// Revokes a session: it gets no new tokens.
    pub fn revoke(&self, session_id: &str) {
        let ended = self.state().end_session(session_id, "revoked");
        assert!(ended, "there is no active session {session_id}");
    }

    /// How long tokens live from now on, in seconds; 60 at first. A negative time gives expired ones.
    pub fn set_token_lifetime(&self, seconds: i64) {
        self.state().token_lifetime = seconds;
    }

    /// Whether the script in the browser renews tokens by itself; it does at first.
    pub fn set_renewal_in_browser(&self, renews: bool) {
        self.state().renew_in_browser = renews;
    }

    // Keys.

    /// How the public keys are served from now on.
    pub fn set_jwks(&self, jwks: Jwks) {
        self.state().jwks = jwks;
    }

    /// Replaces the signing key: tokens of before name a key that is gone.
    pub fn rotate_keys(&self) {
        // Made outside of the lock: it takes a while.
        let key = SigningKey::generate();
        self.state().key = key;
    }

    /// How often the public keys have been asked for.
    #[must_use]
    pub fn jwks_fetches(&self) -> usize {
        self.state().jwks_fetches
    }

    // Frontend API.

    /// How many handshakes have been started.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.state().handshake_count
    }

    /// Whether handshakes hand over a signed token in the place of a nonce.
    pub fn set_handshake_tokens(&self, tokens: bool) {
        self.state().handshake_tokens = tokens;
    }

    /// Cookie here (`__client`) of a new browser in which a user has signed in; for tests without one.
    pub fn browser(&self, user_id: &str) -> String {
        let mut state = self.state();
        let client = state.new_client();
        state.open_session(user_id, &client.id);
        client.id
    }

    /// Lets browsers be sent back to an origin that is not on this machine.
    pub fn allow_origin(&self, origin: &str) {
        self.state().origins.push(origin.to_owned());
    }

    // Backend API.

    /// The next calls of the Backend API are answered with `429` and `Retry-After`.
    pub fn refuse_next(&self, calls: usize, retry_after_seconds: u64) {
        self.state().refusals = (calls, retry_after_seconds);
    }

    /// Every call of the Backend API is answered with a status, or as usual again.
    pub fn set_failure(&self, status: Option<u16>) {
        self.state().failure = status;
    }

    /// Calls of the Backend API get no response at all, or get one again.
    pub fn set_hanging(&self, hangs: bool) {
        self.state().hangs = hangs;
    }

    /// Leaves a user out of lists, as one who has slipped from one page to the next while they
    /// were read.
    pub fn hide_from_lists(&self, user_id: &str) {
        self.state().hidden.push(user_id.to_owned());
    }

    /// Method, path and query of each call of the Backend API so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    // Webhooks.

    /// A message of a type, signed and of now.
    pub fn event(&self, kind: &str, data: Value) -> Webhook {
        Webhook::new(&self.webhook_secret, kind, data)
    }

    /// `user.created` or `user.updated`, with the record as it is now.
    pub fn user_event(&self, kind: &str, user_id: &str) -> Webhook {
        let record = self.record(user_id).expect("the user exists");
        self.event(kind, record)
    }

    /// `user.deleted`.
    pub fn deleted_event(&self, user_id: &str) -> Webhook {
        let data = json!({"id": user_id, "object": "user", "deleted": true});
        self.event("user.deleted", data)
    }

    /// `session.created`, `session.ended`, `session.removed` or `session.revoked`.
    pub fn session_event(&self, kind: &str, session_id: &str) -> Webhook {
        let state = self.state();
        let session = state.session(session_id).expect("the session exists");
        let mut data = session.record();
        let user = state.user(&session.user_id);
        data["user"] = user.cloned().unwrap_or_default();
        drop(state);
        self.event(kind, data)
    }

    /// Sends a message to `/api/webhooks/clerk` of a portal, as often as it is called.
    pub async fn send_webhook(&self, portal: &str, webhook: &Webhook) -> Delivered {
        webhook.send(&self.client, portal).await
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.instance.state()
    }
}

impl Drop for ClerkDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for ClerkDouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClerkDouble({})", self.url())
    }
}
