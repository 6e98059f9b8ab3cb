//! A migrated database, from which the databases for the tests are copied.

use portal_clerk::ClerkAuth;
use portal_core::Portal;
use portal_core::config::{Config, Settings};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::Database;

/// Returns the path of the SQLite template or the name of the PostgreSQL template. Running the
/// migrations and generating the RSA key takes longer than most tests, so only the first test does
/// this.
pub(super) async fn of(database: Database) -> &'static str {
    static SQLITE: OnceCell<String> = OnceCell::const_new();
    static POSTGRES: OnceCell<String> = OnceCell::const_new();
    let cell = match database {
        Database::Sqlite => &SQLITE,
        Database::Postgres => &POSTGRES,
    };
    cell.get_or_init(|| create(database)).await
}

async fn create(database: Database) -> String {
    // The directory is kept until the process ends; `cargo xtask test` removes the tests' files.
    let directory = TempDir::keep(tempfile::tempdir().expect("a directory can be created"));
    let uri = database.create_in(&directory).await;
    let auth = ClerkAuth::new();
    let pairs = [("APP_ENV", "DEV"), ("DB_LOCAL_URI", uri.as_str())];
    let settings = Settings::from_pairs_with(portal_core::AuthProvider::settings(&auth), pairs);
    let config = Config::from_settings(settings).expect("the settings are valid");
    let portal = Portal::builder().config(config).auth(auth).build();
    let portal = portal.await.expect("the portal starts");
    portal.shutdown().await;
    portal.store().close().await;
    let (_, name) = uri.split_once("://").expect("the URI has a scheme");
    match database {
        Database::Sqlite => name.to_owned(),
        Database::Postgres => name
            .rsplit_once('/')
            .expect("the URI names a database")
            .1
            .to_owned(),
    }
}
