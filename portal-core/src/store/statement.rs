//! Execution of sea-query statements on either database.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sea_query::{DeleteStatement, InsertStatement, SelectStatement, UpdateStatement};
use sea_query_sqlx::{SqlxBinder, SqlxValues};

use super::{Row, StoreError};

/// A statement that can be rendered for either database.
pub trait Statement: Send + Sync {
    /// `true` if the statement may change rows; with SQLite, such statements use the only write
    /// connection.
    const WRITES: bool;

    #[doc(hidden)]
    fn render(&self, dialect: super::Dialect) -> (String, SqlxValues);
}

macro_rules! statement {
    ($type:ty, $writes:literal) => {
        impl Statement for $type {
            const WRITES: bool = $writes;

            fn render(&self, dialect: super::Dialect) -> (String, SqlxValues) {
                match dialect {
                    super::Dialect::Sqlite => self.build_sqlx(sea_query::SqliteQueryBuilder),
                    super::Dialect::Postgres => self.build_sqlx(sea_query::PostgresQueryBuilder),
                }
            }
        }
    };
}

statement!(SelectStatement, false);
statement!(InsertStatement, true);
statement!(UpdateStatement, true);
statement!(DeleteStatement, true);

/// A statement as SQL text, for anything that sea-query cannot express. The placeholders for values
/// are `$1`, `$2` and so on.
#[derive(Debug, Clone)]
pub(crate) struct RawSql<const WRITES: bool> {
    pub(crate) sql: std::borrow::Cow<'static, str>,
    pub(crate) values: Vec<sea_query::Value>,
}

impl<const WRITES: bool> Statement for RawSql<WRITES> {
    const WRITES: bool = WRITES;

    fn render(&self, _: super::Dialect) -> (String, SqlxValues) {
        (
            self.sql.clone().into_owned(),
            SqlxValues(sea_query::Values(self.values.clone())),
        )
    }
}

macro_rules! runner {
    ($feature:literal, $database:ty, $dialect:expr, $row:expr, $execute:ident, $fetch:ident, $stream:ident) => {
        #[cfg(feature = $feature)]
        pub(super) async fn $execute<'e, S: Statement>(
            executor: impl sqlx::Executor<'e, Database = $database>,
            statement: &S,
        ) -> Result<u64, StoreError> {
            let (sql, values) = statement.render($dialect);
            let done = sqlx::query_with(sqlx::AssertSqlSafe(sql), values)
                .execute(executor)
                .await?;
            Ok(done.rows_affected())
        }

        #[cfg(feature = $feature)]
        pub(super) async fn $fetch<'e, S: Statement>(
            executor: impl sqlx::Executor<'e, Database = $database>,
            statement: &S,
        ) -> Result<Vec<Row>, StoreError> {
            let (sql, values) = statement.render($dialect);
            let rows = sqlx::query_with(sqlx::AssertSqlSafe(sql), values)
                .fetch_all(executor)
                .await?;
            Ok(rows.into_iter().map($row).collect())
        }

        #[cfg(feature = $feature)]
        pub(super) fn $stream<'e, 'c: 'e, S: Statement>(
            executor: impl sqlx::Executor<'c, Database = $database>,
            statement: &S,
        ) -> BoxStream<'e, Result<Row, StoreError>> {
            let (sql, values) = statement.render($dialect);
            sqlx::query_with(sqlx::AssertSqlSafe(sql), values)
                .fetch(executor)
                .map(|row| row.map($row).map_err(StoreError::from))
                .boxed()
        }
    };
}

runner!(
    "sqlite",
    sqlx::Sqlite,
    super::Dialect::Sqlite,
    Row::Sqlite,
    execute_sqlite,
    fetch_sqlite,
    stream_sqlite
);
runner!(
    "postgres",
    sqlx::Postgres,
    super::Dialect::Postgres,
    Row::Postgres,
    execute_postgres,
    fetch_postgres,
    stream_postgres
);
