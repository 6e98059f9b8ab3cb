//! Client tokens: one stands for one client of a user.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use sea_query::{Expr, ExprTrait, Order, Query};
use serde::Serialize;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::{Notification, ReadAt, Row, Store, now};

const TABLE: &str = "portal_client_tokens";

/// How long a token lasts after its last use.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Using a token moves its end at most this often, so that reading stays reading.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(5);

/// How many tokens of a user are listed, the newest.
const MOST_LISTED: u64 = 100;

const CACHE_ENTRIES: usize = 20_000;

/// Stands for one client; the tasks it starts are seen under it, and under no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClientToken {
    /// The token itself.
    #[serde(rename = "client_token")]
    pub id: Uuid,
    /// The user who asked for it.
    #[serde(skip)]
    pub user_id: Uuid,
    /// When it ends unless it is used before.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to within a few minutes.
    #[serde(skip)]
    pub last_used_at: DateTime<Utc>,
}

impl ClientToken {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            user_id: row.get("user_id")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}

/// The client tokens of a portal.
#[derive(Debug, Clone)]
pub struct ClientTokens {
    store: Store,
    known: Arc<Known>,
}

/// Tokens that were read a short while ago.
struct Known {
    cache: Cache<Uuid, (ClientToken, ReadAt)>,
    /// Counts withdrawals: what was read before one must not be cached after it.
    epoch: AtomicU64,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} client tokens", self.cache.len())
    }
}

impl ClientTokens {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            known: Arc::new(Known {
                cache: Cache::new(CACHE_ENTRIES),
                epoch: AtomicU64::new(0),
            }),
        }
    }

    /// A new token of a user.
    pub async fn create(&self, user_id: Uuid) -> Result<ClientToken> {
        let now = now();
        let token = ClientToken {
            id: Uuid::new_v4(),
            user_id,
            expires_at: now + LIFETIME,
            last_used_at: now,
        };
        self.store
            .execute(
                Query::insert()
                    .into_table(TABLE)
                    .columns(["id", "user_id", "created_at", "last_used_at", "expires_at"])
                    .values_panic([
                        token.id.into(),
                        user_id.into(),
                        now.into(),
                        now.into(),
                        token.expires_at.into(),
                    ]),
            )
            .await?;
        self.store
            .execute(
                Query::delete()
                    .from_table(TABLE)
                    .and_where(Expr::col("expires_at").lt(now)),
            )
            .await?;
        Ok(token)
    }

    /// The token of a text, if it stands; using it moves its end.
    pub async fn verify(&self, text: &str) -> Result<ClientToken> {
        let id: Uuid = text.parse().map_err(|_| unknown())?;
        if let Some((token, read_at)) = self.known.cache.get(&id)
            && self.store.is_current(read_at)
        {
            let now = now();
            if token.expires_at > now && now - token.last_used_at <= TOUCH_INTERVAL {
                return Ok(token);
            }
        }
        self.read(id).await
    }

    /// The token of an id as the database has it now, if it stands; using it moves its end.
    pub(super) async fn read(&self, id: Uuid) -> Result<ClientToken> {
        let epoch = self.known.epoch.load(Ordering::Acquire);
        let read_at = self.store.read_at();
        let select = Query::select()
            .columns(["id", "user_id", "last_used_at", "expires_at"])
            .from(TABLE)
            .and_where(Expr::col("id").eq(id))
            .take();
        let row = self
            .store
            .fetch_optional(&select)
            .await?
            .ok_or_else(unknown)?;
        let mut token = ClientToken::from_row(&row)?;
        let now = now();
        if token.expires_at <= now {
            return Err(unknown());
        }
        if now - token.last_used_at > TOUCH_INTERVAL {
            token.last_used_at = now;
            token.expires_at = now + LIFETIME;
            self.store
                .execute(
                    Query::update()
                        .table(TABLE)
                        .values([
                            ("last_used_at", now.into()),
                            ("expires_at", token.expires_at.into()),
                        ])
                        .and_where(Expr::col("id").eq(id)),
                )
                .await?;
        }
        self.known.cache.insert(id, (token.clone(), read_at));
        // One was withdrawn while this was read: it may be this one.
        if self.known.epoch.load(Ordering::Acquire) != epoch {
            self.known.cache.remove(&id);
        }
        Ok(token)
    }

    /// Drops what is cached of a token that has been withdrawn.
    pub(super) fn forget(&self, id: Uuid) {
        self.known.epoch.fetch_add(1, Ordering::AcqRel);
        self.known.cache.remove(&id);
    }

    /// Drops all that is cached: hints may have been lost.
    pub(super) fn forget_all(&self) {
        self.known.epoch.fetch_add(1, Ordering::AcqRel);
        self.known.cache.clear();
    }

    /// Those of some tokens that stand.
    pub(super) async fn standing(&self, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        let mut standing = HashSet::new();
        for ids in ids.chunks(500) {
            let select = Query::select()
                .column("id")
                .from(TABLE)
                .and_where(Expr::col("id").is_in(ids.iter().copied()))
                .and_where(Expr::col("expires_at").gt(now()))
                .take();
            for row in self.store.fetch_all(&select).await? {
                standing.insert(row.get("id")?);
            }
        }
        Ok(standing)
    }

    /// The token that a user used last, or a new one.
    pub async fn newest_or_create(&self, user_id: Uuid) -> Result<ClientToken> {
        let select = Query::select()
            .columns(["id", "user_id", "last_used_at", "expires_at"])
            .from(TABLE)
            .and_where(Expr::col("user_id").eq(user_id))
            .and_where(Expr::col("expires_at").gt(now()))
            .order_by("created_at", Order::Desc)
            .limit(1)
            .take();
        match self.store.fetch_optional(&select).await? {
            Some(row) => self.verify(&row.get::<Uuid>("id")?.to_string()).await,
            None => self.create(user_id).await,
        }
    }

    /// The tokens of a user that stand, the newest first.
    pub async fn of_user(&self, user_id: Uuid) -> Result<Vec<ClientToken>> {
        let select = Query::select()
            .columns(["id", "user_id", "last_used_at", "expires_at"])
            .from(TABLE)
            .and_where(Expr::col("user_id").eq(user_id))
            .and_where(Expr::col("expires_at").gt(now()))
            .order_by("created_at", Order::Desc)
            .limit(MOST_LISTED)
            .take();
        let rows = self.store.fetch_all(&select).await?;
        rows.iter().map(ClientToken::from_row).collect()
    }

    /// Withdraws a token of a user; its monitors are closed.
    pub async fn delete(&self, id: &str, user_id: Uuid) -> Result<()> {
        let token = self.verify(id).await?;
        if token.user_id != user_id {
            return Err(unknown());
        }
        self.store
            .execute(
                Query::delete()
                    .from_table(TABLE)
                    .and_where(Expr::col("id").eq(token.id)),
            )
            .await?;
        self.forget(token.id);
        self.store
            .notify(Notification::ClientTokenDeleted { id: token.id })
            .await;
        Ok(())
    }
}

pub(super) fn unknown() -> Error {
    Error::not_found("the client token is unknown or has expired").with_code("client_token_unknown")
}
