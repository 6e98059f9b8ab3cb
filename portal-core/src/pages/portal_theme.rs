//! Default theme: the settings made by administrators, in the database and in memory.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Query};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::theme::{Theme, ThemeChoice};
use crate::auth::{Actor, AuditLog, CurrentUser, FieldChange};
use crate::error::{Error, Result};
use crate::store::{Notification, Store, now};

const TABLE: &str = "portal_settings";
const KEY: &str = "theme";

/// Delay before a failed read of the database is retried.
const RETRY: Duration = Duration::from_millis(500);

/// Settings made by administrators; unset ones fall back to the theme of the application's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PortalLook {
    pub(crate) choice: ThemeChoice,
    /// `true` if users cannot choose accent, gray and radius; `None` uses the lock of the code.
    pub(crate) locked: Option<bool>,
}

impl PortalLook {
    fn over(&self, code: Theme) -> Theme {
        // The lock of the code restricts users, not administrators.
        let theme = self.choice.over(code.with_lock(false));
        theme.with_lock(self.locked.unwrap_or(code.is_locked()))
    }

    fn to_value(self) -> Value {
        let mut value = self.choice.to_preference();
        if let Some(locked) = self.locked {
            value["locked"] = json!(locked);
        }
        value
    }

    fn from_value(value: &Value) -> Self {
        Self {
            choice: ThemeChoice::from_preference(value),
            locked: value["locked"].as_bool(),
        }
    }
}

/// Stored settings with their version.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoredLook {
    pub(crate) look: PortalLook,
    /// Number of changes so far; 0 if nothing was ever set.
    pub(crate) version: i64,
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

/// Current default theme. It is read at startup and after each change, so that pages need no query.
pub(crate) struct PortalTheme {
    store: Store,
    code: Theme,
    current: RwLock<StoredLook>,
}

impl PortalTheme {
    /// Creates the theme and reads the stored settings.
    pub(crate) async fn load(store: Store, code: Theme) -> Result<Self> {
        let theme = Self {
            store,
            code,
            current: RwLock::default(),
        };
        theme.refresh().await?;
        Ok(theme)
    }

    /// Returns the theme set in the application's code.
    pub(crate) fn code(&self) -> Theme {
        self.code
    }

    /// Returns the settings made by administrators.
    pub(crate) fn stored(&self) -> StoredLook {
        *self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the theme for users who have not chosen their own.
    pub(crate) fn theme(&self) -> Theme {
        self.stored().look.over(self.code)
    }

    pub(crate) async fn refresh(&self) -> Result<()> {
        let select = Query::select()
            .columns(["value", "version", "updated_at"])
            .from(TABLE)
            .and_where(Expr::col("key").eq(KEY))
            .take();
        let stored = match self.store.fetch_optional(&select).await? {
            Some(row) => StoredLook {
                look: PortalLook::from_value(&row.get("value")?),
                version: row.get("version")?,
                updated_at: row.get("updated_at")?,
            },
            None => StoredLook::default(),
        };
        self.take_over(stored);
        Ok(())
    }

    /// Keeps the newer version: this replica may have stored a change since `stored` was read.
    fn take_over(&self, stored: StoredLook) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if stored.version >= current.version {
            *current = stored;
        }
    }

    /// Stores new settings and records the administrator in the audit log.
    ///
    /// # Errors
    ///
    /// Returns `409` if the settings were changed since `version`.
    pub(crate) async fn set(
        &self,
        admin: &CurrentUser,
        look: PortalLook,
        version: i64,
    ) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        let mut select = Query::select()
            .columns(["value", "version"])
            .from(TABLE)
            .and_where(Expr::col("key").eq(KEY))
            .take();
        select.lock(LockType::Update);
        let row = transaction.fetch_optional(&select).await?;
        let (before, found) = match &row {
            Some(row) => (
                PortalLook::from_value(&row.get("value")?),
                row.get::<i64>("version")?,
            ),
            None => (PortalLook::default(), 0),
        };
        if found != version {
            return Err(changed_meanwhile());
        }
        let changes = changes(&before, &look);
        if changes.is_empty() {
            return Ok(());
        }
        let stored = StoredLook {
            look,
            version: found + 1,
            updated_at: Some(now()),
        };
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(["key", "value", "version", "updated_at", "updated_by"])
            .values_panic([
                KEY.into(),
                look.to_value().into(),
                stored.version.into(),
                stored.updated_at.into(),
                Option::<Uuid>::Some(admin.id).into(),
            ])
            .on_conflict(
                OnConflict::column("key")
                    .update_columns(["value", "version", "updated_at", "updated_by"])
                    .action_and_where(Expr::col((TABLE, "version")).eq(found))
                    .to_owned(),
            )
            .take();
        // The first two concurrent writers find no row to lock; only one of them inserts it.
        if transaction.execute(&insert).await? == 0 {
            return Err(changed_meanwhile());
        }
        let details = changes.details("Portal theme");
        let actor = Actor::from(admin);
        AuditLog::record_in(
            &mut transaction,
            actor,
            "settings.update",
            "settings:theme",
            details,
        )
        .await?;
        transaction.notify(Notification::SettingsChanged);
        transaction.commit().await?;
        self.take_over(stored);
        Ok(())
    }

    /// Applies changes made by other replicas until dropped.
    pub(crate) async fn follow(&self, mut hints: Receiver<Notification>) {
        loop {
            match hints.recv().await {
                Ok(Notification::SettingsChanged | Notification::Lagged)
                | Err(RecvError::Lagged(_)) => {
                    while let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "failed to read the default theme; retrying");
                        tokio::time::sleep(RETRY).await;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn changed_meanwhile() -> Error {
    let detail = "the default theme was changed by someone else; review the change and try again";
    Error::conflict("settings_changed", detail)
}

fn changes(before: &PortalLook, after: &PortalLook) -> crate::auth::FieldChanges {
    let lock = |look: &PortalLook| look.locked.map_or(Value::Null, Value::from);
    let value = |setting: Option<&str>| setting.map_or(Value::Null, Value::from);
    let settings = before
        .choice
        .settings()
        .into_iter()
        .zip(after.choice.settings());
    let mut fields: Vec<_> = settings
        .map(|((name, old), (_, new))| (name, value(old), value(new)))
        .collect();
    fields.push(("locked", lock(before), lock(after)));
    FieldChange::between(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::theme::{Accent, Radius};

    #[test]
    fn stored_settings_override_the_code_and_round_trip() {
        let code = Theme::default().accent(Accent::Jade).locked();
        assert_eq!(PortalLook::default().over(code), code);
        let mut look = PortalLook::default();
        look.choice.radius = Some(Radius::Full);
        assert_eq!(
            look.over(code),
            code.radius(Radius::Full),
            "despite the lock for users"
        );
        look.locked = Some(false);
        assert!(!look.over(code).is_locked());
        assert_eq!(PortalLook::from_value(&look.to_value()), look);
        assert_eq!(PortalLook::from_value(&Value::Null), PortalLook::default());
    }

    #[tokio::test]
    async fn late_read_does_not_replace_a_newer_version() {
        let store = Store::connect("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let theme = PortalTheme::load(store, Theme::default()).await.unwrap();
        let with = |accent, version| {
            let mut stored = StoredLook {
                version,
                ..StoredLook::default()
            };
            stored.look.choice.accent = Some(accent);
            stored
        };
        theme.take_over(with(Accent::Ruby, 2));
        theme.take_over(with(Accent::Jade, 1));
        assert_eq!(
            (theme.stored().version, theme.theme().accent),
            (2, Accent::Ruby)
        );
        theme.take_over(with(Accent::Pink, 3));
        assert_eq!(theme.theme().accent, Accent::Pink);
    }

    #[test]
    fn audit_entry_contains_changed_fields_only() {
        let mut look = PortalLook::default();
        assert!(changes(&look, &look).is_empty());
        look.choice.accent = Some(Accent::Ruby);
        let details = changes(&PortalLook::default(), &look).details("x");
        let expected = json!([{"field": "accent", "old": null, "new": "ruby"}]);
        assert_eq!(details["changes"], expected);
    }
}
