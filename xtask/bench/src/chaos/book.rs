//! What was accepted, what was seen, and what broke a promise.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

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
            self.violation("each start has a task of its own", what);
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
