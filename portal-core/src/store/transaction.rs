//! A transaction of either database.

#[cfg(feature = "postgres")]
use super::notify::notify_with;
use super::statement;
use super::{Notification, Row, Statement, StoreError};

/// A transaction; dropped without [`commit`](Self::commit) it is rolled back.
pub struct Transaction(Inner);

enum Inner {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transaction")
    }
}

impl Transaction {
    #[cfg(feature = "sqlite")]
    pub(super) fn sqlite(transaction: sqlx::Transaction<'static, sqlx::Sqlite>) -> Self {
        Self(Inner::Sqlite(transaction))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(transaction: sqlx::Transaction<'static, sqlx::Postgres>) -> Self {
        Self(Inner::Postgres(transaction))
    }

    /// Runs a statement and gives the number of rows it changed.
    pub async fn execute<S: Statement>(&mut self, statement: &S) -> Result<u64, StoreError> {
        match &mut self.0 {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => {
                statement::execute_sqlite(&mut **transaction, statement).await
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => {
                statement::execute_postgres(&mut **transaction, statement).await
            }
        }
    }

    /// Runs a statement and gives all its rows.
    pub async fn fetch_all<S: Statement>(&mut self, statement: &S) -> Result<Vec<Row>, StoreError> {
        match &mut self.0 {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => {
                statement::fetch_sqlite(&mut **transaction, statement).await
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => {
                statement::fetch_postgres(&mut **transaction, statement).await
            }
        }
    }

    /// Runs a statement and gives its first row, if it has one.
    pub async fn fetch_optional<S: Statement>(
        &mut self,
        statement: &S,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// Tells every replica of a change exactly if it is committed, whatever becomes of this process
    /// afterwards. With SQLite there is nobody else to tell.
    pub(crate) async fn notify(&mut self, notification: &Notification) -> Result<(), StoreError> {
        match &mut self.0 {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(_) => {
                let _ = notification;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => notify_with(transaction, notification).await,
        }
    }

    /// Makes every change of the transaction last.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => transaction.commit().await?,
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}
