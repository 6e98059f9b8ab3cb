//! Recorder for accepted tasks, observed states and violated guarantees.

use std::collections::{BTreeMap, HashMap, HashSet};

use parking_lot::Mutex;
use uuid::Uuid;

/// Guarantees checked during the run; the others are checked in the database.
pub(super) mod promise {
    pub(in crate::chaos) const ONE_TASK: &str = "each enqueue request creates a separate task";
    pub(in crate::chaos) const SAME_TASK: &str = "the same idempotency key returns the same task";
    pub(in crate::chaos) const ANSWERED: &str = "every enqueue request eventually gets a response";
    pub(in crate::chaos) const ACCEPTED_OR_503: &str =
        "an enqueue request is accepted or rejected with 503";
    pub(in crate::chaos) const TASK_ID: &str = "the response to an enqueue request has a task id";
    pub(in crate::chaos) const CANCEL: &str = "a task can be cancelled from every replica";
    pub(in crate::chaos) const STAYS_UP: &str = "a replica keeps running";
    pub(in crate::chaos) const ENDS: &str = "a replica exits when it is signaled";
    pub(in crate::chaos) const WATCHABLE: &str = "an accepted task can be monitored";
    pub(in crate::chaos) const IN_ORDER: &str = "a monitor shows the changes of a task in order";
    pub(in crate::chaos) const CLOSED: &str = "a monitor closes with 1000 after the final state";
    pub(in crate::chaos) const SAW_END: &str = "every monitor shows the final state";

    /// All guarantees in this module.
    pub(in crate::chaos) const ALL: [&str; 12] = [
        ONE_TASK,
        SAME_TASK,
        ANSWERED,
        ACCEPTED_OR_503,
        TASK_ID,
        CANCEL,
        STAYS_UP,
        ENDS,
        WATCHABLE,
        IN_ORDER,
        CLOSED,
        SAW_END,
    ];
}

/// The records of a run, shared by all parts of the test.
#[derive(Default)]
pub(super) struct Recorder {
    accepted: Mutex<HashMap<Uuid, Accepted>>,
    seen: Mutex<HashMap<Uuid, String>>,
    violations: Mutex<BTreeMap<String, Vec<String>>>,
    counts: Mutex<BTreeMap<&'static str, usize>>,
    watching: Mutex<HashSet<Uuid>>,
}

/// An enqueue request that received the response `202`.
#[derive(Clone)]
pub(super) struct Accepted {
    pub(super) kind: &'static str,
    pub(super) key: String,
}

impl Recorder {
    /// Records that a task was accepted under an id.
    pub(super) fn accept(&self, id: Uuid, task: Accepted) {
        let key = task.key.clone();
        if let Some(before) = self.accepted.lock().insert(id, task)
            && before.key != key
        {
            let what = format!("{id} was returned for {} and for {key}", before.key);
            self.violation(promise::ONE_TASK, what);
        }
    }

    /// Records a final state shown by a monitor.
    pub(super) fn saw(&self, id: Uuid, status: &str) {
        self.seen.lock().insert(id, status.to_owned());
    }

    /// Records a violated guarantee.
    pub(super) fn violation(&self, promise: &str, what: impl Into<String>) {
        let mut violations = self.violations.lock();
        let found = violations.entry(promise.to_owned()).or_default();
        found.push(what.into());
    }

    /// Counts an event.
    pub(super) fn count(&self, what: &'static str) {
        *self.counts.lock().entry(what).or_default() += 1;
    }

    /// Returns the tasks whose monitors have not shown a final state.
    pub(super) fn watching(&self) -> Vec<Uuid> {
        self.watching.lock().iter().copied().collect()
    }

    /// Records that a client has started to monitor a task.
    pub(super) fn begin_watching(&self, id: Uuid) {
        self.watching.lock().insert(id);
    }

    /// Records that the client has received the final state.
    pub(super) fn end_watching(&self, id: Uuid) {
        self.watching.lock().remove(&id);
    }

    pub(super) fn accepted(&self) -> HashMap<Uuid, Accepted> {
        self.accepted.lock().clone()
    }

    pub(super) fn seen(&self) -> HashMap<Uuid, String> {
        self.seen.lock().clone()
    }

    pub(super) fn violations(&self) -> BTreeMap<String, Vec<String>> {
        self.violations.lock().clone()
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.counts.lock().clone()
    }
}
