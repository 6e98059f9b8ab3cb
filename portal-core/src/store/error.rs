//! Database errors, grouped by the cases that callers distinguish.

use crate::error::Error;

/// A database error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database is unreachable; a later retry may succeed.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A value that must be unique already exists.
    #[error("unique constraint `{constraint}` violated: the value already exists")]
    UniqueViolation {
        /// Name of the constraint (PostgreSQL) or the names of its columns (SQLite).
        constraint: String,
    },
    /// Another row refers to this row, or the referenced row does not exist.
    #[error(
        "foreign key violation: the row is still referenced, or the referenced row does not exist"
    )]
    ForeignKeyViolation,
    /// The migrations in the database do not match this program's.
    #[error("{0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A migration of the application or of a plugin cannot be applied or reverted.
    #[error("migration `{migration}`: {problem}")]
    MigrationRejected {
        /// Owner and name of the migration.
        migration: String,
        /// Reason and solution.
        problem: String,
    },
    /// A statement of a migration failed; nothing of the migration was applied.
    #[error(
        "migration `{migration}` failed in line {line}, nothing of it was applied: `{statement}`"
    )]
    MigrationFailed {
        /// Owner and name of the migration.
        migration: String,
        /// Line of the statement.
        line: usize,
        /// Start of the statement.
        statement: String,
        /// Cause.
        source: Box<StoreError>,
    },
    /// The URI requires a database whose feature is not enabled in this build.
    #[error("this program was built without the feature `{0}` of portal-core")]
    FeatureMissing(&'static str),
    /// Any other error, such as a statement that the database rejects.
    #[error("the database rejected a statement")]
    Other(#[source] sqlx::Error),
}

impl StoreError {
    /// Returns the error for a stored value that its Rust type cannot represent.
    pub(crate) fn unreadable(
        column: &str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Other(sqlx::Error::ColumnDecode {
            index: format!("{column:?}"),
            source: cause.into(),
        })
    }

    /// Returns `true` if the database aborted the transaction because of a concurrent one.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(error)) = self else {
            return false;
        };
        // A deadlock or a serialization failure of PostgreSQL, or `SQLITE_BUSY_SNAPSHOT`.
        ["40001", "40P01", "517"].contains(&error.code().unwrap_or_default().as_ref())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => {
                if is_transient(&database.code().unwrap_or_default()) {
                    return Self::Unavailable(error);
                }
                match database.kind() {
                    sqlx::error::ErrorKind::UniqueViolation => Self::UniqueViolation {
                        constraint: database
                            .constraint()
                            .map_or_else(|| database.message().to_owned(), str::to_owned),
                    },
                    sqlx::error::ErrorKind::ForeignKeyViolation => Self::ForeignKeyViolation,
                    _ => Self::Other(error),
                }
            }
            _ => Self::Other(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) if error.is_conflict() => Self::conflict(
                "write_conflict",
                "another transaction changed the same rows; try again",
            )
            .with_cause(error),
            StoreError::Unavailable(_) => {
                Self::unavailable("the database is unavailable; try again shortly")
                    .with_cause(error)
            }
            StoreError::UniqueViolation { .. } => {
                Self::conflict("not_unique", "a value that must be unique already exists")
                    .with_cause(error)
            }
            StoreError::ForeignKeyViolation => {
                Self::conflict("referenced", "other rows refer to this row").with_cause(error)
            }
            other => Self::internal(other),
        }
    }
}

/// Returns `true` if a database error code means that the same statement may succeed later.
///
/// SQLite codes are decimal numbers whose low byte is the kind: BUSY, LOCKED, IOERR, FULL.
/// PostgreSQL codes have five characters. The listed ones concern connections, conflicts,
/// resources, a server that is shutting down, a read-only standby, a database that accepts no
/// connections, locks, cancelled statements and file errors.
fn is_transient(code: &str) -> bool {
    if code.len() < 5
        && let Ok(code) = code.parse::<u32>()
    {
        return matches!(code & 0xff, 5 | 6 | 10 | 13);
    }
    ["08", "40", "53", "57P0"]
        .iter()
        .any(|class| code.starts_with(class))
        || ["25006", "55000", "55P03", "57014", "58030"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::is_transient;

    #[test]
    fn transient_errors_differ_from_rejected_statements() {
        for code in [
            "5", "517", "6", "13", "3850", "08006", "40001", "53300", "57P01", "25006", "55000",
        ] {
            assert!(is_transient(code), "{code}");
        }
        for code in ["1", "19", "2067", "787", "22P05", "42601", "23505"] {
            assert!(!is_transient(code), "{code}");
        }
    }
}
