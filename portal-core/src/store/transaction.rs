//! A transaction of either database.

use tokio::sync::broadcast;

#[cfg(feature = "postgres")]
use super::notify::notify_with;
use super::statement;
use super::{Notification, Row, Statement, StoreError};

/// A transaction; dropped without [`commit`](Self::commit) it is rolled back.
pub struct Transaction {
    inner: Inner,
    /// What is told once it is committed.
    told: Vec<Notification>,
    /// Whoever listens in this process.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(dead_code, reason = "PostgreSQL tells this process too")
    )]
    process: broadcast::Sender<Notification>,
}

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
    pub(super) fn sqlite(
        transaction: sqlx::Transaction<'static, sqlx::Sqlite>,
        process: broadcast::Sender<Notification>,
    ) -> Self {
        Self {
            inner: Inner::Sqlite(transaction),
            told: Vec::new(),
            process,
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(
        transaction: sqlx::Transaction<'static, sqlx::Postgres>,
        process: broadcast::Sender<Notification>,
    ) -> Self {
        Self {
            inner: Inner::Postgres(transaction),
            told: Vec::new(),
            process,
        }
    }

    /// Runs a statement and gives the number of rows it changed.
    pub async fn execute<S: Statement>(&mut self, statement: &S) -> Result<u64, StoreError> {
        match &mut self.inner {
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
        match &mut self.inner {
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

    /// Tells every replica, this one included, of a change exactly if it is committed, whatever
    /// becomes of this process afterwards. What is told twice is told once.
    pub(crate) fn notify(&mut self, notification: Notification) {
        if !self.told.contains(&notification) {
            self.told.push(notification);
        }
    }

    /// Undoes every change and waits for it; a dropped transaction is undone in the background.
    #[cfg(test)]
    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        match self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => transaction.rollback().await?,
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    /// Makes every change of the transaction last.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => {
                transaction.commit().await?;
                // There is nobody else to tell. Nobody listening is fine.
                for notification in self.told {
                    let _ = self.process.send(notification);
                }
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(mut transaction) => {
                // The server tells them all, this process too, with the commit.
                notify_with(&mut transaction, &self.told).await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }
}
