//! Cache of unread notifications, so that page views need no database query.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use uuid::Uuid;

use super::table;
use crate::pages::UnreadSummary;
use crate::store::{ReadStamp, Store, StoreError};

const ENTRIES: usize = 100_000;

#[derive(Clone)]
struct CachedUnread {
    unread: Arc<UnreadSummary>,
    read_at: ReadStamp,
}

/// Users' cached unread notifications.
pub(super) struct UnreadCache {
    store: Store,
    entries: Cache<Uuid, CachedUnread>,
    /// Number of invalidations so far. A value must not be cached if an invalidation happened while
    /// it was read.
    epoch: AtomicU64,
}

impl UnreadCache {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            entries: Cache::new(ENTRIES),
            epoch: AtomicU64::new(0),
        }
    }

    /// Returns the cached value if it is still valid.
    pub(super) fn fresh(&self, user: Uuid) -> Option<Arc<UnreadSummary>> {
        let cached = self.entries.get(&user)?;
        let is_current = self.store.is_current(cached.read_at);
        is_current.then_some(cached.unread)
    }

    /// Returns the last cached value, even if it is no longer valid.
    pub(super) fn last_known(&self, user: Uuid) -> Option<Arc<UnreadSummary>> {
        self.entries.get(&user).map(|cached| cached.unread)
    }

    pub(super) async fn get(&self, user: Uuid) -> Result<Arc<UnreadSummary>, StoreError> {
        if let Some(unread) = self.fresh(user) {
            return Ok(unread);
        }
        let read_at = self.store.read_at();
        let epoch = self.epoch.load(Ordering::Acquire);
        let unread = Arc::new(table::unread(&self.store, user).await?);
        let cached = CachedUnread {
            unread: Arc::clone(&unread),
            read_at,
        };
        self.entries.insert(user, cached);
        // An invalidation happened during the read, so the value may be outdated.
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.entries.remove(&user);
        }
        Ok(unread)
    }

    /// Invalidates the cached value for one user or all users.
    pub(super) fn forget(&self, user: Option<Uuid>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        match user {
            Some(user) => drop(self.entries.remove(&user)),
            None => self.entries.clear(),
        }
    }
}
