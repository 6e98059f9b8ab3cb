//! Task types for the benchmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use garde::Validate;
use parking_lot::Mutex;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

/// Task group to which all task types belong.
pub(super) const STATE: &str = "bench";

/// Executions of tasks in this process.
#[derive(Clone, Default)]
pub(super) struct Ran {
    count: Arc<AtomicUsize>,
    begun: Arc<Mutex<Option<Instant>>>,
}

impl Ran {
    /// Returns the number of tasks that have run.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes the start time of the latest task, if any.
    pub(super) fn take_begun(&self) -> Option<Instant> {
        let mut begun = self.begun.lock();
        begun.take()
    }

    fn begin(&self) {
        let now = Instant::now();
        *self.begun.lock() = Some(now);
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Registers all task types.
pub(super) fn add_to(portal: PortalBuilder, ran: Ran) -> PortalBuilder {
    portal.data(ran).task(noop).task(ticks)
}

/// Does nothing
#[monitored_background_task(group = "bench")]
pub(super) async fn noop(_task: TaskContext, ran: Data<Ran>) {
    ran.begin();
}

/// Defines more task types that do nothing: `noop1` and so on.
macro_rules! noops {
    ($($name:ident),*) => {
        $(
            /// Does nothing
            #[monitored_background_task(group = "bench")]
            async fn $name(_task: TaskContext, ran: Data<Ran>) {
                ran.begin();
            }
        )*

        /// Registers the additional task types that do nothing.
        pub(super) fn add_noops(portal: PortalBuilder) -> PortalBuilder {
            portal$(.task($name))*
        }

        /// Number of task types that do nothing.
        pub(super) const NOOPS: usize = 1 + [$(stringify!($name)),*].len();
    };
}

noops!(
    noop1, noop2, noop3, noop4, noop5, noop6, noop7, noop8, noop9
);

/// Number and interval of a task's updates.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub(super) struct Pace {
    /// Number of updates.
    #[garde(skip)]
    pub(super) count: u32,
    /// Milliseconds between two updates.
    #[garde(skip)]
    pub(super) pause: u64,
    /// Milliseconds before the first update.
    #[garde(skip)]
    pub(super) wait: u64,
}

/// Report the time repeatedly
#[monitored_background_task(group = "bench")]
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

/// Returns the system time, which is the same for all processes on a machine.
pub(super) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(0))
}
