//! Amounts of money. Only this file depends on how they are stored and displayed.

use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use portal_core::FieldError;
use portal_core::admin::{AdminField, FieldKind};
use portal_core::pages::components::Unit;
use portal_core::prelude::*;
use portal_core::store::Row;
use portal_core::store::sea_query::{Expr, ExprTrait, Func};
use serde_json::Value;

/// A non-negative amount in whole euros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i64);

impl Amount {
    /// Creates an amount in euros.
    pub(crate) const fn euros(euros: i64) -> Self {
        Self(euros)
    }

    /// Returns the amount in euros, for charts.
    pub(crate) fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// Returns a share of the amount, in percent.
    pub(crate) fn percent(self, percent: i64) -> Self {
        Self(self.0 * percent / 100)
    }

    /// Returns the mean of a number of amounts with this sum.
    pub(crate) fn divided_by(self, count: i64) -> Self {
        Self(self.0.checked_div(count).unwrap_or_default())
    }

    /// Returns an expression for the sum of a column, which [`Self::read`] reads.
    ///
    /// Without the cast, PostgreSQL returns the sum of `bigint` values as `numeric`.
    pub(crate) fn sum(column: &'static str) -> Expr {
        let sum = Func::coalesce([Expr::col(column).sum(), Expr::val(0)]);
        Expr::from(sum).cast_as("bigint")
    }

    /// Reads an amount from a column of a query.
    pub(crate) fn read(row: &Row, column: &str) -> Result<Self> {
        Ok(Self(row.get(column)?))
    }
}

impl AdminField for Amount {
    const KIND: FieldKind = i64::KIND;

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match i64::from_value(value)? {
            ..0 => Err(FieldError::new("", "invalid_value", "must not be negative")),
            euros => Ok(Self(euros)),
        }
    }
}

/// Formats the amount with its currency, such as `€12,500`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "€{}", Unit::Count.full(self.as_f64()))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}
