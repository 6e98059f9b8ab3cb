//! Rate limits: counters per rate class and key.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use super::client_address::{ClientAddress, network_of};
use crate::auth::RateClass;
use crate::config::{Config, Rate, Rates};
use crate::error::Error;

/// Maximum number of keys per minute; further keys share one counter. This bounds memory usage even
/// if an attacker has a million IP addresses.
const MAX_CALLERS: usize = 50_000;

/// Interval at which keys that have regained their full quota are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Key under which requests are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RateKey {
    User(Uuid),
    Network(IpAddr),
    /// All requests for which neither a user nor an IP address is available.
    Unknown,
    /// All keys beyond the maximum number of keys.
    Others,
}

/// A portal's rate limits. Each replica has its own counters.
pub(crate) struct RateLimits<C: Clock = DefaultClock> {
    /// `None` if limits are disabled.
    on: Option<RateCounters<C>>,
}

struct RateCounters<C: Clock> {
    sign_in: RateCounter<C>,
    client_token: UserAndNetwork<C>,
    start_task: UserAndNetwork<C>,
    admin_write: UserAndNetwork<C>,
    own_write: UserAndNetwork<C>,
}

struct UserAndNetwork<C: Clock> {
    by_user: RateCounter<C>,
    by_network: RateCounter<C>,
}

impl RateLimits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            on: config
                .rate_limits
                .then(|| RateCounters::new(&config.limits.rates, DefaultClock::default)),
        }
    }
}

impl<C: Clock> RateLimits<C> {
    /// Returns `true` if anything is limited.
    pub(crate) fn are_enabled(&self) -> bool {
        self.on.is_some()
    }

    /// Counts a request by IP address, before the user is identified. Fails with `429` if the limit
    /// is exceeded.
    pub(crate) fn check_address(
        &self,
        class: RateClass,
        ClientAddress(address): ClientAddress,
    ) -> Result<(), Error> {
        let (Some(counts), Some(address)) = (&self.on, address) else {
            return Ok(());
        };
        counts.check(class, &RateKey::Network(network_of(address)))
    }

    /// Counts a request by user. Fails with `429` if the limit is exceeded. All requests with
    /// neither a user nor an IP address share one counter.
    pub(crate) fn check_user(
        &self,
        class: RateClass,
        user: Option<Uuid>,
        ClientAddress(address): ClientAddress,
    ) -> Result<(), Error> {
        let caller = match (user, address) {
            (Some(user), _) => RateKey::User(user),
            (None, None) => RateKey::Unknown,
            // The IP address has already been counted.
            (None, Some(_)) => return Ok(()),
        };
        match &self.on {
            Some(counts) => counts.check(class, &caller),
            None => Ok(()),
        }
    }
}

impl<C: Clock> RateCounters<C> {
    fn new(rates: &Rates, clock: impl Fn() -> C) -> Self {
        let pair = |rate: Rate| {
            let more = rate.count().saturating_mul(rates.address_multiplier);
            UserAndNetwork {
                by_user: RateCounter::new(rate, clock()),
                by_network: RateCounter::new(Rate::per_minute(more), clock()),
            }
        };
        Self {
            sign_in: RateCounter::new(rates.sign_in, clock()),
            client_token: pair(rates.client_token),
            start_task: pair(rates.start_task),
            admin_write: pair(rates.admin_write),
            own_write: pair(rates.own_write),
        }
    }

    fn check(&self, class: RateClass, caller: &RateKey) -> Result<(), Error> {
        let pair = match class {
            // A user who is signing in has not been identified yet, so only the IP address can be
            // counted.
            RateClass::SignIn if matches!(caller, RateKey::User(_)) => return Ok(()),
            RateClass::SignIn => return self.sign_in.check(caller),
            RateClass::ClientToken => &self.client_token,
            RateClass::StartTask => &self.start_task,
            RateClass::AdminWrite => &self.admin_write,
            RateClass::OwnWrite => &self.own_write,
        };
        match caller {
            RateKey::User(_) => pair.by_user.check(caller),
            _ => pair.by_network.check(caller),
        }
    }
}

/// One rate, counted separately for each of many keys.
struct RateCounter<C: Clock> {
    limiter: RateLimiter<RateKey, HashMapStateStore<RateKey>, C, NoOpMiddleware<C::Instant>>,
    began: Instant,
    /// Time of the last sweep, in milliseconds since the start.
    swept: AtomicU64,
}

impl<C: Clock> RateCounter<C> {
    fn new(rate: Rate, clock: C) -> Self {
        let count = NonZeroU32::new(rate.count()).unwrap_or(NonZeroU32::MIN);
        Self {
            limiter: RateLimiter::hashmap_with_clock(Quota::per_minute(count), clock),
            began: Instant::now(),
            swept: AtomicU64::new(0),
        }
    }

    fn check(&self, caller: &RateKey) -> Result<(), Error> {
        let caller = if self.has_room() {
            caller
        } else {
            &RateKey::Others
        };
        self.limiter.check_key(caller).map_err(|refused| {
            tracing::info!(?caller, "rate limit exceeded");
            Error::too_many_requests(refused.wait_time_from(self.limiter.clock().now()))
        })
    }

    /// Removes inactive keys if a sweep is due; returns `true` if a new key can have its own
    /// counter.
    fn has_room(&self) -> bool {
        let is_full = self.limiter.len() >= MAX_CALLERS;
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let swept = self.swept.load(Ordering::Relaxed);
        let pause = if is_full {
            SWEEP_INTERVAL / 60
        } else {
            SWEEP_INTERVAL
        };
        let due = u128::from(now.saturating_sub(swept)) >= pause.as_millis();
        let mine = due
            && self
                .swept
                .compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !mine {
            return !is_full;
        }
        self.limiter.retain_recent();
        self.limiter.len() < MAX_CALLERS
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const HERE: ClientAddress =
        ClientAddress(Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1))));
    const NOWHERE: ClientAddress = ClientAddress(None);

    fn limits(rates: Rates) -> (RateLimits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let counts = RateCounters::new(&rates, || clock.clone());
        (RateLimits { on: Some(counts) }, clock)
    }

    fn few() -> Rates {
        Rates {
            sign_in: Rate::per_minute(3),
            start_task: Rate::per_minute(2),
            address_multiplier: 2,
            ..Rates::default()
        }
    }

    fn allowed(mut check: impl FnMut() -> Result<(), Error>) -> usize {
        (0..100).take_while(|_| check().is_ok()).count()
    }

    #[test]
    fn each_address_has_its_own_quota_that_refills() {
        let (limits, clock) = limits(few());
        let check = |address| limits.check_address(RateClass::SignIn, ClientAddress(address));
        let here = HERE.0;
        assert_eq!(allowed(|| check(here)), 3);
        let error = check(here).unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.code()),
            (429, "too_many_requests")
        );
        assert_eq!(allowed(|| check("192.0.2.2".parse().ok())), 3);
        assert_eq!(allowed(|| check("2001:db8::1".parse().ok())), 3);
        assert!(
            check("2001:db8::ffff:1".parse().ok()).is_err(),
            "one network"
        );
        assert!(check("2001:db8:0:1::1".parse().ok()).is_ok());
        clock.advance(Duration::from_secs(20));
        assert_eq!(allowed(|| check(here)), 1);
        clock.advance(Duration::from_secs(600));
        assert_eq!(allowed(|| check(here)), 3);
    }

    #[test]
    fn user_is_counted_across_addresses() {
        let (limits, _) = limits(few());
        let (ann, bob) = (Uuid::new_v4(), Uuid::new_v4());
        let check = |user, address| limits.check_user(RateClass::StartTask, Some(user), address);
        assert!(check(ann, HERE).is_ok());
        assert!(check(ann, NOWHERE).is_ok());
        assert!(check(ann, HERE).is_err());
        assert!(check(bob, HERE).is_ok());
        // Each class is counted separately.
        let other = limits.check_user(RateClass::AdminWrite, Some(ann), HERE);
        assert!(other.is_ok());
        let by_address = || limits.check_address(RateClass::StartTask, HERE);
        assert_eq!(allowed(by_address), 4, "twice what one user may do");
    }

    #[test]
    fn unknown_callers_share_one_quota() {
        let (limits, _) = limits(few());
        for class in [RateClass::SignIn, RateClass::StartTask] {
            assert_eq!(allowed(|| limits.check_address(class, NOWHERE)), 100);
        }
        let unknown = |class| limits.check_user(class, None, NOWHERE);
        assert_eq!(allowed(|| unknown(RateClass::SignIn)), 3);
        assert_eq!(allowed(|| unknown(RateClass::StartTask)), 4);
    }

    #[test]
    fn retry_after_is_in_whole_seconds() {
        for (wait, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (20_000, 20)] {
            let problem = Error::too_many_requests(Duration::from_millis(wait)).into_problem();
            assert_eq!(problem.retry_after, Some(seconds), "{wait}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (limits, clock) = limits(few());
        let check = |number: u32| {
            let address = ClientAddress(Some(IpAddr::V4(number.into())));
            limits.check_address(RateClass::SignIn, address)
        };
        let counted = || limits.on.as_ref().unwrap().sign_in.limiter.len();
        let many = u32::try_from(MAX_CALLERS).unwrap();
        for number in 0..many {
            assert!(check(number).is_ok());
        }
        let more = (many..many + 1000).filter(|number| check(*number).is_ok());
        assert_eq!(more.count(), 3, "they share one rate");
        assert_eq!(counted(), MAX_CALLERS + 1);
        clock.advance(Duration::from_secs(120));
        let swept = &limits.on.as_ref().unwrap().sign_in;
        swept.limiter.retain_recent();
        assert_eq!(counted(), 0, "keys with a full rate are removed");
    }

    #[test]
    fn nothing_is_counted_when_disabled() {
        let limits: RateLimits = RateLimits { on: None };
        assert_eq!(
            allowed(|| limits.check_address(RateClass::SignIn, HERE)),
            100
        );
        assert_eq!(
            allowed(|| limits.check_user(RateClass::SignIn, None, NOWHERE)),
            100
        );
    }
}
