//! A stored row and its version.

use super::spec::RowValues;
use crate::error::Error;

/// A stored row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) values: RowValues,
    pub(crate) version: i64,
}

/// Returns the `404` error for a row that does not exist.
pub(crate) fn row_not_found() -> Error {
    Error::not_found("the row does not exist").with_code("row_not_found")
}
