//! What can go wrong with the database, as far as callers tell it apart.

use crate::error::Error;

/// An error of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database does not answer; trying again later may help.
    #[error("the database is away")]
    Unavailable(#[source] sqlx::Error),
    /// A value that has to be unique is there already.
    #[error("`{constraint}` is violated: the value is there already")]
    NotUnique {
        /// Name of the constraint (PostgreSQL) or its columns (SQLite).
        constraint: String,
    },
    /// Another row refers to this one, or the row referred to is missing.
    #[error("a row that others refer to cannot go, and one that is missing cannot be referred to")]
    Referenced,
    /// The migrations in the database are not those of this program.
    #[error("{0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The URI asks for a database that was left out when the program was built.
    #[error("this program was built without the feature `{0}` of portal-core")]
    FeatureMissing(&'static str),
    /// Anything else, such as a statement that the database refuses.
    #[error("the database refused a statement")]
    Other(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether a unique constraint on this column is what was violated.
    pub(crate) fn violates(&self, column: &str) -> bool {
        matches!(self, Self::NotUnique { constraint } if constraint.split(['.', ',', ' ', '-']).any(|word| word == column))
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
                if is_passing(&database.code().unwrap_or_default()) {
                    return Self::Unavailable(error);
                }
                match database.kind() {
                    sqlx::error::ErrorKind::UniqueViolation => Self::NotUnique {
                        constraint: database
                            .constraint()
                            .map_or_else(|| database.message().to_owned(), str::to_owned),
                    },
                    sqlx::error::ErrorKind::ForeignKeyViolation => Self::Referenced,
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
            StoreError::Unavailable(_) => {
                Self::unavailable("the database is away; try again shortly").with_cause(error)
            }
            StoreError::NotUnique { .. } => Self::conflict(
                "not_unique",
                "a value that has to be unique is there already",
            )
            .with_cause(error),
            StoreError::Referenced => {
                Self::conflict("referenced", "other rows refer to this one").with_cause(error)
            }
            other => Self::internal(other),
        }
    }
}

/// Whether the code of a database says that the same statement may work later.
///
/// SQLite's codes are decimal numbers, whose low byte is the kind: BUSY, LOCKED, IOERR, FULL.
/// PostgreSQL's are five characters: connections, conflicts, resources, the server going down,
/// a read-only stand-by, a database that takes no connections, locks, cancelled statements, trouble
/// with files.
fn is_passing(code: &str) -> bool {
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
    use super::is_passing;

    #[test]
    fn trouble_that_passes_is_told_from_a_refused_statement() {
        for code in [
            "5", "517", "6", "13", "3850", "08006", "40001", "53300", "57P01", "25006", "55000",
        ] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["1", "19", "2067", "787", "22P05", "42601", "23505"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
