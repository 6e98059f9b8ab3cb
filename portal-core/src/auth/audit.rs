//! What administrators have done, and who it was.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, InsertStatement, Order, Query};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::extract::CurrentUser;
use crate::error::Result;
use crate::store::{Row, Store, Transaction, now};

const TABLE: &str = "portal_audit_log";
/// Stands in the place of an address where the identity provider has acted.
const PROVIDER: &str = "identity provider";

/// One thing that somebody has done. Serializes as an item of `GET /api/admin/audit`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its id; sorts by time.
    pub id: Uuid,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor_user_id: Option<Uuid>,
    /// His address at that time.
    pub actor_email: String,
    /// What was done, such as `task.cancel`.
    pub action: String,
    /// What it was done to, such as `task:` and an id.
    pub target: String,
    /// What else there is to know.
    pub details: Value,
}

impl AuditEntry {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            at: row.get("at")?,
            actor_user_id: row.get("actor_user_id")?,
            actor_email: row.get("actor_email")?,
            action: row.get("action")?,
            target: row.get("target")?,
            details: row.get("details")?,
        })
    }
}

impl Serialize for AuditEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("AuditEntry", 6)?;
        entry.serialize_field("id", &self.id)?;
        entry.serialize_field("at", &self.at)?;
        let actor = json!({"id": self.actor_user_id, "email": self.actor_email});
        entry.serialize_field("actor", &actor)?;
        entry.serialize_field("action", &self.action)?;
        entry.serialize_field("target", &self.target)?;
        entry.serialize_field("details", &self.details)?;
        entry.end()
    }
}

/// Which entries to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only what was done to this.
    pub target: Option<String>,
    /// Only entries older than this one.
    pub before: Option<Uuid>,
    /// How many at the most; 0 means 100.
    pub limit: u64,
}

/// The audit log of a portal: what is in it stays as it is.
///
/// An extractor through `Data<AuditLog>`.
#[derive(Debug, Clone)]
pub struct AuditLog {
    store: Store,
}

impl AuditLog {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes down what somebody has done.
    pub async fn record(
        &self,
        actor: &CurrentUser,
        action: &str,
        target: &str,
        details: Value,
    ) -> Result<()> {
        let insert = insert(actor, action, target, details);
        self.store.execute(&insert).await?;
        Ok(())
    }

    /// The same within a transaction: it is written exactly if that is committed.
    pub async fn record_in(
        transaction: &mut Transaction,
        actor: &CurrentUser,
        action: &str,
        target: &str,
        details: Value,
    ) -> Result<()> {
        let insert = insert(actor, action, target, details);
        transaction.execute(&insert).await?;
        Ok(())
    }

    /// Writes down, within a transaction, what nobody of this portal has done.
    pub(super) async fn record_of_provider(
        transaction: &mut Transaction,
        action: &str,
        target: &str,
        details: Value,
    ) -> Result<()> {
        tracing::info!(actor = PROVIDER, action, target, "audited");
        let insert = entry(None, PROVIDER, action, target, details);
        transaction.execute(&insert).await?;
        Ok(())
    }

    /// Entries, newest first.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let mut select = Query::select()
            .columns([
                "id",
                "at",
                "actor_user_id",
                "actor_email",
                "action",
                "target",
                "details",
            ])
            .from(TABLE)
            .take();
        if let Some(target) = &filter.target {
            select.and_where(Expr::col("target").eq(target.as_str()));
        }
        if let Some(before) = filter.before {
            select.and_where(Expr::col("id").lt(before));
        }
        let limit = if filter.limit == 0 { 100 } else { filter.limit };
        // Ids are UUIDs of version 7: they sort by time.
        select.order_by("id", Order::Desc).limit(limit);
        self.store
            .fetch_all(&select)
            .await?
            .iter()
            .map(AuditEntry::from_row)
            .collect()
    }
}

fn insert(actor: &CurrentUser, action: &str, target: &str, details: Value) -> InsertStatement {
    tracing::info!(admin = %actor.id, action, target, "audited");
    entry(Some(actor.id), actor.email(), action, target, details)
}

fn entry(
    actor_id: Option<Uuid>,
    actor_email: &str,
    action: &str,
    target: &str,
    details: Value,
) -> InsertStatement {
    Query::insert()
        .into_table(TABLE)
        .columns([
            "id",
            "at",
            "actor_user_id",
            "actor_email",
            "action",
            "target",
            "details",
        ])
        .values_panic([
            Uuid::now_v7().into(),
            now().into(),
            actor_id.into(),
            actor_email.into(),
            action.into(),
            target.into(),
            details.into(),
        ])
        .take()
}
