//! Safe additions: tables, columns and indexes that can be created without knowing the rows.

use std::collections::BTreeSet;

use super::catalog::{CatalogReader, FoundTable};
use super::{ColumnSpec, PrimaryKey, RawStatement, TableSpec};
use crate::store::{Dialect, StoreError, Transaction};

/// Creates missing tables, columns and indexes of managed tables, except for the tables named in
/// `held`. Returns the names of the created tables.
///
/// The tables must be ordered so that each table comes after the tables that it refers to. Unsafe
/// additions are left out, and [`table_drift`](crate::store::Store::table_drift) reports them:
///
/// - a required column for which existing rows have no value;
/// - a table or column that still has its former name;
/// - a table that refers to a missing table.
pub(crate) async fn add_missing(
    transaction: &mut Transaction,
    dialect: Dialect,
    tables: &[TableSpec],
    held: &BTreeSet<String>,
) -> Result<Vec<String>, StoreError> {
    let mut created = Vec::new();
    for table in tables.iter().filter(|it| it.is_managed) {
        if held.contains(&table.name) {
            continue;
        }
        let mut reader = CatalogReader::Transaction(&mut *transaction);
        let found = reader.table(dialect, &table.name).await?;
        if !found.exists() && !can_create(table, &mut reader, dialect).await? {
            continue;
        }
        let statements = additions(table, &found, dialect);
        if statements.is_empty() {
            continue;
        }
        for statement in &statements {
            tracing::debug!(table = table.name, statement, "changing a table");
            transaction
                .execute(&RawStatement::<true>(statement.clone()))
                .await?;
        }
        let statements = statements.len();
        tracing::info!(
            table = table.name,
            statements,
            "table changed to match its model"
        );
        if !found.exists() {
            created.push(table.name.clone());
        }
    }
    Ok(created)
}

/// Returns `true` if the tables that a new table refers to exist, and if the table does not exist
/// under its former name.
async fn can_create(
    table: &TableSpec,
    reader: &mut CatalogReader<'_>,
    dialect: Dialect,
) -> Result<bool, StoreError> {
    if let Some(old) = table.renamed_from.as_deref()
        && reader.table(dialect, old).await?.exists()
    {
        return Ok(false);
    }
    for (target, _) in table.columns.iter().filter_map(|it| it.references) {
        if target != table.name && !reader.table(dialect, target).await?.exists() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the statements that bring a table up to date, except for unsafe ones.
fn additions(table: &TableSpec, found: &FoundTable, dialect: Dialect) -> Vec<String> {
    let name = table.name.as_str();
    if !found.exists() {
        return create_table(table, dialect);
    }
    let is_new =
        |column: &&ColumnSpec| found.column(column.name).is_none() && column.can_be_added(found);
    let new: Vec<&ColumnSpec> = table.columns.iter().filter(is_new).collect();
    let mut statements: Vec<String> = new
        .iter()
        .map(|column| format!("ALTER TABLE \"{name}\" ADD COLUMN {}", column.sql(dialect)))
        .collect();
    for index in &table.indexes {
        let has_columns = index
            .columns
            .iter()
            .all(|it| found.column(it).is_some() || new.iter().any(|column| column.name == *it));
        if has_columns && !found.has_index(index) {
            statements.push(index.sql(name));
        }
    }
    statements
}

/// Returns the statements that create a table with its indexes.
pub(crate) fn create_table(table: &TableSpec, dialect: Dialect) -> Vec<String> {
    let name = table.name.as_str();
    let columns = table.columns.iter().map(|column| column.sql(dialect));
    let columns: Vec<String> = columns.collect();
    let table_sql = format!(
        "CREATE TABLE IF NOT EXISTS \"{name}\" ({})",
        columns.join(", ")
    );
    let indexes = table.indexes.iter().map(|index| index.sql(name));
    std::iter::once(table_sql).chain(indexes).collect()
}

impl ColumnSpec {
    /// Returns `true` if existing rows can have a value for the column, and if it is not a renamed
    /// one.
    pub(crate) fn can_be_added(&self, found: &FoundTable) -> bool {
        let has_value = self.nullable || (self.default.is_some() && self.references.is_none());
        let is_renamed = |old| found.column(old).is_some();
        self.key == PrimaryKey::None && has_value && !self.renamed_from.is_some_and(is_renamed)
    }
}
