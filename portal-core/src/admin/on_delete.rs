//! Rules for rows that refer to a deleted row.

/// Rule for the rows that refer to a row by a field, if that row is deleted.
///
/// The portal applies the rule, not the database, so that it also runs the hooks of these rows and
/// records their changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnDelete {
    /// The row cannot be deleted as long as other rows refer to it.
    #[default]
    Restrict,
    /// The field becomes empty.
    SetNull,
    /// The rows are deleted as well.
    Cascade,
}
