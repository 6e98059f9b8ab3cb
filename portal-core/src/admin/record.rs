//! A stored row and its version.

use axum::http::HeaderValue;

use super::spec::RowValues;
use crate::error::Error;

/// A stored row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) values: RowValues,
    pub(crate) version: i64,
}

impl Record {
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    pub(crate) fn etag_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.etag()).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

/// Returns the `404` error for a row that does not exist.
pub(crate) fn row_not_found() -> Error {
    Error::not_found("the row does not exist").with_code("row_not_found")
}
