//! Form of a table, present or required, independent of the database.

use super::catalog::FoundTable;
use super::{ColumnType, PrimaryKey, TableSpec, index_name};
use crate::store::Dialect;

/// Form of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableState {
    pub(super) name: String,
    pub(super) columns: Vec<ColumnState>,
    pub(super) indexes: Vec<IndexState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnState {
    pub(super) name: String,
    pub(super) column_type: StateType,
    pub(super) nullable: bool,
    pub(super) key: PrimaryKey,
    /// Default as SQL.
    pub(super) default: Option<String>,
    pub(super) references: Option<Reference>,
}

/// Foreign key of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) table: String,
    pub(super) column: String,
    /// Name of the constraint, if it is known.
    pub(super) constraint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StateType {
    Known(ColumnType),
    /// A type that no field has, as the database calls it.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexState {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) unique: bool,
}

impl TableState {
    /// Returns the form that a model requires.
    pub(super) fn required(spec: &TableSpec) -> Self {
        let columns = spec.columns.iter().map(|column| ColumnState {
            name: column.name.to_owned(),
            column_type: StateType::Known(column.column_type),
            nullable: column.nullable,
            key: column.key,
            default: column.default.as_ref().map(|text| column.literal(text)),
            references: column.references.map(|(table, target)| Reference {
                table: table.to_owned(),
                column: target.to_owned(),
                constraint: None,
            }),
        });
        let indexes = spec.indexes.iter().map(|index| IndexState {
            name: index_name(&spec.name, &index.columns, index.unique),
            columns: index.columns.iter().map(|it| (*it).to_owned()).collect(),
            unique: index.unique,
        });
        Self {
            name: spec.name.clone(),
            columns: columns.collect(),
            indexes: indexes.collect(),
        }
    }

    /// Returns the present form of a table, whose columns are compared with those of a model.
    pub(super) fn present(
        name: &str,
        found: &FoundTable,
        spec: &TableSpec,
        dialect: Dialect,
    ) -> Self {
        let columns = found.columns.iter().map(|there| {
            let expected = spec
                .columns
                .iter()
                .find(|it| it.name == there.name || it.renamed_from == Some(there.name.as_str()));
            // Several types can have the same name in SQLite.
            let same = expected.filter(|it| it.catalog_type(dialect) == there.column_type);
            let known = same
                .map(|it| it.column_type)
                .or_else(|| ColumnType::from_catalog(dialect, &there.column_type));
            let is_counted = there.is_generated
                || there
                    .default
                    .as_ref()
                    .is_some_and(|it| it.starts_with("nextval"))
                || (dialect == Dialect::Sqlite && there.column_type == "integer");
            ColumnState {
                name: there.name.clone(),
                column_type: known.map_or_else(
                    || StateType::Other(there.column_type.clone()),
                    StateType::Known,
                ),
                nullable: !there.not_null,
                key: match (there.is_key, is_counted) {
                    (true, true) => PrimaryKey::Generated,
                    (true, false) => PrimaryKey::Assigned,
                    (false, _) => PrimaryKey::None,
                },
                default: there.default.as_deref().map(without_cast),
                references: found.foreign_key(&there.name).map(|key| Reference {
                    table: key.table.clone(),
                    column: key.target.clone(),
                    constraint: Some(key.name.clone()).filter(|it| !it.is_empty()),
                }),
            }
        });
        let is_plain = |index: &&super::catalog::FoundIndex| {
            let is_of_key = index.columns.len() == 1
                && found.column(&index.columns[0]).is_some_and(|it| it.is_key);
            !index.is_partial && !is_of_key
        };
        let indexes = found
            .indexes
            .iter()
            .filter(is_plain)
            .map(|index| IndexState {
                name: index.name.clone(),
                columns: index.columns.clone(),
                unique: index.unique,
            });
        Self {
            name: name.to_owned(),
            columns: columns.collect(),
            indexes: indexes.collect(),
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&ColumnState> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the name of the primary key, or of the first column.
    pub(super) fn key(&self) -> &str {
        let key = self.columns.iter().find(|it| it.key != PrimaryKey::None);
        key.or(self.columns.first())
            .map_or("id", |it| it.name.as_str())
    }

    pub(super) fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|it| it.name.as_str()).collect();
        names.join(", ")
    }
}

impl ColumnState {
    /// Returns the column as written in `CREATE TABLE`.
    pub(super) fn sql(&self, dialect: Dialect) -> String {
        let name = quoted(&self.name);
        let column_type = self.column_type.declaration(dialect);
        if self.key == PrimaryKey::Generated {
            return match dialect {
                Dialect::Sqlite => format!("{name} integer PRIMARY KEY AUTOINCREMENT NOT NULL"),
                Dialect::Postgres => {
                    format!("{name} {column_type} GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
                }
            };
        }
        let mut sql = format!("{name} {column_type}");
        if self.key == PrimaryKey::Assigned {
            sql.push_str(" PRIMARY KEY");
        }
        if !self.nullable {
            sql.push_str(" NOT NULL");
        }
        if let Some(default) = &self.default {
            sql.push_str(&format!(" DEFAULT {default}"));
        }
        if let Some(Reference { table, column, .. }) = &self.references {
            sql.push_str(&format!(" REFERENCES {}", quoted(table)));
            if !column.is_empty() {
                sql.push_str(&format!(" ({})", quoted(column)));
            }
        }
        sql
    }
}

impl StateType {
    /// Returns the type and the collation as written in the declaration of a column.
    fn declaration(&self, dialect: Dialect) -> String {
        match self {
            Self::Known(known) => known.declaration(dialect),
            Self::Other(name) => name.clone(),
        }
    }

    pub(super) fn sql(&self, dialect: Dialect) -> String {
        match self {
            Self::Known(known) => known.sql(dialect).to_owned(),
            Self::Other(name) => name.clone(),
        }
    }
}

impl IndexState {
    pub(super) fn sql(&self, table: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|it| quoted(it)).collect();
        format!(
            "CREATE {}INDEX IF NOT EXISTS {} ON {} ({});",
            if self.unique { "UNIQUE " } else { "" },
            quoted(&self.name),
            quoted(table),
            columns.join(", ")
        )
    }
}

/// Returns a name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Removes the cast that PostgreSQL adds to the literal of a default.
fn without_cast(default: &str) -> String {
    match default.rsplit_once("::") {
        Some((literal, name)) if !name.contains(['\'', ')']) => literal.to_owned(),
        _ => default.to_owned(),
    }
}
