//! Authentication service: resolves requests to local users through two caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use quick_cache::sync::Cache;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{interval, sleep};
use uuid::Uuid;

use super::access::Access;
use super::admin_emails::AdminEmails;
use super::extract::CurrentUser;
use super::identity::{Identity, Profile};
use super::provider::{ErasedProvider, NavigationOutcome, PageAdditions, RenderedPage, SignInPage};
use super::revocation::{OpenConnections, PendingChecks, Revocation, RevocationToken, load_users};
use super::roles::Roles;
use super::sessions::{OpenSession, SessionState, Sessions};
use super::users::{User, UserListener, Users};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, ReadStamp, Store};

const CACHE_ENTRIES: usize = 100_000;

/// Delay before a failed database query is retried.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Maximum time for which a connection stays open after its access was revoked, if the cluster
/// event is lost.
const RECHECK: Duration = Duration::from_secs(60);

/// A cached value with the time at which it was read.
#[derive(Clone)]
struct CacheEntry<T> {
    value: T,
    read_at: ReadStamp,
}

/// Outcome of authenticating a request.
pub(crate) enum AuthOutcome {
    /// The request has no valid credential.
    Anonymous,
    /// The credential is valid, but its session has ended or its user was deleted.
    Rejected,
    Authenticated(CurrentUser),
}

/// Service that identifies callers; one per portal.
pub(crate) struct Auth {
    provider: Box<dyn ErasedProvider>,
    config: Arc<Config>,
    pub(crate) users: Users,
    sessions: Sessions,
    admin_emails: AdminEmails,
    store: Store,
    impersonators_have_full_rights: bool,
    /// Active sessions with their users; ended sessions are not cached.
    session_cache: Cache<Arc<str>, CacheEntry<CurrentUser>>,
    /// Users read by id, such as the owners of tasks.
    user_cache: Cache<Uuid, CacheEntry<Arc<User>>>,
    /// Number of invalidations. A value that was read before an invalidation must not be cached
    /// after it.
    epoch: AtomicU64,
    /// Open connections with their users.
    connections: Arc<OpenConnections>,
}

impl Auth {
    pub(crate) fn new(
        provider: Box<dyn ErasedProvider>,
        config: Arc<Config>,
        store: Store,
    ) -> Self {
        let admin_emails = AdminEmails::new(&config.admin_emails);
        Self {
            provider,
            users: Users::new(store.clone()).with_admin_emails(admin_emails.clone()),
            sessions: Sessions::new(store.clone(), admin_emails.clone()),
            admin_emails,
            config,
            store,
            impersonators_have_full_rights: false,
            session_cache: Cache::new(CACHE_ENTRIES),
            user_cache: Cache::new(CACHE_ENTRIES),
            epoch: AtomicU64::new(0),
            connections: Arc::default(),
        }
    }

    /// Sets the portal's roles, and whether impersonators have the full rights of the user.
    pub(crate) fn with_roles(
        mut self,
        roles: Arc<Roles>,
        impersonators_have_full_rights: bool,
    ) -> Self {
        self.users = self.users.with_roles(roles);
        self.impersonators_have_full_rights = impersonators_have_full_rights;
        self
    }

    /// Applies the current list of `ADMIN_USER_EMAILS`.
    pub(crate) async fn apply_admin_emails(&self) -> Result<()> {
        self.admin_emails.apply_at_start_up(&self.store).await
    }

    /// Sets the listener that is notified of changes to users.
    pub(crate) fn with_listener(mut self, listener: Arc<dyn UserListener>) -> Self {
        self.users = self.users.with_listener(listener);
        self
    }

    /// Returns the caller, regardless of the state of the account; `None` for guests.
    pub(crate) async fn caller(&self, parts: &Parts) -> Result<Option<CurrentUser>> {
        Ok(match self.authenticate(parts).await? {
            AuthOutcome::Authenticated(user) => Some(user),
            AuthOutcome::Anonymous | AuthOutcome::Rejected => None,
        })
    }

    /// Like [`caller`](Self::caller), but distinguishes an ended session from a missing one.
    pub(crate) async fn authenticate(&self, parts: &Parts) -> Result<AuthOutcome> {
        let Some(identity) = self.provider.authenticate(parts).await? else {
            return Ok(AuthOutcome::Anonymous);
        };
        let cached = self.session_cache.get(identity.session_id.as_str());
        let cached = cached.and_then(|cached| self.fresh(cached));
        // A matching session id alone does not prove that the user is still the same.
        if let Some(user) = cached.filter(|user| user.is_of(&identity)) {
            return Ok(AuthOutcome::Authenticated(user));
        }
        // This future is boxed so that the database access does not enlarge the future of every
        // request.
        let user = Box::pin(self.load_caller(&identity)).await?;
        Ok(user.map_or(AuthOutcome::Rejected, AuthOutcome::Authenticated))
    }

    /// Returns the cached value, unless it may have changed since it was read.
    fn fresh<T>(&self, cached: CacheEntry<T>) -> Option<T> {
        self.store
            .is_current(cached.read_at)
            .then_some(cached.value)
    }

    /// Reads the user of an uncached session and caches the result.
    async fn load_caller(&self, identity: &Identity) -> Result<Option<CurrentUser>> {
        if !identity.is_well_formed() {
            tracing::warn!(
                "the identity provider returned an id of a user, session or impersonator that is empty, \
                 too long or contains control characters; the request is rejected"
            );
            return Ok(None);
        }
        let read_at = self.store.read_at();
        let epoch = self.epoch.load(Ordering::Acquire);
        let Some((user, is_new)) = self.open_session(identity).await? else {
            return Ok(None);
        };
        // Opening a session updates the last sign-in, and may change the name, e-mail address or
        // role.
        if is_new {
            self.user_changed(user.id).await;
        }
        let session_id: Arc<str> = Arc::from(identity.session_id.as_str());
        let user = CurrentUser::of(identity, user, self.impersonators_have_full_rights);
        let value = user.clone();
        self.session_cache
            .insert(Arc::clone(&session_id), CacheEntry { value, read_at });
        // Something was invalidated during the read, so the result may be outdated.
        if self.epoch.load(Ordering::Acquire) != epoch + u64::from(is_new) {
            self.session_cache.remove(&session_id);
        }
        Ok(Some(user))
    }

    /// Returns the user of an uncached session, and `true` if the session is new.
    ///
    /// A user's first request creates the local user.
    async fn open_session(&self, identity: &Identity) -> Result<Option<(User, bool)>> {
        let standing = self.sessions.state_of(identity).await?;
        let known = match standing {
            SessionState::Ended => return Ok(None),
            SessionState::Foreign => {
                tracing::error!(
                    session_id = identity.session_id,
                    subject = identity.subject,
                    actor = identity.impersonator,
                    "the identity provider has issued a session id that belongs to another user or impersonator; the request is rejected"
                );
                return Ok(None);
            }
            SessionState::Open(user_id) => {
                let user = self.users.get(user_id).await?;
                return Ok(user.map(|user| (user, false)));
            }
            SessionState::New { user_known } => user_known,
        };
        if identity.session_id == identity.subject {
            tracing::warn!(
                subject = identity.subject,
                "the identity provider uses the id of the user as session id; the user cannot sign in again after signing out"
            );
        }
        let profile = if known && !self.provider.refreshes_profile() {
            None
        } else {
            match self.provider.profile(&identity.subject).await? {
                None if !known => {
                    tracing::warn!(
                        subject = identity.subject,
                        "the identity provider has no record of a user that it identified"
                    );
                    return Ok(None);
                }
                profile => profile,
            }
        };
        let user = self.sessions.open(identity, profile.as_ref()).await?;
        Ok(user.map(|user| (self.users.attach_grants(user), true)))
    }

    /// Returns the user with the given id, from the cache if the cached value is current.
    pub(crate) async fn user(&self, id: Uuid) -> Result<Option<Arc<User>>> {
        let cached = self.user_cache.get(&id);
        if let Some(user) = cached.and_then(|cached| self.fresh(cached)) {
            return Ok(Some(user));
        }
        let read_at = self.store.read_at();
        let epoch = self.epoch.load(Ordering::Acquire);
        let Some(user) = self.users.get(id).await?.map(Arc::new) else {
            return Ok(None);
        };
        let value = Arc::clone(&user);
        self.user_cache.insert(id, CacheEntry { value, read_at });
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.user_cache.remove(&id);
        }
        Ok(Some(user))
    }

    /// Returns the provider's record of a user.
    pub(crate) async fn profile(&self, subject: &str) -> Result<Profile> {
        self.provider
            .profile(subject)
            .await?
            .ok_or_else(|| Error::not_found("the identity provider has no record of this user"))
    }

    /// Ends a session everywhere: its tokens are rejected from now on.
    ///
    /// If the session had already ended, no event is published and the provider is not called.
    pub(crate) async fn end_session(&self, session_id: &str) -> Result<()> {
        if !self.sessions.end(session_id).await? {
            return Ok(());
        }
        self.forget_session(session_id);
        self.store
            .publish(ClusterEvent::SessionEnded {
                id: session_id.to_owned(),
            })
            .await;
        self.provider.signed_out(session_id).await;
        Ok(())
    }

    /// Returns a user's active sessions.
    pub(crate) async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<OpenSession>> {
        self.sessions.of_user(user_id).await
    }

    /// Ends all of a user's sessions except one, and returns the number of recent sessions that
    /// were ended.
    pub(crate) async fn end_other_sessions(&self, user_id: Uuid, keep: &str) -> Result<usize> {
        let sessions = self.sessions.of_user(user_id).await?;
        let others: Vec<_> = sessions.iter().filter(|it| it.id != keep).collect();
        for session in &others {
            self.end_session(&session.id).await?;
        }
        self.sessions.end_others(user_id, keep).await?;
        self.user_changed(user_id).await;
        Ok(others.len())
    }

    /// Returns `true` if the provider handles this request for a page.
    pub(crate) fn wants_navigation(&self, parts: &Parts) -> bool {
        self.provider.wants_navigation(parts)
    }

    /// Lets the provider process a request for a page.
    pub(crate) async fn navigate(&self, parts: &mut Parts) -> NavigationOutcome {
        self.provider.navigate(parts).await
    }

    /// Returns the provider's additions to a page.
    pub(crate) fn on_page(&self, page: &RenderedPage<'_>) -> Option<PageAdditions> {
        self.provider.on_page(page)
    }

    /// Ends the session of a request whose credential is no longer accepted.
    ///
    /// A session that belongs to another user stays open.
    pub(crate) async fn end_expired_session(&self, parts: &Parts) -> Result<()> {
        let identity = self.provider.session_to_end(parts).await;
        let Some(identity) = identity.filter(Identity::is_well_formed) else {
            return Ok(());
        };
        match self.sessions.state_of(&identity).await? {
            SessionState::Ended | SessionState::Foreign => Ok(()),
            SessionState::Open(_) | SessionState::New { .. } => {
                self.end_session(&identity.session_id).await
            }
        }
    }

    /// Returns the `Set-Cookie` values for a sign-out.
    pub(crate) fn forget(&self) -> Vec<HeaderValue> {
        self.provider.forget()
    }

    /// Returns `true` if visitors can create an account.
    pub(crate) fn offers_sign_up(&self) -> bool {
        self.provider.offers_sign_up()
    }

    /// Renders the content of the sign-in page.
    pub(crate) fn sign_in(&self, sign_up: bool, return_to: &str, query: &str) -> maud::Markup {
        self.provider.sign_in(&SignInPage {
            sign_up,
            return_to,
            base_path: &self.config.base_path,
            query,
        })
    }

    /// Invalidates a user on this and every other replica after a change to the row.
    async fn user_changed(&self, id: Uuid) {
        self.forget_user(id);
        self.store.publish(ClusterEvent::User { id }).await;
    }

    /// Invalidates a user in this process, so that the author of a change sees it immediately.
    ///
    /// The transaction that makes the change notifies the other replicas.
    pub(crate) fn forget_user(&self, id: Uuid) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.user_cache.remove(&id);
        self.session_cache
            .retain(|_, session| session.value.id != id);
    }

    fn forget_session(&self, session_id: &str) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.session_cache.remove(session_id);
    }

    /// Invalidates cached values that a cluster event makes stale, and closes connections without
    /// access.
    pub(crate) fn heed(&self, notification: &ClusterEvent) {
        match notification {
            ClusterEvent::User { id } => {
                self.forget_user(*id);
                self.connections.user_changed(*id);
            }
            ClusterEvent::SessionEnded { id } => {
                self.forget_session(id);
                self.connections.session_ended(id);
            }
            _ => {}
        }
    }

    /// Registers an open connection, which is closed when its user loses access.
    ///
    /// The user must be enabled and satisfy all rules of `needed`, and the session, if any, must be
    /// active.
    pub(crate) async fn watch(
        &self,
        user_id: Uuid,
        session_id: Option<Arc<str>>,
        needed: Vec<Access>,
    ) -> Result<RevocationToken> {
        // Registering the connection first ensures that changes during the following reads are
        // detected.
        let watch = self.connections.add(user_id, session_id, needed);
        let user = self.user(user_id).await?;
        watch.holder().check(user.as_deref())?;
        if let Some(id) = &watch.holder().session_id
            && !self.is_session_open(id).await?
        {
            return Err(Revocation::SessionEnded.into());
        }
        Ok(watch)
    }

    async fn is_session_open(&self, id: &Arc<str>) -> Result<bool> {
        let cached = self.session_cache.get(id);
        if cached.and_then(|cached| self.fresh(cached)).is_some() {
            return Ok(true);
        }
        let standing = self.sessions.open_among(std::slice::from_ref(id)).await?;
        Ok(!standing.is_empty())
    }

    /// Processes the cluster events from all replicas, until the future is dropped.
    pub(crate) async fn follow(&self, hints: Receiver<ClusterEvent>) {
        // Two separate futures ensure that caches are invalidated even while the database is slow.
        tokio::select! {
            () = self.follow_hints(hints) => {}
            () = self.run_rechecks() => {}
        }
    }

    async fn follow_hints(&self, mut hints: Receiver<ClusterEvent>) {
        loop {
            match hints.recv().await {
                Ok(
                    notification @ (ClusterEvent::User { .. } | ClusterEvent::SessionEnded { .. }),
                ) => self.heed(&notification),
                Ok(ClusterEvent::Lagged) | Err(RecvError::Lagged(_)) => {
                    self.epoch.fetch_add(1, Ordering::AcqRel);
                    self.session_cache.clear();
                    self.user_cache.clear();
                    self.connections.all_changed();
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Closes connections whose users no longer have access.
    async fn run_rechecks(&self) {
        // The interval is a fallback for lost cluster events.
        let mut now_and_then = interval(RECHECK);
        loop {
            tokio::select! {
                () = self.connections.wake.notified() => {}
                _ = now_and_then.tick() => self.connections.all_changed(),
                // While no events from other replicas are received, the database is polled.
                () = sleep(RETRY_DELAY) => if !self.store.receives_events() {
                    self.connections.all_changed();
                }
            }
            let owed = self.connections.take_pending();
            if owed.is_empty() {
                continue;
            }
            if let Err(error) = self.recheck(&owed).await {
                tracing::warn!(%error, "failed to check the access of open connections");
                self.connections.put_back(owed);
                sleep(RETRY_DELAY).await;
                self.connections.wake.notify_one();
            }
        }
    }

    async fn recheck(&self, owed: &PendingChecks) -> Result<()> {
        let holders = self.connections.to_check(owed);
        let mut ids: Vec<Uuid> = holders.iter().map(|holder| holder.user_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let users = load_users(&self.users, &ids).await?;
        let sessions = match owed.everyone {
            false => None,
            true => {
                let ids = holders.iter().filter_map(|it| it.session_id.clone());
                let ids: Vec<Arc<str>> = ids.collect();
                Some(self.sessions.open_among(&ids).await?)
            }
        };
        for holder in holders {
            if let Err(revoked) = holder.check(users.get(&holder.user_id)) {
                holder.revoke(revoked);
            } else if let (Some(sessions), Some(id)) = (&sessions, &holder.session_id)
                && !sessions.contains(&**id)
            {
                holder.revoke(Revocation::SessionEnded);
            }
        }
        Ok(())
    }
}
