//! Portals without the command line: migration from code, and errors returned from `main`.

use axum::http::request::Parts;
use portal_core::auth::{AuthError, AuthProvider, Identity, Profile};
use portal_core::config::{Config, Settings};
use portal_core::{BuildError, Portal, PortalBuilder};

use crate::app;
use crate::support::Database;

/// Custom identity provider that needs no environment variables.
struct OwnSignIn;

impl AuthProvider for OwnSignIn {
    async fn authenticate(&self, _: &Parts) -> Result<Option<Identity>, AuthError> {
        Ok(None)
    }

    async fn profile(&self, _: &str) -> Result<Option<Profile>, AuthError> {
        Ok(None)
    }
}

fn without_sign_in(uri: &str) -> PortalBuilder {
    let settings = Settings::from_pairs([
        ("APP_ENV", "PROD"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("PUBLIC_URL", "https://portal.example.com"),
        ("DB_CONN_URI", uri),
    ]);
    let config = Config::from_settings(settings).expect("the settings are valid");
    app::build(Portal::builder().config(config))
}

fn embedded(uri: &str) -> PortalBuilder {
    without_sign_in(uri).auth(OwnSignIn)
}

/// Returns the text that `main() -> Result<_, Box<dyn Error>>` prints.
fn printed(error: BuildError) -> String {
    let error: Box<dyn std::error::Error> = error.into();
    format!("Error: {error:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portal_in_production_is_migrated_from_code() {
    let directory = tempfile::tempdir().expect("the directory can be created");
    let uri = Database::Postgres.create(&directory).await;
    let error = embedded(&uri)
        .build()
        .await
        .expect_err("the database is empty");
    assert!(matches!(error, BuildError::NotMigrated(_)), "{error}");
    assert!(printed(error).contains("`migrate()`"));
    let (one, other) = tokio::join!(embedded(&uri).migrate(), embedded(&uri).migrate());
    one.expect("the migration succeeds");
    other.expect("concurrent migrations wait for each other");
    embedded(&uri)
        .migrate()
        .await
        .expect("a repeated migration succeeds");
    let portal = embedded(&uri).build().await.expect("the portal starts");
    portal.shutdown().await;
}

#[tokio::test]
async fn portal_in_production_requires_an_identity_provider() {
    // No server listens on this port, but the check precedes the connection.
    let uri = "postgres://portal@127.0.0.1:1/portal";
    for error in [
        without_sign_in(uri).build().await.map(|_| ()),
        without_sign_in(uri).migrate().await,
    ] {
        let error = error.expect_err("the provider is missing");
        assert!(matches!(error, BuildError::Problems(_)), "{error}");
        let text = printed(error);
        assert!(text.contains("`.auth(provider)`"), "{text}");
    }
    let settings = Settings::from_pairs([("APP_ENV", "DEV"), ("DB_LOCAL_URI", "sqlite::memory:")]);
    let config = Config::from_settings(settings).expect("the settings are valid");
    let portal = app::build(Portal::builder().config(config)).build().await;
    portal.expect("the portal starts in DEV").shutdown().await;
}

#[tokio::test]
async fn error_from_main_has_one_problem_per_line() {
    let settings = Settings::from_pairs([("APP_ENV", "PROD"), ("PORT", "many")]);
    let error = Config::from_settings(settings).expect_err("the settings are invalid");
    let text = printed(error.into());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Error: invalid configuration: 3 problems");
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].starts_with("  1. PORT is `many`"), "{text}");

    let error = Portal::builder()
        .config(Config::default())
        .base_path("portal")
        .build()
        .await
        .expect_err("the path is invalid");
    let text = printed(error);
    assert!(
        text.contains("\n  1. the base path `portal` must"),
        "{text}"
    );
}

#[tokio::test]
async fn unreachable_database_is_named_without_its_password() {
    let directory = tempfile::tempdir().expect("the directory can be created");
    let path = directory.path().join("missing").join("portal.db");
    let uri = format!("sqlite://{}", path.display());
    let settings = Settings::from_pairs([("APP_ENV", "DEV"), ("DB_LOCAL_URI", &uri)]);
    let config = Config::from_settings(settings).expect("the settings are valid");
    let error = Portal::builder().config(config).build().await;
    let text = printed(error.expect_err("the directory does not exist"));
    let named = format!("`{}` (DB_LOCAL_URI)", path.display());
    assert!(text.contains(&named), "{text}");

    let uri = "postgres://ann:hunter2@127.0.0.1:1/crm?password=hunter2";
    let text = printed(embedded(uri).build().await.expect_err("the port is closed"));
    let named = "the database `postgres://ann:********@127.0.0.1:1/crm";
    assert!(text.contains(named), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn sqlite_files_are_accessible_only_to_their_owner() {
    use std::os::unix::fs::PermissionsExt;

    let server = crate::support::TestServer::start(Database::Sqlite).await;
    assert_eq!(server.user().await.get("/api/auth/me").await.status, 200);
    let path = server
        .uri
        .strip_prefix("sqlite://")
        .expect("the URI names a file");
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let metadata = std::fs::metadata(format!("{path}{suffix}"));
        let mode = metadata.expect("the file exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}
