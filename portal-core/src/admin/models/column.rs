//! Columns with the types of their fields, for conditions and orders of queries.

use std::fmt;
use std::marker::PhantomData;

use sea_query::{BinOper, Expr, ExprTrait};
use serde_json::Value;

use super::super::field::AdminField;
use super::super::model::AdminModel;
use super::super::repository::contains;
use super::condition::Condition;
use super::rows::RelatedRow;
use crate::error::{Error, FieldError, Result};
use crate::json;

/// A column of a model `M` whose values have the type `T`.
///
/// `#[admin_model]` adds one constant per field to the struct, with the name of the field in upper
/// case and its visibility. For a field with `#[admin(references = ..)]`, `R` is the other model.
///
/// ```
/// use portal_core::admin::{Column, Condition};
/// use portal_core::prelude::*;
///
/// /// A plan
/// #[admin_model]
/// struct Plan { id: i64, name: String, seats: Option<i16> }
///
/// let column: Column<Plan, Option<i16>> = Plan::SEATS;
/// let large: Condition<Plan> = column.ge(50).or(column.is_none());
/// let named = Plan::NAME.contains("pro").and(!Plan::NAME.is_in(["Pro", "Pro 2"]));
/// # let _ = (large, named);
/// # fn main() {}
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail,E0277
/// # use portal_core::prelude::*;
/// # /// A plan
/// # #[admin_model]
/// # struct Plan { id: i64, seats: Option<i16> }
/// Plan::SEATS.eq("many");
/// # fn main() {}
/// ```
pub struct Column<M, T, R = ()> {
    name: &'static str,
    model: PhantomData<fn() -> M>,
    value: PhantomData<fn() -> T>,
    related: PhantomData<fn() -> R>,
}

impl<M, T, R> Clone for Column<M, T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T, R> Copy for Column<M, T, R> {}

impl<M, T, R> fmt::Debug for Column<M, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Column").field(&self.name).finish()
    }
}

impl<M, T, R> Column<M, T, R> {
    /// Creates the column of a field by name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            model: PhantomData,
            value: PhantomData,
            related: PhantomData,
        }
    }

    /// Returns the name of the field.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<M: AdminModel, T: AdminField, R> Column<M, T, R> {
    pub(super) fn expr(self) -> Expr {
        Expr::col((M::NAME, self.name))
    }

    /// Matches rows with this value; `None` matches rows without a value.
    pub fn eq(self, value: impl IntoOperand<T>) -> Condition<M> {
        Condition::new(self.bind(&value.into_operand()).map(|value| match value {
            Some(value) => self.expr().eq(value),
            None => self.expr().is_null(),
        }))
    }

    /// Matches rows with another value or, unlike in SQL, without a value.
    pub fn ne(self, value: impl IntoOperand<T>) -> Condition<M> {
        Condition::new(self.bind(&value.into_operand()).map(|value| match value {
            Some(value) if T::NULLABLE => self.expr().ne(value).or(self.expr().is_null()),
            Some(value) => self.expr().ne(value),
            None => self.expr().is_not_null(),
        }))
    }

    /// Matches rows with a smaller value.
    pub fn lt(self, value: impl IntoOperand<T>) -> Condition<M> {
        self.compare(BinOper::SmallerThan, &value.into_operand())
    }

    /// Matches rows with a smaller value or this value.
    pub fn le(self, value: impl IntoOperand<T>) -> Condition<M> {
        self.compare(BinOper::SmallerThanOrEqual, &value.into_operand())
    }

    /// Matches rows with a greater value.
    pub fn gt(self, value: impl IntoOperand<T>) -> Condition<M> {
        self.compare(BinOper::GreaterThan, &value.into_operand())
    }

    /// Matches rows with a greater value or this value.
    pub fn ge(self, value: impl IntoOperand<T>) -> Condition<M> {
        self.compare(BinOper::GreaterThanOrEqual, &value.into_operand())
    }

    /// Matches rows with one of these values, of which there can be about 30,000. An empty list
    /// matches no row.
    pub fn is_in(self, values: impl IntoIterator<Item = impl IntoOperand<T>>) -> Condition<M> {
        let values = values
            .into_iter()
            .map(|value| self.bind(&value.into_operand()));
        Condition::new(values.collect::<Result<Vec<_>>>().map(|values| {
            let has_null = values.contains(&None);
            let any = self.expr().is_in(values.into_iter().flatten());
            if has_null {
                any.or(self.expr().is_null())
            } else {
                any
            }
        }))
    }

    /// Orders rows by ascending values; rows without a value come last.
    #[must_use]
    pub fn asc(self) -> OrderBy<M> {
        self.order(false)
    }

    /// Orders rows by descending values; rows without a value come last.
    #[must_use]
    pub fn desc(self) -> OrderBy<M> {
        self.order(true)
    }

    fn order(self, is_descending: bool) -> OrderBy<M> {
        OrderBy {
            column: self.expr(),
            is_nullable: T::NULLABLE,
            is_descending,
            model: PhantomData,
        }
    }

    fn compare(self, operator: BinOper, value: &T) -> Condition<M> {
        Condition::new(self.bind(value).map(|value| match value {
            Some(value) => self.expr().binary(operator, value),
            // No value is greater or smaller than a missing one.
            None => Expr::val(1).eq(0),
        }))
    }

    fn bind(self, value: &T) -> Result<Option<sea_query::Value>> {
        let pointer = format!("/{}", self.name);
        let value = value.to_value();
        let is_null = value == Value::Null;
        if is_null && T::NULLABLE {
            return Ok(None);
        }
        let errors = json::validate(&value, &pointer);
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let bound = T::KIND.0.bind(&value).filter(|_| !is_null);
        bound.map(Some).ok_or_else(|| {
            let message = "is not a valid value of the field";
            Error::invalid(vec![FieldError::new(pointer, "invalid_type", message)])
        })
    }
}

impl<M: AdminModel, T: AdminField, R> Column<M, Option<T>, R> {
    /// Matches rows without a value.
    pub fn is_none(self) -> Condition<M> {
        Condition::new(Ok(self.expr().is_null()))
    }

    /// Matches rows with a value.
    pub fn is_some(self) -> Condition<M> {
        Condition::new(Ok(self.expr().is_not_null()))
    }
}

impl<M: AdminModel, T: TextField, R> Column<M, T, R> {
    /// Matches rows whose text contains a string, ignoring case.
    pub fn contains(self, text: impl AsRef<str>) -> Condition<M> {
        let text = text.as_ref().replace('\0', "");
        Condition::new(Ok(contains(&self.expr(), &text).into()))
    }
}

impl<M: AdminModel, T: AdminField, R: RelatedRow> Column<M, T, R> {
    /// Matches rows that refer to a row of the other model for which a condition is true.
    ///
    /// ```
    /// # use portal_core::admin::Condition;
    /// # use portal_core::prelude::*;
    /// /// A company
    /// #[admin_model]
    /// struct Company { id: i64, name: String }
    ///
    /// /// A deal
    /// #[admin_model]
    /// struct Deal { id: i64, #[admin(references = Company)] company_id: i64 }
    ///
    /// let deals: Condition<Deal> = Deal::COMPANY_ID.refers_to(Company::NAME.eq("Acme"));
    /// # let _ = deals;
    /// # fn main() {}
    /// ```
    pub fn refers_to(self, condition: Condition<R::Model>) -> Condition<M> {
        Condition::new(condition.into_expr().map(|condition| {
            let (table, key) = (R::Model::NAME, R::key().name());
            let keys = sea_query::Query::select()
                .column((table, key))
                .from(table)
                .and_where(condition)
                .take();
            self.expr().in_subquery(keys)
        }))
    }
}

/// A value that can be compared with a column whose values have the type `T`.
///
/// Implemented for `T` and `&T`, for `&str` if `T` is `String`, and, if `T` is an `Option`, also for
/// the inner type.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot be compared with `{Self}`",
    label = "must be `{T}`"
)]
pub trait IntoOperand<T> {
    /// Returns the value in the type of the column.
    fn into_operand(self) -> T;
}

impl<T> IntoOperand<T> for T {
    fn into_operand(self) -> T {
        self
    }
}

impl<T: Clone> IntoOperand<T> for &T {
    fn into_operand(self) -> T {
        self.clone()
    }
}

impl<T> IntoOperand<Option<T>> for T {
    fn into_operand(self) -> Option<T> {
        Some(self)
    }
}

impl IntoOperand<String> for &str {
    fn into_operand(self) -> String {
        self.to_owned()
    }
}

impl IntoOperand<Option<String>> for &str {
    fn into_operand(self) -> Option<String> {
        Some(self.to_owned())
    }
}

/// A field type that contains text, which a query can search with [`Column::contains`].
#[diagnostic::on_unimplemented(message = "`{Self}` is not a text field")]
pub trait TextField: AdminField {}

impl TextField for String {}

impl<T: TextField> TextField for Option<T> {}

/// An order of the rows of a model, from [`Column::asc`] or [`Column::desc`].
pub struct OrderBy<M> {
    pub(super) column: Expr,
    pub(super) is_nullable: bool,
    pub(super) is_descending: bool,
    model: PhantomData<fn() -> M>,
}

impl<M> fmt::Debug for OrderBy<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrderBy").field(&self.column).finish()
    }
}
