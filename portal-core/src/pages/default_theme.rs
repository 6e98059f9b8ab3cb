//! Default theme: the administrators' settings, in the database and in memory.

use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Query};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::theme::{Theme, ThemeChoice};
use crate::auth::{Actor, AuditLog, CurrentUser, FieldChange};
use crate::error::{Error, Result};
use crate::store::{ClusterEvent, Store, now};

const TABLE: &str = "portal_settings";
const KEY: &str = "theme";

/// Delay before a failed read of the database is retried.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Settings made by administrators; unset ones fall back to the theme set in code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ThemeSettings {
    pub(crate) choice: ThemeChoice,
    /// `true` if users cannot choose accent, gray and radius; `None` uses the lock set in the code.
    pub(crate) locked: Option<bool>,
}

impl ThemeSettings {
    fn over(&self, code: Theme) -> Theme {
        // The lock set in the code restricts users, not administrators.
        let theme = self.choice.apply_to(code.with_lock(false));
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

/// The stored settings and their version.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoredThemeSettings {
    pub(crate) look: ThemeSettings,
    /// Number of changes so far; 0 if nothing was ever set.
    pub(crate) version: i64,
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

/// Current default theme. It is read at startup and after each change, so that pages need no query.
pub(crate) struct DefaultTheme {
    store: Store,
    code: Theme,
    current: RwLock<StoredThemeSettings>,
}

impl DefaultTheme {
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
    pub(crate) fn stored(&self) -> StoredThemeSettings {
        *self.current.read()
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
            Some(row) => StoredThemeSettings {
                look: ThemeSettings::from_value(&row.get("value")?),
                version: row.get("version")?,
                updated_at: row.get("updated_at")?,
            },
            None => StoredThemeSettings::default(),
        };
        self.take_over(stored);
        Ok(())
    }

    /// Applies settings unless they are outdated: this replica may have stored a newer change.
    fn take_over(&self, stored: StoredThemeSettings) {
        let mut current = self.current.write();
        if stored.version >= current.version {
            *current = stored;
        }
    }

    /// Stores new settings and records the change and the administrator in the audit log.
    ///
    /// # Errors
    ///
    /// Returns `409` if the settings were changed since `version`.
    pub(crate) async fn set(
        &self,
        admin: &CurrentUser,
        look: ThemeSettings,
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
                ThemeSettings::from_value(&row.get("value")?),
                row.get::<i64>("version")?,
            ),
            None => (ThemeSettings::default(), 0),
        };
        if found != version {
            return Err(conflict());
        }
        let changes = changes(&before, &look);
        if changes.is_empty() {
            return Ok(());
        }
        let stored = StoredThemeSettings {
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
            return Err(conflict());
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
        transaction.publish(ClusterEvent::SettingsChanged);
        transaction.commit().await?;
        self.take_over(stored);
        Ok(())
    }

    /// Applies changes made by other replicas until the future is dropped.
    pub(crate) async fn follow(&self, mut hints: Receiver<ClusterEvent>) {
        loop {
            match hints.recv().await {
                Ok(ClusterEvent::SettingsChanged | ClusterEvent::Lagged)
                | Err(RecvError::Lagged(_)) => {
                    while let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "failed to read the default theme; retrying");
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn conflict() -> Error {
    let detail = "someone else changed the default theme; review the change and try again";
    Error::conflict("settings_changed", detail)
}

fn changes(before: &ThemeSettings, after: &ThemeSettings) -> crate::auth::FieldChanges {
    let lock = |look: &ThemeSettings| look.locked.map_or(Value::Null, Value::from);
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
        assert_eq!(ThemeSettings::default().over(code), code);
        let mut look = ThemeSettings::default();
        look.choice.radius = Some(Radius::Full);
        assert_eq!(
            look.over(code),
            code.radius(Radius::Full),
            "despite the lock for users"
        );
        look.locked = Some(false);
        assert!(!look.over(code).is_locked());
        assert_eq!(ThemeSettings::from_value(&look.to_value()), look);
        assert_eq!(
            ThemeSettings::from_value(&Value::Null),
            ThemeSettings::default()
        );
    }

    #[tokio::test]
    async fn late_read_does_not_replace_a_newer_version() {
        let store = Store::connect("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let theme = DefaultTheme::load(store, Theme::default()).await.unwrap();
        let with = |accent, version| {
            let mut stored = StoredThemeSettings {
                version,
                ..StoredThemeSettings::default()
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
        let mut look = ThemeSettings::default();
        assert!(changes(&look, &look).is_empty());
        look.choice.accent = Some(Accent::Ruby);
        let details = changes(&ThemeSettings::default(), &look).details("x");
        let expected = json!([{"field": "accent", "old": null, "new": "ruby"}]);
        assert_eq!(details["changes"], expected);
    }
}
