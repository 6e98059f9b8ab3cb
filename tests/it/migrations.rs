//! Migrations of applications and plugins, and the migrations that `db diff` writes.

use std::path::Path;

use portal_core::admin::{FieldValues, TableOptions};
use portal_core::config::{Config, Settings};
use portal_core::prelude::*;
use portal_core::store::{Migration, Migrations};
use portal_core::{
    AdminField, AdminModel, BuildError, FieldError, FieldSpec, ModelOptions, Plugin, Portal,
    PortalBuilder, Source, source,
};
use serde_json::Value;
use sqlx::Connection;

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

/// Declares a model by hand, because the portals of other tests discover models of macros.
macro_rules! model {
    ($name:ident, $table:literal, $options:expr, { $($field:ident: $type:ty => $spec:expr),* $(,)? }) => {
        pub(crate) struct $name { $($field: $type),* }

        impl AdminModel for $name {
            const SOURCE: Source = source!($name);
            const NAME: &'static str = $table;
            const TITLE: &'static str = stringify!($name);
            const PLURAL: &'static str = stringify!($name);
            const DESCRIPTION: &'static str = "";
            const OPTIONS: ModelOptions =
                ModelOptions { list: &[], search: &[], order_by: &[], read_only: false };
            const FIELDS: &'static [FieldSpec] =
                &[$({ const SPEC: FieldSpec = FieldSpec::new::<$type>(stringify!($field)); $spec(SPEC) }),*];
            const TABLE: TableOptions = $options;

            fn to_values(&self) -> Vec<Value> {
                vec![$(self.$field.to_value()),*]
            }

            fn from_values(mut values: FieldValues) -> Result<Self, Vec<FieldError>> {
                let mut fields = Self::FIELDS.iter();
                $(let $field = fields.next().and_then(|field| values.take::<$type>(field));)*
                match ($($field,)*) {
                    ($(Some($field),)*) => Ok(Self { $($field),* }),
                    _ => Err(values.into_errors()),
                }
            }
        }
    };
}
pub(crate) use model;

pub(crate) const fn plain(spec: FieldSpec) -> FieldSpec {
    spec
}

pub(crate) const fn key(spec: FieldSpec) -> FieldSpec {
    spec.primary_key()
}

pub(crate) const fn unique(spec: FieldSpec) -> FieldSpec {
    spec.unique()
}

const MANAGED: TableOptions = TableOptions::new();

mod before {
    use super::*;

    const fn item(spec: FieldSpec) -> FieldSpec {
        spec.references("item")
    }

    model!(Item, "item", MANAGED, {
        id: i64 => key,
        name: String => plain,
        price: String => plain,
        note: Option<String> => plain,
    });

    model!(Line, "line", MANAGED, { id: i64 => key, item_id: i64 => item });
}

mod after {
    use super::*;

    const fn from_name(spec: FieldSpec) -> FieldSpec {
        spec.renamed_from("name").unique()
    }

    const fn dash(spec: FieldSpec) -> FieldSpec {
        spec.default_text("-")
    }

    const fn item(spec: FieldSpec) -> FieldSpec {
        spec.references("item")
    }

    model!(Item, "item", TableOptions::new().index(&[&["price", "note"]]), {
        id: i64 => key,
        title: String => from_name,
        price: i64 => plain,
        note: String => dash,
    });

    model!(Line, "line", MANAGED, { id: i64 => key, item_id: i64 => item });
}

pub(crate) fn portal(uri: &str) -> PortalBuilder {
    let pairs = [("APP_ENV", "DEV"), ("DB_LOCAL_URI", uri)];
    let config = Config::from_settings(Settings::from_pairs(pairs));
    Portal::builder().config(config.expect("the settings are valid"))
}

fn before(uri: &str) -> PortalBuilder {
    let portal = portal(uri).admin_model::<before::Item>();
    portal.admin_model::<before::Line>()
}

fn after(uri: &str) -> PortalBuilder {
    let portal = portal(uri).admin_model::<after::Item>();
    portal.admin_model::<after::Line>()
}

/// Reads migrations from files, as `migrations!` does when a program is built.
fn read(directory: &Path) -> Migrations {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("the directory exists")
        .map(|entry| entry.expect("the entry is readable").file_name())
        .map(|name| name.into_string().expect("the name is text"))
        .collect();
    names.sort();
    let text = |name: &str, ending: &str| {
        std::fs::read_to_string(directory.join(format!("{name}.{ending}")))
            .expect("the file exists")
    };
    let bases = names
        .iter()
        .filter_map(|name| name.strip_suffix(".sqlite.sql"));
    bases.fold(Migrations::new("shop"), |migrations, name| {
        let migration = Migration::new(name.to_owned())
            .up_sqlite(text(name, "sqlite.sql"))
            .up_postgres(text(name, "postgres.sql"))
            .down_sqlite(text(name, "sqlite.down.sql"))
            .down_postgres(text(name, "postgres.down.sql"));
        migrations.add(migration)
    })
}

async fn execute(uri: &str, sql: &str) -> Result<(), sqlx::Error> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if uri.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(uri).await?;
        sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
    } else {
        let mut connection = sqlx::PgConnection::connect(uri).await?;
        sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
    }
}

pub(crate) async fn number(uri: &str, sql: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("SELECT CAST(({sql}) AS bigint)"));
    if uri.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(uri).await.unwrap();
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    } else {
        let mut connection = sqlx::PgConnection::connect(uri).await.unwrap();
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}

/// Adds rows whose price is their number, every tenth with a note, and lines that refer to them.
async fn fill(uri: &str, rows: i64) {
    let series = format!(
        "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {rows})"
    );
    let items = "SELECT 'item ' || n, CAST(n AS text), CASE WHEN n % 10 = 0 THEN 'noted' END, 1 FROM series";
    let sql = format!(
        "INSERT INTO item (name, price, note, row_version) {series} {items};
         INSERT INTO line (item_id, row_version) SELECT id, 1 FROM item WHERE id % 100 = 0;
         DELETE FROM item WHERE id = {rows} - 1;"
    );
    execute(uri, &sql).await.unwrap();
}

pub(crate) fn message(result: Result<(), BuildError>) -> String {
    result.expect_err("the command fails").to_string()
}

/// Creates the tables of the first release with rows, and writes the migration to the second one.
async fn prepare(uri: &str, directory: &Path, rows: i64) -> Migrations {
    before(uri).migrate().await.unwrap();
    fill(uri, rows).await;
    let files = after(uri)
        .write_migration("reshape", directory)
        .await
        .unwrap();
    assert_eq!(files.len(), 4, "{files:?}");
    read(directory)
}

async fn columns_are_renamed_converted_and_required_without_data_loss(database: Database) {
    let directory = tempfile::tempdir().unwrap();
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
        .unwrap();
    after(uri)
        .migrations(migrations.clone())
        .check()
        .await
        .unwrap();
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
    execute(uri, new).await.unwrap();
    assert_eq!(number(uri, "SELECT max(id) FROM item").await, ROWS + 1);
    execute(uri, "DELETE FROM item WHERE title = 'new'")
        .await
        .unwrap();

    // A second diff finds nothing, and the migration can be reverted and applied again.
    let again = after(uri)
        .migrations(migrations.clone())
        .write_migration("again", &files);
    assert!(again.await.unwrap().is_empty());
    let reverted = after(uri)
        .migrations(migrations.clone())
        .rollback()
        .await
        .unwrap();
    assert_eq!(reverted.as_deref(), Some("shop/0001_reshape"));
    before(uri).check().await.unwrap();
    assert_eq!(
        number(uri, "SELECT sum(CAST(price AS bigint)) FROM item").await,
        ROWS * (ROWS + 1) / 2 - (ROWS - 1)
    );
    after(uri)
        .migrations(migrations.clone())
        .migrate()
        .await
        .unwrap();
    after(uri).migrations(migrations).check().await.unwrap();
}

async fn new_database_skips_changes_of_tables_that_it_creates(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let migrations = prepare(uri, &directory.path().join("migrations"), 10).await;
    let other = tempfile::tempdir().unwrap();
    let uri = &database.create(&other).await;
    for _ in 0..2 {
        after(uri)
            .migrations(migrations.clone())
            .migrate()
            .await
            .unwrap();
        after(uri)
            .migrations(migrations.clone())
            .check()
            .await
            .unwrap();
    }
}

async fn unconvertible_value_stops_the_migration(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let migrations = prepare(uri, &directory.path().join("migrations"), 10).await;
    execute(uri, "UPDATE item SET price = '12 EUR' WHERE id = 3")
        .await
        .unwrap();
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
        .unwrap();
    after(uri).migrations(migrations).migrate().await.unwrap();
    assert_eq!(number(uri, "SELECT price FROM item WHERE id = 3").await, 12);
}

async fn failed_migration_changes_nothing_and_names_its_statement(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let first = Migration::new("0001_a").up("CREATE TABLE a (n bigint)");
    let failing = Migration::new("0002_b").up(
        "CREATE TABLE b (n bigint);\nINSERT INTO b VALUES (1);\n\nINSERT INTO missing VALUES (1);",
    );
    let migrations = Migrations::new("shop").add(first.clone()).add(failing);
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
    let fixed = Migrations::new("shop").add(first).add(fixed);
    portal(uri)
        .migrations(fixed.clone())
        .migrate()
        .await
        .unwrap();
    portal(uri).migrations(fixed).check().await.unwrap();
}

async fn edited_migration_is_rejected(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let shop = |sql: &'static str| Migrations::new("shop").add(Migration::new("0001_a").up(sql));
    portal(uri)
        .migrations(shop("CREATE TABLE a (n bigint);\n"))
        .migrate()
        .await
        .unwrap();
    // Line ends depend on the settings of Git.
    portal(uri)
        .migrations(shop("CREATE TABLE a (n bigint);\r\n"))
        .check()
        .await
        .unwrap();
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
        .unwrap();
}

async fn concurrent_replicas_apply_a_migration_once(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = database.create_migrated(&directory).await;
    let create = Migration::new("0001_a").up("CREATE TABLE a (n bigint)");
    let insert = Migration::new("0002_b").up("INSERT INTO a VALUES (1)");
    let migrations = Migrations::new("shop").add(create).add(insert);
    let replicas = (0..4).map(|_| {
        let builder = before(&uri).migrations(migrations.clone());
        tokio::spawn(builder.migrate())
    });
    for replica in replicas.collect::<Vec<_>>() {
        replica.await.unwrap().unwrap();
    }
    assert_eq!(number(&uri, "SELECT count(*) FROM a").await, 1);
}

async fn plugin_and_application_can_use_the_same_numbers(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let plugin = Migration::new("0001_a").up("CREATE TABLE a (n bigint)");
    let own = Migration::new("0001_a").up("INSERT INTO a VALUES (1)");
    let build = || {
        let plugin = Plugin::new().migrations(Migrations::new("plugin").add(plugin.clone()));
        let portal = portal(uri).migrations(Migrations::new("shop").add(own.clone()));
        portal.plugin(plugin)
    };
    build().migrate().await.unwrap();
    build().migrate().await.unwrap();
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
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let build = || {
        let portal = portal(uri).admin_model::<related::Contract>();
        portal.admin_model::<related::Customer>()
    };
    build().migrate().await.unwrap();
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
    let migrations = Migrations::new("shop").add(customer).add(contract);
    build()
        .migrations(migrations.clone())
        .migrate()
        .await
        .unwrap();
    build().migrations(migrations).check().await.unwrap();
    assert_eq!(number(uri, "SELECT customer_id FROM contract").await, 7);
}

async fn column_added_by_hand_survives_a_rebuild(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    let files = directory.path().join("migrations");
    before(uri).migrate().await.unwrap();
    fill(uri, 10).await;
    execute(
        uri,
        "ALTER TABLE item ADD COLUMN extra text; UPDATE item SET extra = 'kept'",
    )
    .await
    .unwrap();
    after(uri).write_migration("reshape", &files).await.unwrap();
    execute(uri, "ALTER TABLE item ADD COLUMN later text")
        .await
        .unwrap();
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
            .unwrap();
        after(uri)
            .migrations(migrations.clone())
            .migrate()
            .await
            .unwrap();
    } else {
        migrated.unwrap();
    }
    assert_eq!(
        number(uri, "SELECT count(*) FROM item WHERE extra = 'kept'").await,
        9
    );
}

async fn drift_of_indexes_and_foreign_keys_is_reported(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    let uri = &database.create(&directory).await;
    after(uri).migrate().await.unwrap();
    let drop =
        "DROP INDEX item_title_key; DROP INDEX item_price_note_idx; DROP INDEX line_item_id_idx";
    execute(uri, drop).await.unwrap();
    execute(uri, "CREATE UNIQUE INDEX item_price_key ON item (price)")
        .await
        .unwrap();
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
    after(uri).write_migration("indexes", &files).await.unwrap();
    after(uri).migrations(read(&files)).migrate().await.unwrap();
    after(uri).migrations(read(&files)).check().await.unwrap();
}
