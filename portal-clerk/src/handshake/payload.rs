//! What Clerk keeps for a browser that comes back with a nonce.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::backend::BackendApi;

/// Also how long a browser waits at most for its page to go on.
const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_NONCE: usize = 512;
/// Anyone can send a nonce: what is made up must not use up what Clerk answers to us in a second.
const AT_ONCE: usize = 8;
/// A third of what Clerk answers to a production instance.
const A_SECOND: u32 = 30;
const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct Payloads {
    backend: BackendApi,
    places: Semaphore,
    /// The second of the last calls, and how many there were.
    pace: Mutex<(Option<Instant>, u32)>,
}

impl Payloads {
    pub(crate) fn new(backend: BackendApi) -> Self {
        Self {
            backend,
            places: Semaphore::new(AT_ONCE),
            pace: Mutex::default(),
        }
    }

    /// Whether this second has room for another call.
    fn has_room(&self, now: Instant) -> bool {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *pace {
            (Some(began), count) if now.saturating_duration_since(*began) < SECOND => {
                *count += 1;
                *count <= A_SECOND
            }
            fresh => {
                *fresh = (Some(now), 1);
                true
            }
        }
    }

    /// The cookies that are kept under a nonce.
    pub(crate) async fn fetch(&self, nonce: &str) -> Result<Vec<String>, String> {
        let plain = nonce
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~=".contains(&byte));
        if !plain || nonce.len() > MAX_NONCE {
            return Err("the nonce is none".to_owned());
        }
        if !self.has_room(Instant::now()) {
            return Err("too many handshakes come back at once".to_owned());
        }
        let fetched = tokio::time::timeout(TIMEOUT, async {
            let place = self.places.acquire().await;
            let _place = place.map_err(|error| error.to_string())?;
            let payload = self.backend.handshake_payload(nonce).await;
            payload.map_err(|error| error.to_string())
        });
        let fetched = fetched.await;
        fetched.unwrap_or_else(|_| Err("Clerk does not answer in time".to_owned()))
    }
}
