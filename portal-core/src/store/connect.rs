//! Opening a store from a URI.

use std::time::Duration;

use tokio::sync::broadcast;

#[cfg(feature = "sqlite")]
use super::decimal;
use super::{Pool, Store, StoreError};

/// Maximum time to wait for a free connection before the database is reported as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Opens a database by its URI: `sqlite://file.db`, `sqlite::memory:` or `postgres://…`.
    ///
    /// A SQLite file that does not exist is created; only its owner can read and write it.
    ///
    /// # Errors
    ///
    /// Fails if the URI is invalid or requires a disabled feature, or the database is unavailable.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), portal_core::store::StoreError> {
    /// # #[cfg(feature = "sqlite")] {
    /// let store = portal_core::store::Store::connect("sqlite::memory:").await?;
    /// store.ping().await?;
    /// # } Ok(()) }
    /// ```
    pub async fn connect(uri: &str) -> Result<Self, StoreError> {
        let pool = if uri.starts_with("sqlite:") {
            open_sqlite(uri).await?
        } else {
            open_postgres(uri).await?
        };
        Ok(Self {
            pool,
            #[cfg(feature = "postgres")]
            id: uuid::Uuid::new_v4(),
            notifications: broadcast::Sender::new(1024),
            freshness: super::freshness::Freshness::new(),
        })
    }
}

#[cfg(feature = "sqlite")]
async fn open_sqlite(uri: &str) -> Result<Pool, StoreError> {
    use sqlx::Connection;
    use sqlx::sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    };

    let options = uri
        .parse::<SqliteConnectOptions>()?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // With `FULL`, a confirmed commit survives a power loss.
        .synchronous(SqliteSynchronous::Full)
        .collation(decimal::DECIMAL_COLLATION, decimal::compare);
    let file = options.get_filename().to_owned();
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Closing the connection would discard an in-memory database.
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let in_memory = uri.contains(":memory:") || uri.contains("mode=memory");
    let mut writer = pool(1);
    if !in_memory {
        if !uri.contains("mode=ro") {
            create_private(&file).map_err(sqlx::Error::Io)?;
        }
        // If the disk is full, SQLite rolls back a transaction automatically. sqlx does not detect
        // this and would reject all later transactions on the connection, so the connection is
        // replaced by a new one.
        writer = writer
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            });
    }
    let write = writer.connect_with(options.clone()).await?;
    let read = if in_memory {
        write.clone()
    } else {
        pool(4).connect_lazy_with(options)
    };
    let lock = (!in_memory).then(|| {
        let mut path = file.into_os_string();
        path.push(".lock");
        path.into()
    });
    Ok(Pool::Sqlite { lock, read, write })
}

/// Creates a file that only its owner can read, because the file holds sessions and keys. SQLite
/// creates its auxiliary files with the same permissions. An existing file keeps its permissions.
#[cfg(feature = "sqlite")]
fn create_private(path: &std::path::Path) -> std::io::Result<()> {
    match super::instance_lock::private_options()
        .write(true)
        .create_new(true)
        .open(path)
    {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "sqlite"))]
async fn open_sqlite(_: &str) -> Result<Pool, StoreError> {
    Err(StoreError::FeatureMissing("sqlite"))
}

#[cfg(feature = "postgres")]
async fn open_postgres(uri: &str) -> Result<Pool, StoreError> {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

    let options = uri.parse::<PgConnectOptions>()?.application_name("portal");
    let pool = PgPoolOptions::new()
        .max_connections(20)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await?;
    Ok(Pool::Postgres(pool))
}

#[cfg(not(feature = "postgres"))]
async fn open_postgres(_: &str) -> Result<Pool, StoreError> {
    Err(StoreError::FeatureMissing("postgres"))
}
