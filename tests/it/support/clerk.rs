//! A portal that uses a fake Clerk, and the fake itself.

use portal_clerk::testing::{FakeClerk, Webhook};
use portal_core::PortalBuilder;
use tempfile::TempDir;

use super::{Client, Database, TestServer};
use crate::app;

/// A portal with a fake Clerk as its identity provider.
pub(crate) struct ClerkPortal {
    pub(crate) clerk: FakeClerk,
    pub(crate) server: TestServer,
}

impl ClerkPortal {
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, &[], app::build).await
    }

    /// Starts a portal with additional settings and customizations by `build`.
    pub(crate) async fn start_with(
        database: Database,
        settings: &[(&str, &str)],
        build: impl FnOnce(PortalBuilder) -> PortalBuilder,
    ) -> Self {
        let clerk = FakeClerk::start().await;
        let variables = clerk.env();
        let settings: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(settings.iter().copied())
            .collect();
        let server = TestServer::start_with(database, &settings, build).await;
        Self { clerk, server }
    }

    /// Starts another portal on the same database that accepts tokens issued for the first one.
    pub(crate) async fn replica(&self) -> TestServer {
        let mut variables = self.clerk.env();
        variables.push(("CLERK_AUTHORIZED_PARTIES", self.server.url.clone()));
        let settings: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.server.replica_with(&settings).await
    }

    /// Returns a client with a token for a new session of the user.
    pub(crate) fn sign_in(&self, user_id: &str) -> Client {
        let token = self.clerk.session_token(user_id, &self.server.url);
        Client::new(&self.server.url, Some(token))
    }

    /// Returns a client with a new token for a session.
    pub(crate) fn with_session(&self, session_id: &str) -> Client {
        let token = self.clerk.token(session_id, &self.server.url);
        Client::new(&self.server.url, Some(token))
    }

    /// Sends a webhook; returns the status of the response and its `effect` or error `code`.
    pub(crate) async fn deliver(&self, webhook: &Webhook) -> (u16, String) {
        let answer = self.clerk.send_webhook(&self.server.url, webhook).await;
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let word = body["effect"].as_str().or(body["code"].as_str());
        (answer.status, word.unwrap_or_default().to_owned())
    }

    /// Returns the portal's environment variables, for running a command on its database.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.clerk.env();
        variables.push(("APP_ENV", "DEV".to_owned()));
        variables.push(("DB_LOCAL_URI", self.server.uri.clone()));
        variables
    }

    /// Creates a directory without a `.env` for a command to run in.
    pub(crate) fn elsewhere() -> TempDir {
        tempfile::tempdir().expect("a directory can be created")
    }
}
