//! Rows that a query returns: a model, or a model with the rows to which it refers.

use super::super::field::FieldSpec;
use super::super::model::AdminModel;
use crate::error::Result;
use crate::store::Row;

/// A row that a query returns: a model, or a tuple of a model and the rows of its
/// [`with`](super::ModelQuery::with) relations.
pub trait QueryRow: Sized + Send {
    /// Reads the row from the columns that start at `next`, and advances `next` past them.
    #[doc(hidden)]
    fn read(row: &Row, next: &mut usize) -> Result<Self>;
}

/// The row to which a reference refers: a model, or an `Option` of it if the field is optional.
#[diagnostic::on_unimplemented(
    message = "the column is not a reference",
    label = "the field needs `#[admin(references = ..)]`"
)]
pub trait RelatedRow: QueryRow {
    /// The other model.
    #[doc(hidden)]
    type Model: AdminModel;
    /// `true` if there may be no such row.
    #[doc(hidden)]
    const IS_OPTIONAL: bool;

    #[doc(hidden)]
    fn key() -> &'static FieldSpec {
        const NO_KEY: FieldSpec = FieldSpec::new::<i64>("id");
        key_position::<Self::Model>().map_or(&NO_KEY, |position| &Self::Model::FIELDS[position])
    }
}

fn key_position<M: AdminModel>() -> Option<usize> {
    M::FIELDS.iter().position(|field| field.primary_key)
}

impl<M: AdminModel> QueryRow for M {
    fn read(row: &Row, next: &mut usize) -> Result<Self> {
        let first = *next;
        *next += M::FIELDS.len();
        M::from_row(row, first)
    }
}

impl<M: AdminModel> QueryRow for Option<M> {
    fn read(row: &Row, next: &mut usize) -> Result<Self> {
        let key = *next + key_position::<M>().unwrap_or_default();
        if row.is_null(key)? {
            *next += M::FIELDS.len();
            return Ok(None);
        }
        M::read(row, next).map(Some)
    }
}

impl<M: AdminModel> RelatedRow for M {
    type Model = M;
    const IS_OPTIONAL: bool = false;
}

impl<M: AdminModel> RelatedRow for Option<M> {
    type Model = M;
    const IS_OPTIONAL: bool = true;
}

/// A row to which a query can add a related row `R`; at most three related rows are supported.
pub trait WithRelated<R: RelatedRow>: QueryRow {
    /// The row with the related row.
    type Output: QueryRow;
}

impl<M: AdminModel, R: RelatedRow> WithRelated<R> for M {
    type Output = (M, R);
}

impl<A: QueryRow, B: QueryRow, R: RelatedRow> WithRelated<R> for (A, B) {
    type Output = (A, B, R);
}

impl<A: QueryRow, B: QueryRow, C: QueryRow, R: RelatedRow> WithRelated<R> for (A, B, C) {
    type Output = (A, B, C, R);
}

macro_rules! tuple {
    ($($part:ident),+) => {
        impl<$($part: QueryRow),+> QueryRow for ($($part,)+) {
            fn read(row: &Row, next: &mut usize) -> Result<Self> {
                Ok(($($part::read(row, next)?,)+))
            }
        }
    };
}

tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
