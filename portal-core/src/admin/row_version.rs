//! Version of a row, from which its `ETag` is derived and which protects against lost changes.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, UpdateStatement};
use sha2::{Digest, Sha256};

use super::field::FieldSpec;
use super::model::TableOptions;
use super::spec::{ModelSpec, RowValues};
use crate::error::Result;
use crate::store::schema::ColumnType;
use crate::store::{Row, now};

/// Column with the version in tables that the portal creates.
pub(super) const ROW_VERSION: &str = "row_version";

/// Source of the version of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowVersion {
    /// Column with a whole number, incremented by each write.
    Counter(&'static str),
    /// Column with the time of the last write.
    Timestamp(&'static str),
    /// A hash of all values of the row.
    Values,
}

impl RowVersion {
    pub(super) fn of(options: &TableOptions, fields: &[FieldSpec]) -> Self {
        if options.managed {
            return Self::Counter(ROW_VERSION);
        }
        let Some(column) = options.version else {
            return Self::Values;
        };
        let field = fields.iter().find(|field| field.name == column);
        match field.map(|field| field.kind.column_type()) {
            Some(ColumnType::Timestamp) => Self::Timestamp(column),
            _ => Self::Counter(column),
        }
    }

    /// Returns the column with the version.
    pub(super) fn column(self) -> Option<&'static str> {
        match self {
            Self::Counter(column) | Self::Timestamp(column) => Some(column),
            Self::Values => None,
        }
    }

    /// Returns the condition that a row still has a version; `None` if it cannot be a condition of
    /// a statement, so that the row must be locked and read first.
    ///
    /// Times cannot be compared in a statement, because SQLite stores them as text, and other
    /// programs may write them in another form.
    pub(super) fn is_one_of(self, versions: &[i64]) -> Option<Expr> {
        match self {
            Self::Counter(column) => Some(Expr::col(column).is_in(versions.iter().copied())),
            Self::Timestamp(_) | Self::Values => None,
        }
    }

    /// Sets the version that follows the present one.
    pub(super) fn advance(self, update: &mut UpdateStatement, present: i64) {
        match self {
            Self::Counter(column) => {
                update.value(column, Expr::col(column).add(1));
            }
            Self::Timestamp(column) => {
                let next = DateTime::<Utc>::from_timestamp_micros(present.saturating_add(1));
                update.value(column, Ord::max(now(), next.unwrap_or_default()));
            }
            Self::Values => {}
        }
    }

    /// Reads the version of a row.
    pub(super) fn read(self, model: &ModelSpec, row: &Row, values: &RowValues) -> Result<i64> {
        Ok(match self {
            Self::Counter(column) => match model.field(column) {
                Some(_) => values
                    .get(column)
                    .and_then(|it| it.as_i64())
                    .unwrap_or_default(),
                None => row.get(column)?,
            },
            Self::Timestamp(column) => row.get::<DateTime<Utc>>(column)?.timestamp_micros(),
            Self::Values => hash(model, values),
        })
    }
}

/// Returns a hash that is the same in every process.
///
/// It excludes write-only values, because clients receive the hash and could guess them.
fn hash(model: &ModelSpec, values: &RowValues) -> i64 {
    let mut hash = Sha256::new();
    for field in model.fields.iter().filter(|field| !field.is_write_only()) {
        if let Some(value) = values.get(field.name) {
            hash.update(value.to_string().as_bytes());
        }
        hash.update([0]);
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.finalize()[..8]);
    i64::from_be_bytes(bytes)
}
