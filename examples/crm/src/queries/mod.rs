//! Queries behind the pages, one module for each page.

pub(crate) mod activities;
pub(crate) mod home;
pub(crate) mod pipeline;
pub(crate) mod won;

use chrono::{Datelike, Months, NaiveDate};
use portal_core::prelude::*;
use portal_core::store::Row;
use portal_core::store::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

use crate::models::{Amount, Stage, read_choice, tables};

/// A deal in a list, with the name of its company.
pub(crate) struct DealLine {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) company: String,
    pub(crate) stage: Stage,
    pub(crate) amount: Amount,
    pub(crate) closes_on: NaiveDate,
}

impl DealLine {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            company: row.get("company")?,
            stage: read_choice(row, "stage")?,
            amount: Amount::read(row, "amount")?,
            closes_on: row.get("closes_on")?,
        })
    }
}

/// Returns a query for open deals, sorted by a column, which [`DealLine::read`] reads.
fn select_open_deals(sort: &'static str, order: Order, limit: u64) -> SelectStatement {
    Query::select()
        .columns(["id", "name", "stage", "amount", "closes_on"].map(|name| (tables::DEAL, name)))
        .expr_as(Expr::col((tables::COMPANY, "name")), "company")
        .from(tables::DEAL)
        .inner_join(
            tables::COMPANY,
            Expr::col((tables::COMPANY, "id")).equals((tables::DEAL, "company_id")),
        )
        .and_where(is_open())
        .order_by((tables::DEAL, sort), order)
        .order_by((tables::DEAL, "id"), Order::Asc)
        .limit(limit)
        .take()
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
