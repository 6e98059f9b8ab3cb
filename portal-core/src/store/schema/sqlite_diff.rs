//! Change of a table as SQL for SQLite, which can change few properties of an existing column.
//!
//! For the others, the script builds the table again, as SQLite's documentation of `ALTER TABLE`
//! describes: create a new table, copy the rows, drop the old table, rename the new one.

use super::PrimaryKey;
use super::conversion::convert;
use super::diff::TableChange;
use super::postgres_diff::{create, drop_table, expect_none, index_changes, renames, unused};
use super::state::{ColumnState, TableState, quoted};
use crate::store::Dialect;

const DIALECT: Dialect = Dialect::Sqlite;

/// Returns the sections of a script, each with its directive.
pub(super) fn sections(change: &TableChange) -> Vec<String> {
    match (&change.from, &change.to) {
        (None, Some(to)) => vec![create(to, DIALECT)],
        (Some(from), None) => vec![drop_table(from)],
        (Some(from), Some(to)) => {
            let mut sections = if needs_rebuild(change, from, to) {
                let mut sections = rename_table(from, to);
                sections.push(rebuild(change, from, to));
                sections
            } else {
                let mut sections = renames(change, from, to);
                sections.extend(alter(change, from, to));
                sections
            };
            sections.extend(unused(change, to));
            sections
        }
        (None, None) => Vec::new(),
    }
}

/// Returns the section that renames the table.
fn rename_table(from: &TableState, to: &TableState) -> Vec<String> {
    let unchanged = TableChange {
        from: None,
        to: None,
        renames: Vec::new(),
        unused: Vec::new(),
        recreate: Vec::new(),
        obstacle: None,
    };
    renames(&unchanged, from, to)
}

fn needs_rebuild(change: &TableChange, from: &TableState, to: &TableState) -> bool {
    let target = |it: &ColumnState| it.references.as_ref().map(|it| it.table.clone());
    let is_changed = |column: &ColumnState| match change.source(from, &column.name) {
        Some(there) => {
            there.column_type != column.column_type
                || there.nullable != column.nullable
                || target(there) != target(column)
        }
        None => {
            column.key != PrimaryKey::None
                || (!column.nullable && (column.default.is_none() || column.references.is_some()))
        }
    };
    let is_dropped = |there: &ColumnState| to.column(change.new_name(&there.name)).is_none();
    to.columns.iter().any(is_changed) || from.columns.iter().any(is_dropped)
}

fn alter(change: &TableChange, from: &TableState, to: &TableState) -> Vec<String> {
    let (dropped, added) = index_changes(from, to);
    let mut sections: Vec<String> = dropped
        .into_iter()
        .map(|sql| format!("-- portal: if {}\n{sql}", to.name))
        .collect();
    let is_new = |column: &&ColumnState| change.source(from, &column.name).is_none();
    sections.extend(to.columns.iter().filter(is_new).map(|column| {
        format!(
            "-- portal: unless {}({})\nALTER TABLE {} ADD COLUMN {};\n",
            to.name,
            column.name,
            quoted(&to.name),
            column.sql(DIALECT)
        )
    }));
    sections.extend(added);
    sections
}

fn rebuild(change: &TableChange, from: &TableState, to: &TableState) -> String {
    let table = &to.name;
    let temporary = format!("{table}__new");
    let mut sql = format!("-- portal: rebuild {table}({})\n", from.column_names());
    if let Some(obstacle) = &change.obstacle {
        sql.push_str(&format!(
            "-- Stop: {obstacle}.\n-- Add it to the new table, then delete this query.\n-- portal: expect none\nSELECT 1;\n"
        ));
    }
    let mut copied = Vec::new();
    for column in &to.columns {
        let there = change.source(from, &column.name);
        let (checks, expression) = copy(from, table, there, column);
        sql.push_str(&checks);
        copied.push((quoted(&column.name), expression));
    }
    let columns: Vec<String> = to
        .columns
        .iter()
        .map(|it| format!("    {}", it.sql(DIALECT)))
        .collect();
    let (names, expressions): (Vec<String>, Vec<String>) = copied.into_iter().unzip();
    let (table, new) = (quoted(table), quoted(&temporary));
    sql.push_str(&format!(
        "CREATE TABLE {new} (\n{}\n);\nINSERT INTO {new} ({})\nSELECT {}\nFROM {table};\n",
        columns.join(",\n"),
        names.join(", "),
        expressions.join(", ")
    ));
    if to.columns.iter().any(|it| it.key == PrimaryKey::Generated) {
        // Keys of deleted rows are not used again.
        sql.push_str(&format!(
            "DELETE FROM sqlite_sequence WHERE name = '{temporary}';\n\
             INSERT INTO sqlite_sequence (name, seq) SELECT '{temporary}', seq FROM sqlite_sequence WHERE name = '{}';\n",
            to.name
        ));
    }
    sql.push_str(&format!(
        "DROP TABLE {table};\nALTER TABLE {new} RENAME TO {table};\n"
    ));
    for index in &to.indexes {
        sql.push_str(&index.sql(&to.name));
        sql.push('\n');
    }
    for statement in &change.recreate {
        sql.push_str(statement);
        sql.push('\n');
    }
    sql
}

/// Returns the checks of a column's values, and the expression that copies them.
fn copy(
    from: &TableState,
    table: &str,
    there: Option<&ColumnState>,
    column: &ColumnState,
) -> (String, String) {
    let Some(there) = there else {
        return match (&column.default, column.nullable) {
            (Some(default), _) => (String::new(), default.clone()),
            (None, true) => (String::new(), "NULL".to_owned()),
            (None, false) => {
                let reason = format!(
                    "Existing rows need a value for `{}`: delete this query, and replace `NULL` below.",
                    column.name
                );
                (expect_none(&reason, from, table, "true"), "NULL".to_owned())
            }
        };
    };
    let name = quoted(&there.name);
    let conversion = convert(DIALECT, &name, &there.column_type, &column.column_type);
    let mut checks = String::new();
    if let Some(condition) = &conversion.unconvertible {
        let condition = format!("{name} IS NOT NULL AND ({condition})");
        let reason = "These values cannot be converted without a change.";
        checks.push_str(&expect_none(reason, from, table, &condition));
    }
    let is_required = there.nullable && !column.nullable && column.key == PrimaryKey::None;
    match &column.default {
        Some(default) if is_required => (
            checks,
            format!("coalesce({}, {default})", conversion.expression),
        ),
        None if is_required => {
            let reason = "These rows need a value: replace this query by an `UPDATE`.";
            checks.push_str(&expect_none(
                reason,
                from,
                table,
                &format!("{name} IS NULL"),
            ));
            (checks, conversion.expression)
        }
        _ => (checks, conversion.expression),
    }
}
