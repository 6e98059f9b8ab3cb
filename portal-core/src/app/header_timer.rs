//! Header timer: one timer per connection that limits the time for reading request heads.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

/// A connection's timer, whose deadline only moves forward.
///
/// Hyper starts and ends a timeout for each request. Registering it with the runtime each time
/// would cost as much as routing the request, so this timer stays registered and is moved only when
/// it fires.
#[derive(Debug, Clone)]
pub(super) struct HeaderTimer(Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>);

impl HeaderTimer {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(
            Duration::ZERO,
        )))))
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HeaderDeadline {
            timer: self.clone(),
            deadline,
        })
    }

    fn now(&self) -> Instant {
        // This is the runtime's clock, which tests can pause.
        tokio::time::Instant::now().into()
    }
}

/// Time limit for reading one request head.
struct HeaderDeadline {
    timer: HeaderTimer,
    deadline: Instant,
}

impl Sleep for HeaderDeadline {}

impl Future for HeaderDeadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut registered = self.timer.0.lock();
        loop {
            ready!(registered.as_mut().poll(context));
            if registered.deadline().into_std() >= self.deadline {
                return Poll::Ready(());
            }
            // The timer fired at the deadline of an earlier request.
            registered.as_mut().reset(self.deadline.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn earlier_deadline_does_not_end_a_later_request() {
        let timer = HeaderTimer::new();
        let start = timer.now();
        timer.sleep(SHORT).await;
        assert!(timer.now() >= start + SHORT);

        let mut first = timer.sleep_until(start + 2 * SHORT);
        assert!(first.as_mut().now_or_never().is_none());
        drop(first);
        timer.sleep_until(start + 4 * SHORT).await;
        assert!(timer.now() >= start + 4 * SHORT);
    }
}
