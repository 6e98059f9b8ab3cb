//! Transactions on either database.

use futures_util::stream::BoxStream;
use tokio::sync::broadcast;

#[cfg(feature = "postgres")]
use super::pubsub::publish_in;
use super::statement;
use super::{ClusterEvent, Dialect, Row, Statement, StoreError};

/// A transaction; it is rolled back if dropped without [`commit`](Self::commit).
pub struct Transaction {
    inner: Inner,
    /// Events to publish after the commit.
    events: Vec<ClusterEvent>,
    /// Open savepoints: the number of events at the time each was set.
    savepoints: Vec<usize>,
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
    pub(super) fn on_sqlite(
        transaction: sqlx::Transaction<'static, sqlx::Sqlite>,
        process: broadcast::Sender<ClusterEvent>,
    ) -> Self {
        Self {
            inner: Inner::Sqlite(transaction),
            events: Vec::new(),
            savepoints: Vec::new(),
            process,
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) fn on_postgres(
        transaction: sqlx::Transaction<'static, sqlx::Postgres>,
        process: broadcast::Sender<ClusterEvent>,
    ) -> Self {
        Self {
            inner: Inner::Postgres(transaction),
            events: Vec::new(),
            savepoints: Vec::new(),
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

    /// Executes a statement and returns its rows one by one.
    pub(crate) fn fetch<S: Statement>(
        &mut self,
        statement: &S,
    ) -> BoxStream<'_, Result<Row, StoreError>> {
        match &mut self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => statement::stream_sqlite(&mut **transaction, statement),
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => {
                statement::stream_postgres(&mut **transaction, statement)
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

    /// Returns the dialect of the database.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Returns the connection of a SQLite transaction, for sqlx queries within the transaction.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn sqlite(&mut self) -> Option<&mut sqlx::SqliteConnection> {
        match &mut self.inner {
            Inner::Sqlite(transaction) => Some(transaction),
            #[cfg(feature = "postgres")]
            Inner::Postgres(_) => None,
        }
    }

    /// Returns the connection of a PostgreSQL transaction, for sqlx queries within the transaction.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(&mut self) -> Option<&mut sqlx::PgConnection> {
        match &mut self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(_) => None,
            Inner::Postgres(transaction) => Some(transaction),
        }
    }

    /// Sets a savepoint, to which a failed part of the transaction is rolled back.
    pub(crate) async fn set_savepoint(&mut self) -> Result<(), StoreError> {
        let number = self.savepoints.len();
        self.control(format!("SAVEPOINT portal_{number}")).await?;
        self.savepoints.push(self.events.len());
        Ok(())
    }

    /// Makes all changes since the newest savepoint part of the transaction.
    pub(crate) async fn release_savepoint(&mut self) -> Result<(), StoreError> {
        let number = self.savepoints.len().saturating_sub(1);
        self.control(format!("RELEASE SAVEPOINT portal_{number}"))
            .await?;
        self.savepoints.pop();
        Ok(())
    }

    /// Undoes all changes since the newest savepoint, including published events.
    pub(crate) async fn roll_back_to_savepoint(&mut self) -> Result<(), StoreError> {
        let number = self.savepoints.len().saturating_sub(1);
        self.control(format!("ROLLBACK TO SAVEPOINT portal_{number}"))
            .await?;
        self.events
            .truncate(self.savepoints.last().copied().unwrap_or_default());
        self.release_savepoint().await
    }

    async fn control(&mut self, statement: String) -> Result<(), StoreError> {
        let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement));
        match &mut self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(transaction) => statement.execute(&mut **transaction).await.map(drop)?,
            #[cfg(feature = "postgres")]
            Inner::Postgres(transaction) => {
                statement.execute(&mut **transaction).await.map(drop)?
            }
        }
        Ok(())
    }

    /// Rolls back all changes and waits until this is done; a dropped transaction is rolled back in
    /// the background.
    ///
    /// # Errors
    ///
    /// Fails if the database is unavailable.
    pub async fn rollback(self) -> Result<(), StoreError> {
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
    /// Fails if the database is unavailable or rejects the changes, or if a change within the
    /// transaction was interrupted, for example because its future was dropped. All changes are
    /// then rolled back.
    pub async fn commit(self) -> Result<(), StoreError> {
        if !self.savepoints.is_empty() {
            let text = "a change within the transaction was interrupted";
            return Err(StoreError::Other(sqlx::Error::Protocol(text.to_owned())));
        }
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
