//! What was accepted, what was seen, and what broke a promise.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// What is checked while things happen; the database is asked for the rest.
pub(super) mod promise {
    pub(in crate::chaos) const ONE_TASK: &str = "each start has a task of its own";
    pub(in crate::chaos) const SAME_TASK: &str = "the same key gives the same task";
    pub(in crate::chaos) const ANSWERED: &str = "every start is answered in the end";
    pub(in crate::chaos) const ACCEPTED_OR_503: &str = "a start is accepted or refused with 503";
    pub(in crate::chaos) const TASK_ID: &str = "a start is answered with a task id";
    pub(in crate::chaos) const CANCEL: &str = "a task can be cancelled from every replica";
    pub(in crate::chaos) const STAYS_UP: &str = "a replica stays up";
    pub(in crate::chaos) const ENDS: &str = "a replica ends when it is told to";
    pub(in crate::chaos) const WATCHABLE: &str = "an accepted task can be watched";
    pub(in crate::chaos) const IN_ORDER: &str =
        "a monitor shows the changes of a task in their order";
    pub(in crate::chaos) const CLOSED: &str = "a monitor is closed with 1000 after the final state";
    pub(in crate::chaos) const SAW_END: &str = "every monitor saw the final state";

    /// All of them.
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

/// Shared by all who take part.
#[derive(Default)]
pub(super) struct Book {
    accepted: Mutex<HashMap<Uuid, Accepted>>,
    seen: Mutex<HashMap<Uuid, String>>,
    violations: Mutex<BTreeMap<String, Vec<String>>>,
    counts: Mutex<BTreeMap<&'static str, usize>>,
    watching: Mutex<HashSet<Uuid>>,
}

/// A start that was answered with `202`.
#[derive(Clone)]
pub(super) struct Accepted {
    pub(super) kind: &'static str,
    pub(super) key: String,
}

impl Book {
    /// A start was accepted under an id.
    pub(super) fn accept(&self, id: Uuid, task: Accepted) {
        let key = task.key.clone();
        if let Some(before) = lock(&self.accepted).insert(id, task)
            && before.key != key
        {
            let what = format!("{id} was given for {} and for {key}", before.key);
            self.violation(promise::ONE_TASK, what);
        }
    }

    /// A monitor showed a final state.
    pub(super) fn saw(&self, id: Uuid, status: &str) {
        lock(&self.seen).insert(id, status.to_owned());
    }

    /// A promise was broken.
    pub(super) fn violation(&self, promise: &str, what: impl Into<String>) {
        let mut violations = lock(&self.violations);
        let found = violations.entry(promise.to_owned()).or_default();
        found.push(what.into());
    }

    /// Something that is only counted.
    pub(super) fn count(&self, what: &'static str) {
        *lock(&self.counts).entry(what).or_default() += 1;
    }

    /// The tasks whose monitors have not shown how they end.
    pub(super) fn watching(&self) -> Vec<Uuid> {
        lock(&self.watching).iter().copied().collect()
    }

    /// Somebody watches a task until its end.
    pub(super) fn begin_watching(&self, id: Uuid) {
        lock(&self.watching).insert(id);
    }

    /// The end was seen.
    pub(super) fn end_watching(&self, id: Uuid) {
        lock(&self.watching).remove(&id);
    }

    pub(super) fn accepted(&self) -> HashMap<Uuid, Accepted> {
        lock(&self.accepted).clone()
    }

    pub(super) fn seen(&self) -> HashMap<Uuid, String> {
        lock(&self.seen).clone()
    }

    pub(super) fn violations(&self) -> BTreeMap<String, Vec<String>> {
        lock(&self.violations).clone()
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, usize> {
        lock(&self.counts).clone()
    }
}

/// A panic elsewhere cannot leave these half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
