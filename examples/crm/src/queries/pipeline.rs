//! Open deals by stage, for the pipeline page.

use chrono::NaiveDate;
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::store::sea_query::{Expr, ExprTrait, Query};

use super::{DealLine, is_open, lines, month_of, months};
use crate::models::{Amount, Deal, Stage, read_choice, tables};

/// Number of months in the forecast.
const FORECAST_MONTHS: u32 = 6;

/// Open deals of one stage.
pub(crate) struct StageTotals {
    pub(crate) stage: Stage,
    pub(crate) deals: i64,
    pub(crate) amount: Amount,
}

impl StageTotals {
    /// Returns the amount, multiplied by the probability that the deals are won.
    pub(crate) fn weighted(&self) -> Amount {
        self.amount.percent(self.stage.probability())
    }
}

/// Returns the totals of all open stages, in the order of the pipeline.
pub(crate) async fn by_stage(store: &Store) -> Result<Vec<StageTotals>> {
    let select = Query::select()
        .column("stage")
        .expr_as(Expr::col("id").count(), "deals")
        .expr_as(Amount::sum("amount"), "total")
        .from(tables::DEAL)
        .and_where(is_open())
        .group_by_col("stage")
        .take();
    let mut stages = Stage::OPEN.map(|stage| StageTotals {
        stage,
        deals: 0,
        amount: Amount::default(),
    });
    for row in store.fetch_all(&select).await? {
        let stage: Stage = read_choice(&row, "stage")?;
        if let Some(totals) = stages.iter_mut().find(|totals| totals.stage == stage) {
            totals.deals = row.get("deals")?;
            totals.amount = Amount::read(&row, "total")?;
        }
    }
    Ok(stages.into())
}

/// Returns the sums of the open deals that should be closed in the next months, weighted by their
/// probability. The current month includes deals whose closing date has passed.
pub(crate) async fn forecast(store: &Store, today: NaiveDate) -> Result<Vec<(NaiveDate, Amount)>> {
    let select = Query::select()
        .columns(["closes_on", "stage"])
        .expr_as(Amount::sum("amount"), "total")
        .from(tables::DEAL)
        .and_where(is_open())
        .group_by_columns(["closes_on", "stage"])
        .take();
    let current = month_of(today);
    let mut forecast: Vec<_> = months(current, FORECAST_MONTHS)
        .map(|month| (month, Amount::default()))
        .collect();
    for row in store.fetch_all(&select).await? {
        let stage: Stage = read_choice(&row, "stage")?;
        let month = std::cmp::max(month_of(row.get("closes_on")?), current);
        if let Some((_, amount)) = forecast.iter_mut().find(|(start, _)| *start == month) {
            *amount += Amount::read(&row, "total")?.percent(stage.probability());
        }
    }
    Ok(forecast)
}

/// Returns the open deals with the highest amounts.
pub(crate) async fn largest(models: &Models) -> Result<Vec<DealLine>> {
    let open = models
        .query::<Deal>()
        .filter(Deal::STAGE.is_in(Stage::OPEN));
    lines(open.order_by(Deal::AMOUNT.desc()), 8).await
}
