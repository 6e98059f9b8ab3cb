//! What the bell says, kept so that a page view asks no database for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use uuid::Uuid;

use super::table;
use crate::pages::Unread;
use crate::store::{ReadAt, Store, StoreError};

const ENTRIES: usize = 100_000;

#[derive(Clone)]
struct Cached {
    unread: Arc<Unread>,
    read_at: ReadAt,
}

/// What users have not read, as far as this process knows.
pub(super) struct UnreadCache {
    store: Store,
    known: Cache<Uuid, Cached>,
    /// Counts invalidations: what was read before one must not be taken for new after it.
    epoch: AtomicU64,
}

impl UnreadCache {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            known: Cache::new(ENTRIES),
            epoch: AtomicU64::new(0),
        }
    }

    /// What is known, if it may still be taken for true.
    pub(super) fn fresh(&self, user: Uuid) -> Option<Arc<Unread>> {
        let cached = self.known.get(&user)?;
        let is_current = self.store.is_current(cached.read_at);
        is_current.then_some(cached.unread)
    }

    /// What was known last.
    pub(super) fn last_known(&self, user: Uuid) -> Option<Arc<Unread>> {
        self.known.get(&user).map(|cached| cached.unread)
    }

    pub(super) async fn get(&self, user: Uuid) -> Result<Arc<Unread>, StoreError> {
        if let Some(unread) = self.fresh(user) {
            return Ok(unread);
        }
        let read_at = self.store.read_at();
        let epoch = self.epoch.load(Ordering::Acquire);
        let unread = Arc::new(table::unread(&self.store, user).await?);
        let cached = Cached {
            unread: Arc::clone(&unread),
            read_at,
        };
        self.known.insert(user, cached);
        // Something has changed while it was read: it may be of before.
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.known.remove(&user);
        }
        Ok(unread)
    }

    /// Forgets what is known of a user, or of everybody.
    pub(super) fn forget(&self, user: Option<Uuid>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        match user {
            Some(user) => drop(self.known.remove(&user)),
            None => self.known.clear(),
        }
    }
}
