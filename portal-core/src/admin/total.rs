//! Number of rows in a list, which is exact only up to a limit.

use serde::Serialize;

/// Number up to which rows are counted.
pub(crate) const COUNTED: u64 = 10_000;

/// Number of rows in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowTotal {
    Exact(u64),
    /// Estimate of the database.
    Estimate(u64),
    /// There are more rows than this.
    MoreThan(u64),
}

/// Accuracy of a total in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Accuracy {
    Exact,
    Estimate,
    Minimum,
}

impl RowTotal {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Exact(number) | Self::Estimate(number) | Self::MoreThan(number) => number,
        }
    }

    pub(crate) fn accuracy(self) -> Accuracy {
        match self {
            Self::Exact(_) => Accuracy::Exact,
            Self::Estimate(_) => Accuracy::Estimate,
            Self::MoreThan(_) => Accuracy::Minimum,
        }
    }
}
