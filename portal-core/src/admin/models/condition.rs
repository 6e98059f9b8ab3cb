//! Conditions on the rows of a model, in terms of its columns.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Not;

use sea_query::{BinOper, Expr, ExprTrait, Keyword};

use crate::error::Result;

/// A condition on the rows of a model. A [`Column`](super::Column) creates one, and `!` negates it.
///
/// A condition is either true or not true for a row: `!Plan::SEATS.gt(5)` also matches rows without
/// a value in `seats`.
#[must_use]
pub struct Condition<M> {
    /// An invalid value is reported when the query runs.
    expr: Result<Expr>,
    model: PhantomData<fn() -> M>,
}

impl<M> fmt::Debug for Condition<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.expr).finish()
    }
}

impl<M> Condition<M> {
    pub(super) fn new(expr: Result<Expr>) -> Self {
        Self {
            expr,
            model: PhantomData,
        }
    }

    pub(in super::super) fn into_expr(self) -> Result<Expr> {
        self.expr
    }

    /// Matches rows for which both conditions are true.
    pub fn and(self, other: Self) -> Self {
        Self::new(self.expr.and_then(|one| Ok(one.and(other.expr?))))
    }

    /// Matches rows for which at least one of the conditions is true.
    pub fn or(self, other: Self) -> Self {
        Self::new(self.expr.and_then(|one| Ok(one.or(other.expr?))))
    }

    /// Matches rows for which all conditions are true; an empty list matches all rows.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        let start = Self::new(Ok(Expr::val(1).eq(1)));
        conditions.into_iter().reduce(Self::and).unwrap_or(start)
    }

    /// Matches rows for which at least one condition is true; an empty list matches no row.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        let start = Self::new(Ok(Expr::val(1).eq(0)));
        conditions.into_iter().reduce(Self::or).unwrap_or(start)
    }
}

/// Matches rows for which the condition is not true.
impl<M> Not for Condition<M> {
    type Output = Self;

    fn not(self) -> Self {
        let is_true = Keyword::Custom("TRUE".into());
        Self::new(self.expr.map(|expr| expr.binary(BinOper::IsNot, is_true)))
    }
}
