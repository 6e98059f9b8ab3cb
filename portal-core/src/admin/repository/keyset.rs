//! Pages by position: reads the rows after or before a row, without skipping the others.
//!
//! The rows of a page are read in segments, each of which an index on the first sort column
//! serves: neither database uses an index if missing values are sorted explicitly.

use sea_query::{Cond, Expr, ExprTrait, Order, SelectStatement};
use serde_json::Value;

use super::super::cursor::{Cursor, Position};
use super::super::field::FieldSpec;
use super::super::query::{ListQuery, Sort};
use super::super::record::{Record, row_not_found};
use super::{ModelTable, bind, equals, nulls_last};
use crate::error::Result;

/// One page of rows at a position, with the cursors of its neighbors.
#[derive(Debug)]
pub(crate) struct KeysetPage {
    pub(crate) records: Vec<Record>,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

/// A column of the order.
#[derive(Clone, Copy)]
struct Term<'a> {
    field: &'a FieldSpec,
    is_descending: bool,
}

/// Rows that follow each other in the order, selected by a condition.
struct Segment<'a> {
    condition: Cond,
    /// Columns whose values differ between the rows.
    order: &'a [Term<'a>],
    /// `true` if the first of these columns has a value in every row.
    is_present: bool,
}

impl ModelTable<'_> {
    /// Returns the rows at a position.
    pub(crate) async fn page_at(
        &self,
        query: &ListQuery,
        position: &Position,
    ) -> Result<KeysetPage> {
        let is_backward = matches!(position, Position::Last | Position::Before(_));
        let mut page = self.read_segments(query, position, is_backward).await?;
        let wanted = usize::try_from(query.per_page).unwrap_or(usize::MAX);
        let mut has_more = page.len() > wanted;
        let mut has_before = matches!(position, Position::After(_));
        let mut has_after = matches!(position, Position::Before(_));
        page.truncate(wanted);
        if is_backward {
            if !has_more && has_after {
                // The first page must be full, although rows were added before the cursor.
                page = self.read_segments(query, &Position::First, false).await?;
                has_more = page.len() > wanted;
                page.truncate(wanted);
                has_after = has_more;
            } else {
                page.reverse();
                has_before = has_more;
            }
        } else {
            has_after = has_more;
        }
        let cursor = |record: Option<&Record>, is_before: bool| {
            let cursor = Cursor::of(self.model, &query.sort, record?);
            Some(cursor.encode(&query.sort, is_before))
        };
        Ok(KeysetPage {
            previous: cursor(page.first().filter(|_| has_before), true),
            next: cursor(page.last().filter(|_| has_after), false),
            records: page,
        })
    }

    /// Reads one row more than the page contains.
    async fn read_segments(
        &self,
        query: &ListQuery,
        position: &Position,
        is_backward: bool,
    ) -> Result<Vec<Record>> {
        let terms = self.terms(&query.sort, is_backward);
        let segments = match position {
            Position::First | Position::Last => whole(&terms, is_backward),
            Position::After(cursor) | Position::Before(cursor) => {
                let values = self.values_of(&query.sort, cursor).await?;
                beyond(&terms, &values, is_backward)?
            }
        };
        let condition = self.condition(query)?;
        let mut records = Vec::new();
        for segment in segments {
            let missing = (query.per_page + 1).saturating_sub(records.len() as u64);
            if missing == 0 {
                break;
            }
            let mut select = self
                .select()
                .cond_where(condition.clone())
                .cond_where(segment.condition.clone())
                .limit(missing)
                .take();
            segment.sort(&mut select, is_backward);
            records.extend(self.read_all(&select).await?);
        }
        Ok(records)
    }

    /// Returns the columns of the order in the direction of reading. The key comes last.
    fn terms(&self, sort: &[Sort], is_backward: bool) -> Vec<Term<'_>> {
        let mut terms: Vec<Term<'_>> = sort
            .iter()
            .filter_map(|sort| {
                Some(Term {
                    field: self.model.field(sort.field)?,
                    is_descending: sort.descending != is_backward,
                })
            })
            .collect();
        let key = self.model.key();
        if !terms.iter().any(|term| term.field.name == key.name) {
            let is_descending = terms.last().map_or(is_backward, |term| term.is_descending);
            terms.push(Term {
                field: key,
                is_descending,
            });
        }
        terms
    }

    /// Returns the values of a row in the columns of the order.
    async fn values_of(&self, sort: &[Sort], cursor: &Cursor) -> Result<Vec<Value>> {
        let mut values = match &cursor.values {
            Some(values) => values.clone(),
            None => {
                let key = super::super::field_type::plain_text(&cursor.key);
                let record = self.get(&key).await?.ok_or_else(row_not_found)?;
                let value = |sort: &Sort| record.values.get(sort.field).cloned();
                sort.iter()
                    .map(|sort| value(sort).unwrap_or_default())
                    .collect()
            }
        };
        values.push(cursor.key.clone());
        Ok(values)
    }
}

impl Segment<'_> {
    /// Sorts the rows of the segment. Missing values come last, so first when reading backward.
    fn sort(&self, select: &mut SelectStatement, is_backward: bool) {
        for (index, term) in self.order.iter().enumerate() {
            let is_nullable = term.field.nullable && !(index == 0 && self.is_present);
            let column = Expr::col(term.field.name);
            if is_backward && is_nullable {
                select.order_by_expr(column.clone().is_not_null(), Order::Asc);
            }
            let is_sorted = is_nullable && !is_backward;
            nulls_last(select, column, is_sorted, term.is_descending);
        }
    }
}

/// Returns the segments of all rows.
fn whole<'a>(terms: &'a [Term<'a>], is_backward: bool) -> Vec<Segment<'a>> {
    let all = |condition, order, is_present| Segment {
        condition,
        order,
        is_present,
    };
    match terms {
        [first, rest @ ..] if first.field.nullable => {
            let column = || Expr::col(first.field.name);
            let present = all(Cond::all().add(column().is_not_null()), terms, true);
            let missing = all(Cond::all().add(column().is_null()), rest, false);
            match is_backward {
                false => vec![present, missing],
                true => vec![missing, present],
            }
        }
        _ => vec![all(Cond::all(), terms, true)],
    }
}

/// Returns the segments of the rows that follow a row in the direction of reading.
fn beyond<'a>(
    terms: &'a [Term<'a>],
    values: &[Value],
    is_backward: bool,
) -> Result<Vec<Segment<'a>>> {
    if let Some(condition) = beyond_tuple(terms, values)? {
        return Ok(vec![Segment {
            condition,
            order: terms,
            is_present: true,
        }]);
    }
    let mut segments = Vec::new();
    for level in (0..terms.len()).rev() {
        let (term, value) = (terms[level], &values[level]);
        let mut equal = Cond::all();
        for (term, value) in terms.iter().zip(values).take(level) {
            equal = equal.add(equals(term.field, value)?);
        }
        let column = || Expr::col(term.field.name);
        let mut add = |condition: Expr, order, is_present| {
            segments.push(Segment {
                condition: equal.clone().add(condition),
                order,
                is_present,
            });
        };
        let (order, rest) = (&terms[level..], &terms[level + 1..]);
        match value {
            Value::Null if is_backward => add(column().is_not_null(), order, true),
            Value::Null => {}
            value => {
                add(term.beyond(bind(term.field, value)?), order, true);
                if term.field.nullable && !is_backward {
                    add(column().is_null(), rest, false);
                }
            }
        }
    }
    Ok(segments)
}

/// Returns the condition as a comparison of tuples, if all columns have values and the same
/// direction.
fn beyond_tuple(terms: &[Term<'_>], values: &[Value]) -> Result<Option<Cond>> {
    let [first, ..] = terms else {
        return Ok(None);
    };
    let is_uniform =
        |term: &Term<'_>| !term.field.nullable && term.is_descending == first.is_descending;
    if !terms.iter().all(is_uniform) {
        return Ok(None);
    }
    let columns = Expr::tuple(terms.iter().map(|term| Expr::col(term.field.name)));
    let mut bound = Vec::new();
    for (term, value) in terms.iter().zip(values) {
        bound.push(Expr::val(bind(term.field, value)?));
    }
    let bound = Expr::tuple(bound);
    Ok(Some(Cond::all().add(match first.is_descending {
        true => columns.lt(bound),
        false => columns.gt(bound),
    })))
}

impl Term<'_> {
    fn beyond(&self, value: sea_query::Value) -> Expr {
        let column = Expr::col(self.field.name);
        match self.is_descending {
            true => column.lt(value),
            false => column.gt(value),
        }
    }
}
