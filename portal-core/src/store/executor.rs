//! Execution of statements in a transaction instead of through a connection pool.

use std::future::Future;

use super::{Row, Statement, StoreError, Transaction, statement};

/// Executes statements as part of a larger operation.
///
/// Implemented for the portal's [`Transaction`], and for an sqlx connection on which the caller has
/// started a transaction.
pub trait Executor: Send {
    /// Executes a statement and returns all its rows.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable or rejects the statement.
    fn fetch_all<S: Statement>(
        &mut self,
        statement: &S,
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;
}

impl Executor for Transaction {
    async fn fetch_all<S: Statement>(&mut self, statement: &S) -> Result<Vec<Row>, StoreError> {
        Transaction::fetch_all(self, statement).await
    }
}

#[cfg(feature = "sqlite")]
impl Executor for sqlx::SqliteConnection {
    async fn fetch_all<S: Statement>(&mut self, statement: &S) -> Result<Vec<Row>, StoreError> {
        statement::fetch_sqlite(self, statement).await
    }
}

#[cfg(feature = "postgres")]
impl Executor for sqlx::PgConnection {
    async fn fetch_all<S: Statement>(&mut self, statement: &S) -> Result<Vec<Row>, StoreError> {
        statement::fetch_postgres(self, statement).await
    }
}
