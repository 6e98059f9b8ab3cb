//! Revocation of sessions at Clerk: in the background, once per session, with limited concurrency.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;

use crate::backend::BackendApi;

/// Maximum number of sessions whose revocation is pending.
const MAX_PENDING: usize = 1000;
/// Maximum number of concurrent calls; they count against the same limit at Clerk as the instance's
/// other calls.
const MAX_CALLS: usize = 4;
/// Maximum number of calls per session, spread over about a minute.
const MAX_ATTEMPTS: u32 = 6;

/// Revokes sessions at Clerk in the background, so that sign-out does not wait for it. Cheap to
/// clone.
#[derive(Clone)]
pub(crate) struct Revocations {
    backend: BackendApi,
    pending: Arc<Mutex<HashSet<String>>>,
    calls: Arc<Semaphore>,
}

/// A session whose revocation is pending; dropped when the revocation has succeeded or finally
/// failed.
struct Pending {
    revocations: Revocations,
    session_id: String,
}

impl Revocations {
    pub(crate) fn new(backend: BackendApi) -> Self {
        Self {
            backend,
            pending: Arc::default(),
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
        }
    }

    /// Revokes a session, unless its revocation is already pending.
    pub(crate) fn revoke(&self, session_id: &str) {
        if let Some(pending) = self.begin(session_id) {
            tokio::spawn(pending.run());
        }
    }

    fn begin(&self, session_id: &str) -> Option<Pending> {
        let mut pending = self.pending();
        if pending.contains(session_id) {
            return None;
        }
        if pending.len() >= MAX_PENDING {
            tracing::warn!(
                session_id,
                "too many revocations are pending; the session stays open at Clerk"
            );
            return None;
        }
        pending.insert(session_id.to_owned());
        Some(Pending {
            revocations: self.clone(),
            session_id: session_id.to_owned(),
        })
    }

    fn pending(&self) -> MutexGuard<'_, HashSet<String>> {
        self.pending.lock()
    }
}

impl Pending {
    async fn run(self) {
        let Revocations { backend, calls, .. } = &self.revocations;
        let session_id = self.session_id.as_str();
        // Revoking a session twice is harmless.
        for attempt in 1..=MAX_ATTEMPTS {
            // The permit is released before the delay, so that other sessions do not have to wait.
            let permit = calls.acquire().await;
            let revoked = backend.revoke_session(session_id).await;
            drop(permit);
            match revoked {
                Ok(()) => return,
                Err(error) if error.is_not_found() => return,
                Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS => {
                    tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
                }
                Err(error) => {
                    tracing::warn!(session_id, %error, "failed to revoke a session; it stays open at Clerk");
                    return;
                }
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.revocations.pending().remove(&self.session_id);
    }
}

#[cfg(test)]
mod tests {
    use portal_core::config::Secret;
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeServer, until};

    async fn revocations() -> (FakeServer, Revocations) {
        let server = FakeServer::start(200, json!({"id": "sess_1", "status": "revoked"})).await;
        let backend = BackendApi::default();
        let key = Secret::new("sk_test_abc");
        backend.connect(&server.url, key, false).unwrap();
        (server, Revocations::new(backend))
    }

    #[tokio::test]
    async fn repeated_requests_revoke_a_session_once() {
        let (server, revocations) = revocations().await;
        server.hold(true);
        for _ in 0..200 {
            revocations.revoke("sess_1");
        }
        revocations.revoke("sess_2");
        until(|| server.count() == 2).await;
        server.hold(false);
        until(|| revocations.pending().is_empty()).await;
        assert_eq!(server.count(), 2, "{:?}", server.requests());
    }

    #[tokio::test]
    async fn pending_sessions_and_concurrent_calls_are_bounded() {
        let (server, revocations) = revocations().await;
        server.hold(true);
        for number in 0..2 * MAX_PENDING {
            revocations.revoke(&format!("sess_{number}"));
        }
        assert_eq!(revocations.pending().len(), MAX_PENDING);
        until(|| server.count() == MAX_CALLS).await;
        assert_eq!(revocations.calls.available_permits(), 0);
        server.hold(false);
        until(|| revocations.pending().is_empty()).await;
        assert_eq!(server.count(), MAX_PENDING);
    }
}
