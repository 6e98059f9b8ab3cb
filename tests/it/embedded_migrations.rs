//! Migrations that `migrations!` embeds from a directory.

use portal_core::store::Migrations;

use crate::support::shop::{message, number, portal};
use crate::support::{Database, on_both};

on_both!(
    embedded_files_are_applied_and_reverted,
    file_that_is_not_embedded_is_reported,
);

fn embedded() -> Migrations {
    portal_core::migrations!("it/migration_files")
}

async fn embedded_files_are_applied_and_reverted(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    assert_eq!(embedded().owner(), "portal-tests");
    portal(uri)
        .migrations(embedded())
        .migrate()
        .await
        .expect("the migrations are applied");
    portal(uri)
        .migrations(embedded())
        .check()
        .await
        .expect("the database matches the program");
    assert_eq!(
        number(uri, "SELECT count(*) FROM note WHERE text LIKE 'from %'").await,
        1
    );
    // The second migration has no file that reverts it.
    let rollback = portal(uri).migrations(embedded()).rollback().await;
    let message = message(rollback.map(drop));
    let expected = "`portal-tests/0002_first_note`: cannot be reverted; write the file `0002_first_note.down.sql`";
    assert!(message.contains(expected), "{message}");
}

async fn file_that_is_not_embedded_is_reported(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let files = tempfile::tempdir().expect("a directory can be created");
    let path: &'static str = files.path().display().to_string().leak();
    let build = || portal(uri).migrations(Migrations::new("shop").directory(path));
    build().migrate().await.expect("the migrations are applied");
    build()
        .check()
        .await
        .expect("the database matches the program");
    std::fs::write(files.path().join("0001_later.sql"), "SELECT 1;").expect("the file is written");
    let drift = message(build().check().await);
    assert!(
        drift.contains("the file `0001_later.sql` is not part of this program"),
        "{drift}"
    );
}
