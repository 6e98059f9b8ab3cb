//! A shop whose models change between two releases, and helpers for its database.

use std::path::Path;

use portal_core::admin::{FieldValues, TableOptions};
use portal_core::config::{Config, Settings};
use portal_core::store::{Migration, Migrations};
use portal_core::{
    AdminField, AdminModel, BuildError, FieldError, FieldSpec, ModelOptions, Portal, PortalBuilder,
    Source, source,
};
use serde_json::Value;
use sqlx::Connection;

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

pub(crate) const MANAGED: TableOptions = TableOptions::new();

pub(crate) mod before {
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

pub(crate) mod after {
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

pub(crate) fn before(uri: &str) -> PortalBuilder {
    let portal = portal(uri).admin_model::<before::Item>();
    portal.admin_model::<before::Line>()
}

pub(crate) fn after(uri: &str) -> PortalBuilder {
    let portal = portal(uri).admin_model::<after::Item>();
    portal.admin_model::<after::Line>()
}

/// Reads migrations from files, as `migrations!` does when a program is built.
pub(crate) fn read(directory: &Path) -> Migrations {
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
        migrations.with(migration)
    })
}

pub(crate) async fn execute(uri: &str, sql: &str) -> Result<(), sqlx::Error> {
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
        let mut connection = sqlx::SqliteConnection::connect(uri)
            .await
            .expect("the database opens");
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect("the query runs")
    } else {
        let mut connection = sqlx::PgConnection::connect(uri)
            .await
            .expect("the database opens");
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .expect("the query runs")
    }
}

/// Adds rows whose price is their number, every tenth with a note, and lines that refer to them.
pub(crate) async fn fill(uri: &str, rows: i64) {
    let series = format!(
        "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {rows})"
    );
    let items = "SELECT 'item ' || n, CAST(n AS text), CASE WHEN n % 10 = 0 THEN 'noted' END, 1 FROM series";
    let sql = format!(
        "INSERT INTO item (name, price, note, row_version) {series} {items};
         INSERT INTO line (item_id, row_version) SELECT id, 1 FROM item WHERE id % 100 = 0;
         DELETE FROM item WHERE id = {rows} - 1;"
    );
    execute(uri, &sql).await.expect("the statement runs");
}

pub(crate) fn message(result: Result<(), BuildError>) -> String {
    result.expect_err("the command fails").to_string()
}

/// Creates the tables of the first release with rows, and writes the migration to the second one.
pub(crate) async fn prepare(uri: &str, directory: &Path, rows: i64) -> Migrations {
    before(uri)
        .migrate()
        .await
        .expect("the migrations are applied");
    fill(uri, rows).await;
    let files = after(uri)
        .write_migration("reshape", directory)
        .await
        .expect("the files are written");
    assert_eq!(files.len(), 4, "{files:?}");
    read(directory)
}
