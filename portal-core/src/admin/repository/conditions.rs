//! Conditions on the rows of a model: search, filters, equality and order.

use sea_query::{Cond, Expr, ExprTrait, Func, LikeExpr, NullOrdering, Order, SelectStatement};
use serde_json::Value;

use super::super::field::FieldSpec;
use super::super::operator::Operator;
use super::super::query::{Filter, ListQuery};
use super::{ModelTable, bind};
use crate::auth::escape_like;
use crate::error::Result;

impl ModelTable<'_> {
    pub(super) fn condition(&self, query: &ListQuery) -> Result<Cond> {
        let mut condition = Cond::all();
        if !query.search.is_empty() {
            let mut any = Cond::any();
            let searched = query.searched.iter();
            for field in searched.filter_map(|name| self.model.field(name)) {
                any = any.add(contains_text(field, &query.search));
            }
            // If no field is searchable, nothing matches.
            condition = condition.add(if any.is_empty() {
                Cond::all().add(Expr::val(1).eq(0))
            } else {
                any
            });
        }
        for filter in &query.filters {
            condition = condition.add(self.filter(filter)?);
        }
        Ok(condition)
    }

    fn filter(&self, filter: &Filter) -> Result<Cond> {
        let Some(field) = self.model.field(filter.field) else {
            return Ok(Cond::all());
        };
        if field.many_to_many.is_some() {
            return self.filter_joined(field, filter);
        }
        let column = || Expr::col(field.name);
        let first = filter.values.first().unwrap_or(&Value::Null);
        let all = Cond::all();
        Ok(match filter.operator {
            Operator::Equal => all.add(equals(field, first)?),
            Operator::NotEqual if first.is_null() => all.add(column().is_not_null()),
            // Unlike in SQL, a missing value differs from the given value.
            Operator::NotEqual => Cond::any()
                .add(column().ne(bind(field, first)?))
                .add(column().is_null()),
            Operator::Less => all.add(column().lt(bind(field, first)?)),
            Operator::LessOrEqual => all.add(column().lte(bind(field, first)?)),
            Operator::Greater => all.add(column().gt(bind(field, first)?)),
            Operator::GreaterOrEqual => all.add(column().gte(bind(field, first)?)),
            Operator::In => {
                let mut any = Cond::any();
                for value in &filter.values {
                    any = any.add(equals(field, value)?);
                }
                any
            }
            Operator::Contains => contains_text(field, first.as_str().unwrap_or_default()),
            Operator::StartsWith => {
                starts_with(&text_of(field), first.as_str().unwrap_or_default())
            }
            Operator::Empty if first.as_bool() == Some(true) => is_empty(field),
            Operator::Empty => is_empty(field).not(),
        })
    }
}

/// Returns the condition that a field has no value, or an empty text.
fn is_empty(field: &FieldSpec) -> Cond {
    let any = Cond::any().add(Expr::col(field.name).is_null());
    match field.kind.is_text() {
        true => any.add(Expr::col(field.name).eq("")),
        false => any,
    }
}

/// Returns the condition that a field has a value, or no value for null.
pub(in super::super) fn equals(field: &FieldSpec, value: &Value) -> Result<Expr> {
    if value.is_null() {
        return Ok(Expr::col(field.name).is_null());
    }
    Ok(Expr::col(field.name).eq(bind(field, value)?))
}

/// Returns the condition that a field contains a string, ignoring case.
fn contains_text(field: &FieldSpec, text: &str) -> Cond {
    contains(&text_of(field), text)
}

/// Returns the expression for the value of a field as text.
fn text_of(field: &FieldSpec) -> Expr {
    match Expr::col(field.name) {
        column if field.kind.is_text() => column,
        column => column.cast_as("text"),
    }
}

/// Returns the condition that a text contains a string, ignoring case.
///
/// `lower` handles only ASCII in SQLite and in some PostgreSQL locales, so for other texts the
/// condition also matches the text as written and in upper case.
pub(in super::super) fn contains(column: &Expr, text: &str) -> Cond {
    like(column, text, |text| format!("%{}%", escape_like(text)))
}

/// Returns the condition that a text starts with a string, ignoring case.
fn starts_with(column: &Expr, text: &str) -> Cond {
    like(column, text, |text| format!("{}%", escape_like(text)))
}

fn like(column: &Expr, text: &str, pattern: impl Fn(&str) -> String) -> Cond {
    let matches = |column: Expr, text: &str| column.like(LikeExpr::new(pattern(text)).escape('\\'));
    let lower = Func::lower(column.clone()).into();
    let any = Cond::any().add(matches(lower, &text.to_lowercase()));
    if text.is_ascii() {
        return any;
    }
    any.add(matches(column.clone(), text))
        .add(matches(column.clone(), &text.to_uppercase()))
}

/// Adds an order in which missing values come last; the two databases sort them to opposite ends.
///
/// An explicit position of missing values prevents the use of an index, so a column that cannot be
/// empty does not get one.
pub(in super::super) fn nulls_last(
    select: &mut SelectStatement,
    column: Expr,
    is_nullable: bool,
    is_descending: bool,
) {
    let order = if is_descending {
        Order::Desc
    } else {
        Order::Asc
    };
    if is_nullable {
        select.order_by_expr_with_nulls(column, order, NullOrdering::Last);
    } else {
        select.order_by_expr(column, order);
    }
}
