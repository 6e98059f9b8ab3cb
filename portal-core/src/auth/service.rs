//! From a request to a local user, through two caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use axum::http::request::Parts;
use quick_cache::sync::Cache;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::extract::CurrentUser;
use super::identity::{Identity, Profile};
use super::provider::{ErasedProvider, Navigation, PageAddition, ShownPage, SignIn};
use super::roles::Roles;
use super::sessions::{Sessions, Standing};
use super::users::{User, Users};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{Notification, Store};

/// Bounds how long a replica that has missed a hint may be wrong.
const CACHE_TIME: Duration = Duration::from_secs(60);
const CACHE_ENTRIES: usize = 100_000;

/// What was read, and when.
#[derive(Clone)]
struct Cached<T> {
    value: T,
    read_at: Instant,
}

impl<T> Cached<T> {
    fn new(value: T) -> Self {
        Self {
            value,
            read_at: Instant::now(),
        }
    }

    /// The value, unless it was read too long ago.
    fn fresh(self) -> Option<T> {
        (self.read_at.elapsed() < CACHE_TIME).then_some(self.value)
    }
}

/// Finds out who is calling. One per portal.
pub(crate) struct Auth {
    provider: Box<dyn ErasedProvider>,
    config: Arc<Config>,
    pub(crate) users: Users,
    sessions: Sessions,
    store: Store,
    allow_impersonated_admins: bool,
    /// Sessions that stand, with their user; a session that has ended is not kept.
    session_cache: Cache<Arc<str>, Cached<CurrentUser>>,
    /// Users who are asked for by id, such as the owners of tasks.
    user_cache: Cache<Uuid, Cached<Arc<User>>>,
    /// Counts invalidations: what was read before one must not be cached after it.
    epoch: AtomicU64,
}

impl Auth {
    pub(crate) fn new(
        provider: Box<dyn ErasedProvider>,
        config: Arc<Config>,
        store: Store,
    ) -> Self {
        Self {
            provider,
            users: Users::new(store.clone()),
            sessions: Sessions::new(store.clone(), config.admin_emails.clone()),
            config,
            store,
            allow_impersonated_admins: false,
            session_cache: Cache::new(CACHE_ENTRIES),
            user_cache: Cache::new(CACHE_ENTRIES),
            epoch: AtomicU64::new(0),
        }
    }

    /// With the roles of the portal, and whether who acts in the name of others has their rights.
    pub(crate) fn with_roles(mut self, roles: Arc<Roles>, allow_impersonated_admins: bool) -> Self {
        self.users = self.users.with_roles(roles);
        self.allow_impersonated_admins = allow_impersonated_admins;
        self
    }

    /// Who is calling, whatever the state of his account; `None` for guests.
    pub(crate) async fn caller(&self, parts: &Parts) -> Result<Option<CurrentUser>> {
        let Some(identity) = self.provider.authenticate(parts).await? else {
            return Ok(None);
        };
        let cached = self.session_cache.get(identity.session_id.as_str());
        if let Some(user) = cached.and_then(Cached::fresh) {
            return Ok(Some(user));
        }
        // Boxed: the path to the database must not swell the future of every request.
        Box::pin(self.unknown_caller(&identity)).await
    }

    /// The user of a session that is not cached, who is from now on.
    async fn unknown_caller(&self, identity: &Identity) -> Result<Option<CurrentUser>> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let Some((user, is_new)) = self.open_session(identity).await? else {
            return Ok(None);
        };
        // A new session moves the last login, and may bring another name, address or role.
        if is_new {
            self.user_changed(user.id).await;
        }
        let session_id: Arc<str> = Arc::from(identity.session_id.as_str());
        let user = CurrentUser::of(identity, user, self.allow_impersonated_admins);
        self.session_cache
            .insert(Arc::clone(&session_id), Cached::new(user.clone()));
        // Something changed while the user was read: what was read may be of before.
        if self.epoch.load(Ordering::Acquire) != epoch + u64::from(is_new) {
            self.session_cache.remove(&session_id);
        }
        Ok(Some(user))
    }

    /// The user of a session that is not cached; the first request of a user creates him here.
    /// With it comes whether the session had not been seen before.
    async fn open_session(&self, identity: &Identity) -> Result<Option<(User, bool)>> {
        let standing = self.sessions.standing(identity).await?;
        let known = match standing {
            Standing::Ended => return Ok(None),
            Standing::Open(user_id) => {
                let user = self.users.get(user_id).await?;
                return Ok(user.map(|user| (user, false)));
            }
            Standing::New { user_known } => user_known,
        };
        let profile = if known && !self.provider.refreshes_profile() {
            None
        } else {
            match self.provider.profile(&identity.subject).await? {
                None if !known => {
                    tracing::warn!(
                        subject = identity.subject,
                        "the identity provider has no record of a user it vouches for"
                    );
                    return Ok(None);
                }
                profile => profile,
            }
        };
        let user = self.sessions.open(identity, profile.as_ref()).await?;
        Ok(user.map(|user| (self.users.equip(user), true)))
    }

    /// The current user of an id, through the cache.
    pub(crate) async fn user(&self, id: Uuid) -> Result<Option<Arc<User>>> {
        if let Some(user) = self.user_cache.get(&id).and_then(Cached::fresh) {
            return Ok(Some(user));
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let Some(user) = self.users.get(id).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.user_cache.insert(id, Cached::new(Arc::clone(&user)));
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.user_cache.remove(&id);
        }
        Ok(Some(user))
    }

    /// The provider's own record of a user.
    pub(crate) async fn profile(&self, subject: &str) -> Result<Profile> {
        self.provider
            .profile(subject)
            .await?
            .ok_or_else(|| Error::not_found("the identity provider has no record of this user"))
    }

    /// Ends a session everywhere: its tokens are refused from now on.
    pub(crate) async fn end_session(&self, session_id: &str) -> Result<()> {
        self.sessions.end(session_id).await?;
        self.forget_session(session_id);
        self.store
            .notify(Notification::SessionEnded {
                id: session_id.to_owned(),
            })
            .await;
        self.provider.signed_out(session_id).await;
        Ok(())
    }

    /// Whether the provider wants to look at a request that opens a page.
    pub(crate) fn wants_navigation(&self, parts: &Parts) -> bool {
        self.provider.wants_navigation(parts)
    }

    /// What the provider makes of it.
    pub(crate) async fn navigate(&self, parts: &mut Parts) -> Navigation {
        self.provider.navigate(parts).await
    }

    /// What the provider adds to a page.
    pub(crate) fn on_page(&self, page: &ShownPage<'_>) -> Option<PageAddition> {
        self.provider.on_page(page)
    }

    /// `Set-Cookie` values of a sign-out.
    pub(crate) fn forget(&self) -> Vec<HeaderValue> {
        self.provider.forget()
    }

    /// What stands on the sign-in page.
    pub(crate) fn sign_in(&self, sign_up: bool, return_to: &str) -> maud::Markup {
        self.provider.sign_in(&SignIn {
            sign_up,
            return_to,
            base_path: &self.config.base_path,
        })
    }

    /// Drops what is cached of a user after his row has changed, here and in every replica.
    pub(crate) async fn user_changed(&self, id: Uuid) {
        self.forget_user(id);
        self.store.notify(Notification::User { id }).await;
    }

    fn forget_user(&self, id: Uuid) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.user_cache.remove(&id);
        self.session_cache
            .retain(|_, session| session.value.id != id);
    }

    fn forget_session(&self, session_id: &str) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.session_cache.remove(session_id);
    }

    /// Drops what a hint says is stale.
    pub(crate) fn heed(&self, notification: &Notification) {
        match notification {
            Notification::User { id } => self.forget_user(*id),
            Notification::SessionEnded { id } => self.forget_session(id),
            _ => {}
        }
    }

    /// Follows the hints of all replicas until it is dropped.
    pub(crate) async fn follow(&self) {
        let mut notifications = self.store.notifications();
        loop {
            match notifications.recv().await {
                Ok(
                    notification @ (Notification::User { .. } | Notification::SessionEnded { .. }),
                ) => self.heed(&notification),
                Ok(Notification::Lagged) | Err(RecvError::Lagged(_)) => {
                    self.epoch.fetch_add(1, Ordering::AcqRel);
                    self.session_cache.clear();
                    self.user_cache.clear();
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}
