//! A separate database for each test.

use std::path::Path;

use sqlx::Connection;
use tempfile::TempDir;

use super::template;

/// Database that a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// Creates an empty database and returns its URI; a SQLite file is created in the directory.
    pub(crate) async fn create(self, directory: &TempDir) -> String {
        self.create_in(directory.path()).await
    }

    pub(super) async fn create_in(self, directory: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", directory.join("portal.db").display()),
            Self::Postgres => postgres("template1").await,
        }
    }

    /// Creates a database with the portal's tables and a key for the development identity provider.
    ///
    /// A portal without tasks and models creates the same database when it starts.
    pub(crate) async fn create_migrated(self, directory: &TempDir) -> String {
        let template = template::of(self).await;
        match self {
            Self::Sqlite => {
                let file = directory.path().join("portal.db");
                std::fs::copy(template, &file).expect("the file can be copied");
                format!("sqlite://{}", file.display())
            }
            Self::Postgres => postgres(template).await,
        }
    }
}

/// Creates a database on the PostgreSQL server as a copy of another one and returns its URI.
async fn postgres(template: &str) -> String {
    let server = std::env::var("PORTAL_TEST_POSTGRES")
        .expect("PORTAL_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a server");
    let mut connection = sqlx::PgConnection::connect(&server)
        .await
        .expect("the PostgreSQL server accepts connections");
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .expect("a database can be created");
    let (root, _) = server.rsplit_once('/').expect("the URI names a database");
    format!("{root}/{name}")
}
