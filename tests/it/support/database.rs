//! A separate database for each test.

use sqlx::Connection;
use tempfile::TempDir;

/// Database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// Creates an empty database and returns its URI; a SQLite file is created in the directory.
    pub(crate) async fn create(self, directory: &TempDir) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", directory.path().join("portal.db").display()),
            Self::Postgres => create_postgres().await,
        }
    }
}

async fn create_postgres() -> String {
    let server = std::env::var("PORTAL_TEST_POSTGRES")
        .expect("PORTAL_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a server");
    let mut connection = sqlx::PgConnection::connect(&server)
        .await
        .expect("the PostgreSQL server accepts connections");
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .expect("a database can be created");
    let (root, _) = server.rsplit_once('/').expect("the URI names a database");
    format!("{root}/{name}")
}
