//! Maintenance: everybody but administrators is told to come later.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::auth::{Actor, AuditLog, DeclaredRoute};
use crate::error::{Error, Result};
use crate::store::{Notification, Store, now};

const TABLE: &str = "portal_settings";
const KEY: &str = "maintenance";

/// After how many seconds to come again.
const COME_AGAIN: u32 = 30;

/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// What is answered while the portal is worked on, beside health, assets and the identity
/// provider's own: by these an administrator comes in.
const OPEN: [&str; 2] = ["/sign-in", "/sign-out"];

/// Whether the portal is being worked on: an extractor through `Data<Maintenance>`.
///
/// While it is on, everybody but administrators is answered with `503`, in every replica.
///
/// ```
/// use portal_core::Maintenance;
/// use portal_core::prelude::*;
///
/// async fn begin(admin: AdminUser, maintenance: Data<Maintenance>) -> Result<&'static str> {
///     maintenance.switch(&admin, true).await?;
///     Ok("on")
/// }
/// ```
#[derive(Clone)]
pub struct Maintenance(Arc<Shared>);

struct Shared {
    store: Store,
    /// By the variable `MAINTENANCE`; nobody can switch that off.
    always: bool,
    /// Shared with the pages, which tell administrators.
    on: Arc<AtomicBool>,
    /// Which change of it is known: one that was read may be older than what is known.
    version: Mutex<i64>,
    open: Vec<Open>,
}

/// A path, or the beginning of paths.
#[derive(Debug, PartialEq, Eq)]
enum Open {
    Path(String),
    Below(String),
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Maintenance").field(&self.is_on()).finish()
    }
}

impl Maintenance {
    /// With the routes that stay open beside the portal's own.
    pub(super) fn new(store: Store, always: bool, open: &[DeclaredRoute]) -> Self {
        let own = OPEN.iter().map(|path| Open::Path((*path).to_owned()));
        let open = open.iter().map(|route| match route.path.split_once('{') {
            Some((start, _)) => Open::Below(start.to_owned()),
            None => Open::Path(route.path.to_string()),
        });
        Self(Arc::new(Shared {
            store,
            always,
            on: Arc::new(AtomicBool::new(always)),
            version: Mutex::new(0),
            open: own.chain(open).collect(),
        }))
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Switches it on or off, in every replica; who did is in the audit log. What the variable
    /// `MAINTENANCE` has switched on stays on.
    pub async fn switch(&self, actor: impl Into<Actor> + Send, on: bool) -> Result<()> {
        let version = switch(&self.0.store, actor, on).await?;
        self.take_over(on, version);
        Ok(())
    }

    /// Whether a path is for administrators only.
    pub(super) fn keeps_out(&self, path: &str) -> bool {
        self.is_on()
            && !self.0.open.iter().any(|open| match open {
                Open::Path(one) => one == path,
                Open::Below(start) => path.starts_with(start.as_str()),
            })
    }

    /// What everybody else is told.
    pub(super) fn refusal() -> Error {
        Error::unavailable("the portal is down for maintenance")
            .with_code("maintenance")
            .retry_after(COME_AGAIN)
    }

    /// Reads what is stored.
    pub(super) async fn refresh(&self) -> Result<()> {
        let (on, version) = stored(&self.0.store).await?;
        self.take_over(on, version);
        Ok(())
    }

    fn take_over(&self, on: bool, version: i64) {
        let known = self.0.version.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if version >= *known {
            *known = version;
            self.0.on.store(on || self.0.always, Ordering::Relaxed);
        }
    }

    /// Whether it is on, for who only looks.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.on)
    }

    /// Follows the hints of all replicas until it is dropped.
    pub(super) async fn follow(&self, mut hints: Receiver<Notification>) {
        loop {
            match hints.recv().await {
                Ok(Notification::SettingsChanged | Notification::Lagged)
                | Err(RecvError::Lagged(_)) => {
                    while let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "whether maintenance is on could not be read");
                        tokio::time::sleep(RETRY).await;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// Whether somebody has switched it on, and which change that was.
pub(super) async fn stored(store: &Store) -> Result<(bool, i64)> {
    let select = Query::select()
        .columns(["value", "version"])
        .from(TABLE)
        .and_where(Expr::col("key").eq(KEY))
        .take();
    let Some(row) = store.fetch_optional(&select).await? else {
        return Ok((false, 0));
    };
    let value: Value = row.get("value")?;
    Ok((value["on"] == true, row.get("version")?))
}

/// Stores it, and tells every replica; gives which change it was.
pub(super) async fn switch(store: &Store, actor: impl Into<Actor> + Send, on: bool) -> Result<i64> {
    let mut transaction = store.begin().await?;
    let version = Expr::col((TABLE, "version")).add(1);
    let insert = Query::insert()
        .into_table(TABLE)
        .columns(["key", "value", "version", "updated_at"])
        .values_panic([
            KEY.into(),
            json!({ "on": on }).into(),
            1_i64.into(),
            now().into(),
        ])
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
    AuditLog::record_in(&mut transaction, actor, action, "portal", json!({})).await?;
    transaction.notify(Notification::SettingsChanged);
    transaction.commit().await?;
    Ok(version.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Access, RouteKind};

    #[tokio::test]
    async fn only_what_is_open_lets_everybody_in() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("portal.db");
        let store = Store::connect(&format!("sqlite://{}", path.display()))
            .await
            .unwrap();
        let route = |path| DeclaredRoute::new(RouteKind::Route, None, path, Access::Public);
        let open = [route("/healthz"), route("/_portal/assets/{file}")];
        let off = Maintenance::new(store.clone(), false, &open);
        assert!(!off.keeps_out("/admin/overview"));
        let on = Maintenance::new(store, true, &open);
        for path in ["/healthz", "/_portal/assets/portal.css", "/sign-in"] {
            assert!(!on.keeps_out(path), "{path}");
        }
        for path in ["/", "/sign-up", "/healthz/", "/api/auth/me", "/_portal"] {
            assert!(on.keeps_out(path), "{path}");
        }
    }
}
