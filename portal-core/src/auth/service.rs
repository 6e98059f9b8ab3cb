//! From a request to a local user, through two caches.

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
use super::provider::{ErasedProvider, Navigation, PageAddition, ShownPage, SignIn};
use super::roles::Roles;
use super::sessions::{OpenSession, Sessions, Standing};
use super::users::{User, UserListener, Users};
use super::watch::{AccessWatch, Holders, Owed, Revoked, users_of};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{Notification, ReadAt, Store};

const CACHE_ENTRIES: usize = 100_000;

/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// How long what is open may go on if a hint was lost.
const RECHECK: Duration = Duration::from_secs(60);

/// What was read, and when.
#[derive(Clone)]
struct Cached<T> {
    value: T,
    read_at: ReadAt,
}

/// What a request shows of a session.
pub(crate) enum Presented {
    /// None that holds.
    Nobody,
    /// One that the provider vouches for and the portal does not let in: it has ended, or its
    /// user is gone.
    Refused,
    Session(CurrentUser),
}

/// Finds out who is calling. One per portal.
pub(crate) struct Auth {
    provider: Box<dyn ErasedProvider>,
    config: Arc<Config>,
    pub(crate) users: Users,
    sessions: Sessions,
    admin_emails: AdminEmails,
    store: Store,
    allow_impersonated_admins: bool,
    /// Sessions that stand, with their user; a session that has ended is not kept.
    session_cache: Cache<Arc<str>, Cached<CurrentUser>>,
    /// Users who are asked for by id, such as the owners of tasks.
    user_cache: Cache<Uuid, Cached<Arc<User>>>,
    /// Counts invalidations: what was read before one must not be cached after it.
    epoch: AtomicU64,
    /// What is open, and for whom.
    holders: Arc<Holders>,
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
            allow_impersonated_admins: false,
            session_cache: Cache::new(CACHE_ENTRIES),
            user_cache: Cache::new(CACHE_ENTRIES),
            epoch: AtomicU64::new(0),
            holders: Arc::default(),
        }
    }

    /// With the roles of the portal, and whether who acts in the name of others has their rights.
    pub(crate) fn with_roles(mut self, roles: Arc<Roles>, allow_impersonated_admins: bool) -> Self {
        self.users = self.users.with_roles(roles);
        self.allow_impersonated_admins = allow_impersonated_admins;
        self
    }

    /// Brings the roles that `ADMIN_USER_EMAILS` grants to what the list says now.
    pub(crate) async fn apply_admin_emails(&self) -> Result<()> {
        self.admin_emails.apply_at_start_up(&self.store).await
    }

    /// With somebody who hears of what is changed of users.
    pub(crate) fn with_listener(mut self, listener: Arc<dyn UserListener>) -> Self {
        self.users = self.users.with_listener(listener);
        self
    }

    /// Who is calling, whatever the state of his account; `None` for guests.
    pub(crate) async fn caller(&self, parts: &Parts) -> Result<Option<CurrentUser>> {
        Ok(match self.presented(parts).await? {
            Presented::Session(user) => Some(user),
            Presented::Nobody | Presented::Refused => None,
        })
    }

    /// Like [`caller`](Self::caller), and tells a session that has ended from none.
    pub(crate) async fn presented(&self, parts: &Parts) -> Result<Presented> {
        let Some(identity) = self.provider.authenticate(parts).await? else {
            return Ok(Presented::Nobody);
        };
        let cached = self.session_cache.get(identity.session_id.as_str());
        let cached = cached.and_then(|cached| self.fresh(cached));
        // The id alone does not say whose session it is.
        if let Some(user) = cached.filter(|user| user.is_of(&identity)) {
            return Ok(Presented::Session(user));
        }
        // Boxed: the path to the database must not swell the future of every request.
        let user = Box::pin(self.unknown_caller(&identity)).await?;
        Ok(user.map_or(Presented::Refused, Presented::Session))
    }

    /// What is cached, unless it may have changed meanwhile.
    fn fresh<T>(&self, cached: Cached<T>) -> Option<T> {
        self.store
            .is_current(cached.read_at)
            .then_some(cached.value)
    }

    /// The user of a session that is not cached, who is from now on.
    async fn unknown_caller(&self, identity: &Identity) -> Result<Option<CurrentUser>> {
        if !identity.is_well_formed() {
            tracing::warn!(
                "the identity provider has named a user, a session or an impersonator by an id that is empty, \
                 too long or has control characters; the request is refused"
            );
            return Ok(None);
        }
        let read_at = self.store.read_at();
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
        let value = user.clone();
        self.session_cache
            .insert(Arc::clone(&session_id), Cached { value, read_at });
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
            Standing::Foreign => {
                tracing::error!(
                    session_id = identity.session_id,
                    subject = identity.subject,
                    actor = identity.actor,
                    "the identity provider has issued a session id that belongs to another user or impersonator;                      the request is refused"
                );
                return Ok(None);
            }
            Standing::Open(user_id) => {
                let user = self.users.get(user_id).await?;
                return Ok(user.map(|user| (user, false)));
            }
            Standing::New { user_known } => user_known,
        };
        if identity.session_id == identity.subject {
            tracing::warn!(
                subject = identity.subject,
                "the identity provider uses the id of the user as session id;                  the user cannot sign in again after signing out"
            );
        }
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
        self.user_cache.insert(id, Cached { value, read_at });
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

    /// Ends a session everywhere: its tokens are refused from now on. One that had ended before
    /// costs neither a notification nor a call of the provider.
    pub(crate) async fn end_session(&self, session_id: &str) -> Result<()> {
        if !self.sessions.end(session_id).await? {
            return Ok(());
        }
        self.forget_session(session_id);
        self.store
            .notify(Notification::SessionEnded {
                id: session_id.to_owned(),
            })
            .await;
        self.provider.signed_out(session_id).await;
        Ok(())
    }

    /// The sessions of a user that go on.
    pub(crate) async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<OpenSession>> {
        self.sessions.of_user(user_id).await
    }

    /// Ends all sessions of a user but one, and says how many recent ones that were.
    pub(crate) async fn end_other_sessions(&self, user_id: Uuid, keep: &str) -> Result<usize> {
        let sessions = self.sessions.of_user(user_id).await?;
        let others: Vec<_> = sessions.iter().filter(|it| it.id != keep).collect();
        for session in &others {
            self.end_session(&session.id).await?;
        }
        self.sessions.end_rest(user_id, keep).await?;
        self.user_changed(user_id).await;
        Ok(others.len())
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

    /// Ends the session of a request that no longer authenticates with it. One that belongs to
    /// another user stays open.
    pub(crate) async fn end_expired_session(&self, parts: &Parts) -> Result<()> {
        let identity = self.provider.session_to_end(parts).await;
        let Some(identity) = identity.filter(Identity::is_well_formed) else {
            return Ok(());
        };
        match self.sessions.standing(&identity).await? {
            Standing::Ended | Standing::Foreign => Ok(()),
            Standing::Open(_) | Standing::New { .. } => {
                self.end_session(&identity.session_id).await
            }
        }
    }

    /// `Set-Cookie` values of a sign-out.
    pub(crate) fn forget(&self) -> Vec<HeaderValue> {
        self.provider.forget()
    }

    /// Returns `true` if people can create an account.
    pub(crate) fn offers_sign_up(&self) -> bool {
        self.provider.offers_sign_up()
    }

    /// What stands on the sign-in page.
    pub(crate) fn sign_in(&self, sign_up: bool, return_to: &str, query: &str) -> maud::Markup {
        self.provider.sign_in(&SignIn {
            sign_up,
            return_to,
            base_path: &self.config.base_path,
            query,
        })
    }

    /// Drops what is cached of a user after his row has changed, here and in every replica.
    async fn user_changed(&self, id: Uuid) {
        self.forget_user(id);
        self.store.notify(Notification::User { id }).await;
    }

    /// Drops what is cached of a user here, so that whoever has changed him sees it at once: others
    /// hear of it by the change itself.
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

    /// Drops what a hint says is stale, and closes what is open without a right to it.
    pub(crate) fn heed(&self, notification: &Notification) {
        match notification {
            Notification::User { id } => {
                self.forget_user(*id);
                self.holders.user_changed(*id);
            }
            Notification::SessionEnded { id } => {
                self.forget_session(id);
                self.holders.session_ended(id);
            }
            _ => {}
        }
    }

    /// Watches whether a user may have something that stays open: he has to be allowed in, to
    /// pass all that is needed, and if there is a session, it has to go on.
    pub(crate) async fn watch(
        &self,
        user_id: Uuid,
        session_id: Option<Arc<str>>,
        needed: Vec<Access>,
    ) -> Result<AccessWatch> {
        // First, so that a change is heard of that comes while the rest is looked up.
        let watch = self.holders.add(user_id, session_id, needed);
        let user = self.user(user_id).await?;
        watch.holder().check(user.as_deref())?;
        if let Some(id) = &watch.holder().session_id
            && !self.session_stands(id).await?
        {
            return Err(Revoked::SessionEnded.into());
        }
        Ok(watch)
    }

    async fn session_stands(&self, id: &Arc<str>) -> Result<bool> {
        let cached = self.session_cache.get(id);
        if cached.and_then(|cached| self.fresh(cached)).is_some() {
            return Ok(true);
        }
        let standing = self.sessions.standing_of(std::slice::from_ref(id)).await?;
        Ok(!standing.is_empty())
    }

    /// Follows the hints of all replicas until it is dropped.
    pub(crate) async fn follow(&self, hints: Receiver<Notification>) {
        // Apart from each other: what is cached is dropped also while the database is slow.
        tokio::select! {
            () = self.follow_hints(hints) => {}
            () = self.keep_checking() => {}
        }
    }

    async fn follow_hints(&self, mut hints: Receiver<Notification>) {
        loop {
            match hints.recv().await {
                Ok(
                    notification @ (Notification::User { .. } | Notification::SessionEnded { .. }),
                ) => self.heed(&notification),
                Ok(Notification::Lagged) | Err(RecvError::Lagged(_)) => {
                    self.epoch.fetch_add(1, Ordering::AcqRel);
                    self.session_cache.clear();
                    self.user_cache.clear();
                    self.holders.anyone_changed();
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Closes what is open for those who may not have it any more.
    async fn keep_checking(&self) {
        // Should a hint get lost after all, what is open without a right to it ends then.
        let mut now_and_then = interval(RECHECK);
        loop {
            tokio::select! {
                () = self.holders.wake.notified() => {}
                _ = now_and_then.tick() => self.holders.anyone_changed(),
                // While nothing is heard of others, the database is asked.
                () = sleep(RETRY) => if !self.store.hears_others() {
                    self.holders.anyone_changed();
                }
            }
            let owed = self.holders.take_owed();
            if owed.is_empty() {
                continue;
            }
            if let Err(error) = self.check_again(&owed).await {
                tracing::warn!(%error, "whether open streams may go on could not be looked up");
                self.holders.put_back(owed);
                sleep(RETRY).await;
                self.holders.wake.notify_one();
            }
        }
    }

    async fn check_again(&self, owed: &Owed) -> Result<()> {
        let holders = self.holders.of(owed);
        let mut ids: Vec<Uuid> = holders.iter().map(|holder| holder.user_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let users = users_of(&self.users, &ids).await?;
        let sessions = match owed.everyone {
            false => None,
            true => {
                let ids = holders.iter().filter_map(|it| it.session_id.clone());
                let ids: Vec<Arc<str>> = ids.collect();
                Some(self.sessions.standing_of(&ids).await?)
            }
        };
        for holder in holders {
            if let Err(revoked) = holder.check(users.get(&holder.user_id)) {
                holder.revoke(revoked);
            } else if let (Some(sessions), Some(id)) = (&sessions, &holder.session_id)
                && !sessions.contains(&**id)
            {
                holder.revoke(Revoked::SessionEnded);
            }
        }
        Ok(())
    }
}
