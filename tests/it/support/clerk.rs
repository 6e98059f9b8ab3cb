//! A portal that uses Clerk, and the Clerk that it uses.

use portal_clerk::testing::{ClerkDouble, Webhook};
use portal_core::PortalBuilder;
use tempfile::TempDir;

use super::{Client, Database, TestServer};
use crate::app;

/// A portal whose sign-in is a double of Clerk.
pub(crate) struct ClerkPortal {
    pub(crate) clerk: ClerkDouble,
    pub(crate) server: TestServer,
}

impl ClerkPortal {
    pub(crate) async fn start(database: Database) -> Self {
        Self::start_with(database, &[], app::build).await
    }

    /// Starts a portal with more settings, and with what `build` adds.
    pub(crate) async fn start_with(
        database: Database,
        settings: &[(&str, &str)],
        build: impl FnOnce(PortalBuilder) -> PortalBuilder,
    ) -> Self {
        let clerk = ClerkDouble::start().await;
        let variables = clerk.env();
        let settings: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(settings.iter().copied())
            .collect();
        let server = TestServer::start_with(database, &settings, build).await;
        Self { clerk, server }
    }

    /// Another portal on the same database, which takes tokens made for the first one.
    pub(crate) async fn replica(&self) -> TestServer {
        let mut variables = self.clerk.env();
        variables.push(("CLERK_AUTHORIZED_PARTIES", self.server.url.clone()));
        let settings: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.server.replica_with(&settings).await
    }

    /// A client with a token of a new session of a user.
    pub(crate) fn sign_in(&self, user_id: &str) -> Client {
        let token = self.clerk.session_token(user_id, &self.server.url);
        Client::new(&self.server.url, Some(token))
    }

    /// A client with a new token of a session.
    pub(crate) fn with_session(&self, session_id: &str) -> Client {
        let token = self.clerk.token(session_id, &self.server.url);
        Client::new(&self.server.url, Some(token))
    }

    /// Sends a message and gives the status of the answer, and what it says of the effect.
    pub(crate) async fn deliver(&self, webhook: &Webhook) -> (u16, String) {
        let answer = self.clerk.send_webhook(&self.server.url, webhook).await;
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let word = body["effect"].as_str().or(body["code"].as_str());
        (answer.status, word.unwrap_or_default().to_owned())
    }

    /// The variables of the portal, for a command on its database.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.clerk.env();
        variables.push(("APP_ENV", "DEV".to_owned()));
        variables.push(("DB_LOCAL_URI", self.server.uri.clone()));
        variables
    }

    /// A directory for a command to run in, where no `.env` is.
    pub(crate) fn elsewhere() -> TempDir {
        tempfile::tempdir().expect("a directory can be made")
    }
}
