//! Maintenance mode: restricts access to administrators.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::auth::{Actor, AuditLog};
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Store, now};

const TABLE: &str = "portal_settings";
const KEY: &str = "maintenance";

/// Value of the `Retry-After` header, in seconds.
const RETRY_AFTER: u32 = 30;

/// Delay before a failed database query is retried.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Maximum length of the message of a [`MaintenanceNotice`], in characters.
pub(super) const MAX_MESSAGE_LEN: usize = 500;

/// A notice for users who have no access during maintenance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceNotice {
    /// Plain text; characters beyond the 500th are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Expected end of the maintenance. Maintenance mode is not turned off automatically at that
    /// time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl MaintenanceNotice {
    fn bounded(mut self) -> Self {
        self.message = self
            .message
            .map(|text| {
                text.trim()
                    .replace('\0', "")
                    .chars()
                    .take(MAX_MESSAGE_LEN)
                    .collect()
            })
            .filter(|text: &String| !text.is_empty());
        self
    }
}

/// The portal's maintenance mode. Extract it with `Data<Maintenance>`.
///
/// While it is on, all replicas respond with `503` to everyone except administrators.
///
/// ```
/// use portal_core::Maintenance;
/// use portal_core::prelude::*;
///
/// async fn start(admin: AdminUser, maintenance: Data<Maintenance>) -> Result<&'static str> {
///     maintenance.set(&admin, true).await?;
///     Ok("on")
/// }
/// ```
#[derive(Clone)]
pub struct Maintenance(Arc<MaintenanceState>);

struct MaintenanceState {
    store: Store,
    /// `true` if the variable `MAINTENANCE` is set, so that maintenance mode cannot be turned off
    /// at run time.
    forced: bool,
    /// Shared with the pages, which show administrators that maintenance mode is on.
    on: Arc<AtomicBool>,
    cached: Mutex<CachedMaintenance>,
}

/// Stored state as last read. The version prevents it from being replaced by an older state.
#[derive(Debug, Default)]
pub(super) struct CachedMaintenance {
    pub(super) on: bool,
    notice: MaintenanceNotice,
    version: i64,
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Maintenance").field(&self.is_on()).finish()
    }
}

impl Maintenance {
    /// Creates the handle. If `always` is set, maintenance mode cannot be turned off at run time.
    pub(super) fn new(store: Store, always: bool) -> Self {
        Self(Arc::new(MaintenanceState {
            store,
            forced: always,
            on: Arc::new(AtomicBool::new(always)),
            cached: Mutex::default(),
        }))
    }

    /// Returns `true` if maintenance mode is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Turns maintenance mode on or off on all replicas, and records the change in the audit log.
    ///
    /// Maintenance mode stays on if the variable `MAINTENANCE` has turned it on.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn set(&self, actor: impl Into<Actor> + Send, on: bool) -> Result<()> {
        let notice = on.then(MaintenanceNotice::default);
        self.apply(switch(&self.0.store, actor, notice).await?);
        Ok(())
    }

    /// Turns maintenance mode on with a notice, or changes the notice; otherwise like
    /// [`set`](Self::set).
    ///
    /// The maintenance page shows the notice.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    ///
    /// ```
    /// use portal_core::{Maintenance, MaintenanceNotice};
    /// use portal_core::prelude::*;
    ///
    /// async fn start(admin: AdminUser, maintenance: Data<Maintenance>) -> Result<&'static str> {
    ///     let message = Some("We are moving to a larger database.".to_owned());
    ///     maintenance.start(&admin, MaintenanceNotice { message, until: None }).await?;
    ///     Ok("on")
    /// }
    /// ```
    pub async fn start(
        &self,
        actor: impl Into<Actor> + Send,
        notice: MaintenanceNotice,
    ) -> Result<()> {
        self.apply(switch(&self.0.store, actor, Some(notice)).await?);
        Ok(())
    }

    /// Returns the notice shown during the current maintenance.
    #[must_use]
    pub fn notice(&self) -> MaintenanceNotice {
        self.0.cached.lock().notice.clone()
    }

    /// Returns the error sent to everyone except administrators.
    pub(super) fn refusal(&self) -> Error {
        let MaintenanceNotice { message, until } = self.notice();
        let mut error = Error::unavailable("the portal is down for maintenance")
            .with_code("maintenance")
            .retry_after(RETRY_AFTER);
        if let Some(message) = message {
            error = error.with_extension("message", message);
        }
        if let Some(until) = until.filter(|until| *until > now()) {
            error = error.with_extension("until", until);
        }
        error
    }

    /// Updates the cached state from the database.
    pub(super) async fn refresh(&self) -> Result<()> {
        self.apply(stored(&self.0.store).await?);
        Ok(())
    }

    fn apply(&self, read: CachedMaintenance) {
        let mut cached = self.0.cached.lock();
        if read.version >= cached.version {
            let on = read.on || self.0.forced;
            *cached = read;
            self.0.on.store(on, Ordering::Relaxed);
        }
    }

    /// Returns the shared flag, for code that only reads it.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.on)
    }

    /// Refreshes the state on each relevant cluster event, until the future is dropped.
    pub(super) async fn follow(&self, mut events: Receiver<ClusterEvent>) {
        loop {
            match events.recv().await {
                Ok(ClusterEvent::SettingsChanged | ClusterEvent::Lagged)
                | Err(RecvError::Lagged(_)) => {
                    while let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "failed to read the maintenance state");
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// Reads the stored state.
pub(super) async fn stored(store: &Store) -> Result<CachedMaintenance> {
    let select = Query::select()
        .columns(["value", "version"])
        .from(TABLE)
        .and_where(Expr::col("key").eq(KEY))
        .take();
    let Some(row) = store.fetch_optional(&select).await? else {
        return Ok(CachedMaintenance::default());
    };
    let value: Value = row.get("value")?;
    Ok(CachedMaintenance {
        on: value["on"] == true,
        // An unreadable notice must not keep users out after maintenance has ended.
        notice: serde_json::from_value(value).unwrap_or_default(),
        version: row.get("version")?,
    })
}

/// Turns maintenance on if a notice is passed, otherwise off, and notifies every replica.
pub(super) async fn switch(
    store: &Store,
    actor: impl Into<Actor> + Send,
    notice: Option<MaintenanceNotice>,
) -> Result<CachedMaintenance> {
    let on = notice.is_some();
    let notice = notice.unwrap_or_default().bounded();
    let mut value = json!(notice);
    value["on"] = json!(on);
    let mut transaction = store.begin().await?;
    let version = Expr::col((TABLE, "version")).add(1);
    let insert = Query::insert()
        .into_table(TABLE)
        .columns(["key", "value", "version", "updated_at"])
        .values_panic([KEY.into(), value.into(), 1_i64.into(), now().into()])
        .on_conflict(
            OnConflict::column("key")
                .update_columns(["value", "updated_at"])
                .value("version", version)
                .to_owned(),
        )
        .returning(Query::returning().column("version"))
        .take();
    let row = transaction.fetch_optional(&insert).await?;
    let version = row.map(|row| row.get::<i64>("version")).transpose()?;
    let action = if on {
        "maintenance.begin"
    } else {
        "maintenance.end"
    };
    AuditLog::record_in(&mut transaction, actor, action, "portal", json!(notice)).await?;
    transaction.publish(ClusterEvent::SettingsChanged);
    transaction.commit().await?;
    Ok(CachedMaintenance {
        on,
        notice,
        version: version.unwrap_or_default(),
    })
}
