//! The look that administrators have given the whole portal, in the database and in memory.

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

/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// What administrators have set; what they have not is what the application's code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PortalLook {
    pub(crate) choice: ThemeChoice,
    /// Whether readers may not choose accent, gray and radius; `None` is what the code says.
    pub(crate) locked: Option<bool>,
}

impl PortalLook {
    fn over(&self, code: Theme) -> Theme {
        // A lock of the code is about what readers choose, not about what administrators do.
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

/// What is stored, and since when.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoredLook {
    pub(crate) look: PortalLook,
    /// Counts changes; 0 while nobody has set anything.
    pub(crate) version: i64,
    pub(crate) updated_at: Option<DateTime<Utc>>,
}

/// The portal's theme as it is now: read at the start and when somebody changes it, so that no
/// page has to ask for it.
pub(crate) struct PortalTheme {
    store: Store,
    code: Theme,
    current: RwLock<StoredLook>,
}

impl PortalTheme {
    /// Reads what is stored.
    pub(crate) async fn load(store: Store, code: Theme) -> Result<Self> {
        let theme = Self {
            store,
            code,
            current: RwLock::default(),
        };
        theme.refresh().await?;
        Ok(theme)
    }

    /// What the application's code says.
    pub(crate) fn code(&self) -> Theme {
        self.code
    }

    /// What administrators have set.
    pub(crate) fn stored(&self) -> StoredLook {
        *self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The theme for who has not chosen.
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

    /// What was read may be older than what this process has stored meanwhile.
    fn take_over(&self, stored: StoredLook) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if stored.version >= current.version {
            *current = stored;
        }
    }

    /// Stores another look, in the name of an administrator.
    ///
    /// # Errors
    ///
    /// `409` if somebody else has changed it since `version`.
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
        // Two who are the first find no row to lock; one of them stores it.
        if transaction.execute(&insert).await? == 0 {
            return Err(changed_meanwhile());
        }
        let details = changes.details("Look of the portal");
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

    /// Follows what other replicas change, until it is dropped.
    pub(crate) async fn follow(&self, mut hints: Receiver<Notification>) {
        loop {
            match hints.recv().await {
                Ok(Notification::SettingsChanged | Notification::Lagged)
                | Err(RecvError::Lagged(_)) => {
                    while let Err(error) = self.refresh().await {
                        tracing::warn!(%error, "the look of the portal could not be read");
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
    let detail = "somebody else has changed the portal's look meanwhile: look at it and try again";
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
    fn a_look_lies_over_the_code_and_survives_being_stored() {
        let code = Theme::default().accent(Accent::Jade).locked();
        assert_eq!(PortalLook::default().over(code), code);
        let mut look = PortalLook::default();
        look.choice.radius = Some(Radius::Full);
        assert_eq!(
            look.over(code),
            code.radius(Radius::Full),
            "also where readers may not"
        );
        look.locked = Some(false);
        assert!(!look.over(code).is_locked());
        assert_eq!(PortalLook::from_value(&look.to_value()), look);
        assert_eq!(PortalLook::from_value(&Value::Null), PortalLook::default());
    }

    #[tokio::test]
    async fn what_is_read_late_does_not_undo_what_was_stored_meanwhile() {
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
    fn only_what_differs_is_logged() {
        let mut look = PortalLook::default();
        assert!(changes(&look, &look).is_empty());
        look.choice.accent = Some(Accent::Ruby);
        let details = changes(&PortalLook::default(), &look).details("x");
        let expected = json!([{"field": "accent", "old": null, "new": "ruby"}]);
        assert_eq!(details["changes"], expected);
    }
}
