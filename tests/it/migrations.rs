//! Migrations of applications and plugins, and the migrations that `db diff` writes.

use portal_core::admin::{FieldValues, TableOptions};
use portal_core::store::{Migration, Migrations};
use portal_core::{
    AdminField, AdminModel, FieldError, FieldSpec, ModelOptions, Plugin, Source, source,
};
use serde_json::Value;

use crate::support::shop::{
    MANAGED, after, before, execute, fill, key, message, model, number, plain, portal, prepare,
    read,
};
use crate::support::{Database, on_both};

on_both!(
    columns_are_renamed_converted_and_required_without_data_loss,
    new_database_skips_changes_of_tables_that_it_creates,
    unconvertible_value_stops_the_migration,
    failed_migration_changes_nothing_and_names_its_statement,
    edited_migration_is_rejected,
    concurrent_replicas_apply_a_migration_once,
    plugin_and_application_can_use_the_same_numbers,
    migrations_and_models_can_refer_to_each_other,
    column_added_by_hand_survives_a_rebuild,
    drift_of_indexes_and_foreign_keys_is_reported,
);

/// Number of rows in tables that a migration changes.
const ROWS: i64 = 100_000;

async fn columns_are_renamed_converted_and_required_without_data_loss(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let files = directory.path().join("migrations");
    let migrations = prepare(uri, &files, ROWS).await;
    let differs = message(after(uri).check().await);
    assert!(
        differs.contains("`item.title` is missing, because it is still named `name`"),
        "{differs}"
    );

    after(uri)
        .migrations(migrations.clone())
        .migrate()
        .await
        .expect("the migrations are applied");
    after(uri)
        .migrations(migrations.clone())
        .check()
        .await
        .expect("the database matches the program");
    assert_eq!(number(uri, "SELECT count(*) FROM item").await, ROWS - 1);
    assert_eq!(
        number(uri, "SELECT sum(price) FROM item").await,
        ROWS * (ROWS + 1) / 2 - (ROWS - 1)
    );
    let count = |note| format!("SELECT count(*) FROM item WHERE note = '{note}'");
    assert_eq!(number(uri, &count("noted")).await, ROWS / 10);
    assert_eq!(number(uri, &count("-")).await, ROWS - 1 - ROWS / 10);
    assert_eq!(
        number(uri, "SELECT count(DISTINCT title) FROM item").await,
        ROWS - 1
    );
    assert_eq!(
        number(
            uri,
            "SELECT count(*) FROM line JOIN item ON item.id = item_id"
        )
        .await,
        ROWS / 100
    );

    // Foreign keys and keys of new rows are preserved.
    let dangling = "INSERT INTO line (item_id, row_version) VALUES (-1, 1)";
    assert!(execute(uri, dangling).await.is_err());
    assert!(
        execute(uri, "DELETE FROM item WHERE id = 100")
            .await
            .is_err()
    );
    let new = "INSERT INTO item (title, price, note, row_version) VALUES ('new', 1, '', 1)";
    execute(uri, new).await.expect("the statement runs");
    assert_eq!(number(uri, "SELECT max(id) FROM item").await, ROWS + 1);
    execute(uri, "DELETE FROM item WHERE title = 'new'")
        .await
        .expect("the statement runs");

    // A second diff finds nothing, and the migration can be reverted and applied again.
    let again = after(uri)
        .migrations(migrations.clone())
        .write_migration("again", &files);
    assert!(again.await.expect("the tables are compared").is_empty());
    let reverted = after(uri)
        .migrations(migrations.clone())
        .rollback()
        .await
        .expect("the migration is reverted");
    assert_eq!(reverted.as_deref(), Some("shop/0001_reshape"));
    before(uri)
        .check()
        .await
        .expect("the database matches the program");
    assert_eq!(
        number(uri, "SELECT sum(CAST(price AS bigint)) FROM item").await,
        ROWS * (ROWS + 1) / 2 - (ROWS - 1)
    );
    after(uri)
        .migrations(migrations.clone())
        .migrate()
        .await
        .expect("the migrations are applied");
    after(uri)
        .migrations(migrations)
        .check()
        .await
        .expect("the database matches the program");
}

async fn new_database_skips_changes_of_tables_that_it_creates(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let migrations = prepare(uri, &directory.path().join("migrations"), 10).await;
    let other = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&other).await;
    for _ in 0..2 {
        after(uri)
            .migrations(migrations.clone())
            .migrate()
            .await
            .expect("the migrations are applied");
        after(uri)
            .migrations(migrations.clone())
            .check()
            .await
            .expect("the database matches the program");
    }
}

async fn unconvertible_value_stops_the_migration(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let migrations = prepare(uri, &directory.path().join("migrations"), 10).await;
    execute(uri, "UPDATE item SET price = '12 EUR' WHERE id = 3")
        .await
        .expect("the statement runs");
    let stopped = message(after(uri).migrations(migrations.clone()).migrate().await);
    for word in [
        "shop/0001_reshape",
        "1 row must be corrected",
        "FROM \"item\" WHERE",
    ] {
        assert!(stopped.contains(word), "{word} in {stopped}");
    }
    assert_eq!(
        number(uri, "SELECT count(*) FROM item WHERE price = '12 EUR'").await,
        1
    );
    execute(uri, "UPDATE item SET price = '12' WHERE id = 3")
        .await
        .expect("the statement runs");
    after(uri)
        .migrations(migrations)
        .migrate()
        .await
        .expect("the migrations are applied");
    assert_eq!(number(uri, "SELECT price FROM item WHERE id = 3").await, 12);
}

async fn failed_migration_changes_nothing_and_names_its_statement(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let first = Migration::new("0001_a").up("CREATE TABLE a (n bigint)");
    let failing = Migration::new("0002_b").up(
        "CREATE TABLE b (n bigint);\nINSERT INTO b VALUES (1);\n\nINSERT INTO missing VALUES (1);",
    );
    let migrations = Migrations::new("shop").with(first.clone()).with(failing);
    let failed = message(portal(uri).migrations(migrations.clone()).migrate().await);
    for word in ["shop/0002_b", "line 4", "INSERT INTO missing VALUES (1)"] {
        assert!(failed.contains(word), "{word} in {failed}");
    }
    assert_eq!(number(uri, "SELECT count(*) FROM a").await, 0);
    assert!(execute(uri, "SELECT n FROM b").await.is_err());
    let differs = message(portal(uri).migrations(migrations).check().await);
    assert!(
        differs.contains("migration `shop/0002_b` is missing"),
        "{differs}"
    );

    // The file was not applied, so it may be corrected.
    let fixed = Migration::new("0002_b").up("CREATE TABLE b (n bigint)");
    let fixed = Migrations::new("shop").with(first).with(fixed);
    portal(uri)
        .migrations(fixed.clone())
        .migrate()
        .await
        .expect("the migrations are applied");
    portal(uri)
        .migrations(fixed)
        .check()
        .await
        .expect("the database matches the program");
}

async fn edited_migration_is_rejected(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let shop = |sql: &'static str| Migrations::new("shop").with(Migration::new("0001_a").up(sql));
    portal(uri)
        .migrations(shop("CREATE TABLE a (n bigint);\n"))
        .migrate()
        .await
        .expect("the migrations are applied");
    // Line ends depend on the settings of Git.
    portal(uri)
        .migrations(shop("CREATE TABLE a (n bigint);\r\n"))
        .check()
        .await
        .expect("the database matches the program");
    let edited = || portal(uri).migrations(shop("CREATE TABLE a (m bigint);\n"));
    for result in [edited().migrate().await, edited().check().await] {
        let message = message(result);
        assert!(
            message.contains("`shop/0001_a`: the file was changed after it was applied"),
            "{message}"
        );
    }
    // A replica with newer migrations does not stop those of the previous release.
    portal(uri)
        .migrations(Migrations::new("shop"))
        .check()
        .await
        .expect("the database matches the program");
}

async fn concurrent_replicas_apply_a_migration_once(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = database.create_migrated(&directory).await;
    let create = Migration::new("0001_a").up("CREATE TABLE a (n bigint)");
    let insert = Migration::new("0002_b").up("INSERT INTO a VALUES (1)");
    let migrations = Migrations::new("shop").with(create).with(insert);
    let replicas = (0..4).map(|_| {
        let builder = before(&uri).migrations(migrations.clone());
        tokio::spawn(builder.migrate())
    });
    for replica in replicas.collect::<Vec<_>>() {
        replica
            .await
            .expect("the replica does not panic")
            .expect("the migrations are applied");
    }
    assert_eq!(number(&uri, "SELECT count(*) FROM a").await, 1);
}

async fn plugin_and_application_can_use_the_same_numbers(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let plugin = Migration::new("0001_a").up("CREATE TABLE a (n bigint)");
    let own = Migration::new("0001_a").up("INSERT INTO a VALUES (1)");
    let build = || {
        let plugin = Plugin::new().migrations(Migrations::new("plugin").with(plugin.clone()));
        let portal = portal(uri).migrations(Migrations::new("shop").with(own.clone()));
        portal.plugin(plugin)
    };
    build().migrate().await.expect("the migrations are applied");
    build().migrate().await.expect("the migrations are applied");
    assert_eq!(number(uri, "SELECT count(*) FROM a").await, 1);
    let same = build().plugin(Plugin::new().migrations(Migrations::new("shop")));
    let problem = message(same.migrate().await);
    assert!(
        problem.contains("two lists of migrations have the owner `shop`"),
        "{problem}"
    );
}

mod related {
    use super::*;

    const fn customer(spec: FieldSpec) -> FieldSpec {
        spec.references("customer")
    }

    model!(Customer, "customer", TableOptions::new().unmanaged(), {
        id: i64 => key,
        name: String => plain,
    });

    model!(Contract, "contract", MANAGED, {
        id: i64 => key,
        customer_id: i64 => customer,
    });
}

async fn migrations_and_models_can_refer_to_each_other(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let build = || {
        let portal = portal(uri).admin_model::<related::Contract>();
        portal.admin_model::<related::Customer>()
    };
    build().migrate().await.expect("the migrations are applied");
    let missing = message(build().check().await);
    for word in [
        "the table `customer` is missing; a migration of the application",
        "`contract` is missing",
    ] {
        assert!(missing.contains(word), "{word} in {missing}");
    }
    let customer = Migration::new("0001_customer").up(
        "CREATE TABLE customer (id bigint PRIMARY KEY, name varchar(80) NOT NULL);
         INSERT INTO customer (id, name) VALUES (7, 'Acme');",
    );
    let contract = Migration::new("0002_contract")
        .up("INSERT INTO contract (customer_id, row_version) SELECT id, 1 FROM customer");
    let migrations = Migrations::new("shop").with(customer).with(contract);
    build()
        .migrations(migrations.clone())
        .migrate()
        .await
        .expect("the migrations are applied");
    build()
        .migrations(migrations)
        .check()
        .await
        .expect("the database matches the program");
    assert_eq!(number(uri, "SELECT customer_id FROM contract").await, 7);
}

async fn column_added_by_hand_survives_a_rebuild(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    let files = directory.path().join("migrations");
    before(uri)
        .migrate()
        .await
        .expect("the migrations are applied");
    fill(uri, 10).await;
    execute(
        uri,
        "ALTER TABLE item ADD COLUMN extra text; UPDATE item SET extra = 'kept'",
    )
    .await
    .expect("the statement runs");
    after(uri)
        .write_migration("reshape", &files)
        .await
        .expect("the files are written");
    execute(uri, "ALTER TABLE item ADD COLUMN later text")
        .await
        .expect("the statement runs");
    let migrations = read(&files);
    let migrated = after(uri).migrations(migrations.clone()).migrate().await;
    if database == Database::Sqlite {
        // The statements do not copy this column, so they must not replace the table.
        let stopped = message(migrated);
        assert!(
            stopped.contains("has the column `later`, which the migration does not copy"),
            "{stopped}"
        );
        execute(uri, "ALTER TABLE item DROP COLUMN later")
            .await
            .expect("the statement runs");
        after(uri)
            .migrations(migrations.clone())
            .migrate()
            .await
            .expect("the migrations are applied");
    } else {
        migrated.expect("the migrations are applied");
    }
    assert_eq!(
        number(uri, "SELECT count(*) FROM item WHERE extra = 'kept'").await,
        9
    );
}

async fn drift_of_indexes_and_foreign_keys_is_reported(database: Database) {
    let directory = tempfile::tempdir().expect("a directory can be created");
    let uri = &database.create(&directory).await;
    after(uri)
        .migrate()
        .await
        .expect("the migrations are applied");
    let drop =
        "DROP INDEX item_title_key; DROP INDEX item_price_note_idx; DROP INDEX line_item_id_idx";
    execute(uri, drop).await.expect("the statement runs");
    execute(uri, "CREATE UNIQUE INDEX item_price_key ON item (price)")
        .await
        .expect("the statement runs");
    let drift = message(after(uri).check().await);
    for expected in [
        "the unique index on `item(title)` is missing",
        "the index on `item(price, note)` is missing",
        "the index on `line(item_id)` is missing",
        "the unique index `item_price_key` on `item` is not declared",
    ] {
        assert!(drift.contains(expected), "{expected} in {drift}");
    }
    let files = directory.path().join("migrations");
    after(uri)
        .write_migration("indexes", &files)
        .await
        .expect("the files are written");
    after(uri)
        .migrations(read(&files))
        .migrate()
        .await
        .expect("the migrations are applied");
    after(uri)
        .migrations(read(&files))
        .check()
        .await
        .expect("the database matches the program");
}
