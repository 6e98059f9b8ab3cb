//! Test support: a fake Clerk that runs within the test. Requires the feature `testing`.
//!
//! ```no_run
//! use portal_clerk::testing::FakeClerk;
//!
//! # async fn test(portal: &str) {
//! let clerk = FakeClerk::start().await;
//! // Start the portal with these variables, then:
//! let variables = clerk.env();
//! let ann = clerk.user("ann@example.com");
//! let bearer = clerk.session_token(&ann, portal);
//! let session = clerk.sessions_of(&ann).remove(0);
//! clerk.revoke(&session);
//! clerk.send_webhook(portal, &clerk.session_event("session.revoked", &session)).await;
//! # }
//! ```

#[cfg(test)]
mod fixtures;

pub use crate::fake::{FakeClerk, InstanceKind, JwksBehavior, Webhook, WebhookResponse};
#[cfg(test)]
pub(crate) use fixtures::*;
