//! Transactions on either database.

use tokio::sync::broadcast;

#[cfg(feature = "postgres")]
use super::pubsub::publish_in;
use super::statement;
use super::{ClusterEvent, Row, Statement, StoreError};

/// A transaction; it is rolled back if dropped without [`commit`](Self::commit).
pub struct Transaction {
    inner: Inner,
    /// Events to publish after the commit.
    events: Vec<ClusterEvent>,
    /// Sender of events to the receivers in this process.
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(dead_code, reason = "PostgreSQL notifies this process too")
    )]
    process: broadcast::Sender<ClusterEvent>,
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
        process: broadcast::Sender<ClusterEvent>,
    ) -> Self {
        Self {
            inner: Inner::Sqlite(transaction),
            events: Vec::new(),
            process,
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(
        transaction: sqlx::Transaction<'static, sqlx::Postgres>,
        process: broadcast::Sender<ClusterEvent>,
    ) -> Self {
        Self {
            inner: Inner::Postgres(transaction),
            events: Vec::new(),
            process,
        }
    }

    /// Executes a statement and returns the number of affected rows.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable or rejects the statement.
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

    /// Executes a statement and returns all its rows.
    ///
    /// # Errors
    ///
    /// Same as [`execute`](Self::execute).
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

    /// Executes a statement and returns its first row, if it has one.
    ///
    /// # Errors
    ///
    /// Same as [`execute`](Self::execute).
    pub async fn fetch_optional<S: Statement>(
        &mut self,
        statement: &S,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// Executes SQL text, for data definition. The text must not contain external input.
    pub(super) async fn run_script(&mut self, script: &str) -> Result<(), StoreError> {
        let script = sqlx::raw_sql(sqlx::AssertSqlSafe(script.to_owned()));
        match &mut self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => script.execute(&mut **transaction).await.map(drop)?,
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => script.execute(&mut **transaction).await.map(drop)?,
        }
        Ok(())
    }

    /// Publishes an event to all replicas, including this one, if and only if the transaction
    /// commits, even if this process dies afterwards. Duplicates are published only once.
    pub(crate) fn publish(&mut self, notification: ClusterEvent) {
        if !self.events.contains(&notification) {
            self.events.push(notification);
        }
    }

    /// Rolls back all changes and waits for the rollback to complete; a dropped transaction is
    /// rolled back in the background.
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

    /// Commits all changes made in the transaction.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable or rejects the changes.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => {
                transaction.commit().await?;
                // There is no other process to notify. Sending fails only if there is no receiver,
                // which is fine.
                for notification in self.events {
                    let _ = self.process.send(notification);
                }
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(mut transaction) => {
                // The server publishes the events when the transaction commits, to this process
                // as well.
                publish_in(&mut transaction, &self.events).await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }
}
