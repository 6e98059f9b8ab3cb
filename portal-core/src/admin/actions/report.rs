//! Result of an action: the number of rows that it changed, and the rows that it could not change.

use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError};

/// Maximum number of failed rows that are listed; further ones are only counted.
const MAX_LISTED: usize = 100;

/// Result of an action on rows. [`Rows`](super::Rows) counts them.
///
/// Serializes as the response of the REST API.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActionReport {
    changed: u64,
    unchanged: u64,
    failed: u64,
    failures: Vec<FailedRow>,
}

/// A row that an action could not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRow {
    /// Key of the row.
    pub id: String,
    /// Label of the row, or its key if the row does not exist.
    pub label: String,
    /// Code of the error, such as `stale`.
    pub code: String,
    /// Reason, for the administrator.
    pub reason: String,
}

impl ActionReport {
    /// Returns a report for code that changes rows without [`Rows`](super::Rows), such as a
    /// statement for all of them.
    ///
    /// ```
    /// use portal_core::admin::ActionReport;
    ///
    /// let report = ActionReport::of(3, 1);
    /// assert_eq!((report.changed(), report.unchanged(), report.failed()), (3, 1, 0));
    /// ```
    #[must_use]
    pub fn of(changed: u64, unchanged: u64) -> Self {
        Self {
            changed,
            unchanged,
            ..Self::default()
        }
    }

    /// Returns the number of changed and deleted rows.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// Returns the number of rows that needed no change.
    #[must_use]
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// Returns the number of rows that could not be changed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns the rows that could not be changed, at most 100 of them.
    #[must_use]
    pub fn failures(&self) -> &[FailedRow] {
        &self.failures
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.changed + self.unchanged + self.failed
    }

    /// Adds a row that could not be changed.
    pub fn fail(&mut self, row: FailedRow) {
        self.failed += 1;
        if self.failures.len() < MAX_LISTED {
            self.failures.push(row);
        }
    }

    /// Replaces the outcome of a row that was added as unchanged.
    pub(super) fn replace_unchanged(&mut self, outcome: RowOutcome) {
        self.unchanged = self.unchanged.saturating_sub(1);
        self.add(outcome);
    }

    pub(super) fn add(&mut self, outcome: RowOutcome) {
        match outcome {
            RowOutcome::Changed => self.changed += 1,
            RowOutcome::Unchanged => self.unchanged += 1,
            RowOutcome::Failed(row) => self.fail(row),
        }
    }
}

/// Outcome of an action on one row.
#[derive(Debug)]
pub(super) enum RowOutcome {
    Changed,
    Unchanged,
    Failed(FailedRow),
}

impl FailedRow {
    pub(super) fn new(id: String, label: String, error: &Error) -> Self {
        Self {
            id,
            label,
            code: error.code().to_owned(),
            reason: reason(error),
        }
    }
}

/// Describes an error, including its field errors.
fn reason(error: &Error) -> String {
    let of_field = |error: &FieldError| {
        let name = error.pointer.trim_start_matches('/');
        match name {
            "" => error.message.clone(),
            name => format!("`{name}` {}", error.message),
        }
    };
    match error.field_errors() {
        [] => error.detail().to_owned(),
        errors => errors.iter().map(of_field).collect::<Vec<_>>().join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_lists_a_limited_number_of_failures() {
        let mut report = ActionReport::of(1, 2);
        for id in 0..150 {
            let error = Error::conflict("won", "the deal is already won");
            report.fail(FailedRow::new(id.to_string(), "Deal".to_owned(), &error));
        }
        assert_eq!((report.failed(), report.rows()), (150, 153));
        assert_eq!(report.failures().len(), MAX_LISTED);
        assert_eq!(report.failures()[7].id, "7");
    }

    #[test]
    fn reason_names_the_fields() {
        let errors = vec![
            FieldError::new("/name", "missing", "is required"),
            FieldError::new("", "invalid_value", "the row is locked"),
        ];
        let text = reason(&Error::invalid(errors));
        assert_eq!(text, "`name` is required; the row is locked");
    }
}
