//! Differences between the tables that models require and the tables of the database.

use super::catalog::{CatalogReader, FoundColumn, FoundTable};
use super::{ColumnSpec, ColumnType, PrimaryKey, TableSpec};
use crate::store::{Dialect, Store, StoreError};

impl Store {
    /// Returns the differences between the database and these tables, as sentences.
    pub(crate) async fn table_drift(
        &self,
        tables: &[TableSpec],
    ) -> Result<Vec<String>, StoreError> {
        let dialect = self.dialect();
        let mut drift = Vec::new();
        for table in tables {
            let mut reader = CatalogReader::Store(self);
            let found = reader.table(dialect, &table.name).await?;
            if found.exists() {
                drift.extend(differences(table, &found, dialect));
                continue;
            }
            let old = match table.renamed_from.as_deref() {
                Some(old) if reader.table(dialect, old).await?.exists() => Some(old),
                _ => None,
            };
            drift.push(missing_table(table, old));
        }
        Ok(drift)
    }
}

fn missing_table(table: &TableSpec, old: Option<&str>) -> String {
    let name = table.name.as_str();
    match old {
        Some(old) => {
            format!("the table `{name}` is still named `{old}`; write the migration with `db diff`")
        }
        None if table.is_managed => format!("the table `{name}` is missing"),
        None => format!(
            "the table `{name}` is missing; a migration of the application must create it, because its model has `managed = false`"
        ),
    }
}

fn differences(table: &TableSpec, found: &FoundTable, dialect: Dialect) -> Vec<String> {
    let name = table.name.as_str();
    let mut drift = Vec::new();
    for column in &table.columns {
        match found.column(column.name) {
            Some(there) => drift.extend(column_differences(table, column, there, dialect)),
            None => drift.push(missing_column(table, column, found)),
        }
        if found.column(column.name).is_some()
            && !found.refers_as(column)
            && let Some((target, _)) = column.references
        {
            drift.push(format!(
                "the column `{name}.{}` has no foreign key to `{target}`",
                column.name
            ));
        }
    }
    for index in &table.indexes {
        let has_columns = index.columns.iter().all(|it| found.column(it).is_some());
        if has_columns && !found.has_index(index) {
            let what = if index.unique {
                "unique index"
            } else {
                "index"
            };
            drift.push(format!(
                "the {what} on `{name}({})` is missing",
                index.columns.join(", ")
            ));
        }
    }
    for index in table.undeclared_indexes(found) {
        drift.push(format!(
            "the unique index `{}` on `{name}` is not declared in the model",
            index.name
        ));
    }
    for there in &found.columns {
        let is_known = table.columns.iter().any(|known| known.name == there.name);
        if !is_known && there.not_null && there.default.is_none() && !there.is_generated {
            drift.push(format!(
                "the column `{name}.{}` is `NOT NULL`, but the model has no such field",
                there.name
            ));
        }
    }
    drift
}

fn missing_column(table: &TableSpec, column: &ColumnSpec, found: &FoundTable) -> String {
    let name = format!("{}.{}", table.name, column.name);
    match column.renamed_from {
        Some(old) if found.column(old).is_some() => format!(
            "the column `{name}` is missing, because it is still named `{old}`; write the migration with `db diff`"
        ),
        _ if !table.is_managed => {
            format!("the column `{name}` is missing; a migration of the application must add it")
        }
        _ => format!(
            "the column `{name}` is missing and requires a value; make the field `Option`, set a default, or write a migration with `db diff`"
        ),
    }
}

fn column_differences(
    table: &TableSpec,
    column: &ColumnSpec,
    there: &FoundColumn,
    dialect: Dialect,
) -> Vec<String> {
    let name = format!("{}.{}", table.name, column.name);
    let mut drift = Vec::new();
    let expected = column.catalog_type(dialect);
    let is_readable = there.column_type == expected
        || (!table.is_managed && is_compatible(column.column_type, &there.column_type, dialect));
    if !is_readable {
        drift.push(format!(
            "the column `{name}` has the type `{}`, but the model requires `{expected}`",
            there.column_type
        ));
    }
    let is_key = column.key != PrimaryKey::None;
    match (column.nullable && !is_key, there.not_null) {
        (true, true) => drift.push(format!(
            "the column `{name}` is `NOT NULL`, but the field of the model is optional"
        )),
        (false, false) if !is_key => drift.push(format!(
            "the column `{name}` is nullable, but the model requires a value"
        )),
        _ => {}
    }
    drift
}

/// Returns `true` if the portal can read and write a column whose type it would not choose itself.
fn is_compatible(expected: ColumnType, found: &str, dialect: Dialect) -> bool {
    let name = found.split('(').next().unwrap_or_default().trim();
    match dialect {
        Dialect::Postgres => {
            expected == ColumnType::Text
                && ["character varying", "character", "citext"].contains(&name)
        }
        // SQLite converts values by the affinity of the declared type.
        Dialect::Sqlite => match expected {
            ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt => name.contains("int"),
            ColumnType::Text | ColumnType::Json => ["char", "clob", "text", "json"]
                .iter()
                .any(|part| name.contains(part)),
            ColumnType::Double => ["real", "floa", "doub"]
                .iter()
                .any(|part| name.contains(part)),
            ColumnType::Boolean => ["bool", "boolean", "integer", "int"].contains(&name),
            ColumnType::Timestamp => ["datetime", "timestamp", "text"].contains(&name),
            ColumnType::Date => ["date", "text"].contains(&name),
            _ => false,
        },
    }
}
