//! Client tokens: in the task routes, each identifies one of a user's clients.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use sea_query::{Cond, Expr, ExprTrait, IntoCondition, Order, Query, SelectStatement};
use serde::Serialize;
use uuid::Uuid;

use super::secret_key::SecretKey;
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, ReadStamp, Row, Store, now};

const TABLE: &str = "portal_client_tokens";
const COLUMNS: [&str; 6] = [
    "id",
    "user_id",
    "hint",
    "created_at",
    "last_used_at",
    "expires_at",
];

/// Idle time after which a token expires.
const IDLE_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Age at which a token expires even if it is still in use.
const MAX_LIFETIME: TimeDelta = TimeDelta::days(7);

/// Minimum interval between writes of a token's last use, so that not every request writes to the
/// database.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::minutes(5);

/// Interval at which an open monitor counts as another use of its token.
const MONITOR_TOUCH_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// Maximum number of tokens per user; creating another revokes the least recently used one.
const MAX_PER_USER: u64 = 100;

/// Number of characters of a token that are displayed so that users can recognize it.
const HINT_LEN: usize = 8;

const CACHE_ENTRIES: usize = 20_000;

type TokenHash = [u8; 32];

/// A client token without its secret; tasks refer to it by [`id`](Self::id).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClientToken {
    /// Id of the token; it does not authorize anything.
    pub id: Uuid,
    /// User who created the token.
    #[serde(skip)]
    pub user_id: Uuid,
    /// First characters of the secret, so that users can recognize the token.
    pub hint: String,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Time of the last use, accurate to a few minutes.
    pub last_used_at: DateTime<Utc>,
    /// Time at which the token expires unless it is used again; at most 7 days after its creation.
    pub expires_at: DateTime<Utc>,
}

/// A newly created token; its secret is available only here.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NewClientToken {
    /// Secret that a client sends.
    #[serde(rename = "client_token")]
    pub secret: Uuid,
    /// Time at which the token expires unless it is used again.
    pub expires_at: DateTime<Utc>,
    /// The token without its secret.
    #[serde(skip)]
    pub token: ClientToken,
}

impl fmt::Debug for NewClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.token.fmt(f)
    }
}

impl ClientToken {
    fn from_row(row: &Row) -> Result<Self> {
        let id: Uuid = row.get("id")?;
        let created_at: DateTime<Utc> = row.get("created_at")?;
        let expires_at: DateTime<Utc> = row.get("expires_at")?;
        let hint: Option<String> = row.get("hint")?;
        Ok(Self {
            id,
            user_id: row.get("user_id")?,
            // In rows written by older versions, the id is the token itself.
            hint: hint.unwrap_or_else(|| hint_of(id)),
            created_at,
            last_used_at: row.get("last_used_at")?,
            // Older replicas do not apply the maximum lifetime.
            expires_at: Ord::min(expires_at, created_at + MAX_LIFETIME),
        })
    }

    fn touch(&mut self, now: DateTime<Utc>) {
        self.last_used_at = now;
        self.expires_at = Ord::min(now + IDLE_LIFETIME, self.created_at + MAX_LIFETIME);
    }
}

fn hint_of(secret: Uuid) -> String {
    let mut text = secret.to_string();
    text.truncate(HINT_LEN);
    text
}

/// A portal's client tokens. Extract them with `Data<ClientTokens>`.
#[derive(Clone)]
pub struct ClientTokens(Arc<Shared>);

struct Shared {
    store: Store,
    key: SecretKey,
    /// Token ids by the hash of the secret; an entry never changes.
    ids: Cache<TokenHash, Uuid>,
    /// Recently read tokens.
    tokens: Cache<Uuid, (ClientToken, ReadStamp)>,
    /// Number of revocations. A token that was read before a revocation must not be cached after
    /// it.
    epoch: AtomicU64,
}

impl fmt::Debug for ClientTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTokens")
    }
}

impl ClientTokens {
    pub(crate) fn new(store: Store, key: SecretKey) -> Self {
        Self(Arc::new(Shared {
            store,
            key,
            ids: Cache::new(CACHE_ENTRIES),
            tokens: Cache::new(CACHE_ENTRIES),
            epoch: AtomicU64::new(0),
        }))
    }

    /// Creates a token for a user.
    ///
    /// A user has at most 100 tokens; creating another revokes the least recently used one.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn create(&self, user_id: Uuid) -> Result<NewClientToken> {
        let now = now();
        let secret = Uuid::new_v4();
        let mut token = ClientToken {
            id: Uuid::new_v4(),
            user_id,
            hint: hint_of(secret),
            created_at: now,
            last_used_at: now,
            expires_at: now,
        };
        token.touch(now);
        let hash = self.hash(secret).await?;
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(COLUMNS.into_iter().chain(["token_hash"]))
            .values_panic([
                token.id.into(),
                user_id.into(),
                token.hint.clone().into(),
                now.into(),
                now.into(),
                token.expires_at.into(),
                hash.to_vec().into(),
            ])
            .take();
        let expired = Query::delete()
            .from_table(TABLE)
            .cond_where(is_valid(now).not())
            .take();
        let excess = Query::select()
            .column("id")
            .from(TABLE)
            .and_where(Expr::col("user_id").eq(user_id))
            .and_where(Expr::col("id").ne(token.id))
            .order_by("last_used_at", Order::Desc)
            .order_by("created_at", Order::Desc)
            .limit(MAX_PER_USER)
            .offset(MAX_PER_USER - 1)
            .take();
        let mut transaction = self.0.store.begin().await?;
        transaction.execute(&expired).await?;
        transaction.execute(&insert).await?;
        let excess = ids(&transaction.fetch_all(&excess).await?)?;
        self.revoke_in(&mut transaction, &excess).await?;
        transaction.commit().await?;
        excess.into_iter().for_each(|id| self.forget(id));
        Ok(NewClientToken {
            secret,
            expires_at: token.expires_at,
            token,
        })
    }

    /// Returns the valid token with this secret; the call counts as a use.
    ///
    /// # Errors
    ///
    /// `404 client_token_unknown` if no valid token has this secret.
    pub async fn verify(&self, secret: &str) -> Result<ClientToken> {
        let secret: Uuid = secret.parse().map_err(|_| unknown_token())?;
        let hash = self.hash(secret).await?;
        let Some(id) = self.0.ids.get(&hash) else {
            let select = select(now()).cond_where(has_secret(secret, &hash)).take();
            let id = self.read_with(&select).await?.id;
            self.0.ids.insert(hash, id);
            return self.read(id).await;
        };
        if let Some(token) = self.cached(id) {
            let now = now();
            if token.expires_at > now && now - token.last_used_at <= TOUCH_INTERVAL {
                return Ok(token);
            }
        }
        self.read(id).await
    }

    fn cached(&self, id: Uuid) -> Option<ClientToken> {
        let (token, read_at) = self.0.tokens.get(&id)?;
        self.0.store.is_current(read_at).then_some(token)
    }

    async fn hash(&self, secret: Uuid) -> Result<TokenHash> {
        self.0.key.hash("client-token", secret.as_bytes()).await
    }

    async fn read_with(&self, select: &SelectStatement) -> Result<ClientToken> {
        let row = self.0.store.fetch_optional(select).await?;
        ClientToken::from_row(&row.ok_or_else(unknown_token)?)
    }

    /// Reads a valid token from the database by its id; the call counts as a use.
    pub(crate) async fn read(&self, id: Uuid) -> Result<ClientToken> {
        let epoch = self.0.epoch.load(Ordering::Acquire);
        let read_at = self.0.store.read_at();
        let now = now();
        let by_id = select(now).and_where(Expr::col("id").eq(id)).take();
        let mut token = self.read_with(&by_id).await?;
        if now - token.last_used_at > TOUCH_INTERVAL {
            token.touch(now);
            let used = Query::update()
                .table(TABLE)
                .values([
                    ("last_used_at", now.into()),
                    ("expires_at", token.expires_at.into()),
                ])
                .and_where(Expr::col("id").eq(id))
                .take();
            self.0.store.execute(&used).await?;
        }
        self.0.tokens.insert(id, (token.clone(), read_at));
        // A token, possibly this one, was revoked after the row was read.
        if self.0.epoch.load(Ordering::Acquire) != epoch {
            self.0.tokens.remove(&id);
        }
        Ok(token)
    }

    /// Extends the validity of a token with an open monitor. Returns `false` if the token was
    /// revoked or has expired.
    pub(crate) async fn keep_monitored(&self, id: Uuid) -> Result<bool> {
        let now = now();
        if let Some((token, _)) = self.0.tokens.get(&id)
            && token.expires_at > now
            && now - token.last_used_at < MONITOR_TOUCH_INTERVAL
        {
            return Ok(true);
        }
        match self.read(id).await {
            Ok(_) => Ok(true),
            Err(error) if error.status().is_client_error() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Invalidates the cached entry of a revoked token.
    pub(crate) fn forget(&self, id: Uuid) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
        self.0.tokens.remove(&id);
    }

    /// Invalidates the whole cache, because cluster events may have been lost.
    pub(crate) fn forget_all(&self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
        self.0.tokens.clear();
    }

    /// Returns those of the given ids whose tokens are valid.
    pub(crate) async fn valid_among(&self, tokens: &[Uuid]) -> Result<HashSet<Uuid>> {
        let mut standing = HashSet::new();
        for chunk in tokens.chunks(500) {
            let select = select(now())
                .and_where(Expr::col("id").is_in(chunk.iter().copied()))
                .take();
            standing.extend(ids(&self.0.store.fetch_all(&select).await?)?);
        }
        Ok(standing)
    }

    /// Returns a user's valid tokens, newest first.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn list_for_user(&self, user_id: Uuid) -> Result<Vec<ClientToken>> {
        let select = select(now())
            .and_where(Expr::col("user_id").eq(user_id))
            .order_by("created_at", Order::Desc)
            .limit(MAX_PER_USER)
            .take();
        let rows = self.0.store.fetch_all(&select).await?;
        rows.iter().map(ClientToken::from_row).collect()
    }

    /// Returns the valid token with this id if it belongs to the user; the call counts as a use.
    pub(crate) async fn owned(&self, id: &str, user_id: Uuid) -> Result<ClientToken> {
        let id: Uuid = id.parse().map_err(|_| unknown_token())?;
        let by_owner = select(now())
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("user_id").eq(user_id))
            .take();
        self.read_with(&by_owner).await?;
        self.read(id).await
    }

    /// Revokes a user's token, given by its id or its secret, and closes its monitors.
    ///
    /// # Errors
    ///
    /// `404 client_token_unknown` if the user has no such valid token.
    pub async fn revoke(&self, token: &str, user_id: Uuid) -> Result<()> {
        let named: Uuid = token.parse().map_err(|_| unknown_token())?;
        let hash = self.hash(named).await?;
        let select = select(now())
            .and_where(Expr::col("user_id").eq(user_id))
            .cond_where(
                Cond::any()
                    .add(Expr::col("id").eq(named))
                    .add(has_hash(&hash)),
            )
            .take();
        let found = ids(&self.0.store.fetch_all(&select).await?)?;
        if found.is_empty() {
            return Err(unknown_token());
        }
        self.revoke_tokens(&found).await
    }

    /// Revokes all of a user's tokens, closes their monitors and returns the number of tokens.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn revoke_all(&self, user_id: Uuid) -> Result<usize> {
        let select = select(now())
            .and_where(Expr::col("user_id").eq(user_id))
            .take();
        let found = ids(&self.0.store.fetch_all(&select).await?)?;
        if !found.is_empty() {
            self.revoke_tokens(&found).await?;
        }
        Ok(found.len())
    }

    async fn revoke_tokens(&self, tokens: &[Uuid]) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        self.revoke_in(&mut transaction, tokens).await?;
        transaction.commit().await?;
        tokens.iter().for_each(|id| self.forget(*id));
        Ok(())
    }

    async fn revoke_in(
        &self,
        transaction: &mut crate::store::Transaction,
        tokens: &[Uuid],
    ) -> Result<()> {
        for chunk in tokens.chunks(500) {
            let delete = Query::delete()
                .from_table(TABLE)
                .and_where(Expr::col("id").is_in(chunk.iter().copied()))
                .take();
            transaction.execute(&delete).await?;
        }
        for id in tokens {
            transaction.publish(ClusterEvent::ClientTokenDeleted { id: *id });
        }
        Ok(())
    }
}

fn ids(rows: &[Row]) -> Result<Vec<Uuid>> {
    rows.iter().map(|row| Ok(row.get("id")?)).collect()
}

fn select(now: DateTime<Utc>) -> SelectStatement {
    Query::select()
        .columns(COLUMNS)
        .from(TABLE)
        .cond_where(is_valid(now))
        .take()
}

/// Matches tokens that have not expired. The age is checked too, because older replicas store
/// expiry times beyond the maximum lifetime.
fn is_valid(now: DateTime<Utc>) -> Cond {
    Cond::all()
        .add(Expr::col("expires_at").gt(now))
        .add(Expr::col("created_at").gt(now - MAX_LIFETIME))
}

fn has_hash(hash: &TokenHash) -> Expr {
    Expr::col("token_hash").eq(hash.to_vec())
}

/// Matches the token with this secret. In rows written by older versions, the id is the secret and
/// there is no hash.
fn has_secret(secret: Uuid, hash: &TokenHash) -> Cond {
    let is_older = Cond::all()
        .add(Expr::col("id").eq(secret))
        .add(Expr::col("token_hash").is_null());
    Cond::any()
        .add(has_hash(hash))
        .add(is_older)
        .into_condition()
}

pub(crate) fn unknown_token() -> Error {
    Error::not_found("the client token is unknown or has expired").with_code("client_token_unknown")
}
