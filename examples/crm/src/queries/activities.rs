//! Open activities, for the page about the user's activities.

use chrono::NaiveDate;
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::store::sea_query::{Expr, ExprTrait, Order, Query};

use crate::models::{ActivityKind, read_choice, tables};

/// An open activity, with the name of its deal.
pub(crate) struct OpenActivity {
    pub(crate) id: i64,
    pub(crate) subject: String,
    pub(crate) kind: ActivityKind,
    pub(crate) deal: Option<(i64, String)>,
    pub(crate) due_on: NaiveDate,
}

/// Returns the open activities of an owner, or those without an owner, the most urgent first.
pub(crate) async fn open(
    store: &Store,
    owner: Option<&str>,
    limit: u64,
) -> Result<Vec<OpenActivity>> {
    let owner = match owner {
        Some(email) => Expr::col((tables::ACTIVITY, "owner")).eq(email),
        None => Expr::col((tables::ACTIVITY, "owner")).is_null(),
    };
    let select = Query::select()
        .columns(
            ["id", "subject", "kind", "deal_id", "due_on"].map(|name| (tables::ACTIVITY, name)),
        )
        .expr_as(Expr::col((tables::DEAL, "name")), "deal")
        .from(tables::ACTIVITY)
        .left_join(
            tables::DEAL,
            Expr::col((tables::DEAL, "id")).equals((tables::ACTIVITY, "deal_id")),
        )
        .and_where(owner)
        .and_where(Expr::col("done").eq(false))
        .order_by("due_on", Order::Asc)
        .order_by((tables::ACTIVITY, "id"), Order::Asc)
        .limit(limit)
        .take();
    let mut activities = Vec::new();
    for row in store.fetch_all(&select).await? {
        let deal_id: Option<i64> = row.get("deal_id")?;
        activities.push(OpenActivity {
            id: row.get("id")?,
            subject: row.get("subject")?,
            kind: read_choice(&row, "kind")?,
            deal: deal_id.zip(row.get::<Option<String>>("deal")?),
            due_on: row.get("due_on")?,
        });
    }
    Ok(activities)
}
