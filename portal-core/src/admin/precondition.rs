//! The version of a row that a writer expects (`If-Match`).

use axum::http::{HeaderMap, header};

use super::record::Record;
use crate::error::{Error, Result};

/// Version of the row that a writer expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The row has one of these versions.
    OneOf(Vec<i64>),
    /// Any version.
    Any,
}

impl Precondition {
    /// Reads `If-Match`. Fails with `428` if it is missing.
    ///
    /// A weak tag never matches (RFC 9110, section 13.1.1). The portal's own tags are strong, and
    /// responses with a tag are not compressed.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self> {
        let mut versions = Vec::new();
        let mut is_given = false;
        for value in headers.get_all(header::IF_MATCH) {
            is_given = true;
            for tag in value.to_str().unwrap_or_default().split(',') {
                let tag = tag.trim();
                if tag == "*" {
                    return Ok(Self::Any);
                }
                if !tag.starts_with("W/") {
                    versions.extend(tag.trim_matches('"').parse::<i64>().ok());
                }
            }
        }
        if is_given {
            return Ok(Self::OneOf(versions));
        }
        Err(Error::new(
            axum::http::StatusCode::PRECONDITION_REQUIRED,
            "precondition_required",
            "send `If-Match` with the `ETag` of the row that you read",
        ))
    }

    pub(crate) fn is_met_by(&self, record: &Record) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&record.version),
        }
    }
}

/// Returns the `412` error for a row that has changed since it was read, without the current row.
pub(super) fn stale() -> Error {
    Error::new(
        axum::http::StatusCode::PRECONDITION_FAILED,
        "stale",
        "the row has changed since you read it",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn expected(tags: &[&'static str]) -> Result<Precondition> {
        let mut headers = HeaderMap::new();
        for tag in tags {
            headers.append(header::IF_MATCH, HeaderValue::from_static(tag));
        }
        Precondition::from_headers(&headers)
    }

    #[test]
    fn if_match_is_required_and_compared_strongly() {
        assert_eq!(expected(&[]).unwrap_err().code(), "precondition_required");
        assert_eq!(expected(&["\"3\""]).unwrap(), Precondition::OneOf(vec![3]));
        assert_eq!(
            expected(&["\"2\",\"3\" , \"4\"", "\"x\""]).unwrap(),
            Precondition::OneOf(vec![2, 3, 4])
        );
        assert_eq!(
            expected(&["W/\"3\", \"4\""]).unwrap(),
            Precondition::OneOf(vec![4])
        );
        assert_eq!(expected(&["W/\"3\""]).unwrap(), Precondition::OneOf(vec![]));
        assert_eq!(expected(&["*"]).unwrap(), Precondition::Any);
    }
}
