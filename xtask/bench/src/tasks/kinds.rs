//! The tasks that are measured.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use garde::Validate;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

/// The group of all of them.
pub(super) const STATE: &str = "bench";

/// What tasks tell the program that they run in.
#[derive(Clone, Default)]
pub(super) struct Ran {
    count: Arc<AtomicUsize>,
    begun: Arc<Mutex<Option<Instant>>>,
}

impl Ran {
    /// How many tasks have run.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// When the last task began, once one has.
    pub(super) fn take_begun(&self) -> Option<Instant> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take()
    }

    fn begin(&self) {
        let now = Instant::now();
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Adds every kind.
pub(super) fn add_to(portal: PortalBuilder, ran: Ran) -> PortalBuilder {
    portal.data(ran).task(noop).task(ticks)
}

/// Does nothing
#[monitored_background_task(state = "bench")]
pub(super) async fn noop(_task: TaskContext, ran: Data<Ran>) {
    ran.begin();
}

/// Types besides `noop` that do nothing, `noop1` and so on.
macro_rules! noops {
    ($($name:ident),*) => {
        $(
            /// Does nothing
            #[monitored_background_task(state = "bench")]
            async fn $name(_task: TaskContext, ran: Data<Ran>) {
                ran.begin();
            }
        )*

        /// Adds the other types that do nothing.
        pub(super) fn add_noops(portal: PortalBuilder) -> PortalBuilder {
            portal$(.task($name))*
        }

        /// The number of types that do nothing.
        pub(super) const NOOPS: usize = 1 + [$(stringify!($name)),*].len();
    };
}

noops!(
    noop1, noop2, noop3, noop4, noop5, noop6, noop7, noop8, noop9
);

/// How often a task tells something.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub(super) struct Pace {
    /// How often.
    #[garde(skip)]
    pub(super) count: u32,
    /// Milliseconds between two updates.
    #[garde(skip)]
    pub(super) pause: u64,
    /// Milliseconds before the first one.
    #[garde(skip)]
    pub(super) wait: u64,
}

/// Tells the time, again and again
#[monitored_background_task(state = "bench")]
async fn ticks(task: TaskContext, pace: Pace) -> Result<(), TaskError> {
    tokio::time::sleep(Duration::from_millis(pace.wait)).await;
    let mut tick = interval(Duration::from_millis(pace.pause.max(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..pace.count {
        tick.tick().await;
        task.update().message(now_micros().to_string()).await?;
    }
    Ok(())
}

/// The time that all processes of a machine share.
pub(super) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0))
}
