//! Lookup of the cookies that Clerk stores under a handshake nonce.

use std::time::{Duration, Instant};

use super::budget::{Budget, Visitor};
use crate::backend::BackendApi;

/// Timeout for a lookup, which is also the maximum delay of the page.
const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_NONCE: usize = 512;

pub(crate) struct PayloadFetcher {
    backend: BackendApi,
    budget: Budget,
}

impl PayloadFetcher {
    pub(crate) fn new(backend: BackendApi) -> Self {
        Self {
            backend,
            budget: Budget::new(),
        }
    }

    /// Fetches the cookies stored under a nonce.
    pub(crate) async fn fetch(
        &self,
        nonce: &str,
        visitor: Visitor,
        now: Instant,
    ) -> Result<Vec<String>, String> {
        let plain = nonce
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~=".contains(&byte));
        if !plain || nonce.len() > MAX_NONCE {
            return Err("the nonce does not have the form of Clerk's".to_owned());
        }
        let permits = self.budget.admit(visitor, nonce, now)?;
        let fetched = tokio::time::timeout(TIMEOUT, async {
            // The semaphore is never closed, and even a call without a permit would only slow down
            // other calls.
            let _place = permits.acquire().await.ok();
            self.backend.handshake_payload(nonce).await
        });
        match fetched.await {
            Ok(Ok(directives)) => {
                self.budget.refund(visitor, now);
                Ok(directives)
            }
            Ok(Err(error)) if error.is_not_found() => {
                self.budget.is_unknown(nonce);
                Err(error.to_string())
            }
            Ok(Err(error)) => {
                self.budget.refund(visitor, now);
                Err(error.to_string())
            }
            Err(_) => {
                self.budget.refund(visitor, now);
                Err("Clerk did not respond in time".to_owned())
            }
        }
    }
}
