//! Access to the sqlx pools, for queries that the application writes itself.

use super::{Pool, Store};

/// The connection pools of a [`Store`]. An application needs no second pool.
///
/// ```
/// use portal_core::Store;
/// use portal_core::store::{DatabasePool, sqlx};
///
/// async fn version(store: &Store) -> sqlx::Result<String> {
///     match store.pool() {
///         # #[cfg(feature = "sqlite")]
///         DatabasePool::Sqlite { read, .. } => {
///             sqlx::query_scalar("SELECT sqlite_version()").fetch_one(read).await
///         }
///         # #[cfg(feature = "postgres")]
///         DatabasePool::Postgres(pool) => {
///             sqlx::query_scalar("SELECT version()").fetch_one(pool).await
///         }
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub enum DatabasePool<'a> {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite {
        /// Connections for statements that only read.
        read: &'a sqlx::SqlitePool,
        /// The only connection that writes. A statement waits until it is free.
        write: &'a sqlx::SqlitePool,
    },
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(&'a sqlx::PgPool),
}

impl Store {
    /// Returns the connection pools.
    #[must_use]
    pub fn pool(&self) -> DatabasePool<'_> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { read, write, .. } => DatabasePool::Sqlite { read, write },
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => DatabasePool::Postgres(pool),
        }
    }
}
