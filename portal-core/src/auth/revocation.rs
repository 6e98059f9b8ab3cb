//! Revocation: notifies open connections, such as WebSockets, when their user loses access.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::access::{Access, Denied};
use super::users::{User, Users};
use crate::error::{Error, Result};

/// Reason why an open connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    SessionEnded,
    UserDeleted,
    Deactivated,
    Forbidden,
}

impl Revocation {
    /// Returns the WebSocket close code: `4401` if the session or the user no longer exists, `4403`
    /// if access was lost.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::SessionEnded | Self::UserDeleted => 4401,
            Self::Deactivated | Self::Forbidden => 4403,
        }
    }

    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::SessionEnded => "the session has ended",
            Self::UserDeleted => "the account has been deleted",
            Self::Deactivated => "the account has been deactivated",
            Self::Forbidden => "the account no longer has access",
        }
    }
}

impl From<Denied> for Revocation {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::UserDeleted,
            Denied::Forbidden | Denied::Impersonated => Self::Forbidden,
            Denied::Deactivated => Self::Deactivated,
        }
    }
}

impl From<Revocation> for Error {
    fn from(revoked: Revocation) -> Self {
        match revoked {
            Revocation::SessionEnded | Revocation::UserDeleted => Self::unauthorized(),
            Revocation::Deactivated => Denied::Deactivated.into(),
            Revocation::Forbidden => Denied::Forbidden.into(),
        }
    }
}

/// An open connection, its user and the access it requires.
#[derive(Debug)]
pub(super) struct OpenConnection {
    pub(super) user_id: Uuid,
    pub(super) session_id: Option<Arc<str>>,
    /// Rules that the user must satisfy.
    pub(super) needed: Vec<Access>,
    revoked: OnceLock<Revocation>,
    changed: Notify,
}

impl OpenConnection {
    /// Checks that a user (`None` if deleted) still has access; returns the reason for revocation
    /// otherwise.
    pub(super) fn check(&self, user: Option<&User>) -> Result<(), Revocation> {
        let user = user.ok_or(Revocation::UserDeleted)?;
        Access::User.check(Some(user))?;
        let mut needed = self.needed.iter();
        needed.try_for_each(|access| access.check(Some(user)))?;
        Ok(())
    }

    pub(super) fn revoke(&self, revoked: Revocation) {
        if self.revoked.set(revoked).is_ok() {
            self.changed.notify_one();
        }
    }
}

/// All open connections of this process, by user and session.
#[derive(Debug, Default)]
pub(super) struct OpenConnections {
    index: Mutex<Index>,
    pending: Mutex<PendingChecks>,
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct Index {
    by_user: HashMap<Uuid, Vec<Arc<OpenConnection>>>,
    by_session: HashMap<Arc<str>, Vec<Arc<OpenConnection>>>,
}

/// Users whose open connections must be re-checked.
#[derive(Debug, Default)]
pub(super) struct PendingChecks {
    pub(super) users: HashSet<Uuid>,
    /// `true` if cluster events were lost: any user may have changed, and any session may have
    /// ended.
    pub(super) everyone: bool,
}

impl PendingChecks {
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.everyone
    }
}

impl OpenConnections {
    pub(super) fn add(
        self: &Arc<Self>,
        user_id: Uuid,
        session_id: Option<Arc<str>>,
        needed: Vec<Access>,
    ) -> RevocationToken {
        let holder = Arc::new(OpenConnection {
            user_id,
            session_id,
            needed,
            revoked: OnceLock::new(),
            changed: Notify::new(),
        });
        let mut index = self.index.lock();
        if let Some(id) = &holder.session_id {
            let place = index.by_session.entry(Arc::clone(id)).or_default();
            place.push(Arc::clone(&holder));
        }
        let place = index.by_user.entry(user_id).or_default();
        place.push(Arc::clone(&holder));
        drop(index);
        RevocationToken {
            holder,
            holders: Arc::clone(self),
        }
    }

    /// Schedules a check of a user who was changed, if they have open connections.
    pub(super) fn user_changed(&self, id: Uuid) {
        if self.index.lock().by_user.contains_key(&id) {
            self.pending.lock().users.insert(id);
            self.wake.notify_one();
        }
    }

    /// Schedules a check of all users.
    pub(super) fn all_changed(&self) {
        if !self.index.lock().by_user.is_empty() {
            self.pending.lock().everyone = true;
            self.wake.notify_one();
        }
    }

    pub(super) fn session_ended(&self, id: &str) {
        let index = self.index.lock();
        let holders = index.by_session.get(id).into_iter().flatten();
        holders.for_each(|holder| holder.revoke(Revocation::SessionEnded));
    }

    pub(super) fn take_pending(&self) -> PendingChecks {
        std::mem::take(&mut self.pending.lock())
    }

    /// Restores checks that could not be performed.
    pub(super) fn put_back(&self, more: PendingChecks) {
        let mut pending = self.pending.lock();
        pending.everyone |= more.everyone;
        pending.users.extend(more.users);
    }

    /// Returns the open connections to check.
    pub(super) fn to_check(&self, pending: &PendingChecks) -> Vec<Arc<OpenConnection>> {
        let index = self.index.lock();
        if pending.everyone {
            return index.by_user.values().flatten().cloned().collect();
        }
        let users = pending.users.iter();
        let holders = users.filter_map(|id| index.by_user.get(id)).flatten();
        holders.cloned().collect()
    }
}

/// Registration of an open connection; dropped when the connection closes.
#[derive(Debug)]
pub(crate) struct RevocationToken {
    holder: Arc<OpenConnection>,
    holders: Arc<OpenConnections>,
}

impl RevocationToken {
    pub(super) fn holder(&self) -> &OpenConnection {
        &self.holder
    }

    /// Waits until access is revoked and returns the reason.
    pub(crate) async fn revoked(&self) -> Revocation {
        loop {
            if let Some(revoked) = self.holder.revoked.get() {
                return *revoked;
            }
            self.holder.changed.notified().await;
        }
    }
}

impl Drop for RevocationToken {
    fn drop(&mut self) {
        let mut index = self.holders.index.lock();
        let Index {
            by_user,
            by_session,
        } = &mut *index;
        remove(by_user, &self.holder.user_id, &self.holder);
        if let Some(id) = &self.holder.session_id {
            remove(by_session, id, &self.holder);
        }
    }
}

fn remove<K: Eq + std::hash::Hash>(
    index: &mut HashMap<K, Vec<Arc<OpenConnection>>>,
    key: &K,
    holder: &Arc<OpenConnection>,
) {
    let Some(place) = index.get_mut(key) else {
        return;
    };
    if let Some(at) = place.iter().position(|other| Arc::ptr_eq(other, holder)) {
        place.swap_remove(at);
    }
    if place.is_empty() {
        index.remove(key);
    }
}

/// Returns the users with the given ids, except deleted ones.
pub(super) async fn load_users(users: &Users, ids: &[Uuid]) -> Result<HashMap<Uuid, User>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(500) {
        for user in users.of_ids(ids).await? {
            found.insert(user.id, user);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn ended_session_revokes_only_its_connections() {
        let holders = Arc::new(OpenConnections::default());
        let (ann, eve) = (Uuid::new_v4(), Uuid::new_v4());
        let mine = [1, 2].map(|_| holders.add(ann, Some("one".into()), Vec::new()));
        let others = [
            holders.add(ann, Some("two".into()), Vec::new()),
            holders.add(eve, None, Vec::new()),
        ];
        holders.session_ended("one");
        for watch in &mine {
            assert_eq!(watch.revoked().await, Revocation::SessionEnded);
            assert_eq!(
                watch.revoked().await,
                Revocation::SessionEnded,
                "stays revoked"
            );
        }
        for watch in &others {
            assert!(watch.revoked().now_or_never().is_none());
        }
    }

    #[test]
    fn only_users_with_open_connections_are_checked() {
        let holders = Arc::new(OpenConnections::default());
        let (ann, eve) = (Uuid::new_v4(), Uuid::new_v4());
        holders.user_changed(ann);
        holders.all_changed();
        assert!(holders.take_pending().is_empty());
        let watch = holders.add(ann, Some("one".into()), Vec::new());
        holders.user_changed(eve);
        assert!(holders.take_pending().is_empty());
        holders.user_changed(ann);
        let pending = holders.take_pending();
        assert_eq!(holders.to_check(&pending).len(), 1);
        holders.put_back(pending);
        assert!(!holders.take_pending().is_empty());
        holders.all_changed();
        assert_eq!(holders.to_check(&holders.take_pending()).len(), 1);
        drop(watch);
        let index = holders.index.lock();
        assert!(index.by_user.is_empty() && index.by_session.is_empty());
    }
}
