//! Closed deals by month, for the page about won deals.

use chrono::{Months, NaiveDate};
use portal_core::prelude::*;
use portal_core::store::Store;
use portal_core::store::sea_query::{Expr, ExprTrait, Order, Query};

use super::{as_text, month_of, months};
use crate::models::{Amount, Stage, read_choice, tables};

/// Number of months, including the current one.
pub(crate) const MONTHS: u32 = 12;

/// Deals that were closed in one month.
pub(crate) struct MonthTotals {
    /// First day of the month.
    pub(crate) month: NaiveDate,
    pub(crate) won: i64,
    pub(crate) lost: i64,
    /// Sum of the won deals.
    pub(crate) amount: Amount,
}

/// A company with the sum of its won deals.
pub(crate) struct Customer {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) deals: i64,
    pub(crate) amount: Amount,
}

/// Returns the first day of the oldest month.
fn start(today: NaiveDate) -> NaiveDate {
    let month = month_of(today);
    month
        .checked_sub_months(Months::new(MONTHS - 1))
        .unwrap_or(month)
}

/// Returns the totals of the latest months, oldest first.
///
/// The databases have no common function for months, so the query groups by day.
pub(crate) async fn by_month(store: &Store, today: NaiveDate) -> Result<Vec<MonthTotals>> {
    let start = start(today);
    let select = Query::select()
        .columns(["closes_on", "stage"])
        .expr_as(Expr::col("id").count(), "deals")
        .expr_as(Amount::sum("amount"), "total")
        .from(tables::DEAL)
        .and_where(Expr::col("stage").is_in([Stage::Won, Stage::Lost].map(as_text)))
        .and_where(Expr::col("closes_on").between(start, today))
        .group_by_columns(["closes_on", "stage"])
        .take();
    let mut months: Vec<_> = months(start, MONTHS)
        .map(|month| MonthTotals {
            month,
            won: 0,
            lost: 0,
            amount: Amount::default(),
        })
        .collect();
    for row in store.fetch_all(&select).await? {
        let month = month_of(row.get("closes_on")?);
        let Some(totals) = months.iter_mut().find(|totals| totals.month == month) else {
            continue;
        };
        let deals: i64 = row.get("deals")?;
        match read_choice(&row, "stage")? {
            Stage::Won => {
                totals.won += deals;
                totals.amount += Amount::read(&row, "total")?;
            }
            _ => totals.lost += deals,
        }
    }
    Ok(months)
}

/// Returns the companies with the highest sums of won deals in these months.
pub(crate) async fn best_customers(store: &Store, today: NaiveDate) -> Result<Vec<Customer>> {
    let select = Query::select()
        .columns([(tables::COMPANY, "id"), (tables::COMPANY, "name")])
        .expr_as(Expr::col((tables::DEAL, "id")).count(), "deals")
        .expr_as(Amount::sum("amount"), "total")
        .from(tables::DEAL)
        .inner_join(
            tables::COMPANY,
            Expr::col((tables::COMPANY, "id")).equals((tables::DEAL, "company_id")),
        )
        .and_where(Expr::col("stage").eq(as_text(Stage::Won)))
        .and_where(Expr::col("closes_on").between(start(today), today))
        .group_by_columns([(tables::COMPANY, "id"), (tables::COMPANY, "name")])
        .order_by("total", Order::Desc)
        .limit(8)
        .take();
    let rows = store.fetch_all(&select).await?;
    let read = |row: &portal_core::store::Row| {
        Ok(Customer {
            id: row.get("id")?,
            name: row.get("name")?,
            deals: row.get("deals")?,
            amount: Amount::read(row, "total")?,
        })
    };
    rows.iter().map(read).collect()
}
