//! Limits for clients: sizes, durations, connections and rates.

use std::time::Duration;

/// Limits on what clients may send and keep open.
///
/// ```
/// use std::time::Duration;
/// use portal_core::config::Config;
///
/// let mut config = Config::default();
/// config.limits.request_timeout = Duration::from_secs(120);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of a request body in bytes, unless the route has its own limit (`413`).
    /// Default: 1 MiB.
    pub body: usize,
    /// Maximum size of the path and query in bytes (`414`). Default: 8 KiB.
    pub url: usize,
    /// Maximum total size of all header names and values in bytes (`431`). Default: 32 KiB.
    pub headers: usize,
    /// Maximum time until a handler starts its response (`503`). Default: 30 seconds.
    ///
    /// Streams and WebSockets that have started by then stay open.
    pub request_timeout: Duration,
    /// Maximum time for receiving a request head, and maximum idle time between two requests.
    ///
    /// Default: 65 seconds. Proxies commonly keep an idle connection for 60 seconds, and the portal
    /// should not close it first.
    pub header_timeout: Duration,
    /// Write timeout for connections whose peer stops reading. Default: 60 seconds.
    pub write_timeout: Duration,
    /// Maximum number of concurrent connections per IPv4 address or IPv6 `/64` network.
    ///
    /// Trusted proxies are exempt. Default: 256.
    pub connections_per_address: usize,
    /// Maximum number of open streams per user. Default: 100.
    ///
    /// Live regions, task monitors and event streams are counted together. For guests, the limit
    /// per IP address is [`address_multiplier`](Rates::address_multiplier) times as high.
    pub live_streams: usize,
    /// Rate limits.
    pub rates: Rates,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            url: 8 * 1024,
            headers: 32 * 1024,
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(65),
            write_timeout: Duration::from_secs(60),
            connections_per_address: 256,
            live_streams: 100,
            rates: Rates::default(),
        }
    }
}

/// Rate limits per user and per IP address.
///
/// The limit per IP address is higher, because many users may share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// Sign-ins and sign-outs per IP address. Default: 60 per minute.
    pub sign_in: Rate,
    /// New client tokens per user. Default: 60 per minute.
    pub client_token: Rate,
    /// Enqueued tasks per user. Default: 1200 per minute.
    pub start_task: Rate,
    /// Changes on administration pages and routes per user. Default: 300 per minute.
    pub admin_write: Rate,
    /// Changes to the user's own data. Default: 300 per minute.
    ///
    /// Examples are the theme, preferences and notifications.
    pub own_write: Rate,
    /// Factor by which the limit for an IP address exceeds the limit for a user. Default: 5.
    pub address_multiplier: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            sign_in: Rate::per_minute(60),
            client_token: Rate::per_minute(60),
            start_task: Rate::per_minute(1200),
            admin_write: Rate::per_minute(300),
            own_write: Rate::per_minute(300),
            address_multiplier: 5,
        }
    }
}

/// Number of requests per minute, which is also the maximum burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    /// Creates a rate per minute; 0 is treated as 1.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self(if count == 0 { 1 } else { count })
    }

    /// Returns the number of requests per minute.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }
}
