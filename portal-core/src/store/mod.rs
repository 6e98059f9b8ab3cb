//! Database access: one concrete type for SQLite and PostgreSQL.
//!
//! Statements are built once with sea-query and rendered for the current dialect.

mod connect;
mod connection;
mod decimal;
mod error;
mod executor;
mod freshness;
mod instance_lock;
mod migrate;
pub(crate) mod migrations;
mod pool;
mod pubsub;
mod row;
pub(crate) mod schema;
mod single_flight;
mod statement;
mod task_change;
mod time_range;
mod transaction;

pub(crate) use connection::{Connection, Write};
pub use error::StoreError;
pub use executor::Executor;
pub(crate) use freshness::ReadStamp;
pub use migrate::MigrationState;
pub use migrations::{Migration, Migrations};
pub use pool::DatabasePool;
pub(crate) use pubsub::ClusterEvent;
pub use row::{FromColumn, Row};
/// The crate for building the statements that a [`Store`] or [`Transaction`] executes.
pub use sea_query;
pub(crate) use single_flight::SingleFlight;
/// The crate that provides the connection pools.
pub use sqlx;
pub(crate) use statement::RawSql;
pub use statement::Statement;
pub(crate) use task_change::{TaskChange, TaskChanges, TaskOwners};
pub use time_range::{Buckets, Counts, ParseTimeRangeError, Step, TimeRange};
pub use transaction::Transaction;

use chrono::{DateTime, SubsecRound, Utc};
use futures_util::stream::BoxStream;
use tokio::sync::broadcast;

/// Database system used by a [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A file on this machine, for one process.
    Sqlite,
    /// A server, for any number of replicas.
    Postgres,
}

/// A pool of connections to SQLite or PostgreSQL. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    /// Id by which this process recognizes its own cluster events.
    #[cfg(feature = "postgres")]
    id: uuid::Uuid,
    notifications: broadcast::Sender<ClusterEvent>,
    freshness: freshness::Freshness,
}

#[derive(Clone, Debug)]
enum Pool {
    /// SQLite allows one writer at a time: a pool with one connection queues writers fairly,
    /// whereas several connections would fail with "database is locked".
    #[cfg(feature = "sqlite")]
    Sqlite {
        /// Lock file next to the database file; `None` for an in-memory database.
        lock: Option<std::path::PathBuf>,
        read: sqlx::SqlitePool,
        write: sqlx::SqlitePool,
    },
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("portal-core needs a database: enable the feature `sqlite` or `postgres`");

/// Returns the current time, with the precision that both databases store.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

impl Store {
    /// Returns the database's dialect.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { .. } => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Executes a statement and returns the number of affected rows.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable or rejects the statement.
    pub async fn execute<S: Statement>(&self, statement: &S) -> Result<u64, StoreError> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { read, write, .. } => {
                statement::execute_sqlite(if S::WRITES { write } else { read }, statement).await
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => statement::execute_postgres(pool, statement).await,
        }
    }

    /// Executes a statement and returns all its rows.
    ///
    /// # Errors
    ///
    /// Same as [`execute`](Self::execute).
    pub async fn fetch_all<S: Statement>(&self, statement: &S) -> Result<Vec<Row>, StoreError> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { read, write, .. } => {
                statement::fetch_sqlite(if S::WRITES { write } else { read }, statement).await
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => statement::fetch_postgres(pool, statement).await,
        }
    }

    /// Executes a statement and returns its rows one by one. The stream occupies a connection.
    pub(crate) fn fetch<S: Statement>(
        &self,
        statement: &S,
    ) -> BoxStream<'_, Result<Row, StoreError>> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { read, write, .. } => {
                statement::stream_sqlite(if S::WRITES { write } else { read }, statement)
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => statement::stream_postgres(pool, statement),
        }
    }

    /// Executes a statement and returns the first row, if there is one.
    ///
    /// # Errors
    ///
    /// Same as [`execute`](Self::execute).
    pub async fn fetch_optional<S: Statement>(
        &self,
        statement: &S,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// Executes a statement that yields one number, such as a count.
    ///
    /// # Errors
    ///
    /// Same as [`execute`](Self::execute).
    pub async fn fetch_count<S: Statement>(&self, statement: &S) -> Result<i64, StoreError> {
        match self.fetch_optional(statement).await? {
            Some(row) => row.at(0),
            None => Ok(0),
        }
    }

    /// Executes SQL text, such as data definition statements. The text must not contain external
    /// input.
    pub(crate) async fn run_script(&self, script: &str) -> Result<(), StoreError> {
        let script = sqlx::AssertSqlSafe(script.to_owned());
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { write, .. } => sqlx::raw_sql(script).execute(write).await.map(drop)?,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => sqlx::raw_sql(script).execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    /// Starts a transaction that may write.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(match &self.pool {
            #[cfg(feature = "sqlite")]
            // The write lock is taken up front, because a transaction that reads first can fail
            // when it writes.
            Pool::Sqlite { write, .. } => {
                let transaction = write.begin_with("BEGIN IMMEDIATE").await?;
                Transaction::on_sqlite(transaction, self.notifications.clone())
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                Transaction::on_postgres(pool.begin().await?, self.notifications.clone())
            }
        })
    }

    /// Starts a transaction whose statements find their rows through indexes.
    ///
    /// PostgreSQL's query plans depend on table statistics. These are wrong for a queue that was
    /// empty a moment ago, and PostgreSQL reuses a plan for as long as the statistics stay the
    /// same.
    pub(crate) async fn begin_by_index(&self) -> Result<Transaction, StoreError> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { .. } => self.begin().await,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                let transaction = pool
                    .begin_with(
                        "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                         SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off",
                    )
                    .await?;
                Ok(Transaction::on_postgres(
                    transaction,
                    self.notifications.clone(),
                ))
            }
        }
    }

    /// Runs a read-only statement that finds its rows through indexes.
    pub(crate) async fn fetch_by_index(
        &self,
        statement: &RawSql<false>,
    ) -> Result<Vec<Row>, StoreError> {
        match self.dialect() {
            Dialect::Sqlite => self.fetch_all(statement).await,
            Dialect::Postgres => self.begin_by_index().await?.fetch_all(statement).await,
        }
    }

    /// Checks that the database responds.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.run_script("SELECT 1").await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}
