//! Rows on which an action runs.

use super::super::query::ListQuery;

/// Rows of a model: those with certain keys, or all that match a list query.
#[derive(Debug, Clone)]
pub(in super::super) enum Selection {
    Keys(Vec<String>),
    Matching(Box<ListQuery>),
}
