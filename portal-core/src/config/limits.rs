//! What a client may send, hold and ask for.

use std::time::Duration;

/// Bounds of what clients may send and hold.
///
/// ```
/// use std::time::Duration;
/// use portal_core::config::Config;
///
/// let mut config = Config::default();
/// config.limits.request_time = Duration::from_secs(120);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a body, unless its route has a limit of its own (`413`). Default 1 MiB.
    pub body: usize,
    /// Bytes of path and query (`414`). Default 8 KiB.
    pub url: usize,
    /// Bytes of all header names and values (`431`). Default 32 KiB.
    pub headers: usize,
    /// How long a handler may take until its answer begins (`503`). Streams and WebSockets have
    /// begun by then and go on. Default 30 seconds.
    pub request_time: Duration,
    /// How long a connection may take for the head of a request, and may be idle between two.
    /// Default 65 seconds: proxies commonly keep a connection for 60, and the one who closes it
    /// should not be the portal.
    pub header_time: Duration,
    /// How long a peer may take nothing of what it is sent until its connection is closed. Default
    /// 60 seconds.
    pub write_time: Duration,
    /// Connections from one address at a time, or from one `/64` of IPv6; trusted proxies are
    /// exempt. Default 256.
    pub connections_per_address: usize,
    /// Streams that one user may have open at a time: live regions of pages, task monitors and event
    /// streams together. An address of guests may have
    /// [`users_per_address`](Rates::users_per_address) times as many. Default 100.
    pub live_streams: usize,
    /// How often things may be done.
    pub rates: Rates,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            url: 8 * 1024,
            headers: 32 * 1024,
            request_time: Duration::from_secs(30),
            header_time: Duration::from_secs(65),
            write_time: Duration::from_secs(60),
            connections_per_address: 256,
            live_streams: 100,
            rates: Rates::default(),
        }
    }
}

/// How often things may be done: by one user, and by one address.
///
/// An address may stand for many users, so it may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// Sign-in and sign-out, for each address. Default 60 a minute.
    pub sign_in: Rate,
    /// New client tokens, for each user. Default 60 a minute.
    pub client_tokens: Rate,
    /// Tasks that are started, for each user. Default 1200 a minute.
    pub start_task: Rate,
    /// Changes on administration pages and routes, for each user. Default 300 a minute.
    pub admin_writes: Rate,
    /// Changes of one's own data, such as the theme, preferences and notifications, for each user.
    /// Default 300 a minute.
    pub own_writes: Rate,
    /// How much more often one address may do what is counted by user. Default 5.
    pub users_per_address: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            sign_in: Rate::per_minute(60),
            client_tokens: Rate::per_minute(60),
            start_task: Rate::per_minute(1200),
            admin_writes: Rate::per_minute(300),
            own_writes: Rate::per_minute(300),
            users_per_address: 5,
        }
    }
}

/// So many in a minute, and that many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    /// So many in a minute; 0 counts as 1.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self(if count == 0 { 1 } else { count })
    }

    /// How many in a minute.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }
}
