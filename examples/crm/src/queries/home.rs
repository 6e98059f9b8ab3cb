//! Key figures and next steps of the home page.

use chrono::{Days, NaiveDate};
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::store::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

use super::{DealLine, as_text, is_open, select_open_deals};
use crate::models::{Amount, Stage, tables};

/// Key figures of the home page.
pub(crate) struct Figures {
    pub(crate) open_deals: i64,
    pub(crate) open_amount: Amount,
    pub(crate) won_deals: i64,
    pub(crate) won_amount: Amount,
    pub(crate) overdue_activities: i64,
}

/// Returns `true` if there are no companies yet.
pub(crate) async fn is_empty(store: &Store) -> Result<bool> {
    let select = Query::select()
        .column("id")
        .from(tables::COMPANY)
        .limit(1)
        .take();
    Ok(store.fetch_optional(&select).await?.is_none())
}

/// Returns the figures for a user.
pub(crate) async fn figures(store: &Store, email: &str, today: NaiveDate) -> Result<Figures> {
    let open = select_totals(is_open());
    let won = select_totals(
        Expr::col("stage")
            .eq(as_text(Stage::Won))
            .and(Expr::col("closes_on").gt(today - Days::new(30)))
            .and(Expr::col("closes_on").lte(today)),
    );
    let overdue = Query::select()
        .expr(Expr::col("id").count())
        .from(tables::ACTIVITY)
        .and_where(Expr::col("owner").eq(email))
        .and_where(Expr::col("done").eq(false))
        .and_where(Expr::col("due_on").lt(today))
        .take();
    let (open_deals, open_amount) = totals(store, &open).await?;
    let (won_deals, won_amount) = totals(store, &won).await?;
    Ok(Figures {
        open_deals,
        open_amount,
        won_deals,
        won_amount,
        overdue_activities: store.fetch_count(&overdue).await?,
    })
}

/// Returns the open deals whose closing date has passed or is within two weeks, oldest first.
pub(crate) async fn closing_soon(store: &Store, today: NaiveDate) -> Result<Vec<DealLine>> {
    let select = select_open_deals("closes_on", Order::Asc, 6)
        .and_where(Expr::col((tables::DEAL, "closes_on")).lte(today + Days::new(14)))
        .take();
    let rows = store.fetch_all(&select).await?;
    rows.iter().map(DealLine::read).collect()
}

/// Returns a query for the number of deals and the sum of their amounts.
fn select_totals(condition: Expr) -> SelectStatement {
    Query::select()
        .expr_as(Expr::col("id").count(), "deals")
        .expr_as(Amount::sum("amount"), "total")
        .from(tables::DEAL)
        .and_where(condition)
        .take()
}

async fn totals(store: &Store, select: &SelectStatement) -> Result<(i64, Amount)> {
    match store.fetch_optional(select).await? {
        Some(row) => Ok((row.get("deals")?, Amount::read(&row, "total")?)),
        None => Ok((0, Amount::default())),
    }
}
