//! Limits for handshake nonces: anyone can make one up, and each causes a call to Clerk's API.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use parking_lot::Mutex;
use portal_core::ClientAddress;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::cookies::Cookies;
use crate::query;
use crate::token_cache::{self, Digest};

/// Maximum number of unknown nonces to cache; an unknown nonce never becomes valid later.
const MAX_UNKNOWN: usize = 4096;
/// Maximum number of calls per network and window that are pending or had an unknown nonce.
const MAX_PER_NETWORK: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// Maximum number of networks counted separately per window; all others share one count.
const MAX_NETWORKS: usize = 10_000;
const SECOND: Duration = Duration::from_secs(1);

/// The browser that sent a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visitor {
    network: Option<IpAddr>,
    /// `true` if the request contains a cookie or parameter that Clerk sets in each browser during
    /// a handshake.
    has_client: bool,
}

impl Visitor {
    pub(crate) fn of(parts: &Parts, cookies: &Cookies<'_>) -> Self {
        let address = parts.extensions.get::<ClientAddress>();
        let in_query = |query| query::has(query, query::DEV_BROWSER);
        let sides = [&cookies.plain, &cookies.suffixed];
        let in_cookies = sides
            .iter()
            .any(|side| side.client_uat.is_some() || side.dev_browser.is_some());
        Self {
            network: address.and_then(|address| address.network()),
            has_client: in_cookies || parts.uri.query().is_some_and(in_query),
        }
    }

    #[cfg(test)]
    pub(super) fn new(address: &str, has_client: bool) -> Self {
        Self {
            network: Some(address.parse().unwrap()),
            has_client,
        }
    }
}

/// Budget for calls that look up nonces.
///
/// Browsers that have visited Clerk have a separate budget that other clients cannot exhaust.
pub(super) struct Budget {
    with_client: Share,
    without: Share,
    unknown: Cache<Digest, ()>,
}

/// Part of the budget. In total, 30 calls per second are allowed, which is a third of Clerk's
/// limit.
struct Share {
    a_second: u32,
    places: Semaphore,
    state: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Start of the current second, and the number of calls made in it.
    pace: Option<(Instant, u32)>,
    networks: HashMap<Option<IpAddr>, (Instant, u32)>,
}

impl Share {
    fn new(a_second: u32, at_once: usize) -> Self {
        Self {
            a_second,
            places: Semaphore::new(at_once),
            state: Mutex::default(),
        }
    }

    fn admit(&self, network: Option<IpAddr>, now: Instant) -> Result<(), &'static str> {
        let mut counts = self.state.lock();
        let count = counts.entry(network, now);
        if *count >= MAX_PER_NETWORK {
            return Err("too many unknown nonces from this network");
        }
        *count += 1;
        let calls = match &mut counts.pace {
            Some((began, calls)) if now.saturating_duration_since(*began) < SECOND => {
                *calls += 1;
                *calls
            }
            pace => {
                *pace = Some((now, 1));
                1
            }
        };
        if calls > self.a_second {
            *counts.entry(network, now) -= 1;
            return Err("too many handshakes per second");
        }
        Ok(())
    }

    /// Refunds a call whose nonce was valid or whose lookup failed.
    fn refund(&self, network: Option<IpAddr>, now: Instant) {
        let mut counts = self.state.lock();
        let count = counts.entry(network, now);
        *count = count.saturating_sub(1);
    }
}

impl Counts {
    /// Returns the entry with the number of calls from a network in the current window.
    fn entry(&mut self, network: Option<IpAddr>, now: Instant) -> &mut u32 {
        let is_over = |began: Instant| now.saturating_duration_since(began) >= WINDOW;
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&network) {
            self.networks.retain(|_, (began, _)| !is_over(*began));
        }
        let has_room = self.networks.len() < MAX_NETWORKS || self.networks.contains_key(&network);
        let key = network.filter(|_| has_room);
        let (began, count) = self.networks.entry(key).or_insert((now, 0));
        if is_over(*began) {
            (*began, *count) = (now, 0);
        }
        count
    }
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            with_client: Share::new(20, 5),
            without: Share::new(10, 3),
            unknown: Cache::new(MAX_UNKNOWN),
        }
    }

    fn share(&self, visitor: Visitor) -> &Share {
        match visitor.has_client {
            true => &self.with_client,
            false => &self.without,
        }
    }

    /// Admits the lookup of a nonce; fails with the reason if a limit is exceeded.
    pub(super) fn admit(
        &self,
        visitor: Visitor,
        nonce: &str,
        now: Instant,
    ) -> Result<&Semaphore, &'static str> {
        if self.unknown.get(&token_cache::digest_of(nonce)).is_some() {
            return Err("the nonce is known to be invalid");
        }
        let share = self.share(visitor);
        share.admit(visitor.network, now)?;
        Ok(&share.places)
    }

    /// Records that a nonce is unknown to Clerk.
    pub(super) fn is_unknown(&self, nonce: &str) {
        self.unknown.insert(token_cache::digest_of(nonce), ());
    }

    /// Refunds a call whose nonce was valid or to which Clerk did not respond.
    pub(super) fn refund(&self, visitor: Visitor, now: Instant) {
        self.share(visitor).refund(visitor.network, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(budget: &Budget, visitor: Visitor, from: usize, now: Instant) -> usize {
        let nonces = (from..from + 100).map(|number| format!("n{number}"));
        nonces
            .filter(|nonce| budget.admit(visitor, nonce, now).is_ok())
            .count()
    }

    #[test]
    fn flood_does_not_affect_other_networks_or_browsers() {
        let budget = Budget::new();
        let start = Instant::now();
        let flood = Visitor::new("192.0.2.1", false);
        let mut calls = 0;
        for second in 0..30 {
            calls += admitted(&budget, flood, second * 100, start + SECOND * second as u32);
        }
        assert_eq!(calls, MAX_PER_NETWORK as usize, "regardless of time");
        let now = start + SECOND * 30;
        let browser = Visitor::new("192.0.2.1", true);
        assert!(
            budget.admit(browser, "genuine", now).is_ok(),
            "the same network"
        );
        let elsewhere = Visitor::new("192.0.2.2", false);
        assert!(
            budget.admit(elsewhere, "other", now).is_ok(),
            "another network"
        );
        let later = start + WINDOW;
        assert!(
            budget.admit(flood, "later", later).is_ok(),
            "another window"
        );
    }

    #[test]
    fn flood_from_many_networks_does_not_affect_clerk_browsers() {
        let budget = Budget::new();
        let now = Instant::now();
        let calls = (0..=255_u8).filter(|number| {
            let flood = Visitor::new(&format!("192.0.2.{number}"), false);
            budget.admit(flood, &format!("n{number}"), now).is_ok()
        });
        assert_eq!(calls.count(), 10);
        let browser = Visitor::new("192.0.2.1", true);
        assert_eq!(admitted(&budget, browser, 1000, now), 20);
    }

    #[test]
    fn valid_nonces_are_free_and_unknown_ones_looked_up_once() {
        let budget = Budget::new();
        let start = Instant::now();
        let office = Visitor::new("192.0.2.1", true);
        for number in 0..200_u32 {
            let now = start + SECOND * (number / 10);
            assert!(
                budget.admit(office, &format!("n{number}"), now).is_ok(),
                "{number}"
            );
            budget.refund(office, now);
        }
        let now = start + SECOND * 30;
        budget.is_unknown("made-up");
        assert!(budget.admit(office, "made-up", now).is_err());
        assert!(budget.admit(office, "another", now).is_ok());
    }

    #[test]
    fn memory_is_bounded_for_any_number_of_networks() {
        let mut counts = Counts::default();
        let start = Instant::now();
        for number in 0..20_000_u32 {
            *counts.entry(Some(IpAddr::from(number.to_be_bytes())), start) += 1;
        }
        assert!(counts.networks.len() <= MAX_NETWORKS + 1);
        let (_, shared) = counts.networks[&None];
        assert!(shared > 9_000);
        counts.entry(Some(IpAddr::from([9, 9, 9, 9])), start + WINDOW);
        assert_eq!(counts.networks.len(), 1);
    }
}
