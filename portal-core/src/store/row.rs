//! Rows from either database.

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Column as _, Row as _, ValueRef as _};

use super::StoreError;
use crate::json::{NOT_JSON, Stored};

/// A row returned by a statement.
pub enum Row {
    #[cfg(feature = "sqlite")]
    #[doc(hidden)]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    #[doc(hidden)]
    Postgres(sqlx::postgres::PgRow),
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row")
    }
}

impl Row {
    /// Returns the value of a column by name.
    ///
    /// # Errors
    ///
    /// Fails if the column does not exist or has a different type.
    pub fn get<T: FromColumn>(&self, column: &str) -> Result<T, StoreError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_get(column)?,
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// Returns the JSON document in a column; `None` for `NULL`.
    ///
    /// A document that cannot be shown is replaced by a placeholder in whole or in part, so that
    /// one unreadable row does not prevent a list from being shown. Use [`get`](Self::get) for
    /// documents written only by the program itself.
    pub(crate) fn document(&self, column: &str) -> Result<Option<Value>, StoreError> {
        match self.get::<Option<Json<Stored>>>(column) {
            Ok(document) => Ok(document.map(|Json(Stored(value))| value)),
            Err(StoreError::Other(sqlx::Error::ColumnDecode { source, .. })) => {
                tracing::warn!(
                    column,
                    error = source,
                    "a stored document is not valid JSON"
                );
                Ok(Some(Value::from(NOT_JSON)))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the text of a decimal number; `None` for `NULL`.
    ///
    /// SQLite has no decimal type, so its columns contain the text.
    pub(crate) fn decimal(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_get(column)?,
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => {
                let number: Option<rust_decimal::Decimal> = row.try_get(column)?;
                number.map(|number| number.to_string())
            }
        })
    }

    /// Returns the value of a column by index, starting at 0.
    ///
    /// # Errors
    ///
    /// Fails if the column does not exist or has a different type.
    pub fn at<T: FromColumn>(&self, index: usize) -> Result<T, StoreError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_get(index)?,
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(index)?,
        })
    }
}

impl Row {
    /// Returns the name of a column by index.
    pub(crate) fn column_name(&self, index: usize) -> Result<&str, StoreError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_column(index)?.name(),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_column(index)?.name(),
        })
    }

    /// Returns the text of a column by index, without copying it; `None` for `NULL`.
    pub(crate) fn text(&self, index: usize) -> Result<Option<&str>, StoreError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_get(index)?,
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get(index)?,
        })
    }

    /// Returns `true` if the column with an index is `NULL`.
    pub(crate) fn is_null(&self, index: usize) -> Result<bool, StoreError> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => row.try_get_raw(index)?.is_null(),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.try_get_raw(index)?.is_null(),
        })
    }
}

/// A type to which columns of both databases can be decoded. Implemented for all types that sqlx
/// can decode from both.
pub trait FromColumn: SqliteColumn + PostgresColumn {}

impl<T: SqliteColumn + PostgresColumn> FromColumn for T {}

#[cfg(feature = "sqlite")]
#[doc(hidden)]
pub trait SqliteColumn: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> {}
#[cfg(feature = "sqlite")]
impl<T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>> SqliteColumn for T {}

#[cfg(not(feature = "sqlite"))]
#[doc(hidden)]
pub trait SqliteColumn {}
#[cfg(not(feature = "sqlite"))]
impl<T> SqliteColumn for T {}

#[cfg(feature = "postgres")]
#[doc(hidden)]
pub trait PostgresColumn:
    for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>
{
}
#[cfg(feature = "postgres")]
impl<T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>> PostgresColumn
    for T
{
}

#[cfg(not(feature = "postgres"))]
#[doc(hidden)]
pub trait PostgresColumn {}
#[cfg(not(feature = "postgres"))]
impl<T> PostgresColumn for T {}
