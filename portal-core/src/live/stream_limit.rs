//! Limits on open streams (live regions, task monitors, event streams) per user and per IP address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{Error, Result};

/// Owner of a stream, toward whose limit it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum StreamOwner {
    User(Uuid),
    /// All guests with the same IP address.
    Network(IpAddr),
}

/// Number of open streams per owner.
#[derive(Debug, Clone)]
pub(super) struct StreamLimiter {
    open: Arc<Mutex<HashMap<StreamOwner, usize>>>,
    /// Limits per user and per IP address; `None` if limits are disabled.
    limits: Option<(usize, usize)>,
}

/// Permit for an open stream, released when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    open: Arc<Mutex<HashMap<StreamOwner, usize>>>,
    holder: StreamOwner,
}

impl StreamLimiter {
    pub(super) fn new(config: &Config) -> Self {
        let user = config.limits.live_streams;
        let more = usize::try_from(config.limits.rates.address_multiplier).unwrap_or(usize::MAX);
        Self {
            open: Arc::default(),
            limits: config
                .rate_limits
                .then_some((user, user.saturating_mul(more))),
        }
    }

    /// Acquires a permit for a stream; fails with `429 too_many_streams` if the limit is reached.
    pub(super) fn acquire(&self, holder: StreamOwner) -> Result<StreamPermit> {
        let mut open = self.open.lock();
        let count = open.get(&holder).copied().unwrap_or_default();
        let limit = self.limits.map(|(user, network)| match holder {
            StreamOwner::User(_) => user,
            StreamOwner::Network(_) => network,
        });
        if limit.is_some_and(|limit| count >= limit) {
            return Err(Error::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_streams",
                "too many streams are open; close some tabs or monitors",
            ));
        }
        open.insert(holder, count + 1);
        Ok(StreamPermit {
            open: Arc::clone(&self.open),
            holder,
        })
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn places(limit: usize, pairs: &[(&str, &str)]) -> StreamLimiter {
        let base = [("APP_ENV", "DEV")];
        let pairs = base.iter().chain(pairs).copied();
        let mut config = Config::from_settings(Settings::from_pairs(pairs)).unwrap();
        config.limits.live_streams = limit;
        StreamLimiter::new(&config)
    }

    #[test]
    fn streams_are_limited_per_user_and_per_guest_address() {
        let places = places(1, &[]);
        let (ann, eve) = (
            StreamOwner::User(Uuid::new_v4()),
            StreamOwner::User(Uuid::new_v4()),
        );
        let one = places.acquire(ann).unwrap();
        let refused = places.acquire(ann).unwrap_err();
        assert_eq!(
            (refused.status().as_u16(), refused.code()),
            (429, "too_many_streams")
        );
        let other = places.acquire(eve).unwrap();
        drop(one);
        let again = places.acquire(ann).unwrap();
        let guests = StreamOwner::Network("192.0.2.1".parse().unwrap());
        let open: Vec<_> = (0..9).filter_map(|_| places.acquire(guests).ok()).collect();
        assert_eq!(open.len(), 5);
        drop((other, again, open));
        assert!(places.open.lock().is_empty());
    }

    #[test]
    fn streams_are_not_limited_when_disabled() {
        let places = places(0, &[("RATE_LIMITS", "off")]);
        assert!(places.acquire(StreamOwner::User(Uuid::nil())).is_ok());
    }
}
