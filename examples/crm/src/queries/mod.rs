//! Queries behind the pages, one module for each page. Rows are read with typed queries; sums by group
//! are SQL statements.

pub(crate) mod activities;
pub(crate) mod home;
pub(crate) mod pipeline;
pub(crate) mod won;

use chrono::{Datelike, Months, NaiveDate};
use portal_core::admin::ModelQuery;
use portal_core::prelude::*;
use portal_core::store::sea_query::{Expr, ExprTrait};

use crate::models::{Amount, Company, Deal, Stage, tables};

/// A deal in a list, with the name of its company.
pub(crate) struct DealLine {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) company: String,
    pub(crate) stage: Stage,
    pub(crate) amount: Amount,
    pub(crate) closes_on: NaiveDate,
}

/// Runs a query for deals, and returns the first ones with their companies.
async fn lines(deals: ModelQuery<'_, Deal>, limit: u64) -> Result<Vec<DealLine>> {
    let deals = deals.with(Deal::COMPANY_ID).limit(limit).all().await?;
    let line = |(deal, company): (Deal, Company)| DealLine {
        id: deal.id,
        name: deal.name,
        company: company.name,
        stage: deal.stage,
        amount: deal.amount,
        closes_on: deal.closes_on,
    };
    Ok(deals.into_iter().map(line).collect())
}

/// Returns the condition that a deal is neither won nor lost.
fn is_open() -> Expr {
    Expr::col((tables::DEAL, "stage")).is_in(Stage::OPEN.map(as_text))
}

/// Returns the text of a stage in the database.
fn as_text(stage: Stage) -> &'static str {
    portal_core::admin::AdminChoice::as_str(&stage)
}

/// Returns the first day of the month that contains a day.
fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// Returns the first days of consecutive months.
fn months(start: NaiveDate, count: u32) -> impl Iterator<Item = NaiveDate> {
    (0..count).filter_map(move |number| start.checked_add_months(Months::new(number)))
}
