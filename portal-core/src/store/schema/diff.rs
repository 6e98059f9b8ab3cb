//! Comparison of models with the database, and the migration that brings the database up to date.

use super::catalog::{CatalogReader, FoundTable};
use super::state::{ColumnState, IndexState, TableState};
use super::{PrimaryKey, RawStatement, TableSpec, postgres_diff, sqlite_diff};
use crate::store::{Dialect, Store, StoreError};

/// SQL of a migration for both databases.
#[derive(Debug)]
pub(crate) struct SchemaDiff {
    /// Descriptions of the changes, as sentences.
    pub(crate) summary: Vec<String>,
    changes: Vec<TableChange>,
}

/// Change of one table.
#[derive(Debug, Clone)]
pub(super) struct TableChange {
    /// `None` creates the table.
    pub(super) from: Option<TableState>,
    /// `None` drops the table.
    pub(super) to: Option<TableState>,
    /// Old and new names of columns.
    pub(super) renames: Vec<(String, String)>,
    /// Columns that the model no longer has; they are kept.
    pub(super) unused: Vec<String>,
    /// SQL of triggers and special indexes that a rebuild in SQLite must create again.
    pub(super) recreate: Vec<String>,
    /// Reason why the table cannot be rebuilt without an edit.
    pub(super) obstacle: Option<String>,
}

impl TableChange {
    /// Returns the present form of a column by its new name.
    pub(super) fn source<'a>(&self, from: &'a TableState, new: &str) -> Option<&'a ColumnState> {
        let renamed = self.renames.iter().find(|(_, name)| name == new);
        match renamed {
            Some((old, _)) => from.column(old),
            None => from
                .column(new)
                .filter(|_| !self.renames.iter().any(|(old, _)| old == new)),
        }
    }

    /// Returns the new name of a column.
    pub(super) fn new_name<'a>(&'a self, old: &'a str) -> &'a str {
        let renamed = self.renames.iter().find(|(name, _)| name == old);
        renamed.map_or(old, |(_, new)| new)
    }

    /// Returns the change in the opposite direction.
    fn reversed(&self) -> Self {
        Self {
            from: self.to.clone(),
            to: self.from.clone(),
            renames: self
                .renames
                .iter()
                .map(|(old, new)| (new.clone(), old.clone()))
                .collect(),
            unused: Vec::new(),
            recreate: self.recreate.clone(),
            obstacle: self.obstacle.clone(),
        }
    }

    fn sql(&self, dialect: Dialect) -> Vec<String> {
        match dialect {
            Dialect::Sqlite => sqlite_diff::sections(self),
            Dialect::Postgres => postgres_diff::sections(self),
        }
    }
}

impl SchemaDiff {
    /// Returns the SQL that changes the database.
    pub(crate) fn up(&self, dialect: Dialect) -> String {
        let sections = self.changes.iter().flat_map(|change| change.sql(dialect));
        sections.collect::<Vec<_>>().join("\n")
    }

    /// Returns the SQL that reverts the change.
    pub(crate) fn down(&self, dialect: Dialect) -> String {
        let changes = self.changes.iter().rev().map(TableChange::reversed);
        let sections = changes.flat_map(|change| change.sql(dialect));
        sections.collect::<Vec<_>>().join("\n")
    }
}

impl Store {
    /// Compares managed tables with the database; returns `None` if they are the same.
    pub(crate) async fn schema_diff(
        &self,
        tables: &[TableSpec],
    ) -> Result<Option<SchemaDiff>, StoreError> {
        let dialect = self.dialect();
        let mut diff = SchemaDiff {
            summary: Vec::new(),
            changes: Vec::new(),
        };
        for table in tables.iter().filter(|table| table.is_managed) {
            let mut reader = CatalogReader::Store(self);
            let mut name = table.name.as_str();
            let mut found = reader.table(dialect, name).await?;
            if let Some(old) = table.renamed_from.as_deref().filter(|_| !found.exists()) {
                found = reader.table(dialect, old).await?;
                name = if found.exists() { old } else { name };
            }
            let (mut change, summary) = compare(name, &found, table, dialect);
            if summary.is_empty() {
                continue;
            }
            if dialect == Dialect::Sqlite {
                self.read_special(name, &found, &mut change).await?;
            }
            diff.summary.extend(summary);
            diff.changes.push(change);
        }
        Ok((!diff.changes.is_empty()).then_some(diff))
    }

    /// Reads what a rebuild in SQLite would lose: triggers, special indexes and constraints.
    async fn read_special(
        &self,
        name: &str,
        found: &FoundTable,
        change: &mut TableChange,
    ) -> Result<(), StoreError> {
        let select = format!(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = '{name}' AND sql IS NOT NULL ORDER BY name"
        );
        for row in self.fetch_all(&RawStatement::<false>(select)).await? {
            let kind: String = row.get("type")?;
            let (own, sql): (String, String) = (row.get("name")?, row.get("sql")?);
            let upper = sql.to_uppercase();
            let is_special = |it: &&super::catalog::FoundIndex| it.name == own && it.is_partial;
            match kind.as_str() {
                "trigger" => change.recreate.push(format!("{sql};")),
                "index" if found.indexes.iter().any(|it| is_special(&it)) => {
                    change.recreate.push(format!("{sql};"));
                }
                "table" => {
                    let lost = [
                        "CHECK (",
                        "CHECK(",
                        " COLLATE ",
                        " GENERATED ",
                        " ON DELETE ",
                        " ON UPDATE ",
                    ];
                    let lost = lost.into_iter().find(|word| upper.contains(word));
                    change.obstacle = lost.map(|word| {
                        format!(
                            "the table `{name}` has a clause `{}`, which this rebuild would lose",
                            word.trim_matches([' ', '('])
                        )
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Compares a table with its model. Returns the change, and what it does as sentences.
fn compare(
    name: &str,
    found: &FoundTable,
    spec: &TableSpec,
    dialect: Dialect,
) -> (TableChange, Vec<String>) {
    let mut to = TableState::required(spec);
    let mut change = TableChange {
        from: None,
        to: None,
        renames: Vec::new(),
        unused: Vec::new(),
        recreate: Vec::new(),
        obstacle: None,
    };
    if !found.exists() {
        change.to = Some(to);
        return (change, vec![format!("create the table `{}`", spec.name)]);
    }
    let from = TableState::present(name, found, spec, dialect);
    let mut summary = Vec::new();
    if from.name != to.name {
        summary.push(format!("rename the table `{}` to `{}`", from.name, to.name));
    }
    for column in &spec.columns {
        if let Some(old) = column.renamed_from
            && found.column(column.name).is_none()
            && found.column(old).is_some()
        {
            change
                .renames
                .push((old.to_owned(), column.name.to_owned()));
            summary.push(format!(
                "rename the column `{}.{old}` to `{}`",
                to.name, column.name
            ));
        }
    }
    for column in &mut to.columns {
        let what = format!("`{}.{}`", spec.name, column.name);
        match change.source(&from, &column.name) {
            Some(there) => summary.extend(compare_column(column, there, &what)),
            None => summary.push(format!("add the column {what}")),
        }
    }
    for there in &from.columns {
        let is_used = to.columns.iter().any(|column| {
            change
                .source(&from, &column.name)
                .is_some_and(|source| source.name == there.name)
        });
        if is_used {
            continue;
        }
        let mut kept = there.clone();
        let is_generated = found.column(&there.name).is_some_and(|it| it.is_generated);
        if !kept.nullable && kept.default.is_none() && !is_generated {
            kept.nullable = true;
            summary.push(format!(
                "allow `{}.{}` to be empty, because the model has no such field",
                spec.name, there.name
            ));
        }
        change.unused.push(there.name.clone());
        to.columns.push(kept);
    }
    let undeclared: Vec<&str> = spec
        .undeclared_indexes(found)
        .into_iter()
        .map(|it| it.name.as_str())
        .collect();
    to.indexes = indexes(&from, to.indexes, &change, &undeclared, &mut summary);
    change.from = Some(from);
    change.to = Some(to);
    (change, summary)
}

/// Compares a column with its model, and returns the differences as sentences.
fn compare_column(column: &mut ColumnState, there: &ColumnState, what: &str) -> Vec<String> {
    let mut summary = Vec::new();
    if column.key != PrimaryKey::None || there.key != PrimaryKey::None {
        if column.column_type != there.column_type || column.key != there.key {
            summary.push(format!(
                "the primary key {what} differs from its model, which this migration does not change"
            ));
        }
        *column = ColumnState {
            name: column.name.clone(),
            ..there.clone()
        };
        return summary;
    }
    if column.column_type != there.column_type {
        summary.push(format!("change the type of {what}"));
    }
    match (there.nullable, column.nullable) {
        (true, false) => summary.push(format!("require a value in {what}")),
        (false, true) => summary.push(format!("allow {what} to be empty")),
        _ => {}
    }
    let target = |column: &ColumnState| column.references.as_ref().map(|it| it.table.clone());
    match (target(there), target(column)) {
        (old, new) if old == new => column.references.clone_from(&there.references),
        (_, Some(new)) => summary.push(format!("let {what} refer to `{new}`")),
        (_, None) => summary.push(format!("remove the foreign key of {what}")),
    }
    summary
}

/// Returns the indexes that the table has after the change: the required ones, under the names that
/// they have, and those that the model does not mention.
fn indexes(
    from: &TableState,
    required: Vec<IndexState>,
    change: &TableChange,
    undeclared: &[&str],
    summary: &mut Vec<String>,
) -> Vec<IndexState> {
    let present = from.indexes.iter().map(|index| IndexState {
        columns: index
            .columns
            .iter()
            .map(|it| change.new_name(it).to_owned())
            .collect(),
        ..index.clone()
    });
    let mut after: Vec<IndexState> = Vec::new();
    for index in present {
        if undeclared.contains(&index.name.as_str()) {
            summary.push(format!("drop the unique index `{}`", index.name));
        } else {
            after.push(index);
        }
    }
    for index in required {
        let serves = |it: &IndexState| match index.unique {
            true => {
                it.unique
                    && it.columns.len() == index.columns.len()
                    && index.columns.iter().all(|name| it.columns.contains(name))
            }
            false => it.columns.starts_with(&index.columns),
        };
        if !after.iter().any(serves) {
            let what = if index.unique {
                "unique index"
            } else {
                "index"
            };
            let columns = index.columns.join(", ");
            summary.push(format!(
                "add a {what} on `{}({columns})`",
                change_name(from, change)
            ));
            after.push(index);
        }
    }
    after
}

fn change_name<'a>(from: &'a TableState, change: &'a TableChange) -> &'a str {
    change.to.as_ref().map_or(&from.name, |to| &to.name)
}
