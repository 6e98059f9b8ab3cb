//! Audit log: records changes and the actors who made them.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Func, InsertStatement, Order, Query};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::extract::{AdminUser, CurrentUser};
use super::role_source::RoleSource;
use super::users::User;
use crate::error::Result;
use crate::store::{ClusterEvent, Row, Store, Transaction, now};

const TABLE: &str = "portal_audit_log";

/// A recorded change. Serializes as an item of `GET /api/admin/audit`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Id of the entry; ids sort by time.
    pub id: Uuid,
    /// Time of the change.
    pub at: DateTime<Utc>,
    /// User who made the change; `None` for a program.
    pub actor_user_id: Option<Uuid>,
    /// E-mail address of the user at that time, or the name of the program.
    pub actor_email: String,
    /// Impersonator's id at the provider, if the user was impersonated.
    pub acted_by: Option<String>,
    /// Action, such as `task.cancel`.
    pub action: String,
    /// Target of the action, such as `task:` and an id.
    pub target: String,
    /// Further details of the change.
    pub details: Value,
}

impl AuditEntry {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            at: row.get("at")?,
            actor_user_id: row.get("actor_user_id")?,
            actor_email: row.get("actor_email")?,
            acted_by: row.get("acted_by")?,
            action: row.get("action")?,
            target: row.get("target")?,
            details: row.document("details")?.unwrap_or_default(),
        })
    }
}

impl Serialize for AuditEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("AuditEntry", 6)?;
        entry.serialize_field("id", &self.id)?;
        entry.serialize_field("at", &self.at)?;
        let mut actor = json!({"id": self.actor_user_id, "email": self.actor_email});
        if let Some(acted_by) = &self.acted_by {
            actor["acted_by"] = json!(acted_by);
        }
        entry.serialize_field("actor", &actor)?;
        entry.serialize_field("action", &self.action)?;
        entry.serialize_field("target", &self.target)?;
        entry.serialize_field("details", &self.details)?;
        entry.end()
    }
}

/// Actor of a change in the audit log: a user or a program.
///
/// ```
/// use portal_core::auth::Actor;
/// use portal_core::prelude::*;
///
/// fn of(user: &CurrentUser) -> Actor {
///     user.into()
/// }
/// let nightly = Actor::program("nightly import");
/// # let _ = nightly;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    user_id: Option<Uuid>,
    name: String,
    acted_by: Option<String>,
}

impl Actor {
    /// Creates an actor for a program with the given display name.
    #[must_use]
    pub fn program(name: impl Into<String>) -> Self {
        Self {
            user_id: None,
            name: name.into(),
            acted_by: None,
        }
    }

    /// Returns the actor for a user, with the id of their impersonator at the provider.
    pub(crate) fn of_user(user: &User, acted_by: Option<String>) -> Self {
        Self {
            user_id: Some(user.id),
            name: user.email.clone(),
            acted_by,
        }
    }

    /// Returns the id of the impersonator at the provider.
    pub(crate) fn acted_by(&self) -> Option<&str> {
        self.acted_by.as_deref()
    }

    /// Returns the actor for the portal's command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self::program("command line")
    }

    /// Returns the source of the roles that this actor assigns.
    pub(super) fn role_source(&self) -> RoleSource {
        match self.user_id {
            Some(_) => RoleSource::Administrator,
            None if *self == Self::command_line() => RoleSource::CommandLine,
            None => RoleSource::Application,
        }
    }

    /// Returns `true` if the actor is this user.
    pub(super) fn is_user(&self, id: Uuid) -> bool {
        self.user_id == Some(id)
    }

    /// Returns the actor for the application's own code.
    #[must_use]
    pub fn application() -> Self {
        Self::program("application")
    }
}

impl From<&CurrentUser> for Actor {
    fn from(user: &CurrentUser) -> Self {
        Self {
            user_id: Some(user.id),
            name: user.email().to_owned(),
            acted_by: user.impersonator().map(str::to_owned),
        }
    }
}

impl From<&AdminUser> for Actor {
    fn from(admin: &AdminUser) -> Self {
        Self::from(&**admin)
    }
}

impl From<&Self> for Actor {
    fn from(actor: &Self) -> Self {
        actor.clone()
    }
}

/// A changed field, as stored in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FieldChange {
    field: String,
    old: Value,
    new: Value,
}

/// Changed fields of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldChanges(Vec<FieldChange>);

/// Maximum size of a logged value, in bytes. The log records what changed; it is not a copy of the
/// data.
const MAX_VALUE_LEN: usize = 2000;

impl FieldChange {
    /// Returns the changes to those fields whose old and new values differ.
    pub(crate) fn between(fields: &[(&str, Value, Value)]) -> FieldChanges {
        let changed = fields.iter().filter(|(_, old, new)| old != new);
        let changes = changed.map(|(field, old, new)| Self {
            field: (*field).to_owned(),
            old: shortened(old),
            new: shortened(new),
        });
        FieldChanges(changes.collect())
    }
}

impl FieldChanges {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the details for the audit log; `label` is the display name of the changed record.
    pub(crate) fn details(&self, label: &str) -> Value {
        json!({"label": label, "changes": self.0})
    }
}

/// Returns a value, truncated if it is long.
fn shortened(value: &Value) -> Value {
    let text = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => return value.clone(),
        Value::String(text) if text.len() <= MAX_VALUE_LEN => return value.clone(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    if text.len() <= MAX_VALUE_LEN {
        return value.clone();
    }
    let end = text.floor_char_boundary(MAX_VALUE_LEN);
    Value::String(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// Filter for a list of audit entries.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only entries with this target, such as `user:` and an id.
    pub target: Option<String>,
    /// Only entries with this actor: a user's id or e-mail address, or the name of a program.
    pub actor: Option<String>,
    /// Only entries older than this one.
    pub before: Option<Uuid>,
    /// Maximum number of entries; 0 means 100.
    pub limit: u64,
}

/// A portal's append-only audit log. Extract it with `Data<AuditLog>`.
#[derive(Debug, Clone)]
pub struct AuditLog {
    store: Store,
}

impl AuditLog {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Records a change.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn record(
        &self,
        actor: impl Into<Actor> + Send,
        action: &str,
        target: &str,
        details: Value,
    ) -> Result<()> {
        let insert = insert(actor.into(), action, target, details);
        self.store.execute(&insert).await?;
        self.store.publish(written()).await;
        Ok(())
    }

    /// Records a change within a transaction; it is stored only if the transaction commits.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn record_in(
        transaction: &mut Transaction,
        actor: impl Into<Actor> + Send,
        action: &str,
        target: &str,
        details: Value,
    ) -> Result<()> {
        let insert = insert(actor.into(), action, target, details);
        transaction.execute(&insert).await?;
        transaction.publish(written());
        Ok(())
    }

    /// Returns entries, newest first.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let mut select = Query::select()
            .columns([
                "id",
                "at",
                "actor_user_id",
                "actor_email",
                "acted_by",
                "action",
                "target",
                "details",
            ])
            .from(TABLE)
            .take();
        if let Some(target) = &filter.target {
            select.and_where(Expr::col("target").eq(target.as_str()));
        }
        if let Some(actor) = filter.actor.as_deref() {
            select.and_where(match actor.parse::<Uuid>() {
                Ok(id) => Expr::col("actor_user_id").eq(id),
                Err(_) => Func::lower(Expr::col("actor_email")).eq(actor.to_lowercase()),
            });
        }
        if let Some(before) = filter.before {
            select.and_where(Expr::col("id").lt(before));
        }
        let limit = if filter.limit == 0 { 100 } else { filter.limit };
        // Ids are version 7 UUIDs, which sort by time.
        select.order_by("id", Order::Desc).limit(limit);
        self.store
            .fetch_all(&select)
            .await?
            .iter()
            .map(AuditEntry::from_row)
            .collect()
    }
}

/// Returns the event that announces new entries to viewers of the log.
fn written() -> ClusterEvent {
    ClusterEvent::TopicChanged {
        topic: "audit".to_owned(),
    }
}

fn insert(actor: Actor, action: &str, target: &str, details: Value) -> InsertStatement {
    let Actor {
        user_id,
        name,
        acted_by,
    } = actor;
    tracing::info!(
        actor = name,
        ?user_id,
        acted_by,
        action,
        target,
        "audit entry recorded"
    );
    Query::insert()
        .into_table(TABLE)
        .columns([
            "id",
            "at",
            "actor_user_id",
            "actor_email",
            "acted_by",
            "action",
            "target",
            "details",
        ])
        .values_panic([
            Uuid::now_v7().into(),
            now().into(),
            user_id.into(),
            name.into(),
            acted_by.into(),
            action.into(),
            target.into(),
            details.into(),
        ])
        .take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_changes_omit_equal_values_and_truncate_long_ones() {
        let long = "ä".repeat(MAX_VALUE_LEN);
        let changes = FieldChange::between(&[
            ("same", json!(1), json!(1)),
            ("name", json!("a"), json!("b")),
            ("text", json!(null), json!(long)),
        ]);
        let details = changes.details("x");
        assert_eq!(
            details["changes"][0],
            json!({"field": "name", "old": "a", "new": "b"})
        );
        let text = details["changes"][1]["new"].as_str().unwrap();
        assert!(text.ends_with('…') && text.len() < MAX_VALUE_LEN + 10);
        assert!(FieldChange::between(&[("a", json!({}), json!({}))]).is_empty());
    }
}
