//! Change of a table as SQL for PostgreSQL.

use super::PrimaryKey;
use super::conversion::convert;
use super::diff::TableChange;
use super::state::{ColumnState, Reference, TableState, quoted};
use crate::store::Dialect;

const DIALECT: Dialect = Dialect::Postgres;

/// Returns the sections of a script, each with its directive.
pub(super) fn sections(change: &TableChange) -> Vec<String> {
    match (&change.from, &change.to) {
        (None, Some(to)) => vec![create(to, DIALECT)],
        (Some(from), None) => vec![drop_table(from)],
        (Some(from), Some(to)) => {
            let mut sections = renames(change, from, to);
            sections.extend(alter(change, from, to));
            sections.extend(unused(change, to));
            sections
        }
        (None, None) => Vec::new(),
    }
}

/// Returns the section that creates a table with its indexes.
pub(super) fn create(table: &TableState, dialect: Dialect) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|it| format!("    {}", it.sql(dialect)))
        .collect();
    let mut sql = format!(
        "-- portal: unless {}\nCREATE TABLE {} (\n{}\n);\n",
        table.name,
        quoted(&table.name),
        columns.join(",\n")
    );
    for index in &table.indexes {
        sql.push_str(&index.sql(&table.name));
        sql.push('\n');
    }
    sql
}

/// Returns the section that drops a table.
pub(super) fn drop_table(table: &TableState) -> String {
    format!(
        "-- portal: if {}\nDROP TABLE {};\n",
        table.name,
        quoted(&table.name)
    )
}

/// Returns the sections that rename the table and its columns.
pub(super) fn renames(change: &TableChange, from: &TableState, to: &TableState) -> Vec<String> {
    let mut sections = Vec::new();
    let table = quoted(&to.name);
    if from.name != to.name {
        sections.push(format!(
            "-- portal: if {}\nALTER TABLE {} RENAME TO {table};\n",
            from.name,
            quoted(&from.name)
        ));
    }
    for (old, new) in &change.renames {
        sections.push(format!(
            "-- portal: if {}({old})\nALTER TABLE {table} RENAME COLUMN {} TO {};\n",
            to.name,
            quoted(old),
            quoted(new)
        ));
    }
    sections
}

/// Returns a comment with the statements that delete unused columns.
pub(super) fn unused(change: &TableChange, to: &TableState) -> Vec<String> {
    let table = quoted(&to.name);
    let comment = |name: &String| {
        format!(
            "-- The model has no field `{name}`. To delete the column and its data, enable the next line:\n\
             -- ALTER TABLE {table} DROP COLUMN {};\n",
            quoted(name)
        )
    };
    change.unused.iter().map(comment).collect()
}

/// Returns a check that no row meets a condition.
pub(super) fn expect_none(reason: &str, table: &TableState, name: &str, condition: &str) -> String {
    format!(
        "-- {reason}\n-- portal: expect none\nSELECT {} FROM {} WHERE {condition};\n",
        quoted(table.key()),
        quoted(name)
    )
}

/// Returns the sections that drop the indexes and add them, in this order.
pub(super) fn index_changes(from: &TableState, to: &TableState) -> (Vec<String>, Vec<String>) {
    let is_kept = |name: &str| to.indexes.iter().any(|it| it.name == name);
    let dropped = from.indexes.iter().filter(|it| !is_kept(&it.name));
    let dropped = dropped.map(|it| format!("DROP INDEX IF EXISTS {};\n", quoted(&it.name)));
    let is_present = |name: &str| from.indexes.iter().any(|it| it.name == name);
    let added = to.indexes.iter().filter(|it| !is_present(&it.name));
    let added = added.map(|it| {
        let columns: Vec<&str> = it.columns.iter().map(String::as_str).collect();
        format!(
            "-- portal: if {}({})\n{}\n",
            to.name,
            columns.join(", "),
            it.sql(&to.name)
        )
    });
    (dropped.collect(), added.collect())
}

fn alter(change: &TableChange, from: &TableState, to: &TableState) -> Vec<String> {
    let (dropped, added) = index_changes(from, to);
    let mut sections: Vec<String> = dropped
        .into_iter()
        .map(|sql| format!("-- portal: if {}\n{sql}", to.name))
        .collect();
    for column in &to.columns {
        match change.source(from, &column.name) {
            Some(there) => sections.extend(alter_column(to, there, column)),
            None => sections.push(add_column(to, column)),
        }
    }
    for there in &from.columns {
        let new = change.new_name(&there.name);
        if to.column(new).is_none() {
            sections.push(format!(
                "-- portal: if {}({new})\nALTER TABLE {} DROP COLUMN {};\n",
                to.name,
                quoted(&to.name),
                quoted(new)
            ));
        }
    }
    sections.extend(added);
    sections
}

fn add_column(to: &TableState, column: &ColumnState) -> String {
    let mut sql = format!("-- portal: unless {}({})\n", to.name, column.name);
    if !column.nullable && column.default.is_none() {
        sql.push_str(&expect_none(
            "Existing rows need a value: delete this query, and add `DEFAULT ..` below.",
            to,
            &to.name,
            "true",
        ));
    }
    sql.push_str(&format!(
        "ALTER TABLE {} ADD COLUMN {};\n",
        quoted(&to.name),
        column.sql(DIALECT)
    ));
    sql
}

fn alter_column(to: &TableState, there: &ColumnState, column: &ColumnState) -> Option<String> {
    if column.key != PrimaryKey::None {
        return None;
    }
    let (table, name) = (quoted(&to.name), quoted(&column.name));
    let mut sql = String::new();
    let target = |it: &ColumnState| it.references.as_ref().map(|it| it.table.clone());
    let is_retargeted = target(there) != target(column);
    if is_retargeted && let Some(old) = &there.references {
        let constraint = old.constraint.clone();
        let constraint = constraint.unwrap_or_else(|| constraint_name(&to.name, &there.name));
        sql.push_str(&format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {};\n",
            quoted(&constraint)
        ));
    }
    if there.column_type != column.column_type {
        let conversion = convert(DIALECT, &name, &there.column_type, &column.column_type);
        if let Some(condition) = &conversion.unconvertible {
            let condition = format!("{name} IS NOT NULL AND ({condition})");
            let reason = "These values cannot be converted without a change.";
            sql.push_str(&expect_none(reason, to, &to.name, &condition));
        }
        sql.push_str(&format!(
            "ALTER TABLE {table}\n    ALTER COLUMN {name} DROP DEFAULT,\n    ALTER COLUMN {name} TYPE {} USING {}",
            column.column_type.sql(DIALECT),
            conversion.expression
        ));
        if let Some(default) = &column.default {
            sql.push_str(&format!(",\n    ALTER COLUMN {name} SET DEFAULT {default}"));
        }
        sql.push_str(";\n");
    }
    match (there.nullable, column.nullable) {
        (true, false) => {
            let is_null = format!("{name} IS NULL");
            match &column.default {
                Some(default) => sql.push_str(&format!(
                    "UPDATE {table} SET {name} = {default} WHERE {is_null};\n"
                )),
                None => sql.push_str(&expect_none(
                    "These rows need a value: replace this query by an `UPDATE`.",
                    to,
                    &to.name,
                    &is_null,
                )),
            }
            sql.push_str(&format!(
                "ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;\n"
            ));
        }
        (false, true) => {
            sql.push_str(&format!(
                "ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL;\n"
            ));
        }
        _ => {}
    }
    if is_retargeted
        && let Some(Reference {
            table: target,
            column: key,
            ..
        }) = &column.references
    {
        sql.push_str(&format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} FOREIGN KEY ({name}) REFERENCES {} ({});\n",
            quoted(&constraint_name(&to.name, &column.name)),
            quoted(target),
            quoted(key)
        ));
    }
    (!sql.is_empty()).then(|| format!("-- portal: if {}({})\n{sql}", to.name, column.name))
}

/// Returns the default name of a foreign key in PostgreSQL.
fn constraint_name(table: &str, column: &str) -> String {
    format!("{table}_{column}_fkey")
}
