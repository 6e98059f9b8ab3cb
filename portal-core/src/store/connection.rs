//! Source of connections for an operation: the pool, or a transaction of the caller.

use futures_util::stream::BoxStream;

use super::{Dialect, Row, Statement, Store, StoreError, Transaction};

/// Connection on which an operation runs.
#[derive(Debug)]
pub(crate) enum Connection<'a> {
    /// Any connection of the pool; a write uses its own transaction.
    Pool(&'a Store),
    /// The caller's transaction.
    Transaction(&'a mut Transaction),
}

impl<'a> Connection<'a> {
    /// Returns the same connection for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Connection<'_> {
        match self {
            Self::Pool(store) => Connection::Pool(store),
            Self::Transaction(transaction) => Connection::Transaction(transaction),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Pool(store) => store.dialect(),
            Self::Transaction(transaction) => transaction.dialect(),
        }
    }

    /// Executes a statement and returns its rows one by one.
    pub(crate) fn fetch<S: Statement>(
        self,
        statement: &S,
    ) -> BoxStream<'a, Result<Row, StoreError>> {
        match self {
            Self::Pool(store) => store.fetch(statement),
            Self::Transaction(transaction) => transaction.fetch(statement),
        }
    }

    /// Executes a statement and returns its first row, if it has one.
    pub(crate) async fn fetch_optional<S: Statement>(
        &mut self,
        statement: &S,
    ) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Pool(store) => store.fetch_optional(statement).await,
            Self::Transaction(transaction) => transaction.fetch_optional(statement).await,
        }
    }

    /// Executes a statement and returns its rows.
    pub(crate) async fn fetch_all<S: Statement>(
        &mut self,
        statement: &S,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Pool(store) => store.fetch_all(statement).await,
            Self::Transaction(transaction) => transaction.fetch_all(statement).await,
        }
    }

    /// Starts a change: in a new transaction, or at a savepoint of the caller's transaction.
    pub(crate) async fn write(&mut self) -> Result<Write<'_>, StoreError> {
        Ok(match self {
            Self::Pool(store) => Write::Transaction(store.begin().await?),
            Self::Transaction(transaction) => {
                transaction.set_savepoint().await?;
                Write::Savepoint(transaction)
            }
        })
    }
}

/// A change that takes effect as a whole or not at all.
#[derive(Debug)]
pub(crate) enum Write<'a> {
    /// A separate transaction.
    Transaction(Transaction),
    /// A part of the caller's transaction, which remains usable after a failure.
    Savepoint(&'a mut Transaction),
}

impl Write<'_> {
    pub(crate) fn transaction(&mut self) -> &mut Transaction {
        match self {
            Self::Transaction(transaction) => transaction,
            Self::Savepoint(transaction) => transaction,
        }
    }

    /// Keeps the change; within the caller's transaction, it takes effect with that transaction.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Transaction(transaction) => transaction.commit().await,
            Self::Savepoint(transaction) => transaction.release_savepoint().await,
        }
    }

    /// Undoes the change.
    pub(crate) async fn roll_back(self) -> Result<(), StoreError> {
        match self {
            Self::Transaction(transaction) => transaction.rollback().await,
            Self::Savepoint(transaction) => transaction.roll_back_to_savepoint().await,
        }
    }
}
