//! Connection limit per IP address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::client_address::{TrustedProxies, network_of};
use crate::config::Config;

/// Open connections per IP address.
#[derive(Clone)]
pub(crate) struct ConnectionLimiter {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    /// `None` if limits are disabled.
    limit: Option<usize>,
    proxies: TrustedProxies,
}

/// Permit for a connection, released when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    /// `None` if the connection is not counted.
    network: Option<IpAddr>,
}

impl ConnectionLimiter {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            open: Arc::default(),
            limit: config
                .rate_limits
                .then_some(config.limits.connections_per_address),
            proxies: TrustedProxies::new(config),
        }
    }

    /// Returns a permit for a connection from an IP address, unless the address has reached its
    /// limit.
    pub(crate) fn acquire(&self, address: IpAddr) -> Option<ConnectionPermit> {
        let counts = self.limit.filter(|_| {
            // All clients behind a proxy share its address.
            !self.proxies.are_trusted(address.to_canonical())
        });
        let Some(limit) = counts else {
            return Some(self.permit(None));
        };
        let network = network_of(address);
        let mut open = self.open.lock();
        let count = open.entry(network).or_default();
        if *count >= limit {
            if *count == 0 {
                open.remove(&network);
            }
            return None;
        }
        *count += 1;
        drop(open);
        Some(self.permit(Some(network)))
    }

    fn permit(&self, network: Option<IpAddr>) -> ConnectionPermit {
        ConnectionPermit {
            open: Arc::clone(&self.open),
            network,
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn connections(limit: usize, pairs: &[(&str, &str)]) -> ConnectionLimiter {
        let base = [("APP_ENV", "DEV")];
        let pairs = base.iter().chain(pairs).copied();
        let mut config = Config::from_settings(Settings::from_pairs(pairs)).unwrap();
        config.limits.connections_per_address = limit;
        ConnectionLimiter::new(&config)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_per_address_are_limited() {
        let connections = connections(2, &[]);
        let admit = |text| connections.acquire(address(text));
        let (one, other) = (
            admit("192.0.2.1").unwrap(),
            admit("::ffff:192.0.2.1").unwrap(),
        );
        assert!(admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some());
        drop(one);
        let again = admit("192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        drop((other, again));
        assert!(connections.open.lock().is_empty());
    }

    #[test]
    fn ipv6_network_is_one_address() {
        let connections = connections(1, &[]);
        let _one = connections.acquire(address("2001:db8::1")).unwrap();
        assert!(connections.acquire(address("2001:db8::2")).is_none());
        assert!(connections.acquire(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn trusted_proxies_are_not_limited() {
        let connections = connections(1, &[("TRUSTED_PROXIES", "10.0.0.0/8")]);
        let held: Vec<_> = (0..9)
            .filter_map(|_| connections.acquire(address("10.0.0.1")))
            .collect();
        assert_eq!(held.len(), 9);
        let _one = connections.acquire(address("192.0.2.1")).unwrap();
        assert!(connections.acquire(address("192.0.2.1")).is_none());
    }

    #[test]
    fn nothing_is_limited_when_disabled() {
        let connections = connections(0, &[("RATE_LIMITS", "off")]);
        assert!(connections.acquire(address("192.0.2.1")).is_some());
        let none = self::connections(0, &[]);
        assert!(none.acquire(address("192.0.2.1")).is_none());
        assert!(none.open.lock().is_empty());
    }
}
