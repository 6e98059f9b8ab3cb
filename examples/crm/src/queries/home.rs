//! Key figures and next steps of the home page.

use chrono::{Days, NaiveDate};
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::store::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::{DealLine, as_text, is_open, lines};
use crate::models::{Activity, Amount, Company, Deal, Stage, tables};

/// Key figures of the home page.
pub(crate) struct Figures {
    pub(crate) open_deals: i64,
    pub(crate) open_amount: Amount,
    pub(crate) won_deals: i64,
    pub(crate) won_amount: Amount,
    pub(crate) overdue_activities: u64,
}

/// Returns `true` if there are no companies yet.
pub(crate) async fn is_empty(models: &Models) -> Result<bool> {
    Ok(!models.query::<Company>().exists().await?)
}

/// Returns the figures for a user.
pub(crate) async fn figures(models: &Models, email: &str, today: NaiveDate) -> Result<Figures> {
    let store = models.store();
    let open = select_totals(is_open());
    let won = select_totals(
        Expr::col("stage")
            .eq(as_text(Stage::Won))
            .and(Expr::col("closes_on").gt(today - Days::new(30)))
            .and(Expr::col("closes_on").lte(today)),
    );
    let overdue = Activity::OWNER
        .eq(email)
        .and(Activity::DONE.eq(false))
        .and(Activity::DUE_ON.lt(today));
    let overdue = models.query::<Activity>().filter(overdue).count();
    let (open_deals, open_amount) = totals(store, &open).await?;
    let (won_deals, won_amount) = totals(store, &won).await?;
    Ok(Figures {
        open_deals,
        open_amount,
        won_deals,
        won_amount,
        overdue_activities: overdue.await?,
    })
}

/// Returns the open deals whose closing date has passed or is within two weeks, oldest first.
pub(crate) async fn closing_soon(models: &Models, today: NaiveDate) -> Result<Vec<DealLine>> {
    let is_soon = Deal::CLOSES_ON.le(today + Days::new(14));
    let deals = models
        .query::<Deal>()
        .filter(Deal::STAGE.is_in(Stage::OPEN).and(is_soon))
        .order_by(Deal::CLOSES_ON.asc());
    lines(deals, 6).await
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
